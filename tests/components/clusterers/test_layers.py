import numpy as np

from components.clusterers.layers import nest


def test_layers_are_made_of_whole_topics_or_cut_along_them():
    main = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, -1])
    coarse = np.array([0, 0, 0, 1, 0, 0, 1, 1, 1, 1])
    fine = np.array([0, 0, 1, 1, 2, 2, 2, 3, -1, 3])
    layers = nest(main, {"broad": coarse}, {"fine": fine})
    assert layers["broad"].tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 1, -1]
    assert layers["fine"].tolist() == [1, 1, 2, 2, 0, 0, 0, 3, -1, -1]

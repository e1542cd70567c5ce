import numpy as np
import pytest

from components.clusterers.enough import enough_topics, started


def counted(found, factor=10.0):
    """A search that finds `factor` topics for each 1 of the resolution, and remembers its calls."""

    def search(resolution):
        found.append(resolution)
        return np.arange(100_000) % max(1, int(factor * resolution))

    return search


def test_it_halves_until_the_number_is_met():
    found = []
    labels, resolution = enough_topics(37, counted(found))
    assert len(np.unique(labels)) == 37
    assert 3.7 <= resolution < 3.8
    assert len(found) <= 12


def test_from_a_start_it_goes_up_until_there_are_enough():
    found = []
    labels, resolution = enough_topics(100, counted(found), start=8.0)
    assert found == pytest.approx([8.0, 10.4])
    assert len(np.unique(labels)) == 104
    assert resolution == found[-1]


def test_where_no_search_finds_enough_the_most_is_taken():
    found = []
    labels, _ = enough_topics(100, counted(found, factor=1.0), start=8.0)
    assert len(found) == 5
    assert len(np.unique(labels)) == int(max(found))


def test_a_start_is_near_enough_early():
    found = []
    start = started(1000, counted(found))
    assert 100 <= start <= 110
    assert start == found[-1]
    assert len(found) < 12

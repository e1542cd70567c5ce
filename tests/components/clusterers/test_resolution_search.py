import numpy as np
import pytest

from components.clusterers.resolution_search import close_resolution, find_resolution


def counted(found, factor=10.0):
    """A search that finds `factor` topics for each 1 of the resolution, and remembers its calls."""

    def search(resolution):
        found.append(resolution)
        return np.arange(100_000) % max(1, int(factor * resolution))

    return search


def test_it_halves_until_the_number_is_met():
    found = []
    labels, resolution = find_resolution(37, counted(found))
    assert len(np.unique(labels)) == 37
    assert 3.7 <= resolution < 3.8
    assert len(found) <= 12


def test_from_a_start_it_goes_on_until_there_are_enough():
    found = []
    labels, resolution = find_resolution(100, counted(found), start=8.0)
    assert found == pytest.approx([8.0, 11.0])
    assert len(np.unique(labels)) == 110
    assert resolution == found[-1]


def test_from_a_start_that_gives_far_too_many_it_goes_back():
    found = []
    labels, _ = find_resolution(1000, counted(found), start=300.0)
    assert found == pytest.approx([300.0, 150.0])
    assert len(np.unique(labels)) == 1500
    found.clear()
    assert len(np.unique(find_resolution(10, counted(found), start=40.0)[0])) == 400
    assert len(found) == 1  # so many are merged in no time


def test_where_no_search_finds_enough_the_most_is_taken():
    found = []
    labels, _ = find_resolution(100, lambda r: counted(found)(min(r, 5.0)), start=3.0)
    assert len(found) == 5
    assert len(np.unique(labels)) == 50


def test_a_start_is_near_enough_early():
    found = []
    start = close_resolution(1000, counted(found))
    assert 100 <= start <= 110
    assert start == found[-1]
    assert len(found) < 12

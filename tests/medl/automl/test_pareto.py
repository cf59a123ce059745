"""Fronts and volumes against brute force and figures by hand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medl.automl.pareto import dominates, front, hypervolume, worst

GRID = st.integers(0, 5)


def points(size):
    return st.lists(st.tuples(*[GRID] * size), max_size=8)


def test_figures_by_hand():
    assert front([(1, 5), (3, 3), (2, 3), (5, 1), (3, 3)]) == [0, 1, 3]
    assert worst([(1, 5), (3, 3), (5, 1)]) == (1, 1)
    assert hypervolume([(1, 5), (3, 3), (5, 1)], (0, 0)) == 5 + 2 * 3 + 2 * 1
    assert hypervolume([(1, 5), (3, 3), (5, 1)], (1, 1)) == 4, "on the reference is not above it"
    assert hypervolume([(2, 2, 2), (1, 3, 1)], (0, 0, 0)) == 9
    assert (front([]), worst([]), hypervolume([], (0.0, 0.0))) == ([], (), 0.0)
    assert hypervolume([(0.25,), (0.75,)], (0.5,)) == 0.25


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 3).flatmap(points))
def test_the_front_is_what_nothing_dominates(found):
    kept = front(found)
    assert len({found[i] for i in kept}) == len(kept)
    for position, point in enumerate(found):
        beaten = any(dominates(other, point) for other in found)
        assert beaten == (point not in [found[i] for i in kept]), position


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 3).flatmap(points))
def test_the_volume_is_that_of_the_cells(found):
    size = len(found[0]) if found else 2
    cells = sum(
        any(all(value > corner for value, corner in zip(point, cell, strict=True)) for point in found)
        for cell in itertools.product(range(5), repeat=size)
    )
    assert hypervolume(found, (0,) * size) == pytest.approx(cells)

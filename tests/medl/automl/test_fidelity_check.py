"""A budget has to make a difference: what is refused before anything starts."""

from __future__ import annotations

from typing import Any

import pytest

from medl.automl.fidelity_check import fidelity_problems

TRAIN: dict[str, Any] = {
    "size": 32,
    "train": {"pre_transforms": [{"name": "Resized", "args": {"spatial_size": ["{size}", "{size}"]}}]},
}


def problems(fidelity: Any, *searched: str) -> list[tuple[str, str]]:
    found = fidelity_problems(fidelity, TRAIN, "t.json", searched, "a.json", "controller.args.fidelity")
    return [(problem.path, str(problem)) for problem in found]


@pytest.mark.parametrize(
    "fidelity",
    [
        "epochs",
        None,
        {"variable": "data_fraction", "min": 0.1, "max": 1.0},
        {"variable": "size", "min": 16, "max": 64},
        {"min": 1},
    ],
)
def test_good_or_left_to_the_schema(fidelity: Any):
    assert problems(fidelity) == []


def test_a_variable_that_nothing_refers_to():
    [(path, said)] = problems({"variable": "sise", "min": 16, "max": 64})
    assert path == "controller.args.fidelity"
    assert 'nothing in t.json refers to "{sise}"' in said
    assert 'Did you mean "size"?' in said


def test_a_variable_that_is_searched():
    [(_, said)] = problems({"variable": "size", "min": 16, "max": 64}, "size")
    assert "size is searched" in said


def test_bounds_that_a_training_refuses():
    [(path, said)] = problems({"variable": "data_fraction", "min": 0.1, "max": 2.0})
    assert path == "controller.args.fidelity.max"
    assert "data_fraction is a number above 0 and at most 1, but got 2.0" in said

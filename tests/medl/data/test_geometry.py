from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from medl.data.geometry import differences
from medl.data.volume import Volume

IMAGE = Volume(np.zeros((40, 50, 30), np.int16), np.diag([1.0, 1.0, 2.0, 1.0]), 3, "NIfTI")


def moved(**changes) -> Volume:
    return dataclasses.replace(IMAGE, **changes)


def affine(*, shift=0.0, scale=1.0, turn=0.0, flip=False) -> np.ndarray:
    angle = np.radians(turn)
    rotation = np.eye(4)
    rotation[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    made = rotation @ IMAGE.affine * np.array([scale, scale, scale, 1])
    made[0, 3] += shift
    if flip:
        made[:, 0] *= -1
    return made


@pytest.mark.parametrize("change", [{}, {"shift": 0.05}, {"scale": 1.0005}, {"turn": 0.01}, {"shift": 1e-7}])
def test_rounding_in_headers_is_the_same_grid(change):
    assert differences(IMAGE, moved(affine=affine(**change))) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"shift": 0.5}, "up to 0.5 mm away: origin (0, 0, 0), label (0.5, 0, 0) mm"),
        ({"scale": 1.1}, "spacing 1x1x2, label 1.1x1.1x2.2 mm"),
        ({"turn": 5.0}, "axes turned by 5°"),
        ({"flip": True}, "orientation RAS, label LAS"),
    ],
)
def test_another_grid_is_said_with_numbers(change, says):
    assert says in differences(IMAGE, moved(affine=affine(**change)))[0]


def test_shapes_and_the_tolerance():
    assert differences(IMAGE, moved(array=np.zeros((40, 50, 31)))) == ["shape 40x50x30, label 40x50x31"]
    assert differences(IMAGE, moved(affine=affine(shift=0.5)), tolerance=0.6) == []


def test_a_grid_without_a_place_differs_by_shape_only():
    assert differences(IMAGE, moved(affine=affine(shift=9), located=False)) == []


def test_two_axes():
    flat = Volume(np.zeros((4, 5)), np.eye(4), 2, "DICOM")
    assert differences(flat, dataclasses.replace(flat, affine=np.diag([2.0, 1, 1, 1]))) != []
    assert differences(flat, flat) == []

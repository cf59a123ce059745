"""Configs for TensorFlow are recognised by what only they have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medl.conf.check import check_training
from medl.conf.tensorflow_era import tensorflow_problem


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"train": {"image_pipeline": {"name": "SegmentationImagePipeline"}}}, "train.image_pipeline"),
        ({"train": {"aux_ops": []}}, "train.aux_ops"),
        ({"CLARA_TRAIN_VERSION": "3.1"}, "CLARA_TRAIN_VERSION"),
        ({"train": {"model": {"path": "ai4med.components.models.segahnet.SegAhnet"}}}, "train.model.path"),
        ({"use_scanning_window": False, "dynamic_input_shape": True}, "use_scanning_window"),
    ],
)
def test_sign(config: dict[str, Any], path: str) -> None:
    problem = tensorflow_problem(config, "c.json")
    assert problem is not None and problem.path == path and "TensorFlow" in problem.rule


def test_a_value_of_ones_own_is_no_sign() -> None:
    assert tensorflow_problem({"use_amp": True, "train": {"model": {"name": "UNet"}}}) is None


def test_nothing_else_is_said(tmp_path: Path) -> None:
    config = {"epochs": 1, "train": {"image_pipeline": {"name": "x"}, "aux_ops": [{"name": "y"}]}}
    assert [problem.path for problem in check_training(tmp_path, config).problems] == ["train.image_pipeline"]

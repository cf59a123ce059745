"""Which Clara Train a config was written for."""

from __future__ import annotations

from typing import Any

import pytest

from medl.conf.era import era_of

IMPLICIT = {"train": {"trainer": {"name": "SupervisedTrainer", "args": {"max_epochs": 1}}}}
EXPLICIT = {"train": {"trainer": {"name": "SupervisedTrainer", "args": {"network": "@model"}}}}


@pytest.mark.parametrize(
    ("config", "values", "clara", "implicit"),
    [
        (IMPLICIT, {}, "4.0", True),
        (IMPLICIT, {"CLARA_TRAIN_VERSION": "4.0"}, "4.0", True),
        (IMPLICIT, {"CLARA_TRAIN_VERSION": "4.1.0"}, "4.1", False),
        (IMPLICIT, {"MEDL_VERSION": "0.1.0"}, None, False),
        (EXPLICIT, {}, None, False),
        (EXPLICIT, {"CLARA_TRAIN_VERSION": 4.0}, "4.0", False),
        (EXPLICIT, {"CLARA_TRAIN_VERSION": 4.1}, "4.1", False),
        (EXPLICIT, {"CLARA_TRAIN_VERSION": "4.1.0", "MEDL_VERSION": "0.1.0"}, None, False),
        ({"train": {"model": {"name": "UNet"}}}, {}, None, False),
    ],
)
def test_era(config: dict[str, Any], values: dict[str, Any], clara: str | None, implicit: bool) -> None:
    era = era_of(config, values)
    if clara is None:
        assert era is None
    else:
        assert era is not None
        assert (era.clara, era.implicit, era.monai) == (clara, implicit, {"4.0": (0, 5), "4.1": (0, 8)}[clara])

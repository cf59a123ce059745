"""The objects of a training and our handlers around them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from medl.conf.catalogue import Catalogue
from medl.conf.check import check_training
from medl.errors import ConfigError
from medl.mmar.archive import MMAR
from medl.train.build import Training, allowed_packages, build_training
from medl.train.device import Device
from medl.train.distributed import Ranks
from medl.train.implicit import Parts

CPU = Device(torch.device("cpu"), amp=False, cudnn_benchmark=False, tf32=True)
FILE = "config/config_train.json"
Build = Callable[..., Training]


@pytest.fixture
def build(make_archive: Callable[..., Path], tiny_volumes: Path) -> Build:
    def make(config: dict[str, Any], ranks: Ranks | None = None, **settings: Any) -> Training:
        root = make_archive(config)
        (root / "models").mkdir()
        data = {"DATA_ROOT": str(tiny_volumes), "DATASET_JSON": str(tiny_volumes / "dataset.json"), **settings}
        checked = check_training(root, config, {}, data, FILE, Catalogue.load()).require()
        assert checked.resolved is not None
        variables = checked.resolved.variables
        parts = Parts(MMAR(root), checked.config, variables, FILE, root / "models", ranks or Ranks(), CPU)
        return build_training(parts, seed=1)

    return make


def handlers(engine: Any, event: str) -> list[str]:
    from ignite.engine import Events

    called = [entry[0] for entry in engine._event_handlers[getattr(Events, event)]]
    return [type(getattr(handler, "__self__", handler)).__name__ for handler in called]


def test_ours_stand_before_and_after_the_configs_own(build: Build, tiny_config: dict[str, Any]) -> None:
    training = build(tiny_config, until_epoch=1)
    assert handlers(training.trainer, "EXCEPTION_RAISED")[0] == "PassOn"
    ended = handlers(training.trainer, "EPOCH_COMPLETED")
    order = ["LrScheduleHandler", "ValidationHandler", "StatsHandler", "FinalValidation", "MetricsLines"]
    assert [name for name in ended if name in order] == order
    evaluator = training.built.get("validate", "evaluator")
    validated = handlers(evaluator, "EPOCH_COMPLETED")
    order = ["FiniteMetric", "StatsHandler", "CheckpointSaver", "WeightsKeeper"]
    assert [name for name in validated if name in order] == order


def test_another_rank_builds_no_saver_and_keeps_no_weights(
    build: Build, tiny_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medl.train.build.connect", lambda *objects, file: None)  # there is no other rank
    for spec in [*tiny_config["train"]["handlers"], *tiny_config["validate"]["handlers"]]:
        spec.pop("rank", None)  # unsaid, too
    training = build(tiny_config, Ranks(rank=1, size=2, local_rank=1))
    names = handlers(training.built.get("validate", "evaluator"), "EPOCH_COMPLETED")
    assert not {"CheckpointSaver", "StatsHandler", "WeightsKeeper"} & set(names) and "FiniteMetric" in names
    assert len(training.built.get("train", "dataset")) == 2
    assert training.built.get("train", "dataloader").batch_size == 1


def test_each_object_is_built_once_and_shared(build: Build, tiny_config: dict[str, Any]) -> None:
    training = build(tiny_config)
    evaluator = training.built.get("validate", "evaluator")
    assert evaluator.network is training.trainer.network is training.built.get("train", "model")
    assert (training.horizon, training.last_epoch) == (2, 2)


def test_a_trainer_without_an_evaluator_is_a_training_too(build: Build, tiny_config: dict[str, Any]) -> None:
    del tiny_config["validate"]
    tiny_config["train"]["handlers"] = []
    training = build(tiny_config, until_epoch=1)
    training.trainer.run()
    training.keeper.finish()
    assert training.lines.stats(1, {}).status == "no_score"


@pytest.mark.parametrize("until", [0, 3, True, "two"])
def test_until_epoch_lies_within_the_horizon(build: Build, tiny_config: dict[str, Any], until: object) -> None:
    with pytest.raises(ConfigError, match="until_epoch"):
        build(tiny_config, until_epoch=until)


def test_what_a_class_refuses_is_said_with_its_place(build: Build, tiny_config: dict[str, Any]) -> None:
    tiny_config["train"]["model"]["args"]["strides"] = [2, 2, 2]
    tiny_config["train"]["model"]["args"]["channels"] = [4]
    with pytest.raises(ConfigError, match=r"train\.model\.args"):
        build(tiny_config)


def test_packages_come_from_the_config_and_the_environment() -> None:
    assert allowed_packages({"allowed_packages": ["a"]}, {"allowed_packages": ["b", 1]}) == ["a", "b"]
    assert allowed_packages({}, {}) == []

"""A network that breaks a limit is not trained, and that costs nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from medl.assets import asset
from medl.conf.check import check_training
from medl.errors import ConfigError
from medl.mmar.archive import MMAR
from medl.mmar.stats import read_stats
from medl.train.workflow import train

Make = Callable[..., Path]


def go(root: Path) -> None:
    config = json.loads((root / "config/config_train.json").read_text())
    environment = json.loads((root / "config/environment.json").read_text())
    checked = check_training(root, config, environment, own_values=True).require()
    assert checked.resolved is not None
    train(MMAR(root), checked.config, checked.resolved.variables, file="c.json", write_train_stats=True)


def test_a_network_that_is_too_large_is_not_trained(
    make_archive: Make, tiny_config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_config["train"]["dataset"] |= {"name": "CacheDataset", "args": {"transform": "@pre_transforms"}}
    limits = {"params_m": {"max": 0.001}, "gflops": {"max": 100}, "memory_mb": {"max": 0.1, "penalty": 0.1}}
    root = make_archive(tiny_config, constraints=limits)
    go(root)
    out = capsys.readouterr().out
    assert "medl: not trained: params_m is 0.00" in out and "at most 0.001 is allowed" in out
    assert "cache" not in out, "nothing was cached"
    stats = read_stats(root / "models")
    assert stats is not None and stats.status == "rejected" and stats.epochs is None
    assert set(stats.measured) == {"params_m", "gflops", "memory_mb"}
    assert stats.reason.startswith("params_m is") and "memory_mb" not in stats.reason
    written = json.loads((root / "models/train_stats.json").read_text())
    jsonschema.validate(written, json.loads((asset("config") / "train_stats.schema.json").read_text()))
    assert {path.name for path in (root / "models").iterdir()} == {"train_stats.json"}


def test_one_within_its_limits_is_trained_as_without_them(
    make_archive: Make, tiny_config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_config["epochs"] = 1
    free = make_archive(tiny_config, "free")
    tiny_config["constraints"] = {
        "params_m": {"max": 1, "min": 0.001},
        "gflops": {"max": 1},
        "memory_mb": {"max": 0.1, "penalty": 2},
    }
    bound = make_archive(tiny_config, "bound")
    go(free)
    go(bound)
    assert "medl: the network: params_m 0.00" in capsys.readouterr().out
    found = [read_stats(root / "models") for root in (free, bound)]
    assert found[0] is not None and found[1] is not None
    assert found[0].history == found[1].history
    assert found[0].measured == {} and found[1].measured["memory_mb"] > 0.1, "a soft one is measured, and no more"


def test_limits_that_are_none_are_refused(make_archive: Make, tiny_config: dict[str, Any]) -> None:
    root = make_archive(tiny_config, constraints={"params": {"max": 1}})
    with pytest.raises(ConfigError, match="constraints"):
        go(root)

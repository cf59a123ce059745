"""Shares of the training data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.conf.check import check_training
from medl.errors import ConfigError
from medl.mmar.archive import MMAR
from medl.train.data_fraction import fraction_of, share
from medl.train.workflow import train

Make = Callable[..., Path]


@given(st.integers(1, 200), st.floats(0.001, 1), st.floats(0.001, 1), st.integers(0, 9), st.integers(1, 5))
def test_shares_are_nested(count: int, one: float, other: float, seed: int, least: int) -> None:
    small, large = (share(count, fraction, seed, least) for fraction in sorted((one, other)))
    assert set(small) <= set(large) <= set(range(count))
    assert small == sorted(small) and len(small) >= min(count, least, 1)
    assert share(count, 1.0, seed) == list(range(count))


def test_sizes_are_rounded_up_and_seeds_differ() -> None:
    assert [len(share(32, fraction, 0)) for fraction in (0.01, 0.25, 0.3, 1 / 3)] == [1, 8, 10, 11]
    assert len(share(10, 0.1 * 3, 0)) == 3
    assert share(32, 0.25, 0) != share(32, 0.25, 1)


@pytest.mark.parametrize("value", [0, -0.5, 1.5, "half", True])
def test_what_is_no_share_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="data_fraction is a number above 0 and at most 1"):
        fraction_of({"data_fraction": value})


def go(root: Path, **variables: Any) -> None:
    config = json.loads((root / "config/config_train.json").read_text())
    environment = json.loads((root / "config/environment.json").read_text())
    checked = check_training(root, config, environment, variables, own_values=True).require()
    assert checked.resolved is not None
    train(MMAR(root), checked.config, checked.resolved.variables, file="c.json", write_train_stats=True)


def test_a_training_sees_its_share_and_the_whole_validation_list(
    make_archive: Make, tiny_config: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    log = {"name": "Lambdad", "args": {"keys": "image", "func": "lambda x: x"}}
    tiny_config["train"]["pre_transforms"].append(log)
    tiny_config["epochs"] = 1
    root = make_archive(tiny_config)
    go(root, data_fraction=0.5)
    out = capfd.readouterr().out
    assert "medl: data_fraction 0.5: 2 of 4 training items; the validation list stays whole" in out
    lines = (root / "models/metrics.jsonl").read_text().splitlines()
    assert len(lines) == 1 and json.loads(lines[0])["metrics"]
    go(root, data_fraction=0.1)  # one item, but a batch has two
    assert "2 of 4 training items" in capfd.readouterr().out
    with pytest.raises(ConfigError, match="data_fraction is a number above 0"):
        go(root, data_fraction=2)


def test_a_dataset_that_finds_its_items_itself_is_cut_too(
    make_archive: Make, tiny_config: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    spec = tiny_config["train"]["dataset"]
    tiny_config["train"]["dataset"] = {"path": "cut_data.Own", "args": {"transform": "@pre_transforms"}}
    tiny_config["epochs"] = 1
    root = make_archive(tiny_config)
    (root / "custom").mkdir()
    place = json.loads((root / "config/environment.json").read_text())["DATA_ROOT"]
    items = [{key: f"{place}/{key}_{case}.nii" for key in ("image", "label")} for case in range(4)]
    (root / "custom/cut_data.py").write_text(
        f"from monai.data import Dataset\nITEMS = {items!r}\n"
        "class Own(Dataset):\n    def __init__(self, transform=None):\n        super().__init__(ITEMS, transform)\n"
    )
    assert spec
    from medl.conf.component import user_folders
    from medl.conf.user_imports import user_imports

    with user_imports(user_folders(root / "custom")):
        go(root, data_fraction=0.5)
    assert "2 of 4 training items" in capfd.readouterr().out

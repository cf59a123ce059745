"""Networks out of files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from medl.errors import ConfigError
from medl.train.stored_network import build_network, load_torchscript

UNET = {"dimensions": 3, "in_channels": 1, "out_channels": 2, "channels": "{channels}", "strides": [2]}


def test_a_config_as_clara_stored_it(tmp_path: Path) -> None:
    args = {**UNET, "channels": [4, 8], "out_channels": "{classes}"}
    conf = {
        "classes": 3,
        "train": {"model": [{"name": "VNet", "disabled": True}, {"name": "Unet#net", "args": args}]},
    }
    network = build_network(conf, custom=tmp_path, root=tmp_path)
    assert network(torch.zeros(1, 1, 8, 8, 8)).shape == (1, 3, 8, 8, 8)


def test_a_class_that_may_not_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        build_network({"train": {"model": {"path": "subprocess.Popen"}}}, custom=tmp_path, root=tmp_path)
    with pytest.raises(ConfigError, match="one model"):
        build_network({"train": {}}, custom=tmp_path, root=tmp_path)


def test_what_is_no_torchscript(tmp_path: Path) -> None:
    (tmp_path / "model.ts").write_bytes(b"no")
    with pytest.raises(ConfigError, match=r"model\.ts is no TorchScript"):
        load_torchscript(tmp_path / "model.ts", torch.device("cpu"), file="c.json", place="model.ts_path")

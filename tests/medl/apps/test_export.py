"""``python -m medl.apps.export`` with Clara's flags."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from medl.apps.export import VERIFIED, input_shape, main
from medl.errors import ConfigError
from medl.train.checkpoints import save_checkpoint


@pytest.fixture
def archive(tiny_config, make_archive) -> Path:
    """An archive with random weights, as a training leaves it."""
    root = make_archive(tiny_config)
    save(root, tiny_config)
    return root


def save(root: Path, config: dict[str, Any]) -> None:
    from monai.networks.nets import UNet

    torch.manual_seed(0)
    network = UNet(**config["train"]["model"]["args"])
    save_checkpoint(root / "models/model.pt", {"model": network.state_dict(), "train_conf": config})


SHAPE = ("--input_shape", "[1,1,16,16,16]")


def test_claras_command_line(archive, tmp_path, capsys):
    configs = ["-c", "config/config_train.json", "-e", "config/environment.json"]
    files = ["--model_path", str(archive / "models/model.pt"), "--output_path", str(tmp_path / "m.ts")]
    assert main(["-m", str(archive), *configs, *files, *SHAPE]) == 0
    out = capsys.readouterr().out
    assert VERIFIED == "Exported model has been tested with TorchScript, and the result looks good!"
    assert VERIFIED in out.splitlines()
    assert "max abs difference between the network and TorchScript: 0 (random input of shape [1, 1, 16, 16, 16])" in out
    assert torch.jit.load(tmp_path / "m.ts")(torch.zeros(1, 1, 16, 16, 16)).shape == (1, 2, 16, 16, 16)


def test_not_verified_is_said(archive, capsys):
    assert main(["-m", str(archive), *SHAPE, "--ignore_verify"]) == 0
    out = capsys.readouterr().out
    assert "was not verified" in out and VERIFIED not in out and (archive / "models/model.ts").is_file()


def test_other_formats_say_their_difference_but_not_claras_line(archive, capsys):
    assert main(["-m", str(archive), *SHAPE, "--format", "torchexport"]) == 0
    out = capsys.readouterr().out
    assert "the network and torch.export: 0" in out and VERIFIED not in out
    assert (archive / "models/model.pt2").is_file()


def test_nothing_is_overwritten(archive, capsys):
    (archive / "models/model.ts").write_text("mine")
    assert main(["-m", str(archive), *SHAPE]) == 2
    assert "never overwrites" in capsys.readouterr().err and (archive / "models/model.ts").read_text() == "mine"


def test_an_archive_without_a_train_config_uses_the_one_in_the_checkpoint(archive, capsys):
    (archive / "config/config_train.json").unlink()
    assert main(["-m", str(archive), *SHAPE]) == 0
    assert VERIFIED in capsys.readouterr().out


def test_a_checkpoint_of_another_network(archive, tiny_config, capsys):
    tiny_config["train"]["model"]["args"]["channels"] = [6, 8]
    save(archive, tiny_config)
    assert main(["-m", str(archive), *SHAPE]) == 2
    said = capsys.readouterr().err
    assert "model.pt" in said and "model.0.conv" in said and "--from_checkpoint" in said
    assert not (archive / "models/model.ts").exists()
    assert main(["-m", str(archive), *SHAPE, "--from_checkpoint"]) == 0


def test_settings_reach_the_network(archive, tiny_config, capsys):
    tiny_config["width"] = 6
    tiny_config["train"]["model"]["args"]["channels"] = ["{width}", 8]
    (archive / "config/config_train.json").write_text(json.dumps(tiny_config))
    assert main(["-m", str(archive), *SHAPE, "--set", "width=4"]) == 0
    assert VERIFIED in capsys.readouterr().out


def test_the_sliding_window_is_the_shape(archive, tiny_config, capsys):
    assert main(["-m", str(archive)]) == 2
    assert "--input_shape" in capsys.readouterr().err
    tiny_config["validate"]["inferer"] = {"name": "SlidingWindowInferer", "args": {"roi_size": [8, 8, 16]}}
    (archive / "config/config_train.json").write_text(json.dumps(tiny_config))
    assert main(["-m", str(archive)]) == 0
    assert "[1, 1, 8, 8, 16]" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "[1,1]", "[1,1,0]", "[1,1,8.5]", "[1,1,8", "[1,1,true]", "1x1x8", '{"a":1}'])
def test_what_is_no_shape(text):
    with pytest.raises(ConfigError, match="--input_shape"):
        input_shape(text)


def test_shapes():
    assert input_shape("[1,1,160,160,160]") == input_shape("1, 1, 160, 160, 160") == (1, 1, 160, 160, 160)


def test_no_checkpoint(archive, capsys):
    (archive / "models/model.pt").unlink()
    assert main(["-m", str(archive), *SHAPE]) == 2
    assert "the checkpoint has to exist" in capsys.readouterr().err

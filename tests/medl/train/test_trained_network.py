"""Checkpoints, read for what they are, and put into the network that they fit."""

from __future__ import annotations

import pathlib

import pytest
import torch
from monai.networks.nets import UNet

from medl.errors import ConfigError
from medl.mmar.archive import MMAR
from medl.train.checkpoints import save_checkpoint
from medl.train.trained_network import (
    built_network,
    conf_of,
    load_checkpoint,
    load_torchscript,
    load_weights,
    network_conf,
    read_checkpoint,
    weights_of,
)


def net(channels=(4, 8)) -> UNet:
    return UNet(spatial_dims=3, in_channels=1, out_channels=2, channels=list(channels), strides=[2])


@pytest.fixture
def path(tmp_path) -> pathlib.Path:
    save_checkpoint(tmp_path / "model.pt", {"model": net().state_dict(), "epoch": 3})
    return tmp_path / "model.pt"


def test_weights_under_model_alone_and_of_several_gpus(path):
    weights = weights_of(read_checkpoint(path), path)
    assert weights.keys() == net().state_dict().keys()
    assert weights_of(weights, path).keys() == weights.keys()
    assert weights_of({"model": {f"module.{k}": v for k, v in weights.items()}}, path).keys() == weights.keys()


@pytest.mark.parametrize("kept", [0, 40, 0.5, 0.99])
def test_a_truncated_file_is_named_with_its_size(path, kept):
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    with pytest.raises(ConfigError) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    assert f"{path.stat().st_size} bytes, truncated or damaged" in str(caught.value)


def test_no_file(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.pt\n +the checkpoint has to exist(.|\n)*--model_path"):
        read_checkpoint(tmp_path / "none.pt")


def test_objects_are_not_loaded(tmp_path):
    torch.save({"model": net().state_dict(), "at": pathlib.PurePosixPath("x")}, tmp_path / "m.pt")
    with pytest.raises(ConfigError, match=r"it holds a Python object \(pathlib\.PurePosixPath\)"):
        read_checkpoint(tmp_path / "m.pt")


@pytest.mark.filterwarnings("ignore")
def test_torchscript_is_no_checkpoint(tmp_path):
    torch.jit.save(torch.jit.trace(net().eval(), torch.zeros(1, 1, 8, 8, 8)), tmp_path / "m.ts")
    with pytest.raises(ConfigError, match="this is TorchScript"):
        read_checkpoint(tmp_path / "m.ts")


def test_no_weights_in_it(path):
    with pytest.raises(ConfigError, match=r'under "model", but this one has optimizer'):
        weights_of({"optimizer": {}}, path)


def test_the_first_keys_that_differ(path):
    with pytest.raises(ConfigError) as caught:
        load_weights(net((6, 8)), weights_of(read_checkpoint(path), path), path, "c.json")
    text = str(caught.value)
    assert "does not fit the network of c.json" in text and "of another size: model.0.conv.weight" in text
    assert "([4, 1, 3, 3, 3] in it, [6, 1, 3, 3, 3] here)" in text and "--from_checkpoint" in text


def test_the_conf_inside_in_todays_names(path, tmp_path):
    (tmp_path / "config").mkdir()
    old = {"name": "UNet", "args": {"dimensions": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8]}}
    old["args"]["strides"] = [2]
    mmar = MMAR(tmp_path)
    for conf in ({"train": {"model": old}}, {"model": old}):
        found = network_conf(conf_of({"train_conf": conf}, path), mmar, path)
        network = built_network(mmar, found, {}, file="inside")
        load_weights(network, weights_of(read_checkpoint(path), path), path, "inside")
    with pytest.raises(ConfigError, match=r'under "train_conf"'):
        conf_of({"model": {}}, path)


def test_a_conf_inside_names_components_only(path, tmp_path):
    spec = {"path": "subprocess.Popen", "args": {"args": ["touch", str(tmp_path / "ran")]}}
    with pytest.raises(ConfigError, match=r"subprocess"):
        built_network(MMAR(tmp_path), network_conf({"train": {"model": spec}}, MMAR(tmp_path), path), {}, file="inside")
    assert not (tmp_path / "ran").exists()


def test_a_config_as_clara_stored_it(tmp_path):
    args = {"dimensions": 3, "in_channels": 1, "out_channels": "{classes}", "channels": [4, 8], "strides": [2]}
    models = [{"name": "VNet", "disabled": True}, {"name": "Unet#net", "args": args}]
    conf = {"classes": 2, "DATA": "{NOWHERE}", "train": {"model": models}}
    weights = {f"module.{name}": value for name, value in net().state_dict().items()}
    save_checkpoint(tmp_path / "model.pt", {"model": weights, "train_conf": conf})
    network = load_checkpoint(tmp_path / "model.pt", MMAR(tmp_path), torch.device("cpu"))
    assert network(torch.zeros(1, 1, 8, 8, 8)).shape == (1, 2, 8, 8, 8)


@pytest.mark.parametrize(
    ("change", "rule", "remedy"),
    [
        ({"train_conf": None}, "saved without train_conf", "CheckpointLoader"),
        ({"train_conf": {"train": {"model": {"path": "subprocess.Popen"}}}}, "subprocess", "CheckpointLoader"),
        ({"train_conf": {"train": {"model": {"name": "UNet", "args": {}}}}}, "spatial_dims", "CheckpointLoader"),
        ({"model": {}}, "network's weights", "MMAR_CKPT"),
    ],
)
def test_what_is_wrong_with_it_is_said_where_it_is_named(path, tmp_path, change, rule, remedy):
    save_checkpoint(path, {**read_checkpoint(path), **change})
    with pytest.raises(ConfigError) as caught:
        load_checkpoint(path, MMAR(tmp_path), torch.device("cpu"), file="c.json", place="model.ckpt_path")
    problem = caught.value.problems[0]
    assert (problem.file, problem.path) == ("c.json", "model.ckpt_path")
    assert str(path) in problem.rule and rule in str(caught.value) and remedy in problem.remedy


def test_what_is_no_torchscript(tmp_path):
    (tmp_path / "model.ts").write_bytes(b"no")
    with pytest.raises(ConfigError, match=r"model\.ts is no TorchScript"):
        load_torchscript(tmp_path / "model.ts", torch.device("cpu"), file="c.json", place="model.ts_path")

"""One component held against what is known of its class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medl.conf.catalogue import Catalogue
from medl.conf.check_component import ComponentCheck
from medl.conf.sections import Place
from medl.errors import Problem

CATALOGUE = Catalogue.load()
GAN_ARGS = "max_epochs train_data_loader g_network g_optimizer g_loss_function d_network d_optimizer d_loss_function"
UNET_ARGS = {"spatial_dims": 2, "in_channels": 1, "out_channels": 1, "channels": [4, 8], "strides": [2]}


def problems(
    key: str, spec: dict[str, Any], custom: Path | None = None, packages: tuple[str, ...] = ()
) -> list[Problem]:
    check = ComponentCheck(CATALOGUE, (custom,) if custom else (), packages, "c.json")
    return check.problems(Place("train", key, None, spec))


def one(key: str, spec: dict[str, Any], custom: Path | None = None) -> Problem:
    (problem,) = problems(key, spec, custom)
    assert problem.file == "c.json"
    return problem


@pytest.mark.parametrize(
    ("key", "spec"),
    [
        ("inferer", {"name": "SimpleInferer"}),
        ("trainer", {"name": "GanTrainer", "args": dict.fromkeys(GAN_ARGS.split())}),
        ("dataset", {"name": "Dataset", "data_list_file_path": "x", "args": {"transform": None}}),
        ("model", {"path": "monai.networks.nets.UNETR", "args": {"in_channels": 1, "out_channels": 1, "img_size": 32}}),
        ("model", {"path": "torch.nn.Identity"}),
        ("model", {"path": "monai.networks.blocks.ADN"}),
        ("loss", {"name": "CrossEntropyLoss"}),
        ("own", {"name": "UNet", "args": {"class_attributes": UNET_ARGS}}),
        ("pre_transforms", {"ref": "Spacingd"}),
        ("optimizer", {"name": "Nothing", "path": "torch.optim.Adam", "args": {"params": []}}),
    ],
)
def test_good_component(key: str, spec: dict[str, Any]) -> None:
    assert problems(key, spec) == []


def test_unknown_name() -> None:
    problem = one("pre_transforms", {"name": "RandFlipDd"})
    assert problem.rule == 'there is no component "RandFlipDd"'
    assert problem.path == "train.pre_transforms.name"
    assert "RandFlipd" in problem.near
    assert '"path": "module.Class"' in problem.remedy


def test_unknown_dotted_name_and_path() -> None:
    problem = one("model", {"path": "monai.networks.nets.UNett"})
    assert problem.rule == 'the module "monai.networks.nets" has no "UNett"'
    assert problem.near[0] == "monai.networks.nets.UNet"
    problem = one("model", {"name": "monai.networks.net.UNet"})
    assert problem.rule == 'there is no module "monai.networks.net"'
    assert problem.near == ("monai.networks.nets",)


def test_path_without_module_says_where_the_name_goes() -> None:
    problem = one("model", {"path": "UNet"})
    assert problem.rule == 'path is "module.Class"'
    assert problem.path == "train.model.path"
    assert '"name": "UNet"' in problem.remedy


@pytest.mark.parametrize(
    "path", ["subprocess.Popen", "os.system", "builtins.eval", "numpy.load", "torch.load", "monai.bundle.ConfigParser"]
)
def test_path_outside_the_allowed_places(path: str) -> None:
    problem = one("model", {"path": path})
    assert problem.path == "train.model.path"
    assert problem.value == path


def test_further_packages_can_be_allowed() -> None:
    assert problems("model", {"path": "json.JSONDecoder"}) != []
    assert problems("model", {"path": "json.JSONDecoder"}, packages=("json",)) == []


def test_own_class_is_read_not_run(tmp_path: Path) -> None:
    (tmp_path / "mynets.py").write_text("raise SystemExit\nclass Net:\n    def __init__(self, width, depth=2): ...\n")
    assert problems("model", {"path": "mynets.Net", "args": {"width": 1}}, tmp_path) == []
    problem = one("model", {"path": "mynets.Net", "args": {"width": 1, "dept": 3}}, tmp_path)
    assert (problem.path, problem.near) == ("train.model.args.dept", ("depth",))
    problem = one("model", {"path": "mynets.Nett"}, tmp_path)
    assert problem.near == ("mynets.Net",)
    problem = one("model", {"path": "mynet.Net"}, tmp_path)
    assert problem.near == ("mynets.Net",)


def test_own_module_that_is_no_python_is_not_likened_to_monai(tmp_path: Path) -> None:
    (tmp_path / "mynets.py").write_text("class Net(:\n")
    problem = one("model", {"path": "mynets.Net"}, tmp_path)
    assert "is not Python: line 1" in problem.rule and problem.near == ()


def test_own_class_with_the_name_of_one_of_monai(tmp_path: Path) -> None:
    (tmp_path / "mynets.py").write_text("class UNet:\n    def __init__(self, dimensions): ...\n")
    assert problems("model", {"path": "mynets.UNet", "args": {"dimensions": 3}}, tmp_path) == []


def test_class_of_another_kind() -> None:
    problem = one("loss", {"name": "UNet", "args": {"softmax": True}})
    assert problem.rule == "loss needs a loss, but UNet is a network"
    assert one("loss", {"name": "Adam"}).rule == "loss needs a loss, but Adam is an optimizer"
    problem = one("key_metric", {"name": "DiceMetric", "args": {"output_transform": 1}})
    assert problem.near == ("MeanDice",)
    assert "monai.handlers or ignite.metrics" in problem.rule


@pytest.mark.parametrize(
    ("key", "spec", "rule", "remedy"),
    [
        ("optimizer", {"name": "Adam"}, 'Adam needs the arg "params"', '"#@model.parameters()"'),
        ("lr_scheduler", {"name": "ConstantLR"}, 'ConstantLR needs the arg "optimizer"', '"@optimizer"'),
        ("dataloader", {"name": "DataLoader"}, 'DataLoader needs the arg "dataset"', '"@dataset"'),
        ("dataset", {"name": "Dataset"}, 'Dataset needs the arg "data"', "data_list_file_path"),
        ("handlers", {"name": "ValidationHandler", "args": {"interval": 1}}, "", ""),
        ("handlers", {"name": "CheckpointLoader", "args": {"load_path": "x"}}, "CheckpointLoader needs", '"@model"'),
    ],
)
def test_missing_arg_says_what_to_write(key: str, spec: dict[str, Any], rule: str, remedy: str) -> None:
    found = problems(key, spec)
    if not rule:
        assert found == []
        return
    assert [rule in problem.rule for problem in found] == [True]
    assert remedy in found[0].remedy
    assert found[0].path == f"train.{key}.args"


def test_device_is_given_but_nothing_else_of_the_trainer() -> None:
    (problem,) = problems("trainer", {"name": "SupervisedTrainer"})
    assert '"device"' not in problem.rule
    assert '"train_data_loader"' in problem.rule
    assert '"loss_function": "@loss"' in problem.remedy


@pytest.mark.parametrize("args", [None, [], "x", 3])
def test_args_that_are_no_object_are_left_to_the_schema(args: Any) -> None:
    assert problems("inferer", {"name": "SimpleInferer", "args": args}) == []

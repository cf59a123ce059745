from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from medl.conf.component import ALLOWED_PACKAGES, class_of, place_problem, user_folders
from medl.errors import ConfigError, near_names


class Names:
    """A catalogue of a few rows."""

    rows: ClassVar[dict[str, str]] = {
        "UNet": "monai.networks.nets.unet.UNet",
        "Adam": "torch.optim.Adam",
        "Loss": "torch.nn.modules.loss.L1Loss",
        "Popen": "subprocess.Popen",
    }

    def find(self, name: str, role: str | None = None) -> Any:
        return SimpleNamespace(dotted=self.rows[name]) if name in self.rows else None

    def near(self, name: str) -> tuple[str, ...]:
        return near_names(name, self.rows)


def find(spec: dict[str, Any], *folders: Path, **more: Any) -> Callable[..., Any]:
    return class_of(spec, catalogue=Names(), folders=folders, file="c.json", path="train.model", **more)


def refusal(spec: dict[str, Any], *folders: Path, **more: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        find(spec, *folders, **more)
    (problem,) = caught.value.problems
    assert problem.file == "c.json" and problem.path in ("train.model.name", "train.model.path")
    return str(problem)


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Write a module of the user's into tmp_path and give its name, new each time."""
    before = set(sys.modules)

    def write(text: str) -> str:
        name = f"own_{uuid.uuid4().hex}"
        (tmp_path / f"{name}.py").write_text(text)
        return name

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("own_"):
            del sys.modules[name]


def test_bare_dotted_and_path() -> None:
    torch = pytest.importorskip("torch")
    assert find({"name": "Adam"}) is torch.optim.Adam
    assert find({"name": "Adam#first"}) is torch.optim.Adam
    assert find({"name": "torch.optim.SGD"}) is torch.optim.SGD
    assert find({"name": "Adam", "path": "torch.optim.SGD#mine"}) is torch.optim.SGD
    assert find({"path": "torch.optim.lr_scheduler.StepLR"}) is torch.optim.lr_scheduler.StepLR


def test_monai_classes_and_network_functions() -> None:
    monai = pytest.importorskip("monai")
    assert find({"name": "UNet"}) is monai.networks.nets.UNet
    assert find({"path": "monai.data.DataLoader"}) is monai.data.DataLoader
    assert find({"path": "monai.networks.nets.resnet18"}) is monai.networks.nets.resnet18
    assert find({"path": "ignite.metrics.Accuracy"}).__name__ == "Accuracy"


@pytest.mark.parametrize(
    "path",
    [
        "subprocess.Popen",
        "os.system",
        "builtins.eval",
        "builtins.exec",
        "torch.load",
        "torch.hub.load",
        "torch.utils.cpp_extension.load",
        "torch.nn.modules.module.OrderedDict",
        "torch.nn.init.normal_",
        "torch.nn.functional.relu",
        "monai.bundle.run",
        "monai.bundle.scripts.run",
        "monai.bundle.ConfigParser",
        "monai.apps.download_and_extract",
        "monai.apps.utils.Path",
        "monai.utils.module.load_submodules",
        "monai.data.utils.pickle_operations",
        "monai.networks.nets.unet.warnings",
        "monai.networks.nets.resnet.Callable",
        "monai.networks.nets._private",
        "torch.nn.__class__.x",
        "torch.nn.Module.__init__",
        "sys.exit",
        "importlib.import_module",
        "pip.main",
        "numpy.load",
        "..x",
        "a b.c",
        "x.",
        "medl.mmar.archive.shutil",
        "medl.conf.load.read_json",
    ],
)
def test_what_is_no_component_is_refused(path: str, tmp_path: Path) -> None:
    pytest.importorskip("monai")
    refusal({"path": path}, tmp_path)


def test_a_catalogue_entry_outside_the_packages_is_refused_too() -> None:
    assert "custom/" in refusal({"name": "Popen"})


def test_near_names_and_path_without_dot() -> None:
    assert 'Did you mean "UNet"?' in refusal({"name": "UNett"})
    assert '"module.Class"' in refusal({"path": "MyNet"})
    pytest.importorskip("torch")
    assert 'Did you mean "Adam"' in refusal({"path": "torch.optim.Adamm"})
    assert "no module torch.optim.nowhere" in refusal({"path": "torch.optim.nowhere.Adam"})


def test_the_user_s_own_code(tmp_path: Path, module: Callable[[str], str]) -> None:
    name = module("class Net:\n    pass\ndef make(): return Net()\nnumber = 3\n")
    paths = list(sys.path)
    assert find({"path": f"{name}.Net"}, tmp_path).__name__ == "Net"
    assert find({"name": f"{name}.make"}, tmp_path)().__class__.__name__ == "Net"
    assert sys.path == paths
    assert 'has no "Nett"' in refusal({"path": f"{name}.Nett"}, tmp_path)
    assert "class or a function" in refusal({"path": f"{name}.number"}, tmp_path)
    assert "a component is from" in refusal({"path": f"{name}.Net"})
    assert "no module" in refusal({"path": f"{name}.inner.Net"}, tmp_path)


def test_a_broken_module_is_told_with_the_line(tmp_path: Path, module: Callable[[str], str]) -> None:
    name = module("a = 1\nb = a / 0\n")
    message = refusal({"path": f"{name}.Net"}, tmp_path)
    assert "ZeroDivisionError" in message and f"{name}.py:2" in message
    assert "nowhere_to_be_found" in refusal({"path": f"{module('import nowhere_to_be_found')}.Net"}, tmp_path)
    assert "SyntaxError" in refusal({"path": f"{module('def f(:')}.Net"}, tmp_path)


def test_a_module_named_like_another_is_told(tmp_path: Path) -> None:
    for taken in ("json", "pytest"):
        (tmp_path / f"{taken}.py").write_text("raise SystemExit('never run')")
        message = refusal({"path": f"{taken}.JSONDecoder"}, tmp_path)
        assert "in the way" in message or "a component is from" in message


def test_more_packages_by_setting() -> None:
    message = refusal({"path": "fractions.Fraction"})
    assert "allowed_packages" in message
    assert find({"path": "fractions.Fraction"}, packages=(*ALLOWED_PACKAGES, "fractions")).__name__ == "Fraction"


def test_the_place_is_judged_without_imports(tmp_path: Path) -> None:
    (tmp_path / "own_place.py").write_text("raise SystemExit('never run')")
    assert place_problem("own_place.Net", [tmp_path]) is None
    assert place_problem("own_place.Net", []) is not None
    assert "own_place" not in sys.modules


def test_folders_of_the_user_s_code(tmp_path: Path) -> None:
    (tmp_path / "custom").mkdir()
    environment = {"PYTHONPATH": f":{tmp_path}:/nowhere/at/all"}
    assert user_folders(tmp_path / "custom", environment) == (tmp_path / "custom", tmp_path)
    assert user_folders(tmp_path / "none", {}) == ()

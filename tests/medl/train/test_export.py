"""Networks in formats that run without their class."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.networks.nets import UNet

from medl.errors import ConfigError
from medl.train import export as exports
from medl.train.export import FORMATS, ExportError, export, output_of, random_input

SHAPE = (1, 1, 16, 16, 16)


@pytest.fixture
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return UNet(spatial_dims=3, in_channels=1, out_channels=2, channels=[4, 8], strides=[2], norm="batch")


class Twice(torch.nn.Module):
    """Two outputs, and code that TorchScript cannot express."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv3d(1, 2, 3)

    def forward(self, x: Any) -> Any:
        first = self.conv(x)
        return [*(first,), {"second": first * 2}["second"]]


def torchscript(path: Path, given: torch.Tensor) -> Any:
    return torch.jit.load(path)(given)


def program(path: Path, given: torch.Tensor) -> Any:
    return torch.export.load(path).module()(given)


def onnx(path: Path, given: torch.Tensor) -> Any:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == ["image"]
    assert [one.name for one in session.get_outputs()] == ["pred"]
    return torch.from_numpy(session.run(None, {"image": given.numpy()})[0])


@pytest.mark.parametrize(("kind", "read"), [("torchscript", torchscript), ("torchexport", program), ("onnx", onnx)])
def test_a_file_gives_the_networks_results_for_batches_of_any_size(network, tmp_path, kind, read):
    if kind == "onnx":
        pytest.importorskip("onnxscript")
    path = tmp_path / "new" / f"model{FORMATS[kind].suffix}"
    done = export(network.train(), SHAPE, path, kind)
    assert done.difference is not None and done.difference < 1e-5 and done.notes == ()
    given = random_input((3, *SHAPE[1:]))
    with torch.no_grad():
        torch.testing.assert_close(read(path, given), network.eval()(given), rtol=1e-4, atol=1e-4)
    assert [one.name for one in path.parent.iterdir()] == [path.name]  # nothing else: no weights beside an ONNX
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_what_cannot_be_scripted_is_traced_and_all_outputs_are_compared(tmp_path):
    done = export(Twice(), SHAPE, tmp_path / "m.ts")
    assert done.difference == 0.0
    assert len(torch.jit.load(tmp_path / "m.ts")(random_input(SHAPE))) == 2


@pytest.mark.parametrize("factor", [1.01, float("nan")])
def test_other_results_leave_no_file(network, tmp_path, monkeypatch, factor):
    right = FORMATS["torchscript"]

    def wrong(path: Path) -> Any:
        run = right.load(path)
        return lambda given: run(given) * factor

    monkeypatch.setattr(exports, "FORMATS", {"torchscript": dataclasses.replace(right, load=wrong)})
    with pytest.raises(ExportError, match=r"TorchScript gives other results .* max abs difference"):
        export(network, SHAPE, tmp_path / "m.ts")
    assert list(tmp_path.iterdir()) == []
    assert export(network, SHAPE, tmp_path / "m.ts", verify=False).difference is None
    assert (tmp_path / "m.ts").is_file()


def test_another_shape_of_the_output_is_said(network, tmp_path, monkeypatch):
    right = FORMATS["torchscript"]
    cut = dataclasses.replace(right, load=lambda path: lambda given: right.load(path)(given)[:, :1])
    monkeypatch.setattr(exports, "FORMATS", {"torchscript": cut})
    with pytest.raises(ExportError, match=r"outputs of shape \[\(1, 1, 16, 16, 16\)\], the network \[\(1, 2, 16"):
        export(network, SHAPE, tmp_path / "m.ts")


def test_nothing_is_overwritten(network, tmp_path):
    (tmp_path / "m.ts").write_text("mine")
    with pytest.raises(ConfigError, match="never overwrites"):
        export(network, SHAPE, tmp_path / "m.ts")
    assert (tmp_path / "m.ts").read_text() == "mine"


def test_a_shape_that_the_network_does_not_take(network):
    with pytest.raises(ConfigError, match=r"--input_shape(.|\n)*has to take an input of the given shape"):
        output_of(network, (1, 3, 16, 16, 16))


class Refuses(torch.nn.Module):
    """Depends on the numbers it is given, which no program can."""

    def forward(self, x: Any) -> Any:
        return x * 2 if float(x.sum()) > 1e9 else x


def test_what_a_format_cannot_express_is_one_line_and_no_file(tmp_path):
    with pytest.raises(ExportError, match=r"torch\.export cannot express this network .*Try --format torchscript"):
        export(Refuses(), SHAPE, tmp_path / "m.pt2", "torchexport")
    assert list(tmp_path.iterdir()) == []


def test_missing_packages_are_named(network, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs onnx and onnxscript(.|\n)*medl\[onnx\]"):
        export(network, SHAPE, tmp_path / "m.onnx", "onnx")
    assert list(tmp_path.iterdir()) == []

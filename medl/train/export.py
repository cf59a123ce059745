"""A trained network in formats that run without its Python class, each compared with the network itself."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from medl.errors import ConfigError, MedlError, Problem

TOLERANCE = 1e-4
"""How much an exported network may differ, relative to the largest absolute output (to 1 where that is smaller)."""
INPUT, OUTPUT = "image", "pred"
Run = Callable[[torch.Tensor], Any]


class ExportError(MedlError):
    """A network cannot be exported, or what was exported gives other results; nothing is left under the file's name."""


@dataclass(frozen=True)
class Exported:
    """One export.

    Attributes:
        difference: the largest absolute difference from the network's own output; ``None`` where it was not verified.
        notes: what the user should know, a line each.
    """

    difference: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        title: its name in messages.
        suffix: of the file's name.
        write: writes a network that takes the example, and returns notes.
        load: gives the function in a file.
    """

    title: str
    suffix: str
    write: Callable[[torch.nn.Module, torch.Tensor, Path], tuple[str, ...]]
    load: Callable[[Path], Run]


def random_input(shape: Sequence[int]) -> torch.Tensor:
    """Return normally distributed numbers, the same at every call."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def output_of(network: torch.nn.Module, shape: Sequence[int]) -> torch.Tensor:
    """Return what a network gives for random input: its first output.

    Raises:
        ConfigError: it takes no input of that shape.
    """
    network.eval()
    try:
        with torch.no_grad():
            return _tensors(network(random_input(shape)))[0]
    except Exception as error:
        said = str(error).strip().split("\n")[0].rstrip(". ")
        rule = f"the network has to take an input of the given shape ({type(error).__name__}: {said})"
        remedy = "A shape is [batch, channels, then the size in voxels]."
        raise ConfigError(Problem(rule, path="--input_shape", value=list(shape), remedy=remedy)) from error


def export(
    network: torch.nn.Module, shape: Sequence[int], target: Path, kind: str = "torchscript", *, verify: bool = True
) -> Exported:
    """Write a network in one of :data:`FORMATS`; the file appears under its name when it is verified.

    Args:
        network: with its weights, on the CPU; it is put into evaluation mode.
        shape: of the input that it is tried with.
        target: the new file.
        kind: a key of :data:`FORMATS`.
        verify: whether what was written is run and compared.

    Raises:
        ConfigError: the target exists, the network takes no such input, a package is missing.
        ExportError: the network cannot be exported, or the file gives other results.
    """
    format_ = FORMATS[kind]
    refuse_existing(target)
    output_of(network, shape)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        part = Path(folder) / f"model{format_.suffix}"
        with _quiet():
            try:
                notes = format_.write(network, random_input(shape), part)
            except MedlError:
                raise
            except Exception as error:
                said = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
                raise ExportError(
                    f"{format_.title} cannot express this network ({type(error).__name__}: {said[:300]}). "
                    f"Try --format {' or '.join(other for other in FORMATS if other != kind)}."
                ) from error
        difference = None
        if verify:
            with _quiet():
                difference = _largest_difference(network, format_, part, shape, one_size=bool(notes))
        refuse_existing(target)
        os.chmod(part, 0o644)
        os.replace(part, target)
    return Exported(difference, notes)


def refuse_existing(target: Path) -> None:
    """Stop where an export would overwrite something.

    Raises:
        ConfigError: the target exists.
    """
    if target.exists() or target.is_symlink():
        remedy = "Move it away, or give another name with --output_path."
        raise ConfigError(Problem("an export never overwrites what is there", file=str(target), remedy=remedy))


def _largest_difference(
    network: torch.nn.Module, format_: Format, part: Path, shape: Sequence[int], *, one_size: bool
) -> float:
    run = format_.load(part)
    largest = 0.0
    batches = (shape[0],) if one_size else (shape[0], shape[0] + 1)  # the last batch of a sliding window is smaller
    for batch in batches:
        given = random_input((batch, *shape[1:]))
        with torch.no_grad():
            wanted = _tensors(network(given))
        got = _tensors(run(given))
        if [one.shape for one in got] != [one.shape for one in wanted]:
            there, here = ([tuple(one.shape) for one in some] for some in (got, wanted))
            raise ExportError(f"{format_.title} gives outputs of shape {there}, the network {here}.")
        for one, other in zip(got, wanted, strict=True):
            difference = (one.double() - other.double()).abs().max().item() if one.numel() else 0.0
            scale = max(1.0, other.abs().max().item()) if other.numel() else 1.0
            if not difference <= TOLERANCE * scale:  # also where it is NaN
                raise ExportError(
                    f"{format_.title} gives other results than the network: "
                    f"max abs difference {difference:.3g}, allowed {TOLERANCE * scale:.3g}."
                )
            largest = max(largest, difference)
    return largest


def _tensors(output: Any) -> list[torch.Tensor]:
    """Return the tensors in an output, however nested, in their order."""
    if isinstance(output, torch.Tensor):
        return [output.as_tensor() if hasattr(output, "as_tensor") else output]
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, list | tuple):
        return [tensor for one in output for tensor in _tensors(one)]
    return []


def _write_torchscript(network: torch.nn.Module, example: torch.Tensor, path: Path) -> tuple[str, ...]:
    torch.jit.save(script(network, example), path)
    return ()


def script(network: torch.nn.Module, example: torch.Tensor) -> torch.jit.ScriptModule:
    """Return a network as TorchScript; one that cannot be scripted is traced with the example."""
    with _quiet(), torch.no_grad():
        network.eval()
        try:
            return torch.jit.script(network)
        except Exception:  # what it cannot express it says in many ways
            return torch.jit.trace(network, example)


def _load_torchscript(path: Path) -> Run:
    network = torch.jit.load(path, map_location="cpu").eval()

    def run(given: torch.Tensor) -> Any:
        with torch.no_grad():
            return network(given)

    return run


def _program(network: torch.nn.Module, example: torch.Tensor) -> tuple[Any, tuple[str, ...]]:
    """Return the exported program and notes; batches of any size where the network allows it."""
    network.eval()
    batch = torch.cat([example, example]) if example.shape[0] == 1 else example  # a size of 1 would be taken as fixed
    try:
        return torch.export.export(network, (batch,), dynamic_shapes=({0: torch.export.Dim("batch")},)), ()
    except Exception:
        program = torch.export.export(network, (example,))
        return program, (f"it takes batches of {example.shape[0]} only: the network depends on the size of the batch.",)


def _write_program(network: torch.nn.Module, example: torch.Tensor, path: Path) -> tuple[str, ...]:
    program, notes = _program(network, example)
    torch.export.save(program, path)
    return notes


def _load_program(path: Path) -> Run:
    network = torch.export.load(path).module()

    def run(given: torch.Tensor) -> Any:
        with torch.no_grad():
            return network(given)

    return run


def _write_onnx(network: torch.nn.Module, example: torch.Tensor, path: Path) -> tuple[str, ...]:
    _require("onnx", "onnxscript")
    program, notes = _program(network, example)
    torch.onnx.export(
        program, (), path, dynamo=True, external_data=False, verbose=False, input_names=[INPUT], output_names=[OUTPUT]
    )
    return notes


def _load_onnx(path: Path) -> Run:
    _require("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda given: [torch.from_numpy(one) for one in session.run(None, {name: given.numpy()})]


def _require(*packages: str) -> None:
    from importlib.util import find_spec

    if missing := [name for name in packages if find_spec(name) is None]:
        remedy = 'Install them with: pip install "medl[onnx]"'
        raise ConfigError(Problem(f"ONNX needs {' and '.join(missing)}", path="--format", value="onnx", remedy=remedy))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide what the exporters say to their own developers: deprecations, progress, their view of each operator."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


FORMATS: Mapping[str, Format] = {
    "torchscript": Format("TorchScript", ".ts", _write_torchscript, _load_torchscript),
    "onnx": Format("ONNX", ".onnx", _write_onnx, _load_onnx),
    "torchexport": Format("torch.export", ".pt2", _write_program, _load_program),
}
"""What ``--format`` may say, besides ``bundle``."""

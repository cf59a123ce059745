"""What ``print_conf`` prints: the objects of a training, in the order that Clara recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol


class Built(Protocol):
    """What gives the objects of a config by section and key; ``None`` where the config has none."""

    def get(self, section: str, key: str) -> Any:
        """Return one object."""


@dataclass(frozen=True)
class Switches:
    """What is in force for a training, after the machine has had its say."""

    epochs: int
    use_gpu: bool
    multi_gpu: bool
    amp: bool
    determinism: bool
    cudnn_benchmark: bool
    tf32: bool


def conf_lines(switches: Switches, built: Built) -> Iterator[str]:
    """Give the lines of the printout.

    Two spaces follow most colons and one those of numbered lines, as programs that read Clara's logs expect.
    Source: recorded output of Clara Train 4.0.
    """
    yield "========== Train Config Result ==========="
    yield f"Num Epochs:  {switches.epochs}"
    yield f"Use GPU:  {switches.use_gpu}"
    yield f"Multi GPU:  {switches.multi_gpu}"
    yield f"Automatic Mixed Precision:  {state(switches.amp)}"
    yield f"Determinism Training:  {state(switches.determinism)}"
    yield f"cuDNN BenchMark:  {switches.cudnn_benchmark}"
    yield f"CUDA Matmul Allow TF32:  {switches.tf32}"
    yield f"cuDNN Allow TF32:  {switches.tf32}"
    for label, key in (
        ("Model", "model"),
        ("Loss", "loss"),
        ("Optimizer", "optimizer"),
        ("LR Scheduler", "lr_scheduler"),
    ):
        yield from one_line(label, built.get("train", key))
    dataset = built.get("train", "dataset")
    yield from one_line("Train Dataset", dataset)
    yield from _smart_cache(dataset, switches.epochs)
    yield from one_line("Train DataLoader", built.get("train", "dataloader"))
    yield from numbered_lines("Train Transform", built.get("train", "pre_transforms"))
    yield from one_line("Validate Dataset", built.get("validate", "dataset"))
    yield from one_line("Validate DataLoader", built.get("validate", "dataloader"))
    yield from numbered_lines("Validate Transform", built.get("validate", "pre_transforms"))
    yield from numbered_lines("Train Handler", built.get("train", "handlers"))
    yield from numbered_lines("Validate Handler", built.get("validate", "handlers"))
    yield from numbered_lines("Train Post Transforms", built.get("train", "post_transforms"))
    yield from numbered_lines("Validate Post Transforms", built.get("validate", "post_transforms"))
    yield from one_line("Validate Inferer", built.get("validate", "inferer"))
    yield from one_line("Validate Key Metric", built.get("validate", "key_metric"))
    yield from one_line("Train Inferer", built.get("train", "inferer"))
    yield from one_line("Train Key Metric", built.get("train", "key_metric"))
    yield "========== End of Train Config Result ==========="


def state(on: bool) -> str:
    """Return what a switch is called."""
    return "Enabled" if on else "Disabled"


def one_line(label: str, value: Any) -> Iterator[str]:
    """Give the line of one object, or none."""
    if isinstance(value, dict):  # a key metric is {log_label: metric}
        value = next(iter(value.values()), None)
    # an inferer of the config's own; vars: ignite's metrics make up any attribute that they are asked for
    value = getattr(value, "__dict__", {}).get("wrapped", value)
    if value is not None:
        yield f"{label}:  {type(value)}"


def numbered_lines(label: str, value: Any) -> Iterator[str]:
    """Give the lines of the objects in a list, or in a composed transform."""
    parts = getattr(value, "transforms", value)
    for number, part in enumerate(parts or (), start=1):
        yield f"{label} #{number}: {type(part)}"


def _smart_cache(dataset: Any, epochs: int) -> Iterator[str]:
    cached, replaced = getattr(dataset, "cache_num", None), getattr(dataset, "_replace_num", None)
    if cached is None or replaced is None:
        return
    total = getattr(dataset, "_total_num", 0) or len(dataset.data)
    coverage = min(1.0, (cached + max(0, epochs - 1) * replaced) / total) if total else 0.0
    yield (
        f"SmartCache is enabled for training, total epoch {epochs} "
        f"with cache num {cached} and replace num {replaced}.\n"
        f" For total data size {total}, this is equivalent to {epochs * cached / max(1, total):g} regular epochs, "
        f"and the data coverage rate is {coverage:g}."
    )

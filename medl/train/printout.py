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
    yield f"Automatic Mixed Precision:  {_state(switches.amp)}"
    yield f"Determinism Training:  {_state(switches.determinism)}"
    yield f"cuDNN BenchMark:  {switches.cudnn_benchmark}"
    yield f"CUDA Matmul Allow TF32:  {switches.tf32}"
    yield f"cuDNN Allow TF32:  {switches.tf32}"
    for label, key in (
        ("Model", "model"),
        ("Loss", "loss"),
        ("Optimizer", "optimizer"),
        ("LR Scheduler", "lr_scheduler"),
    ):
        yield from _one(label, built.get("train", key))
    dataset = built.get("train", "dataset")
    yield from _one("Train Dataset", dataset)
    yield from _smart_cache(dataset, switches.epochs)
    yield from _one("Train DataLoader", built.get("train", "dataloader"))
    yield from _several("Train Transform", built.get("train", "pre_transforms"))
    yield from _one("Validate Dataset", built.get("validate", "dataset"))
    yield from _one("Validate DataLoader", built.get("validate", "dataloader"))
    yield from _several("Validate Transform", built.get("validate", "pre_transforms"))
    yield from _several("Train Handler", built.get("train", "handlers"))
    yield from _several("Validate Handler", built.get("validate", "handlers"))
    yield from _several("Train Post Transforms", built.get("train", "post_transforms"))
    yield from _several("Validate Post Transforms", built.get("validate", "post_transforms"))
    yield from _one("Validate Inferer", built.get("validate", "inferer"))
    yield from _one("Validate Key Metric", built.get("validate", "key_metric"))
    yield from _one("Train Inferer", built.get("train", "inferer"))
    yield from _one("Train Key Metric", built.get("train", "key_metric"))
    yield "========== End of Train Config Result ==========="


def _state(on: bool) -> str:
    return "Enabled" if on else "Disabled"


def _one(label: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):  # a key metric is {log_label: metric}
        value = next(iter(value.values()), None)
    if value is not None:
        yield f"{label}:  {type(value)}"


def _several(label: str, value: Any) -> Iterator[str]:
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

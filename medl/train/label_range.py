"""Labels that the network has no channel for are a fault of the data or the config: said once, in words."""

from __future__ import annotations

from typing import Any

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents

from medl.errors import ConfigError, Problem


def takes_class_indices(loss: Any) -> bool:
    """Return whether a loss reads its labels as class indices (one-hot inside, or cross entropy)."""
    parts = list(loss.modules()) if isinstance(loss, torch.nn.Module) else [loss]
    return any(
        getattr(part, "to_onehot_y", False) is True or isinstance(part, (torch.nn.CrossEntropyLoss, torch.nn.NLLLoss))
        for part in parts
    )


class LabelRange:
    """Compares the labels of every iteration with the network's output channels, before the loss does.

    Without it the loss stops with a scatter error on a CPU and with a device assertion on a GPU.

    Args:
        ignored: label value that the loss leaves out (``ignore_index``), or ``None``.
    """

    def __init__(self, ignored: int | None = None):
        self.ignored = ignored

    def attach(self, engine: Engine) -> None:
        """Listen to a MONAI trainer or evaluator; an engine without forward events is left alone."""
        if IterationEvents.FORWARD_COMPLETED in getattr(engine, "_allowed_events", ()):
            engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Look at one batch.

        Raises:
            ConfigError: a label is negative or at least the number of output channels.
        """
        output = engine.state.output
        prediction, label = output.get("pred"), output.get("label")
        if isinstance(prediction, (list, tuple)) and prediction:  # deep supervision: the full resolution comes first
            prediction = prediction[0]
        if not isinstance(prediction, torch.Tensor) or not isinstance(label, torch.Tensor):
            return
        channels = prediction.shape[1] if prediction.ndim > 1 else 1
        is_index = label.ndim < prediction.ndim or label.shape[1] == 1
        if channels < 2 or not is_index or label.numel() == 0 or label.dtype == torch.bool:
            return
        plain = label.detach().as_subclass(torch.Tensor)  # each step with a MetaTensor copies its meta data
        if self._outside(plain, channels) is None:  # the whole batch at once: a GPU is waited for once
            return
        for index, one in enumerate(plain):
            found = self._outside(one, channels)
            if found is None:
                continue
            remedy = "Map the labels with MapLabelValued."
            if found >= channels:
                remedy = (
                    f"Set the network's out_channels (and to_onehot in the post transforms) to at least "
                    f"{int(found) + 1}, or map the labels with MapLabelValued."
                )
            raise ConfigError(
                Problem(
                    rule=f"a label is an index from 0 to {channels - 1}: the network has {channels} output channels",
                    file=_file_of(label, index) or "training data",
                    path="label",
                    value=found,
                    remedy=remedy,
                )
            )

    def _outside(self, label: torch.Tensor, channels: int) -> float | None:
        """Return a value of some labels that has no channel, or ``None``."""
        values = label if self.ignored is None else label[label != self.ignored]
        if values.numel() == 0:
            return None
        low, high = map(float, torch.stack(values.aminmax()).tolist())
        found = high if not high < channels else low if not low >= 0 else None
        return int(found) if found is not None and found.is_integer() else found


def _file_of(label: torch.Tensor, index: int) -> str:
    """Return the file of one label of a batch where it travels with the tensor."""
    names = getattr(label, "meta", {}).get("filename_or_obj", "")
    if isinstance(names, (list, tuple)):
        names = names[index] if index < len(names) else ""
    return str(names)

"""Horovod's optimizer, in the points in which it does not fit today's torch and MONAI."""

from __future__ import annotations

from typing import Any

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents


def averaging(optimizer: torch.optim.Optimizer) -> Any:
    """Return an optimizer that steps along the mean of all ranks' gradients, with the given one's groups and state.

    * MONAI calls ``zero_grad(set_to_none=...)``; Horovod's takes no argument.
    * Horovod builds the optimizer anew from its groups and loses what is kept outside them.
    * With mixed precision the gradients are averaged before the scaler looks at them (:func:`average_before_scaler`),
      so ``step`` must not do it once more.
    * Gradients of bfloat16, which Horovod refuses, travel as float32.

    Args:
        optimizer: any of torch's or the user's own; not used afterwards.
    """
    import horovod.torch as hvd

    made = hvd.DistributedOptimizer(optimizer, compression=Bfloat16AsFloat32)
    made.defaults = optimizer.defaults
    for name, value in vars(optimizer).items():
        made.__dict__.setdefault(name, value)
    own = type(made)  # made for this one optimizer; a subclass of it would break Horovod's super() calls
    own.__module__ = type(optimizer).__module__  # what is printed of it
    horovods_step = own.step

    def zero_grad(self: Any, set_to_none: bool = True) -> None:
        if self._handles:
            raise RuntimeError("zero_grad() was called between backward() and step(), while gradients are averaged")
        super(own, self).zero_grad(set_to_none=set_to_none)

    def step(self: Any, closure: Any = None) -> Any:
        if not self._synchronized:
            return horovods_step(self, closure)
        with self.skip_synchronize():
            return horovods_step(self, closure)

    own.zero_grad, own.step = zero_grad, step
    return made


def average_before_scaler(trainer: Any, optimizer: Any) -> None:
    """Have gradients averaged right after ``backward`` where a trainer scales them: before inf and NaN are looked for.

    So all ranks find the same, and skip a step together or not at all.
    Source: Horovod's documentation of mixed precision (``synchronize``, then ``skip_synchronize`` around the step).

    Args:
        trainer: MONAI's.
        optimizer: from :func:`averaging`.
    """

    def average(engine: Engine) -> None:
        if getattr(engine, "scaler", None) is not None:
            optimizer.synchronize()

    trainer.add_event_handler(IterationEvents.BACKWARD_COMPLETED, average)


class Bfloat16AsFloat32:
    """A compression, as Horovod calls it, that widens bfloat16 and leaves everything else alone."""

    @staticmethod
    def compress(tensor: torch.Tensor) -> tuple[torch.Tensor, torch.dtype]:
        """Return what travels, and what it was."""
        return tensor.float() if tensor.dtype is torch.bfloat16 else tensor, tensor.dtype

    @staticmethod
    def decompress(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Return what arrived, as it was."""
        return tensor.to(dtype)

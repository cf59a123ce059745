"""Sliding windows that go on with less memory where it runs out: fewer windows at once, then stitching on the CPU."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import Any

import torch
from ignite.engine import Engine
from monai.engines import IterationEvents
from monai.inferers import Inferer, SlidingWindowInferer

from medl.train.out_of_memory import is_out_of_memory

_CPU = torch.device("cpu")


class WindowMemory(Inferer):
    """A sliding window inferer that takes less memory after it found too little.

    Each step is said once and stays for the rest of the run: half as many windows at a time, down to one; then images
    of this size and larger are put together on the CPU, and the result goes back to where the image is if it fits
    there. What comes out is what the inferer alone would have given.

    Args:
        inferer: does the work; its ``sw_batch_size``, ``device`` and ``cpu_thresh`` change. Its attributes are found
            here too.
        name: where it stands in the config, for the lines.
        say: told each step in one line.
    """

    def __init__(self, inferer: SlidingWindowInferer, name: str, say: Callable[[str], None]):
        super().__init__()
        self.wrapped, self._name, self._say = inferer, name, say
        self._large: int | None = None  # voxels of an image that is put together on the CPU

    def __call__(self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return the network's output for whole images, as the inferer does.

        Raises:
            RuntimeError, MemoryError: there is too little memory for one window at a time, too.
        """
        while True:
            try:
                made = self.wrapped(inputs, network, *args, **kwargs)
                break
            except Exception as error:
                if not is_out_of_memory(error) or not self._less(inputs):
                    raise
            # past the except clause nothing holds the tensors of the failed try any more
            gc.collect()
            if inputs.is_cuda:
                torch.cuda.empty_cache()
        return _where_the_image_is(made, inputs.device) if self._is_large(inputs) else made

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the inferer itself."""
        if name == "wrapped":  # not there yet
            raise AttributeError(name)
        return getattr(self.wrapped, name)

    def _less(self, inputs: torch.Tensor) -> bool:
        """Make the inferer take less memory; return False where it cannot."""
        windows = int(self.wrapped.sw_batch_size)
        if windows > 1:
            self.wrapped.sw_batch_size = windows // 2
            said = f"out of memory with {windows} windows at a time, goes on with sw_batch_size {windows // 2}"
        elif inputs.device.type != "cpu" and not self._is_large(inputs):
            self._large = inputs.shape[2:].numel()
            self.wrapped.device = None  # where one is named, cpu_thresh is not looked at
            self.wrapped.sw_device = self.wrapped.sw_device or inputs.device
            self.wrapped.cpu_thresh = self._large - 1
            size = "x".join(map(str, inputs.shape[2:]))
            said = f"out of memory with one window at a time, puts images from {size} on together on the CPU"
        else:
            return False
        self._say(f"{self._name}: {said}.")
        return True

    def _is_large(self, inputs: torch.Tensor) -> bool:
        return self._large is not None and inputs.shape[2:].numel() >= self._large


def with_less_memory(inferer: Any, name: str, say: Callable[[str], None]) -> Any:
    """Return the inferer, which goes on with less memory where it slides a window; any other as it is.

    Args:
        inferer: what the config names.
        name: where it stands in the config.
        say: told each step in one line.
    """
    return WindowMemory(inferer, name, say) if isinstance(inferer, SlidingWindowInferer) else inferer


def _where_the_image_is(made: Any, device: torch.device) -> Any:
    """Return an output on the device, or on the CPU where it does not fit."""
    try:
        return _moved(made, device)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return _moved(made, _CPU)


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Mapping):
        return {key: _moved(item, device) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_moved(item, device) for item in value)
    return value.to(device) if isinstance(value, torch.Tensor) else value


class LabelBesidePrediction:
    """Takes the label to the CPU where the prediction stayed there, so that both can be compared."""

    def attach(self, engine: Engine) -> None:
        """Look after each forward pass of an evaluator, before transforms and metrics."""
        if engine.has_registered_events(IterationEvents.FORWARD_COMPLETED):
            engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Move the label, if it has to be."""
        output = engine.state.output
        if not isinstance(output, dict):
            return
        made, label = output.get("pred"), output.get("label")
        if not isinstance(made, torch.Tensor) or not isinstance(label, torch.Tensor):
            return
        if made.device.type == "cpu" and label.device.type != "cpu":
            output["label"] = label.cpu()

"""How large a network is and what a step of it takes, found out before any training and before a cache is filled."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.func import functional_call

from medl.mmar.stats import SIZES

MOMENTS = 2
"""Of an optimizer that cannot be tried: as many values per weight as Adam keeps."""


def network_size(
    names: Iterable[str],
    network: torch.nn.Module,
    optimizer: Any,
    sample: Callable[[], tuple[torch.Tensor, int]],
) -> dict[str, float]:
    """Return name to value, of those asked for.

    ``params_m``: trainable parameters, in millions. ``gflops``: floating-point operations of one forward pass of one
    patch, in 10^9, a multiplication and an addition counted as two. ``memory_mb``: an estimate of what a training step
    needs, in 10^6 bytes: weights, gradients and the optimizer's moments, the batch, and what the forward pass keeps for
    the backward pass; without workspaces of kernels, in full precision also where ``amp`` is on.

    Generators of random numbers, weights and statistics of the network are as they were afterwards.

    Args:
        names: of :data:`medl.mmar.stats.SIZES`.
        network: with its weights.
        optimizer: of its weights, or ``None``.
        sample: gives one patch without a batch's axis, and how many of them a batch of this process has; called only
            where it is needed.
    """
    names = set(names)
    weights = [p for p in network.parameters() if p.requires_grad]
    found = {"params_m": sum(p.numel() for p in weights) / 1e6}
    if names & {"gflops", "memory_mb"}:
        with _unmoved_generators():
            patch, batch = sample()
            flops, saved = forward_cost(network, patch)
        found["gflops"] = flops / 1e9
        held = sum(t.numel() * t.element_size() for t in itertools.chain(network.parameters(), network.buffers()))
        trained = sum(p.numel() * p.element_size() for p in weights)
        moments = 0.0 if optimizer is None else values_per_weight(optimizer)
        one = saved + patch.numel() * patch.element_size()
        found["memory_mb"] = (held + trained * (1 + moments) + batch * one) / 1e6
    return {name: round(found[name], 9) for name in SIZES if name in names}


def forward_cost(network: torch.nn.Module, patch: torch.Tensor) -> tuple[int, int]:
    """Return the floating-point operations of one forward pass, and the bytes that it keeps for the backward pass.

    The weights and the patch itself, which are there anyway, are not among these bytes.

    Tried with tensors that have shapes and no values, which costs next to nothing; a network for which that does not
    work computes the patch for real, on its own device.

    Args:
        network: a training's.
        patch: an image without a batch's axis.
    """
    shape, dtype = (1, *patch.shape), torch.float32 if not patch.is_floating_point() else patch.dtype
    was_training = network.training
    network.train()
    try:
        try:
            return _counted(network, torch.empty(shape, dtype=dtype, device="meta"), "meta")
        except Exception:  # its code looks at values, or belongs to no device but its own
            device = next((p.device for p in network.parameters()), torch.device("cpu"))
            return _counted(network, torch.zeros(shape, dtype=dtype, device=device), None)
    finally:
        network.train(was_training)


def _counted(network: torch.nn.Module, batch: torch.Tensor, device: str | None) -> tuple[int, int]:
    from torch.utils.flop_counter import FlopCounterMode

    state: dict[str, torch.Tensor] = {}
    for name, parameter in network.named_parameters():
        moved = parameter.detach() if device is None else parameter.detach().to(device)
        state[name] = moved.requires_grad_(parameter.requires_grad) if device else parameter
    for name, buffer in network.named_buffers():
        state[name] = buffer.clone() if device is None else buffer.to(device)  # statistics that a pass would change
    own = {tensor.untyped_storage()._cdata for tensor in (batch, *state.values())}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
        return tensor  # the graph holds it, so no other storage takes its place

    counter = FlopCounterMode(display=False)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), counter:
        made = functional_call(network, state, (batch,))
    del made
    return int(counter.get_total_flops()), sum(kept.values())


def values_per_weight(optimizer: Any) -> float:
    """Return how many values an optimizer keeps for each weight: 2 for Adam, 1 for SGD with momentum."""
    # not Horovod's class around it, whose step would wait for the other ranks
    kind = next(one for one in type(optimizer).__mro__ if "synchronize" not in vars(one))
    group = {name: value for name, value in optimizer.param_groups[0].items() if name not in ("params", "initial_lr")}
    weight = torch.nn.Parameter(torch.zeros(8))
    try:
        tried = kind([{"params": [weight], **group}])
        weight.grad = torch.ones_like(weight)
        tried.step()
        state = tried.state[weight].values()
    except Exception:  # an optimizer of the user's, which needs more than its options
        return MOMENTS
    return float(sum(value.numel() == weight.numel() for value in state if isinstance(value, torch.Tensor)))


def patch_of(item: Any) -> tuple[torch.Tensor, int]:
    """Return the image of a prepared case, and how many patches the case gives.

    Args:
        item: what the transforms gave: a dict with ``image`` (else its first tensor counts), a pair, a tensor, or a
            list of such patches.

    Raises:
        TypeError: there is no tensor in it.
    """
    many = 1
    if isinstance(item, list) and item:
        item, many = item[0], len(item)
    if isinstance(item, Mapping):
        item = item.get("image", next((v for v in item.values() if isinstance(v, torch.Tensor)), None))
    if isinstance(item, tuple) and item:
        item = item[0]
    if isinstance(item, np.ndarray):
        item = torch.from_numpy(item)
    if not isinstance(item, torch.Tensor):
        raise TypeError(f"a prepared case has an image that is a tensor, and this one has {type(item).__name__}")
    return item.as_subclass(torch.Tensor), many


@contextmanager
def _unmoved_generators() -> Iterator[None]:
    """Leave the generators of random numbers as they are."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)

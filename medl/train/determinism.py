"""Random numbers that depend on nothing but (seed, epoch, rank)."""

from __future__ import annotations

import hashlib
import os
import random
import secrets
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events


def derive_seed(seed: int, epoch: int, rank: int) -> int:
    """Return the seed of one epoch on one rank, below 2**31.

    Neighbouring seeds, epochs and ranks give unrelated numbers; Python's ``hash`` would not do, nor a sum.
    """
    digest = hashlib.sha256(f"{seed}/{epoch}/{rank}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def draw_seed() -> int:
    """Return a seed that nobody chose, below 2**31; a training that goes on needs the one that it began with."""
    return secrets.randbelow(2**31)


def make_deterministic(seed: int, *, cuda: bool) -> None:
    """Seed every generator for the building of the objects and choose deterministic kernels.

    Bit for bit the same holds for the same versions, CPU instruction set and number of threads.

    Args:
        seed: the config's ``determinism.random_seed``; all ranks build the same weights from it.
        cuda: whether the training uses a GPU.
    """
    _seed_all(derive_seed(seed, 0, 0))
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    if cuda:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        # an operation without a deterministic kernel warns and runs: refusing it would refuse whole networks
        torch.use_deterministic_algorithms(True, warn_only=True)


class EpochSeeds:
    """Seeds every generator, and the random transforms of the training data, when an epoch starts.

    So an epoch is the same whether the ones before it ran in this process, and whether validation came between.

    Args:
        seed: the config's ``determinism.random_seed``, or the one that was drawn.
        rank: this process.
        dataset: the training data, whose random transforms have generators of their own; or ``None``.
    """

    def __init__(self, seed: int, rank: int, dataset: Any):
        self.seed = seed
        self.rank = rank
        self.dataset = dataset

    def attach(self, engine: Engine) -> None:
        """Listen to a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Seed for the epoch that starts."""
        from monai.data.utils import set_rnd

        seed = derive_seed(self.seed, engine.state.epoch, self.rank)
        _seed_all(seed)
        if self.dataset is not None:
            set_rnd(self.dataset, seed=seed)


def _seed_all(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)  # CUDA's generators as well

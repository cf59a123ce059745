"""Random numbers that depend on (seed, epoch, rank) alone."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data import Dataset
from monai.transforms import Compose, RandGaussianNoise

from medl.train.determinism import EpochSeeds, derive_seed, make_deterministic


@given(st.integers(0, 2**40), st.integers(0, 10**6), st.integers(0, 1000))
def test_a_seed_fits_every_generator(seed: int, epoch: int, rank: int) -> None:
    derived = derive_seed(seed, epoch, rank)
    assert 0 <= derived < 2**31
    assert derived == derive_seed(seed, epoch, rank)


def test_neighbours_get_different_seeds() -> None:
    seeds = {derive_seed(seed, epoch, rank) for seed in range(10) for epoch in range(10) for rank in range(10)}
    assert len(seeds) == 1000


def draw(seeds: EpochSeeds, dataset: Dataset, epoch: int) -> tuple[object, ...]:
    seeds(SimpleNamespace(state=SimpleNamespace(epoch=epoch)))  # type: ignore[arg-type]
    return random.random(), float(np.random.rand()), float(torch.rand(())), float(dataset[0].sum())


def test_an_epoch_is_the_same_whatever_came_before_it() -> None:
    dataset = Dataset([torch.zeros(1, 4)], transform=Compose([RandGaussianNoise(prob=1.0)]))
    seeds = EpochSeeds(7, 0, dataset)
    first = draw(seeds, dataset, 3)
    random.random(), torch.rand(5), dataset[0]
    assert draw(seeds, dataset, 4) != first
    assert draw(seeds, dataset, 3) == first
    assert draw(EpochSeeds(8, 0, dataset), dataset, 3) != first
    assert draw(EpochSeeds(7, 1, dataset), dataset, 3) != first


@pytest.fixture
def _switches() -> object:
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    yield
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before


@pytest.mark.usefixtures("_switches")
def test_building_is_seeded_too() -> None:
    make_deterministic(5, cuda=False)
    first = torch.nn.Linear(2, 2).weight
    make_deterministic(5, cuda=False)
    assert torch.equal(first, torch.nn.Linear(2, 2).weight)
    assert torch.backends.cudnn.deterministic

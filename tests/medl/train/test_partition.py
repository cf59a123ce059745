"""Who takes which items, and how much of a batch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import IterableDataset

from medl.errors import ConfigError
from medl.train.distributed import Ranks
from medl.train.partition import own_batch, own_dataset, own_indices, own_part

SIZES = st.integers(1, 9).flatmap(lambda size: st.tuples(st.integers(size, 60), st.just(size)))


@given(SIZES)
def test_validation_takes_each_item_once(sizes: tuple[int, int]) -> None:
    count, size = sizes
    parts = [own_indices(count, Ranks(rank, size), "validate") for rank in range(size)]
    assert sorted(index for part in parts for index in part) == list(range(count))
    assert all(parts)


@given(SIZES)
def test_training_takes_all_items_and_as_many_on_each_rank(sizes: tuple[int, int]) -> None:
    count, size = sizes
    parts = [own_indices(count, Ranks(rank, size), "train") for rank in range(size)]
    assert len({len(part) for part in parts}) == 1
    taken = [index for part in parts for index in part]
    assert set(taken) == set(range(count)) and len(taken) - count < size
    assert all(taken.count(index) <= 2 for index in range(count))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))
def test_the_ranks_batches_are_one_process_batch(size: int, share: int, batches: int) -> None:
    count = size * share * batches
    parts = [own_indices(count, Ranks(rank, size), "train") for rank in range(size)]
    for batch in range(batches):
        together = [index for part in parts for index in part[batch * share : (batch + 1) * share]]
        assert sorted(together) == list(range(batch * share * size, (batch + 1) * share * size))


def test_more_ranks_than_items_are_refused_with_the_remedy() -> None:
    for make in (own_part, own_dataset):
        with pytest.raises(ConfigError, match=r"2 items, 3 ranks.*\n?.*at most 2 ids"):
            make([1, 2], Ranks(0, 3), "validate", file="f", path="validate.dataset")


def test_a_dataset_that_finds_its_items_itself_is_parted_too() -> None:
    assert list(own_dataset([5, 6, 7], Ranks(1, 2), "validate", file="f", path="p")) == [6]


def test_a_stream_cannot_be_parted() -> None:
    class Stream(IterableDataset):
        def __iter__(self):
            yield 1

    with pytest.raises(ConfigError, match="Stream"):
        own_dataset(Stream(), Ranks(1, 2), "train", file="f", path="p")


def test_the_batch_is_the_global_one_unless_the_config_says_otherwise() -> None:
    def share(size: object, **variables: object) -> object:
        return own_batch(size, Ranks(1, 2), variables, file="f", path="p")

    assert share(4) == 2
    assert share(4, batch_size_per_rank=True) == 4
    assert share(3, batch_size_per_rank=1) == 3
    assert share(None) is None
    with pytest.raises(ConfigError, match="Write 4"):
        share(3)

"""Caches that are kept to the RAM, with the cases that are loaded counted."""

from __future__ import annotations

import pickle
import time
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, Dataset, SmartCacheDataset
from monai.transforms import Compose, MapTransform, RandAdjustContrastd

from medl.memory import Room
from medl.train.cache_size import bytes_of, capped

CASE = 4000  # bytes of a prepared case


class Load(MapTransform):
    """Makes a case, and counts it."""

    def __init__(self) -> None:
        super().__init__("image")
        self.loaded: list[int] = []

    def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
        self.loaded.append(item["image"])
        return {"image": torch.full((1, 10, 100), float(item["image"]))}


class Caching:
    """Makes datasets of twenty cases in a given RAM, and keeps what is said."""

    def __init__(self) -> None:
        self.load, self.said = Load(), []

    def __call__(self, cls: Any, share: float | None, agree: Any = int, **args: Any) -> Any:
        args = {"progress": False, "transform": Compose([self.load, RandAdjustContrastd("image")]), **args}
        args.setdefault("data", [{"image": n} for n in range(20)])
        # of a share 80 % are used
        room = None if share is None else Room(int(share * CASE / 0.8) + 10, 1)
        return capped(cls, args, "train cache", lambda: room, self.said.append, agree)


@pytest.fixture
def make() -> Caching:
    return Caching()


def test_all_are_cached_where_there_is_room_and_each_is_loaded_once(make):
    dataset = make(CacheDataset, 100)
    assert type(dataset) is CacheDataset
    assert dataset.cache_num == 20 and sorted(make.load.loaded) == list(range(20))
    assert make.said == ["train cache: 20 items of 4.0 kB = 80 kB; 500 kB free: all cached"]
    assert [dataset[n]["image"].shape for n in range(20)] == [(1, 10, 100)] * 20
    assert len(make.load.loaded) == 20


def test_a_cache_is_capped_and_the_other_cases_are_there_all_the_same(make):
    dataset = make(CacheDataset, 3)  # besides the four that are measured
    assert dataset.cache_num == 7 and len(make.load.loaded) == 7 and len(dataset) == 20
    kept = "capped to 7 of 20 items, the others are loaded when needed"
    assert make.said == [f"train cache: 20 items of 4.0 kB = 80 kB; 15 kB free: {kept}"]
    assert [float(dataset.transform.transforms[0]({"image": n})["image"].max()) for n in (3, 12)] == [3, 12]
    before = len(make.load.loaded)
    assert dataset[6]["image"].shape == dataset[7]["image"].shape
    assert make.load.loaded[before:] == [7]


@pytest.mark.parametrize(
    ("args", "wanted", "kept"),
    [
        ({"cache_num": 6}, 6, 5),
        ({"cache_rate": 0.5}, 10, 5),
        ({"cache_num": 3}, 3, 3),
        ({"hash_as_key": True}, 20, 5),
        ({"num_workers": 3}, 20, 5),
    ],
)
def test_what_the_config_asks_for_is_the_most(make, args, wanted, kept):
    dataset = make(CacheDataset, 1, **args)
    assert dataset.cache_num == kept == len(make.load.loaded)
    assert make.said[0].startswith(f"train cache: {wanted} items of")
    assert [dataset[n]["image"].numel() for n in (0, kept - 1, 19)] == [1000] * 3
    dataset.set_data([{"image": n} for n in range(8)])
    assert dataset.cache_num <= kept


def test_no_cache_is_no_line(make):
    assert make(CacheDataset, 1, cache_rate=0.0).cache_num == 0
    assert make(CacheDataset, 1, data=[]).cache_num == 0
    assert type(capped(Dataset, {"data": [1]}, "cache", lambda: None, make.said.append)) is Dataset
    assert make.said == [] and make.load.loaded == []


def test_a_system_that_does_not_say_caches_all(make):
    assert make(CacheDataset, None).cache_num == 20 and make.said == []


@pytest.mark.filterwarnings("ignore:cache_num is greater")
def test_a_smart_cache_is_as_long_as_what_it_caches(make):
    dataset = make(SmartCacheDataset, 2, cache_num=10, replace_rate=0.5, shuffle=False)
    assert type(dataset) is SmartCacheDataset
    assert len(dataset) == 6 and dataset._replace_num == 3 and len(make.load.loaded) == 6
    assert make.said[0].endswith("capped to 6 of 10 items, an epoch has no more")
    dataset.start()
    dataset.update_cache()
    dataset.shutdown()
    assert {float(dataset._cache[n]["image"].max()) for n in range(6)} == {3, 4, 5, 6, 7, 8}


@pytest.mark.filterwarnings("ignore:cache_num is greater")
def test_smart_caches_of_several_ranks_have_one_length_and_never_none(make):
    assert len(make(SmartCacheDataset, 2, lambda count: count - 2, cache_num=10)) == 4
    assert len(make(SmartCacheDataset, -3.9, cache_num=10)) >= 1


def test_a_cache_that_fills_while_it_trains(make):
    dataset = make(CacheDataset, 5, runtime_cache="threads")
    assert dataset.cache_num == 5 and make.load.loaded == [0]
    assert dataset[4]["image"].numel() == dataset[5]["image"].numel() == 1000


def test_it_can_be_sent_to_another_process(make):
    args = {"data": [{"image": 1}], "transform": Compose([]), "progress": False}
    dataset = capped(CacheDataset, args, "c", lambda: Room(10**6), make.said.append)
    assert pickle.dumps(dataset)  # raises for a class that cannot be found by its name


def test_sizes_of_cases():
    case = {"image": torch.zeros(2, 3), "label": np.zeros(5, np.uint8), "parts": [torch.zeros(1)], "name": "a"}
    assert bytes_of(case) == 24 + 5 + 4
    assert bytes_of(torch.zeros(9, device="meta")) == 0


def test_where_a_case_fails_no_thread_is_left_in_the_midst_of_another(make):
    begun, ended = [], []

    class Failing(MapTransform):
        def __call__(self, item: dict[str, Any]) -> dict[str, Any]:
            begun.append(item["image"])
            if item["image"] == 0:
                raise ValueError("no such case")
            time.sleep(0.2)
            ended.append(item["image"])
            return item

    with pytest.raises(RuntimeError):
        make(CacheDataset, 100, transform=Compose([Failing("image"), RandAdjustContrastd("image")]), num_workers=4)
    assert sorted(ended) == sorted(set(begun) - {0}) and len(begun) > 1

"""A train config with a smaller batch."""

from __future__ import annotations

from typing import Any

import pytest

from medl.components.executors.halved_batch import halved_batch


def config(size: Any) -> dict[str, Any]:
    return {"train": {"dataloader": {"name": "DataLoader", "args": {"batch_size": size}}, "model": {}}}


@pytest.mark.parametrize(("size", "times", "less"), [(8, 1, 4), (8, 3, 1), (5, 1, 2), (2, 1, 1)])
def test_it_is_halved_and_the_config_stays(size: int, times: int, less: int):
    given = config("{SIZE}")
    assert halved_batch(given, config(size), times) == (config(less), size, less)
    assert given == config("{SIZE}")


@pytest.mark.parametrize("resolved", [None, {}, {"train": {}}, config(1), config(True), config("8"), config(4)])
def test_where_there_is_nothing_to_halve(resolved: Any):
    assert halved_batch(config(1), resolved, 3) is None

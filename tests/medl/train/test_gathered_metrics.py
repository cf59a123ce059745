"""The order of gathered values. What ranks gather is in test_several_ranks.py."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from ignite.engine import Engine
from ignite.metrics import Accuracy
from monai.handlers import MeanDice

from medl.train.connected import metrics_of
from medl.train.distributed import Ranks
from medl.train.gathered_metrics import GatheredMetrics, dealt
from medl.train.partition import own_indices


@given(st.integers(1, 5).flatmap(lambda size: st.tuples(st.integers(size, 20), st.just(size))))
def test_what_was_dealt_out_comes_back_in_the_order_of_the_list(sizes: tuple[int, int]) -> None:
    count, size = sizes
    cases = torch.arange(2 * count).reshape(count, 2)
    parts = [cases[own_indices(count, Ranks(rank, size), "validate")] for rank in range(size)]
    assert torch.equal(dealt(parts), cases)


def test_monais_metrics_are_taken_and_ignites_gather_themselves() -> None:
    engine = Engine(lambda engine, batch: None)
    MeanDice().attach(engine, "dice")
    Accuracy().attach(engine, "accuracy")
    metrics = metrics_of(engine)
    assert [type(metric) for metric in metrics] == [MeanDice, Accuracy]
    assert GatheredMetrics(Ranks(), metrics).kept == [metrics[0].metric_fn]

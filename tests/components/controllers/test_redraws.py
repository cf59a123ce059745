"""Rejected configurations are replaced, so many in a row, by every controller whose jobs are whole trainings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from medl.automl.api import Controller
from medl.automl.defs import Context, FloatRange, JobStatus, Outcome, ParameterRange, SearchSpace
from medl.components.controllers.grid import GridController
from medl.components.controllers.random import RandomController
from medl.components.controllers.redraws import MAX_REDRAWS
from medl.components.controllers.reinforcement import ReinforcementController

RATE = ParameterRange("lr.float.$0:rate", "lr", "float", ("rate",), (FloatRange(0.0, 1.0),))
MANY = SearchSpace((ParameterRange("net.enum.$0:a", "net", "enum", ("a",), tuple((n,) for n in range(300))),))
FEW = SearchSpace((ParameterRange("net.enum.$0:a", "net", "enum", ("a",), tuple((n,) for n in range(6))),))


def statuses(controller: Controller, space: SearchSpace, rejects: Callable[[int], bool]) -> list[JobStatus]:
    """Return how the jobs ended; those are rejected of whose number (from 1) ``rejects`` says so. No point is twice."""
    ctx = Context()
    controller.set_search_space(space, ctx)
    queue = list(controller.initial_recommendation(ctx))
    found: list[JobStatus] = []
    seen = set()
    while queue:
        recommendation = queue.pop(0)
        seen.add(tuple(recommendation.result.values.items()))
        status = JobStatus.REJECTED if rejects(len(found) + 1) else JobStatus.OK
        found.append(status)
        values = {"m": 0.5} if status is JobStatus.OK else {}
        queue += controller.refine_recommendation(Outcome(recommendation.id, status, values), ctx)
    assert len(seen) == len(found)
    return found


@pytest.mark.parametrize("space", [SearchSpace((RATE,)), MANY], ids=["float", "enum"])
def test_rejected_ones_do_not_count_as_rounds(space: SearchSpace):
    found = statuses(RandomController(max_rounds=5), space, lambda number: number % 2 == 0)
    assert found.count(JobStatus.OK) == 5
    assert statuses(GridController(max_rounds=4, points=90), space, lambda number: number < 4).count(JobStatus.OK) == 4


def test_a_sequential_reinforcement_has_its_rounds():
    found = statuses(ReinforcementController(max_rounds=5), SearchSpace((RATE,)), lambda number: number in (2, 3))
    assert found.count(JobStatus.OK) == 5


def test_a_space_that_has_an_end_is_searched_to_its_end():
    assert len(statuses(RandomController(max_rounds=4), FEW, lambda number: True)) == 6
    assert len(statuses(RandomController(max_rounds=1), FEW, lambda number: True)) == 6
    assert len(statuses(RandomController(max_rounds=4), FEW, lambda number: number == 2)) == 5
    assert len(statuses(GridController(), FEW, lambda number: True)) == 6


def test_not_for_ever(capsys):
    found = statuses(RandomController(max_rounds=3), SearchSpace((RATE,)), lambda number: True)
    assert len(found) == 3 + MAX_REDRAWS - 1
    assert "100 configurations in a row broke a hard constraint" in capsys.readouterr().out

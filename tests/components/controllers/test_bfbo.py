"""BfboController: the contract, and batches with a barrier between them."""

from __future__ import annotations

import pytest

from medl.automl.defs import Context, ContextKey, JobStatus, Outcome
from medl.components.controllers.bfbo import BfboController
from medl.testing.controllers import ControllerContract
from medl.testing.spaces import MIXED, SPACES


class TestContract(ControllerContract):
    rounds = 8

    @pytest.fixture(params=["discrete", "single_point"])
    def space(self, request):
        return SPACES[request.param]

    @pytest.fixture
    def controller_factory(self):
        return lambda max_rounds, seed: BfboController(max_rounds, 3, n_startup=6, seed=seed)


@pytest.mark.parametrize(("batch_size", "workers", "size"), [(None, 3, 3), (None, None, 1), (4, 2, 4)])
def test_a_batch_comes_when_the_whole_one_before_is_judged(batch_size, workers, size):
    controller, ctx = BfboController(9, batch_size, n_startup=4), Context()
    ctx.set_prop(ContextKey.RUN_WORKERS, workers)
    controller.set_search_space(MIXED, ctx)
    batch, sizes, points = list(controller.initial_recommendation(ctx)), [], set()
    while batch:
        sizes.append(len(batch))
        points.update(tuple(recommendation.result.values.items()) for recommendation in batch)
        for number, recommendation in enumerate(reversed(batch), start=1):
            status = JobStatus.OK if number % 2 else JobStatus.FAILED
            outcome = Outcome(recommendation.id, status, {"dice": 0.1 * number} if number % 2 else {})
            given = list(controller.refine_recommendation(outcome, ctx))
            assert not given or number == len(batch)
        batch = given
    assert sizes == [size] * (9 // size) + [9 % size] * (9 % size > 0)
    assert len(points) == 9


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="batch_size"):
        BfboController(batch_size=0)

"""CmaesController."""

from __future__ import annotations

import statistics

import pytest

from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, SearchSpace
from medl.automl.goals import Goals, Objective
from medl.components.controllers.cmaes import CmaesController
from medl.testing.controllers import ControllerContract
from medl.testing.dialogue import play
from medl.testing.spaces import SPACES, float_range


class TestContract(ControllerContract):
    rounds = 9

    @pytest.fixture(params=["mixed", "single_point", "conditional", "discrete"])
    def space(self, request):
        return SPACES[request.param]

    @pytest.fixture
    def controller_factory(self):
        return lambda max_rounds, seed: CmaesController(max_rounds, seed=seed)


PLANE = SearchSpace((float_range("x", 0.0, 1.0), float_range("y", 0.0, 1.0)))
X, Y = (p.prl for p in PLANE.parameters)


@pytest.mark.parametrize("failing", [False, True], ids=["all well", "a third fails"])
def test_its_generations_move_to_the_best(failing):
    def answer(recommendation):
        x, y = recommendation.result.values[X], recommendation.result.values[Y]
        if failing and x > 0.66:
            return Outcome(recommendation.id, JobStatus.FAILED)
        return Outcome(recommendation.id, values={"dice": -((x - 0.2) ** 2) - (y - 0.4) ** 2})

    said = play(CmaesController(120), PLANE, answer, workers=2)
    last = [r.result.values for r in said.recommendations[-20:]]
    assert statistics.fmean(abs(p[X] - 0.2) + abs(p[Y] - 0.4) for p in last) < 0.1


def test_several_objectives_are_refused_with_what_to_take():
    ctx = Context()
    ctx.set_prop(ContextKey.GOALS, Goals((Objective("dice"), Objective("params_m", "min"))))
    with pytest.raises(ValueError, match="Nsga2Controller"):
        CmaesController().set_search_space(PLANE, ctx)


@pytest.mark.parametrize("args", [{"max_recommendations": 0}, {"seed": None}, {"ahead": -1}])
def test_wrong_arguments_are_named(args):
    with pytest.raises(ValueError, match=next(iter(args))):
        CmaesController(**args)

"""What schedulers say of space and goals that they do not use; every pair of a scheduler and a suggester."""

from __future__ import annotations

import pytest

from medl.automl.curves import CurveJobs
from medl.automl.defs import Context, ContextKey, ParameterRange, SearchSpace
from medl.automl.goals import Goals, Objective
from medl.automl.simulate import simulate
from medl.components.controllers.asha import AshaController
from medl.components.controllers.hyperband import HyperbandController
from medl.components.controllers.hyperband_es import HyperbandEsController
from medl.components.suggesters import SUGGESTERS
from medl.testing.dialogue import run_context
from medl.testing.spaces import MIXED, enum_range, float_range

KIND = enum_range("kind", "a", "b")
WEIGHED = ParameterRange(KIND.prl, "net", "enum", KIND.args, KIND.targets, weights=(0.9, 0.1))
PROB = MIXED.parameters[2].prl


@pytest.mark.parametrize("scheduler", [HyperbandController, HyperbandEsController, AshaController])
@pytest.mark.parametrize("suggester", sorted(set(SUGGESTERS) - {"bayesian"}))
def test_every_pair_searches(scheduler, suggester):
    jobs = CurveJobs(lambda values, epoch: values[PROB], epochs=9)
    args = {"max_trials": 12} if scheduler is AshaController else {"R": 9}
    simulated = simulate(scheduler(suggester=suggester, **args), MIXED, jobs, workers=3)
    assert simulated.core.status == "finished"
    values = [tuple(trial["values"].items()) for id, trial in simulated.core.trials.items() if "." not in str(id)]
    assert len(values) == len(set(values)) == 12
    assert 9 in {trial["until_epoch"] for trial in simulated.core.trials.values()}


def test_a_gaussian_process_goes_with_brackets():
    jobs = CurveJobs(lambda values, epoch: values[PROB], epochs=9)
    suggester = {"name": "bayesian", "args": {"n_startup": 3}}
    simulated = simulate(HyperbandController(R=9, suggester=suggester, max_recommendations=6), MIXED, jobs)
    assert len(simulated.core.jobs) == 6


@pytest.mark.parametrize(("suggester", "said"), [("tpe", True), ("grid", True), ("random", False), ("kde", False)])
def test_weights_that_are_not_used_are_said(tmp_path, suggester, said):
    ctx = run_context()
    ctx.set_trace("file", tmp_path / "trace.txt")
    space = SearchSpace((WEIGHED, float_range("x", 0.0, 1.0)))
    AshaController(suggester=suggester).set_search_space(space, ctx)
    assert (tmp_path / "trace.txt").exists() == said
    if said:
        assert KIND.prl in (tmp_path / "trace.txt").read_text(encoding="utf-8")


def test_that_the_first_objective_counts_is_said(tmp_path):
    ctx = run_context()
    ctx.set_trace("file", tmp_path / "trace.txt")
    ctx.set_prop(ContextKey.GOALS, Goals((Objective("dice"), Objective("seconds", "min"))))
    AshaController().set_search_space(MIXED, ctx)
    assert "dice, the first objective" in (tmp_path / "trace.txt").read_text(encoding="utf-8")


def test_an_empty_space_is_refused():
    with pytest.raises(ValueError, match="empty"):
        AshaController().set_search_space(SearchSpace(()), Context())

"""SuggestedController: how many are out, what is learnt from an outcome, what comes in place of a rejected one."""

from __future__ import annotations

import pytest

from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, ParameterRange, SearchSpace
from medl.automl.goals import Constraint, Goals
from medl.components.controllers.redraws import MAX_REDRAWS
from medl.components.controllers.suggested import SuggestedController
from medl.testing.spaces import FLOAT_ONLY, MIXED


class Counted:
    """Counts up the second parameter, up to a number; remembers what it was given."""

    def __init__(self, end: int = 10_000):
        self.end, self.calls = end, []

    def suggest(self, space, number, observations, pending):
        self.calls.append((number, list(observations), list(pending)))
        if number >= self.end:
            return None
        return {p.prl: number / 10_000 if n == 1 else p.targets[0].min for n, p in enumerate(space.parameters)}

    def count(self, space):
        return self.end


def begun(controller, workers=None, goals=None, space=FLOAT_ONLY):
    ctx = Context()
    ctx.set_prop(ContextKey.RUN_WORKERS, workers)
    ctx.set_prop(ContextKey.GOALS, goals)
    controller.set_search_space(space, ctx)
    return ctx, list(controller.initial_recommendation(ctx))


def ok(recommendation, score=0.5, **more) -> Outcome:
    return Outcome(recommendation.id, JobStatus.OK, {"dice": score}, **more)


@pytest.mark.parametrize(("workers", "ahead", "out"), [(None, 1, 2), (1, 0, 1), (4, 1, 5), (4, 0, 4), (64, 1, 20)])
def test_so_many_are_out_as_workers_and_those_ahead(workers, ahead, out):
    controller = SuggestedController(Counted(), 20, ahead)
    ctx, given = begun(controller, workers)
    assert len(given) == out
    assert len(controller.refine_recommendation(ok(given[0]), ctx)) == (out < 20)


def test_what_is_out_is_pending_and_what_ended_is_observed():
    source = Counted()
    controller = SuggestedController(source, 20)
    ctx, given = begun(controller, 2)
    controller.refine_recommendation(ok(given[1], 0.7), ctx)
    number, observations, pending = source.calls[-1]
    assert number == 3
    assert [(o.values, o.objectives) for o in observations] == [(given[1].result.values, (0.7,))]
    assert pending == [given[0].result.values, given[2].result.values]


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.NO_SCORE])
def test_a_failure_is_an_observation_without_objectives(status):
    source = Counted()
    controller = SuggestedController(source, 20)
    ctx, given = begun(controller)
    controller.refine_recommendation(Outcome(given[0].id, status), ctx)
    assert [o.objectives for o in source.calls[-1][1]] == [()]


@pytest.mark.parametrize("status", [JobStatus.INTERRUPTED, JobStatus.STOPPED])
def test_nothing_is_learnt_from_what_was_ended_from_outside(status):
    source = Counted()
    controller = SuggestedController(source, 20)
    ctx, given = begun(controller)
    assert controller.refine_recommendation(Outcome(given[0].id, status), ctx)
    assert source.calls[-1][1] == []


def test_only_hard_constraints_are_told():
    source = Counted()
    controller = SuggestedController(source, 20)
    goals = Goals(constraints=(Constraint("params_m", max=5), Constraint("gflops", max=9, penalty=0.1)))
    ctx, given = begun(controller, goals=goals)
    controller.refine_recommendation(ok(given[0], violations={"params_m": -1.0, "gflops": 3.0}), ctx)
    assert source.calls[-1][1][0].violations == {"params_m": -1.0}


def test_another_one_is_drawn_for_a_rejected_one_but_not_for_ever(tmp_path):
    controller = SuggestedController(Counted(), 3)
    ctx, queue = begun(controller)
    ctx.set_trace("file", tmp_path / "trace.txt")
    ended = 0
    while queue:
        ended += 1
        queue += controller.refine_recommendation(Outcome(queue.pop(0).id, JobStatus.REJECTED), ctx)
    assert ended == 3 + MAX_REDRAWS - 1
    assert "in a row broke a hard constraint" in (tmp_path / "trace.txt").read_text()


def test_rejected_ones_do_not_count():
    controller = SuggestedController(Counted(), 5)
    ctx, queue = begun(controller)
    ended = []
    while queue:
        recommendation = queue.pop(0)
        ended.append(len(ended) % 2)
        status = Outcome(recommendation.id, JobStatus.REJECTED) if ended[-1] else ok(recommendation)
        queue += controller.refine_recommendation(status, ctx)
    assert ended.count(0) == 5


def test_a_source_that_ends_ends_the_search():
    controller = SuggestedController(Counted(3), 20)
    ctx, given = begun(controller)
    assert len(controller.refine_recommendation(ok(given[0]), ctx)) == 1
    assert controller.refine_recommendation(ok(given[1]), ctx) == []
    assert controller.count(FLOAT_ONLY) == controller.parallelism(FLOAT_ONLY) == 3


def test_late_and_repeated_outcomes_bring_nothing():
    controller = SuggestedController(Counted(), 20)
    ctx, given = begun(controller)
    assert controller.refine_recommendation(ok(given[0]), ctx)
    assert controller.refine_recommendation(ok(given[0]), ctx) == []
    assert controller.refine_recommendation(Outcome("another's"), ctx) == []


def test_that_weights_are_not_used_is_said(tmp_path):
    enum = MIXED.parameters[1]
    weighted = ParameterRange(enum.prl, enum.domain, enum.kind, enum.args, enum.targets, weights=(0.2, 0.8))
    ctx = Context()
    ctx.set_trace("file", tmp_path / "trace.txt")
    SuggestedController(Counted(), 20).set_search_space(SearchSpace((weighted,)), ctx)
    assert enum.prl in (tmp_path / "trace.txt").read_text()


def test_an_empty_space_is_refused():
    with pytest.raises(ValueError, match="at least one parameter"):
        begun(SuggestedController(Counted(), 20), space=SearchSpace(()))


@pytest.mark.parametrize("args", [(0, 1), (True, 1), (2.0, 1), (None, 1), (5, -1), (5, None)])
def test_wrong_arguments_are_named(args):
    with pytest.raises(ValueError, match=r"max_recommendations|ahead"):
        SuggestedController(Counted(), *args)

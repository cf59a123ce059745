"""What the engine asks a controller, and what it does not take from it. The engine's own tests run it in a search."""

from __future__ import annotations

import itertools

import pytest

from medl.automl.adviser import Adviser
from medl.automl.api import Controller
from medl.automl.core import Core
from medl.automl.defs import (
    Context,
    ContextKey,
    FloatRange,
    ParameterRange,
    Recommendation,
    SearchResult,
    SearchSpace,
)
from medl.automl.goals import Goals, Objective
from medl.automl.stopping_rule import stopping_rule
from medl.errors import RunError

PRL = "lr.float.$0:lr"
SPACE = SearchSpace((ParameterRange(PRL, "lr", "float", ("lr",), (FloatRange(0.0, 1.0),)),))
OUTCOME = {"recommendation_id": "a", "status": "ok", "values": {"dice": 0.5}}


def recommendation(name, value=0.5, **more):
    return Recommendation(name, SearchResult(SPACE, {PRL: value}), **more)


class Given(Controller):
    def __init__(self, first=(), later=()):
        self.first, self.later, self.history, self.needed = first, later, None, ()

    def set_search_space(self, space, ctx):
        self.space = space

    def initial_recommendation(self, ctx):
        return self.first

    def refine_recommendation(self, outcome, ctx):
        self.outcome = outcome
        return self.later

    def restore(self, history):
        self.history = list(history)

    def needs(self):
        if self.needed is None:
            raise ValueError("broken")
        return self.needed


def adviser(controller, max_rounds=None):
    core, ctx, reports = Core(), Context(), []
    core.replay({"type": "run_started", "workers": ["W1"], "max_rounds": max_rounds})
    made = Adviser(controller, core, ctx, lambda component, method, error: reports.append(method))
    made.set_space(SPACE)
    return made, core, ctx, reports


def events(*first):
    items = [{"id": name, "values": {PRL: 0.5}} for name in first]
    return [
        {"type": "run_started", "workers": ["W1"]},
        {"type": "recommended", "after": None, "recommendations": items},
        {"type": "job_started", "job": "W1_1_J1", "trial": "a", "worker": "W1", "attempt": 1},
        {"type": "job_ended", "job": "W1_1_J1", "attempt": 1, "outcome": OUTCOME},
        {"type": "recommended", "after": "W1_1_J1", "recommendations": [{"id": "b", "values": {PRL: 0.5}}]},
    ]


def test_an_endless_answer_is_cut_to_what_the_run_takes():
    endless = (recommendation(f"t{n}") for n in itertools.count())
    made, *_ = adviser(Given(endless), max_rounds=3)
    assert [item["id"] for item in made.ask(None)] == ["t0", "t1", "t2"]


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_nothing_is_nothing(nothing):
    made, *_ = adviser(Given(nothing))
    assert made.ask(None) == []


def test_many_faults_are_counted_and_the_controller_is_named():
    made, *_ = adviser(Given([recommendation(f"t{n}", 7.0) for n in range(5)]))
    with pytest.raises(RunError, match=r"^Given recommends what cannot be run: .*'t0'.*'t2'.*; and 2 more\.$"):
        made.check(made.ask(None))


def test_a_replay_gives_the_outcomes_again_and_restores():
    controller = Given([recommendation("a")], [recommendation("b")])
    made = Adviser(controller, Core(), Context(), print)
    made.set_space(SPACE)
    assert made.replay(events("a")) == ""
    assert controller.outcome.score == 0.5
    assert [outcome.recommendation_id for outcome in controller.history] == ["a"]


@pytest.mark.parametrize(
    ("first", "later", "when"),
    [
        ([recommendation("a", 0.25)], [recommendation("b")], "at first"),
        ([recommendation("x")], [recommendation("b")], "at first"),
        ([recommendation("a")], [], "after W1_1_J1"),
    ],
)
def test_a_controller_that_differs_is_told_of_and_the_record_wins(first, later, when):
    core = Core()
    made = Adviser(Given(first, later), core, Context(), print)
    made.set_space(SPACE)
    assert f"Given recommends other values {when}" in made.replay(events("a"))
    assert core.trials == {name: {"id": name, "values": {PRL: 0.5}} for name in ("a", "b")}


def test_events_that_make_no_run_are_said():
    made = Adviser(Given(), Core(), Context(), print)
    made.set_space(SPACE)
    with pytest.raises(RunError, match="no record of a run"):
        made.replay(events("a")[2:])


def test_needed_jobs_are_the_controllers_and_the_sources_of_what_waits():
    controller = Given()
    made, _, ctx, reports = adviser(controller)
    controller.needed = ["W1_1_J1"]
    made.remember([{"id": "a", "values": {}, "resume_from": "W1_2_J2"}, {"id": "b", "inherit_from": "W1_3_J3"}])
    made.update_needs()
    assert ctx.get_prop(ContextKey.NEEDED_JOBS) == {"W1_1_J1", "W1_2_J2", "W1_3_J3"}
    made.forget("a")
    made.update_needs()
    assert ctx.get_prop(ContextKey.NEEDED_JOBS) == {"W1_1_J1", "W1_3_J3"}
    controller.needed = None
    made.update_needs()
    assert reports == ["needs"]
    assert ctx.get_prop(ContextKey.NEEDED_JOBS) == {"W1_1_J1", "W1_3_J3"}


def test_a_replay_cuts_an_answer_to_what_the_run_took_when_it_was_asked():
    """A job was rejected while the controller thought: afterwards there is room for one more than it was asked for."""

    class Endless(Given):
        def initial_recommendation(self, ctx):
            return [recommendation("a"), recommendation("b")]

        def refine_recommendation(self, outcome, ctx):
            return (recommendation(f"{outcome.recommendation_id}{n}") for n in itertools.count())

    def started(job, trial):
        return {"type": "job_started", "job": job, "trial": trial, "worker": job[:2], "attempt": 1}

    def ended(job, trial, status):
        outcome = {"recommendation_id": trial, "status": status}
        return {"type": "job_ended", "job": job, "attempt": 1, "outcome": outcome}

    items = [{"id": name, "values": {PRL: 0.5}} for name in ("a", "b")]
    record = [
        {"type": "run_started", "workers": ["W1", "W2"], "max_rounds": 3},
        {"type": "recommended", "after": None, "asked": 1, "recommendations": items},
        started("W1_1_J1", "a"),
        started("W2_1_J2", "b"),
        ended("W1_1_J1", "a", "ok"),
        ended("W2_1_J2", "b", "rejected"),
        {
            "type": "recommended",
            "after": "W1_1_J1",
            "asked": 5,
            "recommendations": [{"id": "a0", "values": {PRL: 0.5}}],
        },
    ]
    core = Core()
    made = Adviser(Endless(), core, Context(), print)
    made.set_space(SPACE)
    assert made.replay(record) == ""
    assert core.room() == 1


def test_a_validation_is_judged_by_the_rule_and_the_controller_also_in_a_replay():
    told = []

    class Watching(Given):
        def report(self, job, epoch, values, ctx):
            told.append((job, ctx.get_prop(ContextKey.RECOMMENDATION).id, epoch, values))
            return "stop" if epoch == 3 else "continue"

    rule = stopping_rule({"name": "threshold", "args": {"value": 0.5, "epoch": 2}}, minimize=True)
    goals = Goals((Objective("loss", "min"),))
    made = Adviser(Watching([recommendation("a")]), Core(), Context(), print, goals=goals, stopping=rule)
    made.set_space(SPACE)
    report = {"type": "job_reported", "job": "W1_1_J1", "attempt": 1, "epoch": 1, "values": {"dice": 1.0, "loss": 0.9}}
    made.replay([*events("a")[:3], report])
    ctx = Context()
    ctx.set_prop(ContextKey.RECOMMENDATION, recommendation("a"))
    decision, why = made.report("W1_1_J1", 2, {"dice": 1.0, "loss": 0.8}, ctx)
    assert (decision, why) == ("stop", "its best by epoch 2 is 0.8, the threshold from epoch 2 on 0.5")
    assert made.report("W1_1_J1", 3, {"dice": 1.0}, ctx) == ("stop", "Watching says so")
    assert told[0] == ("W1_1_J1", "a", 1, {"dice": 1.0, "loss": 0.9})
    assert [entry[2] for entry in told] == [1, 2, 3]


def test_a_job_that_the_controller_was_not_told_of_yet_is_needed():
    made, core, ctx, _ = adviser(Given([recommendation("a")]))
    for event in events("a")[1:4]:
        core.replay(event)
    made.keep(frozenset({"W1_9_J9"}))
    assert ctx.get_prop(ContextKey.NEEDED_JOBS) == {"W1_1_J1", "W1_9_J9"}
    made.keep(None)
    assert ctx.get_prop(ContextKey.NEEDED_JOBS) == {"W1_1_J1", "W1_9_J9"}

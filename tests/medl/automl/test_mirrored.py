"""The trials that a mirror shows, from events: chains, early stops, objectives, and that Optuna takes all of it."""

from __future__ import annotations

import optuna
import pytest

from medl.automl.defs import FloatRange, IntRange, ParameterRange, SearchSpace
from medl.automl.events import goals_to_json, space_to_json
from medl.automl.goals import Goals, Objective
from medl.automl.mirrored import Table
from medl.automl.study import in_memory, rebuild

LR, SIZE = "lr.float.$0:lr", "net.int.$1:size"
SPACE = SearchSpace(
    (
        ParameterRange(LR, "lr", "float", ("lr",), (FloatRange(1e-4, 1.0),), scale="log"),
        ParameterRange(SIZE, "net", "int", ("size",), (IntRange(2, 9, 3),)),
    )
)
POINT = {LR: 0.25, SIZE: 5}


def begin(*items, **goals):
    return [
        {"type": "run_started", "space": space_to_json(SPACE), "epochs": 9, "goals": goals_to_json(Goals(**goals))},
        {"type": "recommended", "after": None, "recommendations": [{"values": POINT, **item} for item in items]},
    ]


def start(job, trial):
    return {"type": "job_started", "job": job, "trial": trial, "attempt": 1, "worker": "W1", "values": {LR: [0.25]}}


def report(job, epoch, decision="continue", **values):
    return {"type": "job_reported", "job": job, "attempt": 1, "epoch": epoch, "values": values, "decision": decision}


def end(job, status="ok", **more):
    return {"type": "job_ended", "job": job, "attempt": 1, "outcome": {"status": status, "values": {}, **more}}


def segment(job, trial, last, value):
    return [start(job, trial), report(job, last, dice=value), end(job, values={"dice": value}, epoch=last)]


def asked(name, until=None, source=None, **more):
    return {"id": name, "until_epoch": until, "resume_from": source, **more}


HALVING = [
    *begin(asked("a", 3), asked("b", 3), asked("a9", 9, "J1"), asked("c", 3, "J1", values={LR: 0.5, SIZE: 2})),
    *segment("J1", "a", 3, 0.5),
    *segment("J2", "b", 3, 0.25),
    *segment("J3", "a9", 9, 0.75),
    *segment("J4", "c", 3, 0.125),
    {"type": "run_ended", "status": "finished"},
]


def shown(events):
    table = Table(lambda job, metric: {})
    for number, event in enumerate(events):
        table.take({"time": float(number), **event})
    return [(t.attributes["jobs"], t.state, t.numbers, t.steps) for t in table.trials]


def test_segments_of_a_configuration_are_one_trial_and_the_rest_is_closed_at_the_end():
    assert shown(HALVING) == [
        (["J1", "J3"], "COMPLETE", [0.75], {3: 0.5, 9: 0.75}),
        (["J2"], "PRUNED", [0.25], {3: 0.25}),
        (["J4"], "PRUNED", [0.125], {3: 0.125}),
    ]
    assert [state for _, state, *_ in shown(HALVING[:-1])] == ["COMPLETE", "RUNNING", "RUNNING"]


def test_without_a_whole_training_those_that_came_farthest_are_complete():
    events = [*begin(asked("a", 1), asked("b", 1), asked("b3", 3, "J2")), *segment("J1", "a", 1, 0.5)]
    events += [*segment("J2", "b", 1, 0.25), *segment("J3", "b3", 3, 0.75), {"type": "run_ended", "status": "stopped"}]
    assert [state for _, state, *_ in shown(events)] == ["PRUNED", "COMPLETE"]


def test_an_early_stop_is_pruned_and_a_rejection_has_no_value():
    events = [*begin(asked("a"), asked("b")), start("J1", "a"), report("J1", 2, "stop", dice=0.1)]
    events += [end("J1", values={"dice": 0.1}), start("J2", "b"), end("J2", "rejected", violations={"params_m": 2.0})]
    assert [entry[1:3] for entry in shown(events)] == [("PRUNED", [0.1]), ("FAIL", [])]


@pytest.mark.parametrize("cut", [0, 2, 4, 9, len(HALVING)])
def test_optuna_takes_it_live_and_rebuilt(tmp_path, cut):
    times = [{"time": f"2026-01-02T03:04:{n:02}.000+00:00", **event} for n, event in enumerate(HALVING)]
    mirror = rebuild(times[:cut], tmp_path / "study.journal", "a")
    for event in times[cut:]:
        mirror.take(event)
    study = optuna.load_study(study_name="a", storage=mirror.storage)
    assert [(t.state.name, t.value, t.intermediate_values) for t in study.trials] == [
        ("COMPLETE", 0.75, {3: 0.5, 9: 0.75}),
        ("PRUNED", 0.25, {3: 0.25}),
        ("PRUNED", 0.125, {3: 0.125}),
    ]
    assert study.trials[0].distributions == {
        LR: optuna.distributions.FloatDistribution(1e-4, 1.0, log=True),
        SIZE: optuna.distributions.IntDistribution(2, 8, step=3),
    }
    assert study.best_trial.user_attrs["job"] == "J3"


def test_values_are_there_while_a_job_runs():
    mirror = in_memory("a")
    for number, event in enumerate([*begin(asked("a")), start("J1", "a"), report("J1", 1, dice=0.5)]):
        mirror.take({"time": float(number), **event})
    (trial,) = mirror.storage.get_all_trials(0)
    assert (trial.state.name, trial.intermediate_values) == ("RUNNING", {1: 0.5})


def test_several_objectives_have_their_directions_and_constraints_are_known():
    objectives = (Objective("dice"), Objective("loss", "min"))
    events = [*begin(asked("a"), asked("b"), objectives=objectives), start("J1", "a"), report("J1", 1, x=9, dice=0.5)]
    events += [end("J1", values={"loss": 2.0, "dice": 0.5}, violations={"params_m": -1.0})]
    events += [start("J2", "b"), end("J2", values={"dice": 0.5})]
    mirror = in_memory("a")
    for number, event in enumerate(events):
        mirror.take({"time": float(number), **event})
    study = optuna.load_study(study_name="a", storage=mirror.storage)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.metric_names == ["dice", "loss"]
    first, second = study.trials
    assert (first.values, first.intermediate_values, first.system_attrs) == (
        [0.5, 2.0],
        {1: 0.5},
        {"constraints": [-1.0]},
    )
    assert second.state.name == "FAIL", "one of the objectives is missing"
    assert [trial.number for trial in study.best_trials] == [0]

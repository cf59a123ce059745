"""The state machine: who gets what next, and that its events alone make its state."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medl.automl.core import BASELINE, AskInitial, Core, DropQueue, EndRun, Refine, StartJob
from medl.automl.defs import FloatRange, ParameterRange, SearchSpace

PRL = "lr.float.$0:lr"
SPACE = SearchSpace((ParameterRange(PRL, "lr", "float", ("lr",), (FloatRange(0.0, 1.0),)),))
OK = {"status": "ok", "values": {"dice": 0.5}}


def recommend(*ids, after=None, **more):
    return {
        "type": "recommended",
        "after": after,
        "recommendations": [{"id": i, "values": {PRL: 0.5}, **more} for i in ids],
    }


def begin(*ids, workers=2, **more):
    core = Core()
    core.replay({"type": "run_started", "workers": [f"W{n + 1}" for n in range(workers)], **more})
    core.replay(recommend(*ids))
    return core


def start(core):
    """Start everything that is due and return the names."""
    names = []
    while (actions := core.due()) and isinstance(actions[0], StartJob):
        act = actions[0]
        core.replay(
            {
                "type": "job_started",
                "job": act.job,
                "trial": act.recommendation["id"],
                "worker": act.worker,
                "attempt": act.attempt,
            }
        )
        names.append(act.job)
    return names


def end(core, job, outcome=OK):
    return core.step({"type": "job_ended", "job": job, "attempt": 1, "outcome": outcome})


def refined(core, job, *ids):
    return core.step(recommend(*ids, after=job))


def test_a_run_from_start_to_end():
    core = Core()
    assert core.due() == []
    assert core.step({"type": "run_started", "workers": ["W1"]}) == [AskInitial()]
    (action,) = core.step(recommend("a"))
    assert isinstance(action, StartJob)
    assert (action.job, action.worker, action.attempt) == ("W1_1_J1", "W1", 1)
    assert start(core) == ["W1_1_J1"]
    assert core.due() == []
    assert end(core, "W1_1_J1") == [Refine("W1_1_J1", OK)]
    assert refined(core, "W1_1_J1") == [EndRun("finished")]
    assert core.step({"type": "run_ended", "status": "finished"}) == []


def test_names_count_jobs_per_worker_and_over_the_run():
    core = begin("a", "b", "c", "d")
    assert start(core) == ["W1_1_J1", "W2_1_J2"]
    end(core, "W2_1_J2")
    assert start(core) == ["W2_2_J3"]
    refined(core, "W2_1_J2")
    end(core, "W2_2_J3")
    refined(core, "W2_2_J3")
    assert start(core) == ["W2_3_J4"]


def test_one_job_at_a_time_goes_round_the_workers():
    core = begin("a", workers=3)
    names = start(core)
    for trial in "bcd":
        end(core, names[-1])
        refined(core, names[-1], trial)
        names += start(core)
    assert names == ["W1_1_J1", "W2_1_J2", "W3_1_J3", "W1_2_J4"]


def test_the_baseline_goes_first_is_j0_and_is_not_told_to_the_controller():
    core = begin("a", "b", baseline=True)
    assert start(core) == ["W1_1_J0", "W2_1_J1"]
    assert [action.job for action in end(core, "W1_1_J0")] == ["W1_2_J2"]
    assert not core.unseen


def test_what_waits_starts_before_the_controller_is_asked():
    core = begin("a", "b", "c")
    start(core)
    first, second = end(core, "W1_1_J1")
    assert (first.recommendation["id"], second) == ("c", Refine("W1_1_J1", OK))
    assert start(core) == ["W1_2_J3"]
    assert core.due() == [Refine("W1_1_J1", OK)]
    assert end(core, "W2_1_J2") == [Refine("W1_1_J1", OK)], "outcomes are given in the order in which jobs ended"
    assert [type(action) for action in refined(core, "W1_1_J1", "d")] == [StartJob, Refine]


def test_reports_stay_with_their_job_and_come_before_its_outcome():
    core = begin("a", workers=1)
    (job,) = start(core)
    report = {"type": "job_reported", "job": job, "attempt": 1, "epoch": 2, "values": {"dice": 0.5}}
    core.replay({**report, "decision": "continue"})
    core.replay({**report, "epoch": 4, "decision": "stop"})
    assert core.reported == {job: {2: "continue", 4: "stop"}}
    end(core, job)
    core.replay({**report, "epoch": 5, "decision": "continue"})  # told of while it ended
    refined(core, job)
    for late in (report, {**report, "job": "W1_2_J2"}):
        with pytest.raises(ValueError, match="reports, but"):
            core.replay(late)


def test_max_rounds_caps_the_recommendations_and_not_the_baseline():
    core = begin("a", "b", "c", max_rounds=2, baseline=True)
    assert list(core.queue) == [BASELINE, "a", "b"]
    assert core.room() == 0
    start(core)
    end(core, "W2_1_J1")
    refined(core, "W2_1_J1", "d")
    assert list(core.trials) == [BASELINE, "a", "b"]


def test_nothing_recommended_at_first_ends_the_run_without_the_baseline():
    assert begin(baseline=True).due() == [EndRun("finished")]


def test_stop_drops_the_queue_lets_jobs_end_and_ends_stopped():
    core = begin("a", "b", "c", "d")
    start(core)
    assert core.step({"type": "stop_asked", "reason": "enough"}) == [DropQueue(("c", "d"))]
    assert core.step({"type": "queue_dropped", "trials": ["c", "d"]}) == []
    assert end(core, "W1_1_J1") == [Refine("W1_1_J1", OK)]
    assert refined(core, "W1_1_J1", "e") == [DropQueue(("e",))]
    core.replay({"type": "queue_dropped", "trials": ["e"]})
    end(core, "W2_1_J2")
    assert refined(core, "W2_1_J2") == [EndRun("stopped")]


def test_an_interrupted_job_keeps_its_name_gets_a_new_attempt_and_goes_first():
    core = begin("a", "b", "c")
    start(core)
    for job in ("W1_1_J1", "W2_1_J2"):
        core.replay({"type": "job_interrupted", "job": job, "attempt": 1})
    assert core.step({"type": "run_paused", "reason": "SIGINT"}) == []
    actions = core.step({"type": "run_resumed", "workers": ["W1", "W2", "W3"]})
    assert [(a.job, a.worker, a.attempt) for a in actions] == [
        ("W1_1_J1", "W1", 2),
        ("W2_1_J2", "W2", 2),
        ("W3_1_J3", "W3", 1),
    ]


def test_fewer_workers_take_a_run_up():
    core = begin("a", "b")
    start(core)
    for job in ("W1_1_J1", "W2_1_J2"):
        core.replay({"type": "job_interrupted", "job": job, "attempt": 1})
    core.replay({"type": "run_resumed", "workers": ["W1"]})
    assert start(core) == ["W1_1_J1"]
    end(core, "W1_1_J1")
    refined(core, "W1_1_J1")
    assert start(core) == ["W2_1_J2"]
    assert core.running == {"W1": "W2_1_J2"}


def test_faults_are_named():
    core = begin("a")
    start(core)
    items = [
        {"id": "a", "values": {PRL: 0.5}},
        {"id": "n", "values": {PRL: 2.0}},
        {"id": "n", "values": {}},
        {"id": BASELINE, "values": {PRL: 0.5}},
        {"id": "u", "values": {PRL: 0.5}, "until_epoch": 0},
        {"id": "r", "values": {PRL: 0.5}, "resume_from": "W1_1_J1"},
        {"id": None, "values": {PRL: 0.5}},
    ]
    text = "\n".join(core.faults(items, SPACE))
    for part in (
        "'a': this id was already used before",
        "between 0.0 and 1.0",
        "'n': this id was already used in the same call",
    ):
        assert part in text
    for part in (
        "no value given",
        "kept for the archive's own",
        "until_epoch must",
        "no job of this run that has ended",
        "None: the id",
    ):
        assert part in text
    end(core, "W1_1_J1")
    assert core.faults([{"id": "r", "values": {PRL: 0.5}, "resume_from": "W1_1_J1"}], SPACE) == []


@pytest.mark.parametrize(
    "event",
    [
        {"type": "job_ended", "job": "W1_1_J9", "outcome": OK},
        {"type": "job_started", "job": "x", "trial": "b", "worker": "W1", "attempt": 1},
        {"type": "recommended", "after": "W1_1_J1", "recommendations": []},
        {"type": "recommended", "after": None, "recommendations": [{"id": "a", "values": {}}]},
        {"type": "run_resumed", "workers": ["W1"]},
        {"type": "dance"},
    ],
)
def test_events_that_no_run_can_have_are_refused(event):
    core = begin("a", "b", workers=1)
    start(core)
    with pytest.raises(ValueError):
        core.replay(event)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_replay_of_any_order_of_events_gives_the_live_state(data):
    """Drive a core through random events; at each, a fresh core fed the log so far is equal and sees the same due."""
    core, log, ids = Core(), [], iter(range(1000))
    runs: dict[str, int] = {}

    def feed(event):
        log.append(event)
        assert core.step(event) == core.due()

    def fresh(most):
        return [{"id": f"t{next(ids)}", "values": {PRL: 0.5}} for _ in range(data.draw(st.integers(0, most)))]

    workers = data.draw(st.integers(1, 3))
    cap = data.draw(st.none() | st.integers(1, 6))
    names = [f"W{n + 1}" for n in range(workers)]
    feed({"type": "run_started", "workers": names, "max_rounds": cap, "baseline": data.draw(st.booleans())})
    for _ in range(data.draw(st.integers(0, 40))):
        choices = ["act"] if core.due() else []
        choices += ["end", "interrupt"] if core.running else []
        if not core.status:
            choices += ["stop", "crash"]
        if not choices:
            break
        choice = data.draw(st.sampled_from(choices))
        if choice == "act":
            action = core.due()[0]
            if isinstance(action, AskInitial):
                feed({"type": "recommended", "after": None, "recommendations": fresh(5)})
            elif isinstance(action, Refine):
                feed({"type": "recommended", "after": action.job, "recommendations": fresh(2)})
            elif isinstance(action, StartJob):
                assert action.job not in runs or runs[action.job] == action.attempt - 1
                runs[action.job] = action.attempt
                trial = action.recommendation["id"]
                feed(
                    {
                        "type": "job_started",
                        "job": action.job,
                        "trial": trial,
                        "worker": action.worker,
                        "attempt": action.attempt,
                    }
                )
            elif isinstance(action, DropQueue):
                feed({"type": "queue_dropped", "trials": list(action.trials)})
            else:
                feed({"type": "run_ended", "status": action.status})
        elif choice in ("end", "interrupt"):
            job = data.draw(st.sampled_from(sorted(core.running.values())))
            kind = "job_ended" if choice == "end" else "job_interrupted"
            feed({"type": kind, "job": job, "attempt": runs[job], "outcome": OK})
        elif choice == "stop":
            feed({"type": "stop_asked", "reason": "x"})
        else:
            if data.draw(st.booleans()):
                feed({"type": "run_paused", "reason": "x"})
            for job in list(core.running.values()):
                feed({"type": "job_interrupted", "job": job, "attempt": runs[job]})
            workers = data.draw(st.integers(1, 3))
            feed({"type": "run_resumed", "workers": [f"W{n + 1}" for n in range(workers)]})
        again = Core()
        for event in log:
            again.replay(event)
        assert again == core
        assert again.due() == core.due()
        assert len(core.running) <= 3
        assert not set(core.idle) & set(core.running)
    if cap is not None:
        assert len(core.trials) <= cap + 1
    assert len({job.trial for job in core.jobs.values()}) == len(core.jobs)


def suspend(core, *workers, back=False):
    for worker in workers:
        core.replay({"type": "worker_resumed" if back else "worker_suspended", "worker": worker})


def test_a_suspended_worker_is_given_nothing_and_the_others_go_on():
    core = begin("a", "b", "c")
    suspend(core, "W1")
    assert start(core) == ["W2_1_J1"]
    end(core, "W2_1_J1")
    refined(core, "W2_1_J1")
    assert start(core) == ["W2_2_J2"]
    suspend(core, "W1", back=True)
    assert start(core) == ["W1_1_J3"]


def test_all_suspended_the_run_waits_while_anything_is_queued_and_ends_where_nothing_is():
    core = begin("a", "b", workers=1)
    start(core)
    suspend(core, "W1")
    assert core.held
    end(core, "W1_1_J1")
    refined(core, "W1_1_J1")
    assert core.due() == [] and core.held
    core.replay({"type": "stop_asked", "reason": "x"})
    assert core.due() == [DropQueue(("b",))] and not core.held
    core.replay({"type": "queue_dropped", "trials": ["b"], "reason": "x"})
    assert core.due() == [EndRun("stopped")]


def test_suspended_workers_stay_so_when_the_run_is_taken_up_and_those_who_left_are_forgotten():
    core = begin("a", "b", "c")
    suspend(core, "W1", "W2")
    core.replay({"type": "run_resumed", "workers": ["W1"]})
    assert core.suspended == {"W1"} and core.held and core.due() == []


def test_an_aborted_job_is_known_until_it_ends_and_only_one_that_runs_is_aborted():
    core = begin("a")
    start(core)
    core.replay({"type": "abort_asked", "job": "W1_1_J1", "attempt": 1})
    assert core.aborted == {"W1_1_J1"}
    assert end(core, "W1_1_J1", {"status": "stopped"})[0].job == "W1_1_J1"  # the controller is told
    assert core.aborted == set()
    with pytest.raises(ValueError, match="does not run"):
        core.replay({"type": "abort_asked", "job": "W1_1_J1", "attempt": 1})

"""Searches whose controller thinks for long, is told of validations, and is replayed from any prefix of the record."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest

from medl.automl.api import Controller
from medl.automl.defs import (
    Context,
    ContextKey,
    FloatRange,
    ParameterRange,
    Recommendation,
    SearchResult,
    SearchSpace,
)
from medl.automl.engine import Engine
from medl.automl.events import EventLog, read_events
from medl.automl.goals import Goals, Objective
from medl.automl.stopping_rule import stopping_rule
from medl.automl.worker_spec import parse_workers
from medl.components.executors.function_executor import FunctionExecutor
from medl.mmar.run_folder import RunFolder

PRL = "lr.float.$0:x"
SPACE = SearchSpace((ParameterRange(PRL, "lr", "float", ("x",), (FloatRange(0.0, 1.0),)),))
SEARCH = [{"domain": "lr", "type": "float", "args": ["x"], "targets": [0.0, 1.0]}]


def wait_for(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


def log(tmp_path):
    return read_events(tmp_path / "a" / "events.jsonl")[0]


def types(tmp_path):
    return [event["type"] for event in log(tmp_path)]


class Ready(Controller):
    """``first`` at once, one more per outcome up to ``total``; whatever it is called with is noted, in its order."""

    def __init__(self, first=3, total=6, think=lambda name: None, decide=lambda job, epoch: "continue"):
        self.first, self.total, self.think, self.decide = first, total, think, decide
        self.calls, self.threads, self.given, self.closed = [], set(), 0, 0

    def note(self, *call):
        self.threads.add(threading.current_thread().name)
        self.calls.append(call)

    def set_search_space(self, space, ctx):
        self.space = space
        self.note("space")

    def more(self, count):
        numbers = range(self.given, min(self.given + count, self.total))
        self.given = max(self.given, self.given + len(numbers))
        # what it recommends depends on all that it was told, in its order
        told = len([call for call in self.calls if call[0] == "report"])
        return [Recommendation(f"t{n}", SearchResult(self.space, {PRL: (n + told) % 100 / 100})) for n in numbers]

    def initial_recommendation(self, ctx):
        self.note("initial")
        self.think("initial")
        return self.more(self.first)

    def refine_recommendation(self, outcome, ctx):
        self.note("refine", outcome.recommendation_id)
        self.think(outcome.recommendation_id)
        return self.more(1)

    def report(self, job, epoch, values, ctx):
        self.note("report", ctx.get_prop(ContextKey.RECOMMENDATION).id, epoch, dict(values))
        return self.decide(job, epoch)

    def needs(self):
        self.note("needs")
        return ()

    def shutdown(self, ctx):
        self.note("shutdown")
        self.closed += 1


def engine(tmp_path, controller, function, *, workers="0:1", said=None, epochs=1, ctx=None, **more):
    return Engine(
        folder=RunFolder(tmp_path, "a"),
        workers=parse_workers(workers),
        controller=controller,
        executor=FunctionExecutor(function, epochs=epochs, search=SEARCH),
        ctx=ctx or Context(),
        fingerprint="x",
        say=[].append if said is None else said.append,
        poll_s=0.02,
        **more,
    )


def test_a_controller_that_thinks_keeps_nobody_waiting(tmp_path):
    """While it refines the first outcome, both workers go on with the queue and their ends are logged."""
    thinking, enough = threading.Event(), threading.Event()

    def think(name):
        if name == "t0":
            thinking.set()
            assert enough.wait(30)

    def job(values):
        if values["x"] > 0.005:  # all but the first wait until the controller thinks
            assert thinking.wait(30)
        return values["x"]

    controller = Ready(first=5, total=6, think=think)
    thread = threading.Thread(target=lambda: wait_for(lambda: types(tmp_path).count("job_ended") == 5) and enough.set())
    thread.start()
    result = engine(tmp_path, controller, job).run()
    thread.join()
    assert result.status == "finished"
    events = log(tmp_path)
    assert [event["after"] for event in events if event["type"] == "recommended"][1] == "W1_1_J1"
    asked = next(event for event in events if event["type"] == "recommended" and event["after"] == "W1_1_J1")
    ended = [event for event in events[asked["asked"] : asked["n"]] if event["type"] == "job_ended"]
    assert len(ended) == 4, "what it was computed from is known: these ended after it was asked"
    assert [call[1] for call in controller.calls if call[0] == "refine"] == [
        next(e["trial"] for e in events if e["type"] == "job_started" and e["job"] == end["job"])
        for end in events
        if end["type"] == "job_ended"
    ]


def test_all_calls_of_a_controller_come_from_one_thread(tmp_path):
    controller = Ready()
    engine(tmp_path, controller, lambda values, epoch: epoch, epochs=2).run()
    assert controller.threads == {"controller"}
    assert controller.closed == 1


@pytest.mark.parametrize("where", ["initial", "t0"])
def test_a_signal_while_the_controller_thinks_is_clean(tmp_path, where):
    go = threading.Event()

    def think(name):
        if name == where:
            os.kill(os.getpid(), signal.SIGTERM)
            assert go.wait(30)

    controller = Ready(first=2, total=4, think=think)
    thread = threading.Thread(target=lambda: wait_for(lambda: "run_paused" in types(tmp_path)) and go.set())
    thread.start()
    result = engine(tmp_path, controller, lambda values: values["x"]).run()
    thread.join()
    assert (result.status, result.exit_code) == ("interrupted", 143)
    assert controller.closed == 1
    assert "t0" not in [str(event.get("after")) for event in log(tmp_path) if event["type"] == "recommended"]
    again = engine(tmp_path, Ready(first=2, total=4), lambda values: values["x"]).run()
    assert again.status == "finished"
    assert sorted(row["trial"] for row in again.summary["jobs"] if row["status"] == "ok") == ["t0", "t1", "t2", "t3"]


def test_a_controller_that_never_answers_is_left(tmp_path):
    go, said = threading.Event(), []

    def think(name):
        if name == "t0":
            os.kill(os.getpid(), signal.SIGINT)
            go.wait(60)

    controller = Ready(first=1, think=think)
    begun = time.monotonic()
    try:
        result = engine(tmp_path, controller, lambda values: 0.5, said=said, stop_patience_s=0.3).run()
    finally:
        go.set()
    assert (result.status, result.exit_code) == ("interrupted", 130)
    assert time.monotonic() - begun < 20
    assert controller.closed == 0
    assert any("Ready still thinks after 0.3 s" in line for line in said)


def test_a_wish_to_stop_while_the_controller_thinks_lets_it_end(tmp_path):
    ctx = Context()

    def think(name):
        if name == "t0":
            ctx.stop_work("test", "enough")
            wait_for(lambda: "queue_dropped" in types(tmp_path))

    controller = Ready(first=3, total=9, think=think)
    gate = threading.Event()

    def job(values):
        if values["x"]:
            assert gate.wait(30)
        return 0.5

    thread = threading.Thread(target=lambda: wait_for(lambda: "queue_dropped" in types(tmp_path)) and gate.set())
    thread.start()
    result = engine(tmp_path, controller, job, workers="0", ctx=ctx).run()
    thread.join()
    assert result.status == "stopped"
    refined = [call[1] for call in controller.calls if call[0] == "refine"]
    assert refined == ["t0", "t1"]
    assert controller.closed == 1


def test_each_validation_is_told_once_in_order_before_the_outcome(tmp_path):
    controller = Ready(first=2, total=4)
    engine(tmp_path, controller, lambda values, epoch: {"dice": epoch / 10, "loss": 1.0}, epochs=3).run()
    for trial in ("t0", "t1", "t2", "t3"):
        own = [call for call in controller.calls if call[1:2] == (trial,)]
        assert own == [
            *(("report", trial, epoch, {"dice": epoch / 10, "loss": 1.0}) for epoch in (1, 2, 3)),
            ("refine", trial),
        ]
    reported = [event for event in log(tmp_path) if event["type"] == "job_reported"]
    assert len(reported) == 12
    assert all(event["decision"] == "continue" for event in reported)


def long_job(stopped_by):
    """A curve whose epochs last until it is stopped, or a hundred of them."""

    def curve(values, epoch):
        time.sleep(0.02)
        return values["x"]

    return curve


def test_a_stop_of_the_controller_ends_the_job_gently_and_is_said(tmp_path):
    controller, said = Ready(first=1, total=1, decide=lambda job, epoch: "stop" if epoch >= 2 else "continue"), []
    result = engine(tmp_path, controller, long_job(None), epochs=500, said=said).run()
    (row,) = result.summary["jobs"]
    assert row["status"] == "ok"
    assert row["epoch"] < 500
    assert row["reason"] == "stopped early after epoch 2: Ready says so"
    assert sum("W1_1_J1 is stopped early after epoch 2: Ready says so" in line for line in said) == 1


def test_a_stopping_rule_ends_a_poor_job_of_any_controller(tmp_path):
    rule = stopping_rule({"name": "threshold", "args": {"value": 0.5, "epoch": 3}}, minimize=True)
    goals = Goals((Objective("loss", "min"),))

    def curve(values, epoch):
        time.sleep(0.0 if values["x"] < 0.005 else 0.02)
        return {"loss": 0.1 if values["x"] < 0.005 else 0.9}

    controller, said = Ready(first=2, total=2), []
    result = engine(tmp_path, controller, curve, epochs=100, said=said, goals=goals, stopping=rule).run()
    rows = {row["trial"]: row for row in result.summary["jobs"]}
    assert rows["t0"]["epoch"] == 100
    assert rows["t1"]["epoch"] < 100
    assert "its best by epoch 3 is 0.9, the threshold from epoch 3 on 0.5" in rows["t1"]["reason"]


def test_a_report_that_raises_or_says_nonsense_is_said_and_the_run_goes_on(tmp_path):
    for number, decide in enumerate((lambda job, epoch: 1 / 0, lambda job, epoch: "perhaps")):
        said = []
        result = engine(tmp_path / str(number), Ready(first=1, total=1, decide=decide), lambda v, e: e, said=said).run()
        assert result.status == "finished"
        assert any("Ready.report raised" in line and "the run goes on" in line for line in said)


def cut(tmp_path, events):
    """Leave these events as the record, as a kill would have left it."""
    path = tmp_path / "a" / "events.jsonl"
    path.unlink()
    made = EventLog(path)
    for event in events:
        made.append({key: value for key, value in event.items() if key not in ("n", "crc")})
    made.close()


def decided(job, epoch):
    return "stop" if (job.endswith("J2") and epoch == 2) else "continue"


def test_replayed_from_any_prefix_of_the_record_the_controller_is_told_the_same_and_goes_on_the_same(tmp_path):
    def curve(values, epoch):
        return values["x"] + epoch

    controller = Ready(first=2, total=5, decide=decided)
    engine(tmp_path, controller, curve, workers="0", epochs=2).run()
    whole, calls = log(tmp_path), [call for call in controller.calls if call[0] != "needs"]
    for number in range(3, len(whole)):
        cut(tmp_path, whole[:number])
        again, said = Ready(first=2, total=5, decide=decided), []
        result = engine(tmp_path, again, curve, workers="0", epochs=2, said=said).run()
        assert result.status == "finished"
        assert not any("recommends other values" in line for line in said)
        told = 1 + sum(event["type"] in ("recommended", "job_reported") for event in whole[:number])
        assert [call for call in again.calls if call[0] != "needs"][:told] == calls[:told], f"cut after {number}"
        assert log(tmp_path)[: number - 1] == whole[: number - 1]
        refined = [call[1] for call in again.calls if call[0] == "refine"]
        assert refined == ["t0", "t1", "t2", "t3", "t4"], "each outcome once"


def test_a_decision_to_stop_holds_for_the_next_attempt(tmp_path):
    """The engine was killed between the decision and the job's end."""
    decide = {"W1_1_J1": 3}
    controller = Ready(first=1, total=1, decide=lambda job, epoch: "stop" if epoch == decide[job] else "continue")
    engine(tmp_path, controller, long_job(None), workers="0", epochs=60).run()
    events = log(tmp_path)
    cut(tmp_path, events[: next(event["n"] for event in events if event.get("decision") == "stop")])
    again = Ready(first=1, total=1, decide=controller.decide)
    result = engine(tmp_path, again, long_job(None), workers="0", epochs=60).run()
    rows = result.summary["jobs"]
    assert [row["status"] for row in rows] == ["interrupted", "ok"]
    assert rows[-1]["epoch"] < 60
    epochs = [call[2] for call in again.calls if call[0] == "report"]
    assert epochs[:3] == [1, 2, 3]
    assert len(epochs) == len(set(epochs)), "epochs that were judged before are judged in the replay alone"


def test_the_record_is_json_with_what_the_controller_said(tmp_path):
    controller = Ready(first=1, total=1, decide=lambda job, epoch: "stop")
    engine(tmp_path, controller, lambda values, epoch: epoch, epochs=1).run()
    lines = [json.loads(line) for line in (tmp_path / "a" / "events.jsonl").read_text().splitlines()]
    (reported,) = [line for line in lines if line["type"] == "job_reported"]
    assert {key: reported[key] for key in ("job", "attempt", "epoch", "values", "decision", "reason")} == {
        "job": "W1_1_J1",
        "attempt": 1,
        "epoch": 1,
        "values": {"score": 1.0},
        "decision": "stop",
        "reason": "Ready says so",
    }

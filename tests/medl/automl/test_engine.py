"""The driver, with real threads, real processes, real signals and real kills."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from medl.automl.api import Controller, Executor, Handler
from medl.automl.defs import (
    Context,
    ContextKey,
    FloatRange,
    JobStatus,
    Outcome,
    ParameterRange,
    Recommendation,
    SearchResult,
    SearchSpace,
)
from medl.automl.engine import Engine
from medl.automl.events import EventLog, read_events
from medl.automl.fingerprint import fingerprint
from medl.automl.lock import hold
from medl.automl.run_limits import RunLimits
from medl.automl.worker_spec import parse_workers
from medl.errors import RunError
from medl.mmar.run_folder import RunFolder

PRL = "lr.float.$0:learning_rate"
SPACE = SearchSpace((ParameterRange(PRL, "lr", "float", ("learning_rate",), (FloatRange(0.0, 1.0),)),))


class Fixed(Controller):
    """Recommends ``first`` values at once and the rest one per outcome."""

    def __init__(self, values=(0.1, 0.2, 0.3, 0.4), first=4):
        self.values, self.first = list(values), first
        self.heard, self.restored, self.closed = [], None, 0

    def set_search_space(self, space, ctx):
        self.space, self.left = space, list(enumerate(self.values))

    def take(self, count):
        taken, self.left = self.left[:count], self.left[count:]
        return [Recommendation(f"t{n}", SearchResult(self.space, {PRL: value})) for n, value in taken]

    def initial_recommendation(self, ctx):
        return self.take(self.first)

    def refine_recommendation(self, outcome, ctx):
        self.heard.append((outcome.recommendation_id, str(outcome.status)))
        return self.take(1)

    def restore(self, history):
        self.restored = [outcome.recommendation_id for outcome in history]

    def shutdown(self, ctx):
        self.closed += 1


class Function(Executor):
    """A job is a call; it is noted with its thread, context and value."""

    def __init__(self, function=lambda value, ctx: value):
        self.function, self.jobs, self.closed = function, [], 0

    def determine_search_space(self, ctx):
        return SPACE

    def execute(self, recommendation, ctx):
        self.jobs.append((ctx.get_prop(ContextKey.JOB_NAME), ctx.get_prop(ContextKey.ATTEMPT)))
        return self.function(recommendation.result.values.get(PRL, 0.05), ctx)

    def shutdown(self, ctx):
        self.closed += 1


class Recording(Handler):
    """Notes every call, with the job where there is one."""

    def __init__(self, name="", calls=None):
        self.name, self.calls = name, [] if calls is None else calls

    def __getattribute__(self, name):
        if name in vars(Handler) and not name.startswith("_"):
            calls, tag = self.calls, self.name
            return lambda ctx: calls.append((tag + name, ctx.get_prop(ContextKey.JOB_NAME)))
        return super().__getattribute__(name)


def engine(tmp_path, controller=None, executor=None, *, workers="0:1", said=None, **more):
    settings = {"fingerprint": fingerprint(config=1), "ctx": Context(), "handlers": (), **more}
    return Engine(
        folder=RunFolder(tmp_path, "a"),
        workers=parse_workers(workers),
        controller=controller or Fixed(),
        executor=executor or Function(),
        say=[].append if said is None else said.append,
        **settings,
    )


def types(tmp_path):
    return [event["type"] for event in read_events(tmp_path / "a" / "events.jsonl")[0]]


def test_a_search_from_start_to_end(tmp_path):
    controller, executor, said = Fixed(), Function(), []
    result = engine(tmp_path, controller, executor, said=said, baseline=True, baseline_values={PRL: [0.05]}).run()
    assert (result.status, result.exit_code) == ("finished", 0)
    rows = {row["job"]: row for row in result.summary["jobs"]}
    assert set(name.rpartition("_")[2] for name in rows) == {"J0", "J1", "J2", "J3", "J4"}
    assert rows["W1_1_J0"]["values"] == {PRL: [0.05]}
    assert rows[result.summary["best"]]["score"] == 0.4
    assert sorted(controller.heard) == [(f"t{n}", "ok") for n in range(4)]
    assert (controller.closed, executor.closed, controller.restored) == (1, 1, None)
    assert json.loads((tmp_path / "a" / "summary.json").read_text()) == result.summary
    assert types(tmp_path)[0] == "run_started"
    assert types(tmp_path)[-1] == "run_ended"
    assert said[0] == "W1_1_J0 starts on W1: the archive's own values (learning_rate 0.05)"
    assert "W2_1_J1 starts on W2: learning_rate 0.1" in said
    assert sum("best so far" in line for line in said) == 5


def test_how_far_a_job_came_stays_though_its_folder_goes(tmp_path):
    def trains(value, ctx):
        models = tmp_path / "a" / ctx.get_prop(ContextKey.JOB_NAME) / "models"
        models.mkdir(parents=True)
        lines = [{"epoch": n, "max_epoch": 4, "time_s": 0.5} for n in (1, 2, 3)]
        (models / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return value

    class Removing(Handler):
        def end_job(self, ctx):
            shutil.rmtree(tmp_path / "a" / ctx.get_prop(ContextKey.JOB_NAME))

    engine(tmp_path, Fixed([0.1]), Function(trains), workers="0", handlers=[Removing()]).run()
    (row,) = json.loads((tmp_path / "a" / "summary.json").read_text())["jobs"]
    assert (row["epoch"], row["max_epoch"], row["time_per_epoch_s"], row["eta_s"]) == (3, 4, 0.5, None)


def test_the_order_of_calls(tmp_path):
    calls = []
    handlers = [Recording("1.", calls), Recording("2.", calls)]

    class Traced(Fixed):
        def refine_recommendation(self, outcome, ctx):
            calls.append(("refine", None))
            return super().refine_recommendation(outcome, ctx)

    engine(tmp_path, Traced([0.1, 0.2], first=1), handlers=handlers, workers="0").run()
    names = [f"{name} {job}" if job else name for name, job in calls]
    assert names[:6] == [f"{n}.{m}" for m in ("startup", "start_automl", "search_space_available") for n in "12"]
    assert names[6:8] == ["1.recommendations_available", "2.recommendations_available"]
    job = [f"{n}.{m} W1_1_J1" for m in ("start_job", "end_job") for n in "12"]
    job += ["refine", "1.recommendations_available", "2.recommendations_available"]
    after = [f"{n}.outcome_recorded W1_1_J1" for n in "12"]
    assert names[8:12] == job[:4]
    assert names[12:17] == [*job[4:], *after]
    assert names[-4:] == ["1.end_automl", "2.end_automl", "2.shutdown", "1.shutdown"]
    for n in "12":
        for method in ("start_job", "end_job"):
            assert names.count(f"{n}.{method} W1_2_J2") == 1


def test_the_end_of_a_job_is_in_the_record_before_its_handlers_hear_of_it(tmp_path):
    seen = []

    class Peeking(Handler):
        def end_job(self, ctx):
            seen.append(types(tmp_path)[-1])

    engine(tmp_path, Fixed([0.1]), handlers=[Peeking()]).run()
    assert seen == ["job_ended"]


def test_job_contexts_carry_what_is_promised(tmp_path):
    found, ctx = {}, Context()

    def job(value, ctx):
        found[ctx.get_prop(ContextKey.WORKER_NAME)] = {
            key: ctx.get_prop(key) for key in (ContextKey.GPUS, ContextKey.ATTEMPT, ContextKey.CONCRETE_SEARCH_VALUE)
        }
        assert ctx.get_prop(ContextKey.THREADS) >= 1
        assert ctx.get_prop(ContextKey.RECOMMENDATION).result.values[PRL] == value
        assert len(ctx.get_prop(ContextKey.RECOMMENDATIONS)) == 2
        assert ctx.get_prop(ContextKey.NUM_WORKERS) == 2
        assert Path(ctx.get_prop(ContextKey.RUN_ROOT)) == tmp_path / "a"
        gate.wait(10)
        return value

    gate = threading.Barrier(2)
    result = engine(tmp_path, Fixed([0.25, 0.5]), Function(job), ctx=ctx, workers="0,1:2").run()
    assert result.exit_code == 0
    assert found["W1"] == {"_gpus": [0, 1], "_attempt": 1, "_concreteSearchValue": {PRL: [0.25]}}
    assert found["W2"]["_gpus"] == [2]
    assert ctx.get_prop(ContextKey.SEARCH_SPACE) == SPACE


def test_failures_are_told_and_the_search_goes_on(tmp_path):
    def job(value, ctx):
        if value == 0.1:
            raise RuntimeError("no luck")
        if value == 0.2:
            return Outcome("", JobStatus.FAILED, reason="signal 9: killed, probably out of memory")
        return None if value == 0.3 else value

    controller, said = Fixed(), []
    result = engine(tmp_path, controller, Function(job), said=said).run()
    assert result.exit_code == 0
    assert sorted(controller.heard) == [("t0", "failed"), ("t1", "failed"), ("t2", "no_score"), ("t3", "ok")]
    text = "\n".join(said)
    assert "Function.execute raised RuntimeError: no luck (" in text
    assert "probably out of memory" in text


def test_no_score_at_all_is_exit_code_3(tmp_path):
    assert engine(tmp_path, executor=Function(lambda value, ctx: None)).run().exit_code == 3


def test_handlers_that_raise_stop_nothing(tmp_path):
    class Broken(Handler):
        def start_automl(self, ctx):
            raise ValueError("a")

        def end_job(self, ctx):
            raise SystemExit("b")

        def recommendations_available(self, ctx):
            raise SystemExit("c")

    other, said = Recording(), []
    result = engine(tmp_path, Fixed([0.1]), handlers=[Broken(), other], said=said).run()
    assert result.status == "finished"
    assert ("end_job", "W1_1_J1") in other.calls
    assert sum(line.startswith("Broken.") and "the run goes on" in line for line in said) == 3


def test_a_handler_can_stop_the_run_before_the_next_job_starts(tmp_path):
    class Enough(Handler):
        def end_job(self, ctx):
            ctx.stop_work(self, "good enough")

    executor, said = Function(), []
    result = engine(tmp_path, executor=executor, workers="0", handlers=[Enough()], said=said).run()
    assert (result.status, result.exit_code) == ("stopped", 0)
    assert len(executor.jobs) == 1
    assert [row["status"] for row in result.summary["jobs"]] == ["ok", "stopped", "stopped", "stopped"]
    assert "Enough: good enough" in result.summary["jobs"][1]["reason"]
    assert any("asked to stop by Enough" in line for line in said)


def test_running_jobs_finish_after_a_stop(tmp_path):
    both = threading.Barrier(2)

    def job(value, ctx):
        both.wait(10)
        if value == 0.1:
            ctx.stop_work("test")
            return value
        wait_for(lambda: "queue_dropped" in types(tmp_path))
        return value

    controller = Fixed()
    result = engine(tmp_path, controller, Function(job)).run()
    assert [row["status"] for row in result.summary["jobs"]] == ["ok", "ok", "stopped", "stopped"]
    assert len(controller.heard) == 2


def test_max_rounds_caps_any_controller(tmp_path):
    class Endless(Fixed):
        def initial_recommendation(self, ctx):
            return (Recommendation(f"e{n}", SearchResult(self.space, {PRL: 0.5})) for n in iter(int, 1))

    class Numbered(Endless):
        def initial_recommendation(self, ctx):
            number = 0
            while True:
                yield Recommendation(number, SearchResult(self.space, {PRL: 0.5}))
                number += 1

    executor = Function()
    result = engine(tmp_path, Numbered(), executor, max_rounds=3, baseline=True).run()
    assert result.status == "finished"
    assert len(executor.jobs) == 4


def test_a_finished_run_is_only_reported(tmp_path):
    first = engine(tmp_path).run()
    executor, handler = Function(), Recording()
    again = engine(tmp_path, executor=executor, handlers=[handler]).run()
    assert (again.status, again.exit_code, again.summary) == ("finished", 0, first.summary)
    assert executor.jobs == []
    assert handler.calls == []


def test_another_fingerprint_is_refused_with_the_difference_and_the_remedy(tmp_path):
    before = fingerprint(config=1, data_list=[1], space=1)
    engine(tmp_path, fingerprint=before).run()
    executor = Function()
    with pytest.raises(RunError, match=r"another config and space.*run_id=a2"):
        engine(tmp_path, executor=executor, fingerprint=fingerprint(config=2, data_list=[1], space=2)).run()
    assert executor.jobs == []


def test_a_second_engine_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with hold(tmp_path / "a" / "lock"), pytest.raises(RunError, match="another engine"):
        engine(tmp_path).run()


def test_a_read_only_place_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be made"):
        engine(tmp_path / "file").run()


# Controllers that break the rules -----------------------------------------------------------------------------------


class Broken(Fixed):
    """Does ``what`` at ``where``."""

    def __init__(self, where, what, **more):
        super().__init__([0.1, 0.2, 0.3], **more)
        self.where, self.what = where, what

    def set_search_space(self, space, ctx):
        super().set_search_space(space, ctx)
        if self.where == "space":
            self.what(self, ctx)

    def initial_recommendation(self, ctx):
        return self.what(self, ctx) if self.where == "initial" else super().initial_recommendation(ctx)

    def refine_recommendation(self, outcome, ctx):
        return self.what(self, ctx) if self.where == "refine" else super().refine_recommendation(outcome, ctx)


def raises(controller, ctx):
    raise ValueError("only enums please")


def outside(controller, ctx):
    return [Recommendation("x", SearchResult(controller.space, {PRL: 7.0}))]


def twice(controller, ctx):
    return [Recommendation(name, SearchResult(controller.space, {PRL: 0.5})) for name in ("t0", "t0")]


def no_recommendation(controller, ctx):
    return [0.5]


def stops(controller, ctx):
    ctx.stop_work(controller, "too small")


@pytest.mark.parametrize(
    ("where", "what", "said"),
    [
        ("space", raises, "cannot search this space: only enums please"),
        ("space", stops, "cannot be searched: Broken: too small"),
        (
            "initial",
            raises,
            r"Broken.initial_recommendation raised ValueError: only enums please \(.*test_engine.py:.*No job",
        ),
        ("initial", outside, "Broken recommends what cannot be run: .*'x'.*between 0.0 and 1.0.*No job was started"),
        ("initial", twice, "Broken recommends .*'t0'.*already used in the same call"),
        ("initial", no_recommendation, "gave back 0.5, which is no recommendation"),
    ],
)
def test_before_the_first_job_a_broken_controller_is_an_error_and_mending_it_is_enough(tmp_path, where, what, said):
    executor, handler = Function(), Recording()
    controller = Broken(where, what)
    with pytest.raises(RunError, match=said):
        engine(tmp_path, controller, executor, handlers=[handler]).run()
    assert executor.jobs == []
    assert controller.closed == executor.closed == 1
    assert handler.calls[-1][0] == "shutdown"
    mended = engine(tmp_path, Fixed([0.1]), fingerprint=fingerprint(config="changed too")).run()
    assert mended.status == "finished"


@pytest.mark.parametrize(
    ("what", "words"),
    [(raises, "only enums"), (outside, "between 0.0"), (twice, "already used before"), (no_recommendation, "0.5")],
)
def test_later_a_broken_controller_ends_the_run_and_a_mended_one_goes_on(tmp_path, what, words):
    def job(value, ctx):  # what waits has started before the controller is asked; it ends after it has answered
        if value == 0.2:
            wait_for(lambda: "run_paused" in types(tmp_path))
        return value

    executor, said = Function(job), []
    result = engine(tmp_path, Broken("refine", what, first=3), executor, workers="0", said=said).run()
    assert (result.status, result.exit_code) == ("failed", 0)
    assert executor.jobs == [("W1_1_J1", 1), ("W1_2_J2", 1)]
    assert any("Broken" in line and words in line and "goes on" in line for line in said)
    executor = Function()
    result = engine(tmp_path, Fixed([0.1, 0.2, 0.3], first=3), executor, workers="0").run()
    assert result.status == "finished"
    assert executor.jobs == [("W1_3_J3", 1)]


def test_nothing_at_first_is_an_error_and_not_even_the_baseline_runs(tmp_path):
    executor = Function()
    with pytest.raises(RunError, match=r"Fixed.initial_recommendation gave back nothing to run\. No job was started"):
        engine(tmp_path, Fixed([]), executor, baseline=True).run()
    assert executor.jobs == []


def test_a_wish_to_stop_at_first_is_told_as_the_reason(tmp_path):
    with pytest.raises(RunError, match=r"nothing to run and asks to stop \(Broken: too small\)"):
        engine(tmp_path, Broken("initial", stops)).run()


def leaves(controller, ctx):
    raise SystemExit(7)


def no_list(controller, ctx):
    return 0.5


@pytest.mark.parametrize(
    ("where", "what", "said"),
    [
        ("space", leaves, "Broken.set_search_space raised SystemExit: 7"),
        ("initial", leaves, "Broken.initial_recommendation raised SystemExit: 7"),
        ("initial", no_list, "has to give back a list of recommendations, but gave back 0.5"),
    ],
)
def test_what_user_code_must_not_do_is_an_error_that_names_it(tmp_path, where, what, said):
    with pytest.raises(RunError, match=f"{said}.*No job was started"):
        engine(tmp_path, Broken(where, what)).run()


def test_a_broken_controller_of_a_run_that_goes_on_says_that_the_record_stays(tmp_path):
    engine(tmp_path, Broken("refine", raises, first=3), workers="0").run()
    with pytest.raises(RunError, match=r"initial_recommendation raised .*the run goes on from its record"):
        engine(tmp_path, Broken("initial", raises, first=3), workers="0").run()


# Ends from outside --------------------------------------------------------------------------------------------------


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def cut(tmp_path, *, after):
    """Cut the log of a finished run after the first event that ``after`` is true for, as a kill would have left it."""
    path = tmp_path / "a" / "events.jsonl"
    events, _ = read_events(path)
    path.unlink()
    log = EventLog(path)
    for event in events:
        log.append({key: value for key, value in event.items() if key != "n"})
        if after(event):
            break
    log.close()


EVENTS_OF_A_RUN = (
    14  # run_started, 4 x (recommended, job_started, job_ended), the last recommended; run_ended is left out
)


@pytest.mark.parametrize("number", range(3, EVENTS_OF_A_RUN + 1))
def test_a_run_cut_after_any_event_goes_on_to_the_same_end(tmp_path, number):
    whole = engine(tmp_path, Fixed(first=1), workers="0").run()
    cut(tmp_path, after=lambda event: event["n"] == number)
    done = [event["job"] for event in read_events(tmp_path / "a" / "events.jsonl")[0] if event["type"] == "job_ended"]
    controller, executor = Fixed(first=1), Function()
    again = engine(tmp_path, controller, executor, workers="0:1").run()
    assert again.status == "finished"
    assert not {job for job, _ in executor.jobs} & set(done)
    assert controller.heard == [(f"t{n}", "ok") for n in range(4)]
    assert controller.restored is not None
    scores = sorted(row["score"] for row in again.summary["jobs"] if row["score"] is not None)
    assert scores == sorted(row["score"] for row in whole.summary["jobs"])
    assert all(attempt == 1 or row == "W1" for row, attempt in ((job[:2], attempt) for job, attempt in executor.jobs))


def test_a_controller_that_differs_after_a_restart_is_said_and_the_record_wins(tmp_path):
    engine(tmp_path, Fixed(), workers="0").run()
    cut(tmp_path, after=lambda event: event["type"] == "job_ended")
    said = []
    result = engine(tmp_path, Fixed([0.9] * 4), said=said).run()
    assert sum("recommends other values at first" in line for line in said) == 1
    assert sorted(row["score"] for row in result.summary["jobs"]) == [0.1, 0.2, 0.3, 0.4]


def test_torn_tail_is_said(tmp_path):
    engine(tmp_path, workers="0").run()
    cut(tmp_path, after=lambda event: event["type"] == "job_ended")
    with (tmp_path / "a" / "events.jsonl").open("ab") as stream:
        stream.write(b'{"n":99,"ty')
    said = []
    assert engine(tmp_path, said=said).run().status == "finished"
    assert "half written and is dropped" in said[0]


def test_handlers_learn_what_was_recorded_and_keep_all_until_the_controller_has_spoken(tmp_path):
    engine(tmp_path, Fixed(first=1), workers="0").run()
    cut(tmp_path, after=lambda event: event["n"] == 7)
    seen = {}

    class Looking(Handler):
        def start_automl(self, ctx):
            seen["scores"] = ctx.get_prop(ContextKey.RECORDED_SCORES)
            seen["needed"] = ctx.get_prop(ContextKey.NEEDED_JOBS)

        def end_automl(self, ctx):
            seen["at last"] = ctx.get_prop(ContextKey.NEEDED_JOBS)

    class Needy(Fixed):
        def needs(self):
            return ["W1_1_J1"]

    engine(tmp_path, Needy(first=1), workers="0", handlers=[Looking()]).run()
    assert seen == {
        "scores": {"W1_1_J1": 0.1, "W1_2_J2": 0.2},
        "needed": {"W1_1_J1", "W1_2_J2"},
        "at last": {"W1_1_J1"},
    }


def test_an_executor_that_reports_interruptions_gets_three_attempts(tmp_path):
    executor = Function(lambda value, ctx: Outcome("", JobStatus.INTERRUPTED, reason="machine lost"))
    result = engine(tmp_path, Fixed([0.1]), executor, workers="0").run()
    assert executor.jobs == [("W1_1_J1", 1), ("W1_1_J1", 2), ("W1_1_J1", 3)]
    assert [row["status"] for row in result.summary["jobs"]] == ["interrupted", "interrupted", "failed"]
    assert "interrupted 3 times; machine lost" in result.summary["jobs"][-1]["reason"]


def test_a_full_disk_ends_the_run_without_leaving_jobs(tmp_path, monkeypatch):
    stopped = threading.Event()

    class Stoppable(Function):
        def abort(self, ctx):
            stopped.set()

    def job(value, ctx):
        if value == 0.1:
            wait_for(lambda: types(tmp_path).count("job_started") == 2)
            monkeypatch.setattr(EventLog, "append", full)
            return value
        assert stopped.wait(30)
        raise RuntimeError("stopped")

    def full(self, event):
        raise RunError("events.jsonl cannot be written: No space left on device. Make room …")

    handler = Recording()
    with pytest.raises(RunError, match="No space left"):
        engine(tmp_path, executor=Stoppable(job), handlers=[handler]).run()
    assert sum(name == "end_job" for name, _ in handler.calls) == 2
    monkeypatch.undo()
    assert engine(tmp_path).run().status == "finished"


MAIN = '''
"""A whole engine as a program: RUN_PARENT WORKERS SECONDS_PER_TRIAL.

A job is a python that starts another; both note themselves.
"""
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
import test_engine as t
from medl.automl import process
from medl.automl.launch import training_env

NOTE = "open(sys.argv[1],'a').write(f'{os.getpid()} {os.environ[\\"CUDA_VISIBLE_DEVICES\\"]}\\\\n')"
CHILD = (
    f"import os, subprocess, sys, time; {NOTE}\\n"
    "if len(sys.argv) > 3:\\n"
    "    subprocess.Popen([sys.executable, '-c', sys.argv[3], *sys.argv[1:3]], start_new_session=True)\\n"
    "time.sleep(float(sys.argv[2]))"
)

class Processes(t.Function):
    def __init__(self):
        super().__init__()
        self.processes = {}

    def execute(self, recommendation, ctx):
        job = ctx.get_prop("_jobName")
        seconds = dict(zip(("t0", "t1", "t2", "t3"), sys.argv[3].split(",")))[recommendation.id]
        folder = Path(ctx.get_prop("_runRoot")) / job
        folder.mkdir(exist_ok=True)
        env = training_env(os.environ, ctx.get_prop("_gpus"), ctx.get_prop("_threads"))
        argv = [sys.executable, "-c", CHILD, str(folder / "pids"), seconds, CHILD]
        child = self.processes[job] = process.start(argv, env=env, log=folder / "log.txt", grace=5)
        code = child.wait()
        if code:
            return t.Outcome("", t.JobStatus.FAILED, reason=process.describe_end(code, folder / "log.txt"))
        return recommendation.result.values[t.PRL]

    def abort(self, ctx):
        if (child := self.processes.get(ctx.get_prop("_jobName"))) is not None:
            child.stop()

Out = type("Out", (), {"append": print})
sys.exit(t.engine(Path(sys.argv[1]), t.Fixed(), Processes(), workers=sys.argv[2], said=Out).run().exit_code)
'''


@pytest.fixture
def launch(tmp_path):
    """Start an engine as a process of its own; what is left of it at the end is killed."""
    started = []
    main = tmp_path / "main.py"
    main.write_text(MAIN)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    env.pop("CUDA_VISIBLE_DEVICES", None)

    def launch(workers, seconds):
        argv = [sys.executable, str(main), str(tmp_path), workers, seconds, str(Path(__file__).parent)]
        started.append(
            subprocess.Popen(
                argv, env=env, stdout=(tmp_path / f"out{len(started)}").open("wb"), stderr=subprocess.STDOUT
            )
        )
        return started[-1]

    yield launch
    for engine in started:
        engine.kill()
        engine.wait(30)


def noted(tmp_path, job):
    path = tmp_path / "a" / job / "pids"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def all_run(tmp_path, *jobs):
    """Return pid and devices of the jobs' processes, children and grandchildren, once all of them run."""
    lines = [line for job in jobs for line in noted(tmp_path, job)]
    return lines if len(lines) == 2 * len(jobs) else []


def test_a_killed_engine_takes_its_jobs_along_and_the_same_command_goes_on(tmp_path, launch):
    first = launch("0:1", "0,600,600,600")  # W1 ends t0, then both work on long ones
    lines = wait_for(lambda: all_run(tmp_path, "W1_2_J3", "W2_1_J2"))
    assert {devices for _, devices in lines} == {"0", "1"}, "two workers see distinct devices"
    assert all(alive(pid) for pid, _ in lines)
    first.kill()
    first.wait(30)
    wait_for(lambda: not any(alive(pid) for pid, _ in lines))
    assert "job_interrupted" not in types(tmp_path)
    once = noted(tmp_path, "W1_1_J1")
    second = launch("0:1", "600,0,0,0")  # t0 would never end
    assert second.wait(60) == 0, (tmp_path / "out1").read_text()
    rows = [
        (row["trial"], row["attempt"], row["status"])
        for row in json.loads((tmp_path / "a" / "summary.json").read_text())["jobs"]
    ]
    interrupted, ok = "interrupted", "ok"
    again = [("t1", 1, interrupted), ("t1", 2, ok), ("t2", 1, interrupted), ("t2", 2, ok)]
    assert sorted(rows) == [("t0", 1, ok), *again, ("t3", 1, ok)]
    assert noted(tmp_path, "W1_1_J1") == once, "the finished job did not run again"
    events = types(tmp_path)
    third = launch("0:1", "600,600,600,600")
    assert third.wait(60) == 0
    assert types(tmp_path) == events


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_trees_and_the_run_can_go_on(tmp_path, launch, number):
    first = launch("0:1", "600,600,600,600")
    lines = wait_for(lambda: all_run(tmp_path, "W1_1_J1", "W2_1_J2"))
    first.send_signal(number)
    assert first.wait(60) == 128 + number, (tmp_path / "out0").read_text()
    assert not any(alive(pid) for pid, _ in lines), "no process is left when the engine is gone"
    summary = json.loads((tmp_path / "a" / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    assert [row["status"] for row in summary["jobs"]] == ["interrupted", "interrupted"]
    assert not any("did not end" in row["reason"] for row in summary["jobs"])
    second = launch("0", "0,0,0,0")
    assert second.wait(60) == 0
    summary = json.loads((tmp_path / "a" / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert sorted(row["trial"] for row in summary["jobs"] if row["status"] == "ok") == ["t0", "t1", "t2", "t3"]
    assert all(row["worker"] == "W1" for row in summary["jobs"] if row["status"] == "ok")


def test_a_second_signal_waits_for_nobody(tmp_path):
    """In this process: an executor that cannot be aborted."""
    gate = threading.Event()

    def job(value, ctx):
        os.kill(os.getpid(), signal.SIGINT)
        wait_for(lambda: "run_paused" in types(tmp_path))
        os.kill(os.getpid(), signal.SIGINT)
        gate.wait(60)
        return value

    begun = time.monotonic()
    before = signal.getsignal(signal.SIGINT)
    try:
        result = engine(tmp_path, Fixed([0.1]), Function(job), workers="0").run()
    finally:
        gate.set()
    assert (result.status, result.exit_code) == ("interrupted", 130)
    assert time.monotonic() - begun < 25
    assert [row["status"] for row in result.summary["jobs"]] == ["interrupted"]
    assert signal.getsignal(signal.SIGINT) is before


# Faults ---------------------------------------------------------------------------------------------------------------


def failing(times, fault, **info):
    """A job that fails so often, then gives its value."""
    left = {}

    def job(value, ctx):
        left[value] = left.get(value, times) - 1
        if left[value] < 0:
            return value
        return Outcome("", JobStatus.FAILED, reason=f"it was {fault}", info={"fault": fault, **info})

    return Function(job)


@pytest.fixture
def no_pause(monkeypatch):
    monkeypatch.setattr("medl.automl.engine.DiskWatch.failed", lambda self: None)


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize(
    ("times", "fault", "info", "attempts", "status"),
    [
        (1, "crash", {}, 2, "ok"),
        (2, "crash", {}, 2, "failed"),
        (1, "config", {}, 1, "failed"),
        (1, "nan", {}, 1, "failed"),
        (1, "out_of_memory", {}, 1, "failed"),
        (1, "out_of_memory", {"runs_again": True}, 2, "ok"),
        (5, "killed", {}, 6, "ok"),
        (4, "disk_full", {}, 5, "ok"),
        (99, "killed", {}, 10, "failed"),
    ],
)
def test_the_controller_hears_one_outcome_of_a_job_however_often_it_is_tried(
    tmp_path, times, fault, info, attempts, status
):
    controller, executor, said = Fixed([0.1]), failing(times, fault, **info), []
    handler = Recording()
    result = engine(tmp_path, controller, executor, workers="0", handlers=[handler], said=said).run()
    assert executor.jobs == [("W1_1_J1", number) for number in range(1, attempts + 1)]
    assert controller.heard == [("t0", status)]
    assert [row["status"] for row in result.summary["jobs"]] == ["failed"] * (attempts - 1) + [status]
    assert types(tmp_path).count("job_retried") == attempts - 1
    assert sum("runs again" in line for line in said) == attempts - 1
    assert sum(name == "end_job" for name, _ in handler.calls) == attempts
    assert sum(name == "outcome_recorded" for name, _ in handler.calls) == 1


def test_max_attempts_may_be_one(tmp_path):
    executor = failing(1, "crash")
    engine(tmp_path, Fixed([0.1]), executor, workers="0", limits=RunLimits(max_attempts=1)).run()
    assert len(executor.jobs) == 1


@pytest.mark.parametrize("number", [3, 4, 5, 6, 9, 12])
def test_a_run_with_retries_cut_after_any_event_goes_on_to_the_same_end(tmp_path, number):
    whole = engine(tmp_path / "whole", Fixed([0.1, 0.2]), failing(1, "crash"), workers="0").run()
    engine(tmp_path, Fixed([0.1, 0.2]), failing(1, "crash"), workers="0").run()
    cut(tmp_path, after=lambda event: event["n"] == number)
    controller = Fixed([0.1, 0.2])
    result = engine(tmp_path, controller, failing(0, ""), workers="0").run()
    assert result.status == whole.status
    ended = [event for event in read_events(tmp_path / "a" / "events.jsonl")[0] if event["type"] == "job_ended"]
    assert sorted(event["job"] for event in ended) == ["W1_1_J1", "W1_2_J2"]
    assert [event["outcome"]["status"] for event in ended] == ["ok", "ok"]
    assert sorted(controller.heard) == [("t0", "ok"), ("t1", "ok")]


def test_what_failed_before_is_known_to_the_next_attempt_also_after_a_restart(tmp_path):
    seen = []

    def job(value, ctx):
        seen.append(ctx.get_prop(ContextKey.FAULTS))
        info = {"fault": "out_of_memory", "runs_again": True}
        return value if len(seen) > 1 else Outcome("", JobStatus.FAILED, info=info)

    engine(tmp_path, Fixed([0.1]), Function(job), workers="0").run()
    assert seen == [(), ("out_of_memory",)]
    cut(tmp_path, after=lambda event: event["type"] == "job_retried")
    engine(tmp_path, Fixed([0.1]), Function(job), workers="0").run()
    assert seen[2:] == [("out_of_memory",)]


def test_a_run_whose_first_jobs_fail_alike_is_given_up(tmp_path):
    executor, said = failing(99, "config"), []
    result = engine(tmp_path, Fixed([n / 10 for n in range(1, 10)], first=9), executor, said=said).run()
    assert (result.status, result.exit_code) == ("stopped", 3)
    assert 3 <= len(executor.jobs) <= 5
    assert any("failed alike (config): it was config" in line for line in said)


def test_no_job_starts_while_the_disk_is_full(tmp_path, monkeypatch):
    free = [0]
    monkeypatch.setattr("medl.automl.engine.DiskWatch.short", lambda self: not free[0])
    controller, said = Fixed([0.1]), []
    made = engine(tmp_path, controller, said=said, poll_s=0.01)
    found = []
    thread = threading.Thread(target=lambda: found.append(made.run()))
    thread.start()
    wait_for(lambda: "recommended" in types(tmp_path) if (tmp_path / "a/events.jsonl").exists() else False)
    time.sleep(0.1)
    assert "job_started" not in types(tmp_path)
    free[0] = 1
    thread.join(60)
    assert found[0].status == "finished" and controller.heard == [("t0", "ok")]


def test_a_full_disk_holds_the_record_up_and_nothing_is_lost(tmp_path, monkeypatch):
    append, left = EventLog.append, [0]

    def full(self, event):
        if left[0] and event["type"] == "job_ended":
            left[0] -= 1
            raise RunError("events.jsonl cannot be written: No space left on device.") from OSError(28, "full")
        return append(self, event)

    def job(value, ctx):
        left[0] = 3
        return value

    monkeypatch.setattr(EventLog, "append", full)
    controller, said = Fixed([0.1, 0.2]), []
    result = engine(tmp_path, controller, Function(job), said=said, poll_s=0.01).run()
    assert result.status == "finished"
    assert sorted(controller.heard) == [("t0", "ok"), ("t1", "ok")]
    assert any("No space left" in line for line in said) and any("written again" in line for line in said)


def test_a_job_that_takes_too_long_ends_with_its_epoch_else_at_once(tmp_path):
    class Slow(Function):
        def __init__(self, gentle):
            super().__init__(self.job)
            self.gentle, self.gate, self.calls = gentle, threading.Event(), []

        def job(self, value, ctx):
            assert self.gate.wait(60)
            return value if self.gentle else Outcome("", JobStatus.STOPPED, reason="it was aborted")

        def stop_early(self, ctx):
            self.calls.append("gently")
            if self.gentle:
                self.gate.set()

        def abort(self, ctx):
            self.calls.append("hard")
            self.gate.set()

    limits = RunLimits(max_job_run_time=0.05)
    gentle = Slow(True)
    more = {"limits": limits, "poll_s": 0.01, "stop_patience_s": 0.2, "workers": "0"}
    result = engine(tmp_path / "one", Fixed([0.1]), gentle, **more).run()
    assert [row["status"] for row in result.summary["jobs"]] == ["ok"]
    assert gentle.calls == ["gently"]
    hard, controller = Slow(False), Fixed([0.1])
    result = engine(tmp_path / "two", controller, hard, **more).run()
    assert hard.calls == ["gently", "hard"]
    assert controller.heard == [("t0", "failed")]
    assert "max_job_run_time" in result.summary["jobs"][0]["reason"]


def test_a_run_that_takes_too_long_starts_nothing_more(tmp_path):
    def job(value, ctx):
        wait_for(lambda: "stop_asked" in types(tmp_path))
        return value

    limits = RunLimits(max_sys_run_time=0.5)
    result = engine(tmp_path, executor=Function(job), limits=limits, poll_s=0.01).run()
    assert (result.status, result.exit_code) == ("stopped", 0)
    assert [row["status"] for row in result.summary["jobs"]] == ["ok", "ok", "stopped", "stopped"]


def test_what_a_run_begins_with_is_written_under_its_lock(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    with hold(folder / "lock"), pytest.raises(RunError, match="another engine"):
        engine(tmp_path, configs={"mine": 1}).run()
    assert not (folder / "config.json").exists()
    engine(tmp_path, configs={"mine": 1}).run()
    assert json.loads((folder / "config.json").read_text()) == {"mine": 1}
    engine(tmp_path, configs={"mine": 2}).run()
    assert json.loads((folder / "config.json").read_text()) == {"mine": 1}


# What it costs ------------------------------------------------------------------------------------------------------


def test_the_import_is_light():
    code = (
        "import sys, time, medl.automl.engine\n"
        "heavy = {'torch', 'monai', 'ignite', 'numpy', 'optuna', 'jsonschema', 'rich', 'sqlalchemy'}\n"
        "print(time.process_time(), *heavy & set(sys.modules))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True
    ).stdout.split()
    assert answer[1:] == []
    assert float(answer[0]) < 0.5


def test_the_mirror_of_a_run_opens_in_optuna(tmp_path):
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    engine(tmp_path, baseline=True).run()
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "a" / "study.journal")))
    study = optuna.load_study(study_name="a", storage=storage)
    assert sorted(trial.value for trial in study.trials) == [0.05, 0.1, 0.2, 0.3, 0.4]
    assert study.best_params == {PRL: 0.4}

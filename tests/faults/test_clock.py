"""A clock that jumps: times in the record jump with it, and nothing else does."""

from __future__ import annotations

import ast
import datetime as dates
import itertools
import json
import time
from pathlib import Path

import medl
from medl.automl import events as record
from medl.automl.defs import Context, FloatRange, ParameterRange, SearchSpace
from medl.automl.engine import Engine
from medl.automl.events import read_events
from medl.automl.watchdog import Watchdog
from medl.automl.worker_spec import parse_workers
from medl.components.controllers.random import RandomController
from medl.components.executors.function_executor import FunctionExecutor
from medl.mmar.run_folder import RunFolder

SPACE = SearchSpace((ParameterRange("net.float.$0:x", "net", "float", ("x",), (FloatRange(0.0, 1.0),)),))
DAY = 86_400.0


class Parabola(FunctionExecutor):
    def __init__(self):
        super().__init__(path=lambda values, epoch: values["x"] - 1 / epoch, epochs=3)

    def determine_search_space(self, ctx):
        return SPACE


def go(parent, said):
    return Engine(
        folder=RunFolder(parent, "a"),
        workers=parse_workers("0"),
        controller=RandomController(max_rounds=6, seed=4),
        executor=Parabola(),
        ctx=Context(),
        fingerprint="config:1",
        say=said.append,
        poll_s=0.05,
    ).run()


def essence(parent):
    events, _ = read_events(parent / "a/events.jsonl")
    ended = [(e["job"], e["attempt"], e["outcome"]["values"]) for e in events if e["type"] == "job_ended"]
    return [event["type"] for event in events if event["type"] != "job_reported"].count("job_started"), ended


def test_a_search_does_not_care_about_jumps(tmp_path, monkeypatch):
    said, jumps = [], itertools.cycle([0.0, DAY, -DAY, 3 * DAY, -30 * DAY])
    for name in ("calm", "jumping"):
        (tmp_path / name).mkdir()
    go(tmp_path / "calm", [])
    real_time, real_now = time.time, record.now
    monkeypatch.setattr(time, "time", lambda: real_time() + next(jumps))

    def now():
        moment = dates.datetime.fromisoformat(real_now()) + dates.timedelta(seconds=next(jumps))
        return moment.isoformat(timespec="milliseconds")

    monkeypatch.setattr(record, "now", now)
    began = time.monotonic()
    assert go(tmp_path / "jumping", said).status == "finished"
    assert time.monotonic() - began < 30
    assert essence(tmp_path / "jumping") == essence(tmp_path / "calm")
    assert not any("mirror" in line for line in said)
    assert json.loads((tmp_path / "jumping/a/summary.json").read_text())["status"] == "finished"


def test_the_watchdog_does_not_either(tmp_path, monkeypatch):
    path = tmp_path / "log.txt"
    path.touch()
    watchdog = Watchdog([path], 60.0)
    monkeypatch.setattr(time, "time", lambda: 1e12)
    assert not watchdog.stalled()


WALL_CLOCK = {"time.time", "time.time_ns", "datetime.now", "datetime.today", "datetime.utcnow", "os.path.getmtime"}

KNOWN = {
    "automl/events.py": "times of the record, for people",
    "automl/lock.py": "a heartbeat of another machine is compared with that machine's file times",
    "automl/study.py": "virtual seconds as dates",
    "mmar/contents.py": "whether a file may still be written to is compared with the file's own time",
    "mmar/record.py": "times of the record, for people",
    "testing/contexts.py": "times of a job, for people",
    "components/handlers/mmar_stats_handler.py": "TensorBoard's wall time",
    "components/suggesters/projection.py": "Optuna wants dates; nothing reads them",
}
"""Who asks what time it is, and why it is no duration."""


def test_durations_are_measured_by_a_clock_that_only_grows():
    root = Path(medl.__file__).parent
    places = [*root.rglob("*.py"), *(root.parent / "components").rglob("*.py")]
    found = set()
    for path in places:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in WALL_CLOCK:
                base = root if path.is_relative_to(root) else root.parent
                found.add(str(path.relative_to(base)))
    assert found - set(KNOWN) == set()

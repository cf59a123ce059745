"""The power goes while a fact is being written: whatever is left of the record and of its mirror, the run goes on."""

from __future__ import annotations

import json
import os
import random
import shutil

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from medl.automl.core import Core
from medl.automl.defs import Context, FloatRange, ParameterRange, SearchSpace
from medl.automl.engine import Engine
from medl.automl.events import EventLog, read_events
from medl.automl.worker_spec import parse_workers
from medl.components.controllers.tpe import TpeController
from medl.components.executors.function_executor import FunctionExecutor
from medl.mmar.run_folder import RunFolder

ROUNDS = 6
PRL = "net.float.$0:x"
SPACE = SearchSpace((ParameterRange(PRL, "net", "float", ("x",), (FloatRange(0.0, 1.0),)),))


class Parabola(FunctionExecutor):
    def __init__(self):
        super().__init__(path=lambda values, epoch: 1.0 - (values["x"] - 0.25) ** 2 - 1 / epoch, epochs=2)

    def determine_search_space(self, ctx):
        return SPACE


def go(parent, said=None):
    engine = Engine(
        folder=RunFolder(parent, "a"),
        workers=parse_workers("0"),
        controller=TpeController(ROUNDS, n_startup=2, seed=4),
        executor=Parabola(),
        ctx=Context(),
        fingerprint="config:1",
        say=(said if said is not None else []).append,
    )
    return engine.run()


def essence(path):
    """What a run found, in its order, without times and attempts."""
    events, _ = read_events(path)
    asked = [
        [(item["id"], item["values"]) for item in e["recommendations"]] for e in events if e["type"] == "recommended"
    ]
    ended = [(e["job"], e["outcome"]["status"], e["outcome"]["values"]) for e in events if e["type"] == "job_ended"]
    validations = {(e["job"], e["epoch"]): (e["values"], e["decision"]) for e in events if e["type"] == "job_reported"}
    return asked, ended, sorted(validations.items()), events[-1]["type"]


def shown(folder):
    storage = JournalStorage(JournalFileBackend(str(folder / "a/study.journal")))
    trials = optuna.load_study(study_name="a", storage=storage).trials
    return sorted((t.user_attrs["job"], t.state.name, t.value) for t in trials)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run from start to end without a fault."""
    parent = tmp_path_factory.mktemp("whole")
    go(parent)
    return parent


def lines_of(whole, upto):
    """The lines of the log of a run that has come so far."""
    return (whole / "a/events.jsonl").read_bytes().splitlines(keepends=True)[:upto]


@pytest.mark.parametrize("upto", [None, -1, -4, 8])
def test_cut_at_every_byte_of_its_last_two_lines_the_record_is_one_that_was(whole, tmp_path, upto, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda file: None)  # thousands of them
    lines = lines_of(whole, upto)
    path, data = tmp_path / "events.jsonl", b"".join(lines)
    known = [json.loads(line) for line in lines]
    begins = len(data) - len(lines[-1]) - len(lines[-2])
    for size in range(begins, len(data) + 1):
        path.write_bytes(data[:size])
        log = EventLog(path)
        ends = [len(b"".join(lines[:number])) for number in (len(lines) - 2, len(lines) - 1, len(lines))]
        number = len(lines) - 2 + sum(end - 1 <= size for end in ends[1:])  # a line may lack its end
        assert [event["n"] for event in log.events] == [event["n"] for event in known[:number]]
        assert (log.torn is None) == (size in ends or size + 1 in ends)
        core = Core()
        for event in log.events:
            core.replay(event)
        appended = log.append({"type": "run_paused", "reason": "a test"})
        log.close()
        again, torn = read_events(path)
        assert (again[-1], torn) == (appended, None)


HARM = {
    "left": lambda journal, draw: None,
    "deleted": lambda journal, draw: journal.unlink(),
    "cut": lambda journal, draw: journal.write_bytes(journal.read_bytes()[: draw.randrange(journal.stat().st_size)]),
    "garbage": lambda journal, draw: journal.write_bytes(draw.randbytes(500)),
    "locked": lambda journal, draw: journal.with_name("study.journal.lock").symlink_to(journal),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("upto", [None, -4])
def test_with_the_mirror_deleted_or_cut_too_the_run_goes_on_to_the_same_end(whole, tmp_path, upto, harm):
    draw = random.Random(f"{upto} {harm}")
    lines = lines_of(whole, upto)
    data = b"".join(lines)
    begins = len(data) - len(lines[-1]) - len(lines[-2])
    for number, size in enumerate((begins, draw.randrange(begins, len(data)), len(data) - 1)):
        parent = tmp_path / str(number)
        shutil.copytree(whole, parent)
        (parent / "a/events.jsonl").write_bytes(data[:size])
        HARM[harm](parent / "a/study.journal", draw)
        said = []
        finished = upto is None and size == len(data) - 1
        assert go(parent, said).status == "finished"
        assert essence(parent / "a/events.jsonl") == essence(whole / "a/events.jsonl")
        if not finished:  # one that has ended is only shown
            assert shown(parent) == shown(whole)
            assert not [path.name for path in (parent / "a").iterdir() if "lock" in path.name and path.is_symlink()]
        assert not any("mirror" in line for line in said)


def test_after_a_jobs_end_its_validations_are_still_told(whole, tmp_path):
    """The controller hears of the last ones after the end is in the record."""
    lines = lines_of(whole, None)
    last = max(number for number, line in enumerate(lines) if b'"job_ended"' in line)
    assert any(b'"job_reported"' in line for line in lines[last:])
    shutil.copytree(whole, tmp_path / "cut")
    (tmp_path / "cut/a/events.jsonl").write_bytes(b"".join(lines[: last + 1]))
    go(tmp_path / "cut")
    assert essence(tmp_path / "cut/a/events.jsonl") == essence(whole / "a/events.jsonl")


def test_after_the_last_fact_summary_and_mirror_are_still_made(whole, tmp_path):
    parent = tmp_path / "cut"
    shutil.copytree(whole, parent)
    summary = parent / "a/summary.json"
    last = json.loads(summary.read_text())
    summary.write_text(json.dumps({**last, "status": "running"}))
    (parent / "a/study.journal").unlink()
    events = (parent / "a/events.jsonl").read_bytes()
    go(parent)
    assert json.loads(summary.read_text()) == last
    assert shown(parent) == shown(whole)
    assert (parent / "a/events.jsonl").read_bytes() == events

"""A search whose study is kept in a real PostgreSQL, which comes and goes."""

from __future__ import annotations

import json
import threading
import time

import pytest

from medl.apps.automl import train
from medl.apps.main import main

FUNCTIONS = """
import pathlib, time

def gated(values):
    gate = pathlib.Path(__file__).with_name("gate")
    run = pathlib.Path(__file__).parent.parent / "automl/a/events.jsonl"
    until = time.monotonic() + 60
    while run.read_bytes().count(b"job_ended") >= 4 and not gate.exists() and time.monotonic() < until:
        time.sleep(0.01)
    return 1.0 - (values["x"] - 0.25) ** 2
"""
CONTROLLER = {"name": "RandomController", "args": {"max_rounds": 12, "seed": 1}}


@pytest.fixture
def search(searched):
    """Search with a storage, and let ``meanwhile`` do something once four jobs have ended; return the summary."""
    archive = searched
    archive.prepare(FUNCTIONS, "gated", CONTROLLER)
    gate = archive.root / "custom/gate"

    def search(storage, meanwhile=lambda: None):
        def watch():
            events, until = archive.run("a") / "events.jsonl", time.monotonic() + 60
            while time.monotonic() < until:
                if events.exists() and events.read_bytes().count(b"job_ended") >= 4:
                    break
                time.sleep(0.02)
            try:
                meanwhile()
            finally:
                gate.touch()

        watcher = threading.Thread(target=watch)
        watcher.start()
        code = train.main(["-m", str(archive.root), "--set", "run_id=a", "workers=0:1", f"storage={storage}"])
        watcher.join()
        assert code == 0
        return json.loads((archive.run("a") / "summary.json").read_text())

    return search


def shown(url):
    import optuna

    trials = optuna.load_study(study_name="a", storage=url).trials
    return sorted((t.user_attrs["job"], t.state.name, t.value) for t in trials)


def scores(summary):
    return sorted((row["job"], "COMPLETE", row["score"]) for row in summary["jobs"])


def test_a_restart_in_mid_run_changes_nothing_and_the_study_is_made_anew(search, postgresql, capsys):
    def restart():
        postgresql.stop()
        postgresql.start()

    summary = search(postgresql.url, restart)
    said = capsys.readouterr().out
    assert len(summary["jobs"]) == 12
    assert shown(postgresql.url) == scores(summary)
    assert ("the Optuna mirror fails" in said) == ("the Optuna mirror is kept again" in said)


def test_one_that_goes_for_good_is_said_and_the_study_is_made_later(search, postgresql, searched, capsys):
    summary = search(postgresql.url, postgresql.stop)
    said = capsys.readouterr()
    assert len(summary["jobs"]) == 12
    assert said.out.count("the Optuna mirror") == 2
    assert "the run goes on without it; `medl automl mirror`" in said.out
    assert "Traceback" not in said.out + said.err
    run = str(searched.run("a"))
    assert main(["automl", "mirror", run, "--storage", postgresql.url]) == 1
    postgresql.start()
    assert main(["automl", "mirror", run, "--storage", postgresql.url]) == 0
    assert shown(postgresql.url) == scores(summary)

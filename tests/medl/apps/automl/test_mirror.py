"""``medl automl mirror``: the study of any run, made from its record at any time."""

from __future__ import annotations

import importlib
import inspect
import sys

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from medl.apps.automl import train
from medl.apps.main import main
from medl.automl.controller_names import rounds_arg
from medl.automl.curves import CurveJobs
from medl.automl.defs import FloatRange, ParameterRange, SearchSpace
from medl.automl.events import EventLog
from medl.automl.lock import hold
from medl.automl.simulate import simulate
from medl.components.controllers import CONTROLLERS

FUNCTIONS = """
def parabola(values):
    if values["x"] > 0.9:
        raise ValueError("too large")
    return 1.0 - (values["x"] - 0.25) ** 2
"""
SEARCH = [{"domain": "net", "type": "float", "args": ["x"], "targets": [0.0, 1.0]}]


@pytest.fixture
def run(archive):
    """The folder of a run of eight jobs, some of which failed."""
    sys.modules.pop("functions", None)
    (archive.root / "custom/functions.py").write_text(FUNCTIONS)
    executor = {"name": "FunctionExecutor", "args": {"path": "functions.parabola", "search": SEARCH}}
    controller = {"name": "RandomController", "args": {"max_rounds": 8, "seed": 1}}
    archive.write("automl", {"controller": controller, "executor": executor})
    assert train.main(["-m", str(archive.root), "--set", "run_id=a", "workers=0:1"]) == 0
    return archive.run("a")


def shown(storage, name="a"):
    if not isinstance(storage, str):
        storage = JournalStorage(JournalFileBackend(str(storage)))
    trials = optuna.load_study(study_name=name, storage=storage).trials
    return [(t.user_attrs["job"], t.state, t.value, t.params, t.datetime_start, t.datetime_complete) for t in trials]


def without_times(trials):
    return [trial[:4] for trial in trials]


@pytest.mark.parametrize("harm", ["deleted", "cut", "garbage", "a folder's lock"])
def test_the_journal_is_made_anew_whatever_became_of_it(run, harm, capsys):
    journal = run / "study.journal"
    before = without_times(shown(journal))
    if harm == "deleted":
        journal.unlink()
    elif harm == "cut":
        journal.write_bytes(journal.read_bytes()[:-7])
    elif harm == "garbage":
        journal.write_bytes(b"\x00\xff" * 100)
    else:
        (run / "study.journal.lock").symlink_to(journal)
    capsys.readouterr()
    assert main(["automl", "mirror", str(run)]) == 0
    said = capsys.readouterr().out
    assert 'study "a": 8 trials (' in said
    assert f"optuna-dashboard {journal}" in said
    assert without_times(shown(journal)) == before
    assert not list(run.glob("study.journal.lock*")) and not list(run.glob(".study*"))


def test_another_storage_takes_it_too_and_is_asked_before_a_study_is_replaced(run, tmp_path, capsys):
    url = f"sqlite:///{tmp_path}/runs.db"
    assert main(["automl", "mirror", str(run), "--storage", url]) == 0
    assert main(["automl", "mirror", str(run), "--storage", url]) == 0  # its own
    assert without_times(shown(url)) == without_times(shown(run / "study.journal"))
    optuna.delete_study(study_name="a", storage=url)
    optuna.create_study(study_name="a", storage=url).optimize(lambda trial: 1.0, n_trials=1)
    capsys.readouterr()
    assert main(["automl", "mirror", str(run), "--storage", url]) == 2
    assert "of another run" in capsys.readouterr().err
    assert main(["automl", "mirror", str(run), "--storage", url, "--replace"]) == 0
    assert len(shown(url)) == 8


def test_a_half_written_line_is_left_out_and_said(run, capsys):
    events = run / "events.jsonl"
    events.write_bytes(events.read_bytes()[:-5])
    assert main(["automl", "mirror", str(run)]) == 0
    assert "half written" in capsys.readouterr().out
    assert len(shown(run / "study.journal")) == 8


def test_while_a_search_works_on_the_run_only_another_storage_is_written(run, tmp_path, capsys):
    with hold(run / "lock"):
        assert main(["automl", "mirror", str(run)]) == 2
        assert "study.journal by itself" in capsys.readouterr().err
        assert main(["automl", "mirror", str(run), "--storage", f"sqlite:///{tmp_path}/runs.db"]) == 0


def test_what_cannot_be_mirrored_is_said(run, tmp_path, capsys):
    assert main(["automl", "mirror", str(run.parent.parent)]) == 2
    assert str(run) in capsys.readouterr().err
    assert main(["automl", "mirror", str(tmp_path / "none")]) == 2
    assert "events.jsonl" in capsys.readouterr().err
    assert main(["automl", "mirror", str(run), "--storage", f"sqlite:////{tmp_path}/no/folder/runs.db"]) == 1
    said = capsys.readouterr().err
    assert "cannot be written" in said
    assert "Traceback" not in said
    assert main(["automl", "mirror", str(run), "--storage", "postgresql+psycopg://me:sesame@/?host=/nowhere"]) == 1
    assert "sesame" not in capsys.readouterr().err


PRL = "lr.float.$0:x"
SPACE = SearchSpace((ParameterRange(PRL, "lr", "float", ("x",), (FloatRange(0.0, 1.0),)),))


@pytest.mark.parametrize("name", sorted(CONTROLLERS))
def test_the_study_of_every_controller_opens(name, tmp_path):
    module, _, attribute = CONTROLLERS[name].rpartition(".")
    made = getattr(importlib.import_module(module), attribute)
    rounds = rounds_arg(inspect.signature(made).parameters)
    jobs = CurveJobs(lambda values, epoch: values[PRL] + epoch / 100, epochs=27)
    result = simulate(made(**{rounds: 5} if rounds else {}), SPACE, jobs, workers=2, max_jobs=12)
    run = tmp_path / "a"
    run.mkdir()
    log = EventLog(run / "events.jsonl")
    for event in result.events:
        log.append({key: value for key, value in event.items() if key != "time"})
    log.close()
    assert main(["automl", "mirror", str(run)]) == 0
    trials = shown(run / "study.journal")
    jobs_of = {event["job"] for event in result.events if event["type"] == "job_started"}
    study = optuna.load_study(study_name="a", storage=JournalStorage(JournalFileBackend(str(run / "study.journal"))))
    assert {job for trial in study.trials for job in trial.user_attrs["jobs"]} == jobs_of
    assert TrialState.RUNNING not in {state for _, state, *_ in trials}
    assert TrialState.COMPLETE in {state for _, state, *_ in trials}
    assert all(set(params) == {PRL} for _, state, _, params, *_ in trials if state != TrialState.FAIL)
    assert study.best_trial.intermediate_values or study.best_value is not None

"""The last lines of a search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medl.automl.ending import ending, next_run_id
from medl.mmar.archive import MMAR
from medl.mmar.run_folder import RunFolder


def summary(best: str | None, status: str = "finished", **scores: float | None) -> dict[str, Any]:
    rows = [
        {
            "job": job,
            "trial": job,
            "attempt": 1,
            "worker": "W1",
            "status": "failed" if score is None else "ok",
            "score": score,
            "start": "2026-01-01T00:00:00+00:00",
            "end": "2026-01-01T00:01:00+00:00",
            "epochs": [1, 2],
            "epoch": None,
            "max_epoch": None,
            "time_per_epoch_s": None,
            "eta_s": None,
            "values": {},
            "reason": "exit code 1" if score is None else None,
        }
        for job, score in scores.items()
    ]
    return {"run_id": "a", "status": status, "best": best, "jobs": rows}


@pytest.fixture
def mmar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MMAR:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo/commands").mkdir(parents=True)
    (tmp_path / "demo/commands/automl.sh").touch()
    (tmp_path / "demo/automl/a/best").mkdir(parents=True)
    return MMAR("demo")


def show(mmar: MMAR, value: dict[str, Any], **more: Any) -> str:
    return ending(value, mmar, RunFolder(mmar.runs, "a"), **more)


def test_the_best_its_place_its_gain_and_what_is_next(mmar: MMAR):
    text = show(mmar, summary("W1_2_J1", W1_1_J0=0.5, W1_2_J1=0.75), workers="0:1")
    assert "best: W1_2_J1, score 0.7500, +0.2500 over the baseline" in text
    assert "best archive: demo/automl/a/best" in text
    assert "demo/commands/automl.sh --set run_id=b workers=0:1" in text
    assert "medl.apps.automl.summary -m demo run_id=a" in text
    assert "go on with this run" not in text


def test_what_is_next_has_the_same_config_and_settings(mmar: MMAR):
    words = ["run_id=x", "epochs=2", "workers=0", "stray", "trainconf=my file.json", "run_id=a", "epochs=3"]
    value = summary("W1_1_J0", status="interrupted", W1_1_J0=0.5)
    text = show(mmar, value, workers="0:1", automl_file="mine.json", words=words)
    for run_id in "ab":
        start = f"demo/commands/automl.sh --automlconf mine.json --set run_id={run_id} "
        assert f"{start}workers=0:1 epochs=3 'trainconf=my file.json'\n" in text


def test_a_baseline_that_was_not_beaten_is_said(mmar: MMAR):
    assert "no job was better" in show(mmar, summary("W1_1_J0", W1_1_J0=0.5, W1_2_J1=0.4))
    assert "no baseline to compare with" in show(mmar, summary("W1_1_J1", W1_1_J1=0.5))


def test_an_interrupted_run_is_gone_on_with(mmar: MMAR):
    text = show(mmar, summary("W1_1_J1", status="interrupted", W1_1_J1=0.5))
    assert "go on with this run  demo/commands/automl.sh --set run_id=a" in text


def test_without_a_score(mmar: MMAR):
    text = show(mmar, summary(None, W1_1_J1=None))
    assert "no job has a score" in text
    assert "W1_1_J1: failed: exit code 1" in text


def test_the_best_jobs_values_are_shown(mmar: MMAR):
    value = summary("W1_2_J1", W1_2_J1=0.75)
    value["jobs"][0]["values"] = {
        "lr.float.$0:learning_rate": [0.00123456],
        "net.enum.train.model$0:act,norm": ["relu", "batch"],
    }
    assert "with learning_rate 0.001235, act relu, norm batch" in show(mmar, value)


def test_interrupted_before_any_score(mmar: MMAR):
    value = summary(None, status="interrupted", W1_1_J0=None)
    value["jobs"][0]["status"] = "interrupted"
    text = show(mmar, value)
    assert "the same command goes on" in text
    assert "says why" not in text
    assert "mend the config" not in text


def test_failed_jobs_only_begin_with_the_log(mmar: MMAR):
    for job in ("W1_1_J0", "W1_2_J1"):
        (mmar.runs / "a" / job).mkdir()
        RunFolder(mmar.runs, "a").job(job).log.touch()
    text = show(mmar, summary(None, W1_1_J0=None, W1_2_J1=None), train_file="mine.json")
    first, second, *rest = text.partition("what to type next:\n")[2].splitlines()
    assert first.endswith("W1_1_J0/log.txt")
    assert second.split() == ["mend", "the", "config", "demo/config/mine.json"]
    assert rest[0].strip().startswith("start another")
    assert "mend the config" not in show(mmar, summary("W1_2_J1", W1_1_J0=None, W1_2_J1=0.5))


def test_removed_archives_are_counted_with_the_setting(mmar: MMAR):
    (mmar.runs / "a/W1_1_J1").mkdir()
    value = summary("W1_1_J1", W1_1_J1=0.5, W1_2_J2=0.4)
    assert "archives kept: 1 of 2 (num_mmars_to_keep of MMARHandler is 1)" in show(mmar, value, kept=1)
    assert "archives kept" not in show(mmar, value)


@pytest.mark.parametrize(
    ("run_id", "taken", "expected"),
    [
        ("a", [], "b"),
        ("a", ["b", "c"], "d"),
        ("z", [], "z2"),
        ("test1", [], "test2"),
        ("test1", ["test2"], "test3"),
        ("7", [], "7-2"),
        ("run", [], "run2"),
    ],
)
def test_the_next_run_id_is_free(tmp_path: Path, run_id: str, taken: list[str], expected: str):
    for name in taken:
        (tmp_path / name).mkdir()
    assert next_run_id(RunFolder(tmp_path, run_id)) == expected

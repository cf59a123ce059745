"""The README's first command on a new archive, with fewer and shorter jobs: search, ask again, rerun a job by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medl.mmar.archive import create

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    return create(tmp_path_factory.mktemp("template") / "demo").root


def command(script: Path, *words: str) -> str:
    """Run a command as a user would, with the Python of the tests; return what it printed."""
    env = {**os.environ, "MEDL_PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([str(script), *words], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def searched(archive) -> str:
    return command(archive / "commands" / "automl.sh", "--set", "run_id=a", "workers=0:1", "max_rounds=1", "epochs=2")


def rows(archive: Path) -> list[dict]:
    summary = json.loads((archive / "automl" / "a" / "summary.json").read_text(encoding="utf-8"))
    assert summary["status"] == "ok" or summary["best"]
    return summary["jobs"]


def test_the_search_gives_the_best_archive_and_its_gain(archive, searched):
    jobs = rows(archive)
    assert [row["job"] for row in jobs] == ["W1_1_J0", "W2_1_J1"]
    assert all(row["status"] == "ok" and row["score"] > 0.3 and row["epochs"] == [1, 2] for row in jobs)
    assert (archive / "automl" / "a" / "best" / "models" / "model.pt").is_file()
    assert "over the baseline" in searched or "no job was better" in searched
    assert "One subject, a demonstration" in searched


def test_jobs_have_no_copy_of_the_data(archive, searched):
    assert not list((archive / "automl").rglob("*.nii.gz"))


def test_the_same_command_again_trains_nothing(archive, searched):
    before = (archive / "automl" / "a" / "events.jsonl").read_bytes()
    again = command(archive / "commands" / "automl.sh", "run_id=a", "workers=0:1", "max_rounds=1", "epochs=2")
    assert "nothing was trained" in again and "run_id=b" in again
    assert (archive / "automl" / "a" / "events.jsonl").read_bytes() == before


def test_a_job_by_hand_gives_the_same_score(archive, searched):
    job = archive / "automl" / "a" / "W2_1_J1"
    recorded = next(row["score"] for row in rows(archive) if row["job"] == job.name)
    (job / "models" / "train_stats.json").unlink()
    command(job / "commands" / "automl_train_round.sh")
    assert json.loads((job / "models" / "train_stats.json").read_text())["best_metric"] == pytest.approx(recorded)

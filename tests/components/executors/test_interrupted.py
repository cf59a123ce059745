"""What an attempt leaves to the next one; test_going_on.py trains with it."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from medl.components.executors.interrupted import left_by, set_aside, take_over, torn
from medl.mmar.run_folder import RunFolder


def checkpoint(path: Path, text: str = "weights") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", text)
    return path


def test_every_attempt_has_a_place_and_what_was_half_written_goes(tmp_path: Path):
    run = RunFolder(tmp_path, "a")
    for name in ("W1_1_J1.attempt1", "W1_1_J1.attempt1-1"):
        half = run.job("W1_1_J1").models / ".resume.pt.abc.tmp"
        half.parent.mkdir(parents=True)
        half.touch()
        assert set_aside(run.job("W1_1_J1").root, run, "W1_1_J1", 1).name == name
        assert not list((run.root / name).rglob("*.tmp"))


def test_the_latest_attempt_that_kept_an_epoch_comes_first(tmp_path: Path):
    run = RunFolder(tmp_path, "a")
    for number, age in ((1, 30), (2, 10), (3, 20)):
        path = checkpoint(run.superseded("W1_1_J1", number) / "models/resume.pt")
        os.utime(path, (1000 - age, 1000 - age))
    (run.superseded("W1_1_J1", 4) / "models").mkdir(parents=True)
    checkpoint(run.superseded("W1_1_J11", 1) / "models/resume.pt")
    found = left_by(run, "W1_1_J1", Path("models"))
    assert [path.parent.name[-1] for path in found] == ["2", "3", "1"]


def test_a_link_out_of_the_run_is_not_followed(tmp_path: Path):
    run = RunFolder(tmp_path, "a")
    outside = checkpoint(tmp_path / "outside.pt")
    (run.superseded("J", 1) / "models").mkdir(parents=True)
    (run.superseded("J", 1) / "models/resume.pt").symlink_to(outside)
    assert left_by(run, "J", Path("models")) == []


@pytest.mark.parametrize("cut", [0, 1, 30, 60])
def test_a_torn_file_is_told_from_a_whole_one(tmp_path: Path, cut: int):
    path = checkpoint(tmp_path / "resume.pt")
    assert torn(path) == ""
    path.write_bytes(path.read_bytes()[:cut])
    assert torn(path)


def test_what_is_taken_over(tmp_path: Path):
    before, folder = tmp_path / "before", tmp_path / "new"
    checkpoint(before / "resume.pt")
    (before / "best").mkdir()
    for name in ("model.pt", "best/key.pt", "metrics.jsonl", "heartbeat", "train_stats.json", "stop_early", ".x.tmp"):
        (before / name).write_text("old\n")
    take_over(before, folder)
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        *("resume.pt", "model.pt", "best/key.pt", "metrics.jsonl")
    }
    with (folder / "metrics.jsonl").open("a") as stream:
        stream.write("new\n")
    assert (before / "metrics.jsonl").read_text() == "old\n"
    assert not (before / "resume.pt").exists()

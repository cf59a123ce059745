"""The record of a training while it runs, when it ends, and when it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medl.conf.validate import schema_problems
from medl.errors import TrainingError
from medl.mmar.archive import MMAR
from medl.mmar.stats import TrainStats, append_metrics
from medl.train.recording import MadeOf, Recording
from medl.train.stopping import Stopped
from medl.train.torch_facts import torch_facts

LAUNCHED = {"launcher": "python", "ranks": 1}
MEMORY = [{"rss_mb": 1.0, "children_rss_mb": 0.0}]


@pytest.fixture
def made_of(tmp_path: Path) -> MadeOf:
    for name in ("custom", "models"):
        (tmp_path / name).mkdir()
    (tmp_path / "custom/mine.py").write_text("a = 1")
    (tmp_path / "a.nii").write_text("a")
    (tmp_path / "list.json").write_text(json.dumps({"training": ["a.nii"]}))
    dataset = {"name": "Dataset", "data_list_file_path": "list.json", "data_list_key": "training", "args": {}}
    return MadeOf({"epochs": "{n}"}, {"epochs": 2, "train": {"dataset": dataset}}, {}, {"n": 2})


def read(root: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((root / "models/record.json").read_text())
    assert not schema_problems(record, "record")
    return record


def test_it_is_there_from_the_start_and_whole_at_the_end(tmp_path: Path, made_of: MadeOf):
    recording = Recording(MMAR(tmp_path), made_of, LAUNCHED)
    recording.start(tmp_path / "models", {**torch_facts(), "timings": {"build_s": 1.0}})
    begun = read(tmp_path)
    assert begun["outcome"] is None and begun["hardware"]["cpu_capability"] and begun["packages"]["torch"]
    append_metrics(tmp_path / "models", {"epoch": 1, "metrics": {"dice": 0.5}})
    stats = TrainStats("ok", (1, 1), 2, 2, "dice", 0.5, 1, {"dice": {"1": 0.5}}, {"train_s": 1.0})
    recording.end(stats, MEMORY)
    ended = read(tmp_path)
    assert ended["outcome"]["values"] == {"dice": 0.5} and ended["timings"] == {"train_s": 1.0}
    assert ended["memory"] == MEMORY and ended["settings"] == {"n": 2}
    assert list(ended["code"]["custom"]) == ["mine.py"]
    assert list(ended["data"][0]["files"]) == ["training[0].image"] and ended["data"][0]["sha256"]
    assert ended["data_list"]["file"] == "list.json"
    assert not recording._thread.is_alive()


@pytest.mark.parametrize(("error", "status"), [(TrainingError("NaN"), "failed"), (Stopped(15), "stopped")])
def test_a_training_that_breaks_off_has_a_final_record_too(
    tmp_path: Path, made_of: MadeOf, error: BaseException, status: str
):
    recording = Recording(MMAR(tmp_path), made_of, LAUNCHED)
    recording.start(tmp_path / "models", {"timings": {"import_s": 2.0}})
    for epoch in (1, 2):
        append_metrics(tmp_path / "models", {"epoch": epoch, "losses": {"train_loss": 1.0}})
    recording.end_badly(error)
    recording.give_up()
    record = read(tmp_path)
    assert (record["outcome"]["status"], record["outcome"]["reason"]) == (status, str(error))
    assert record["outcome"]["epochs"] == [1, 2] and record["end"] is not None
    assert set(record["timings"]) == {"import_s", "total_s"} and record["memory"][0]["rss_mb"] > 1


def test_a_training_that_never_starts_leaves_what_was_there(tmp_path: Path, made_of: MadeOf):
    (tmp_path / "models/record.json").write_text("of the training before")
    recording = Recording(MMAR(tmp_path), made_of, LAUNCHED)
    recording.end_badly(TrainingError("refused"))
    recording.give_up()
    recording._thread.join(30)
    assert not recording._thread.is_alive()
    assert (tmp_path / "models/record.json").read_text() == "of the training before"


def test_a_record_that_cannot_be_written_is_no_reason_to_end(
    tmp_path: Path, made_of: MadeOf, capsys: pytest.CaptureFixture[str]
):
    recording = Recording(MMAR(tmp_path), made_of, LAUNCHED)
    recording.start(tmp_path / "models/none", {})
    recording.end(TrainStats("no_score", (1, 1), 1, 1), MEMORY)
    assert "record.json could not be written" in capsys.readouterr().out

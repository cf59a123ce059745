"""record.json: what a job was made of and what came of it."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from medl.conf.validate import schema_problems
from medl.mmar.archive import MMAR
from medl.mmar.record import (
    close_record,
    file_hash,
    job_record,
    take_training_record,
    training_record,
    write_record,
)
from medl.mmar.stats import TrainStats, append_metrics


def record(**changes: Any) -> dict[str, Any]:
    args: dict[str, Any] = {
        "job": "W1_1_J1",
        "attempt": 2,
        "worker": "W1",
        "recommendation": {"id": "T1"},
        "values": {"lr.float.$0:learning_rate": (0.1,)},
        "config": {"epochs": "{n}"},
        "resolved_config": {"epochs": 3},
        "environment": {},
        "argv": ("python", "-m", "medl.apps.train"),
        "slots": (0, 1),
        "threads": 2,
        "data_list": {"file": "data/list.json", "sha256": None},
    }
    return job_record(**{**args, **changes})


def test_it_is_json_with_what_a_rerun_needs(tmp_path: Path):
    written = record()
    write_record(MMAR(tmp_path), written)
    assert json.loads((tmp_path / "record.json").read_text()) == written
    assert written["values"] == {"lr.float.$0:learning_rate": [0.1]}
    assert written["slots"] == [0, 1]
    assert written["outcome"] is None
    assert datetime.fromisoformat(written["start"]).tzinfo is not None


@pytest.mark.parametrize(
    ("config", "environment", "seed"),
    [
        ({}, {}, None),
        ({"determinism": {"random_seed": 7}}, {}, 7),
        ({"determinism": {"random_seed": 7}}, {"determinism": {"random_seed": 8}}, 8),
    ],
)
def test_the_seed_is_the_one_in_force(config: dict[str, Any], environment: dict[str, Any], seed: int | None):
    assert record(config=config, environment=environment)["seed"] == seed


def stats(**changes: Any) -> TrainStats:
    known: dict[str, Any] = {"status": "ok", "epochs": (1, 2), "max_epoch": 2, "horizon": 3, "key_metric": "dice"}
    known |= {"best_metric": 0.5, "best_epoch": 1, "history": {"dice": {"1": 0.5, "2": 0.25}}}
    return TrainStats(**{**known, "timings": {"train_s": 1.0}, **changes})


def test_closing_adds_what_came_of_it(tmp_path: Path):
    models = tmp_path / "models"
    models.mkdir()
    for epoch, dice in ((1, 0.5), (2, 0.25)):
        append_metrics(models, {"epoch": epoch, "losses": {"train_loss": 1.0 / epoch}, "metrics": {"dice": dice}})
    (models / "model.pt").write_bytes(b"no zip")
    opened = record()
    closed = close_record(opened, outcome={"status": "ok"}, wall_s=1.23456, root=tmp_path, folder=models, stats=stats())
    assert opened["outcome"] is None
    assert [str(p) for value in (opened, closed) for p in schema_problems(value, "record")] == []
    assert schema_problems({**closed, "outcome": {"status": "fine"}}, "record")
    assert (closed["outcome"], closed["wall_s"], closed["checkpoint"]) == ({"status": "ok"}, 1.235, "models/model.pt")
    assert closed["end"] >= closed["start"]
    assert closed["key_metric"] == {"name": "dice", "best": 0.5, "best_epoch": 1, "last": 0.25}
    assert closed["metrics"]["dice"] == {
        **{"last": 0.25, "last_epoch": 2, "min": 0.25, "min_epoch": 2, "max": 0.5, "max_epoch": 1}
    }
    assert closed["metrics"]["train_loss"]["last"] == 0.5
    assert (closed["timings"], closed["max_epoch"], closed["horizon"]) == ({"train_s": 1.0}, 2, 3)
    found = closed["checkpoints"]["model.pt"]
    assert found == {"bytes": 6, "sha256": hashlib.sha256(b"no zip").hexdigest(), "weights_sha256": None}


def test_what_the_training_knows_better_outranks_the_search(tmp_path: Path):
    training = training_record(config={}, resolved_config={}, environment={}, settings={}, seed=5, threads=3)
    training |= {"memory": [{"rss_mb": 1.0, "children_rss_mb": 0.0}], "data": []}
    assert not schema_problems(training, "record")
    (tmp_path / "record.json").write_text(json.dumps(training))
    taken = take_training_record(tmp_path)
    assert taken == training and not (tmp_path / "record.json").exists()
    closed = close_record(
        record(), outcome={"status": "failed"}, wall_s=1.0, root=tmp_path, folder=tmp_path, stats=None, training=taken
    )
    assert (closed["job"], closed["seed"], closed["threads"]) == ("W1_1_J1", 5, 3)
    assert closed["memory"] == [{"rss_mb": 1.0, "children_rss_mb": 0.0}]
    assert closed["config"] == {"epochs": "{n}"}
    assert not schema_problems(closed, "record")
    assert take_training_record(tmp_path) is None


def test_no_secret_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_TOKEN", "h8fk20fj2lx9")
    write_record(
        MMAR(tmp_path),
        record(argv=("python", "--key=h8fk20fj2lx9", "a://me:word@host/b"), config={"a": "h8fk20fj2lx9"}),
    )
    text = (tmp_path / "record.json").read_text()
    assert "h8fk20fj2lx9" not in text and "word@" not in text
    assert json.loads(text)["job"] == "W1_1_J1"


def test_a_hash_is_of_the_bytes(tmp_path: Path):
    (tmp_path / "list.json").write_bytes(b"{}")
    assert file_hash(tmp_path / "list.json") == hashlib.sha256(b"{}").hexdigest()
    assert file_hash(tmp_path / "nowhere") is None

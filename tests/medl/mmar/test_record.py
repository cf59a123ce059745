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
from medl.mmar.record import close_record, file_hash, hardware, job_record, packages, write_record


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


def test_closing_adds_what_came_of_it():
    opened = record()
    closed = close_record(
        opened, outcome={"status": "ok"}, wall_s=1.23456, checkpoint="models/model.pt", timings={"train_s": 1.0}
    )
    assert opened["outcome"] is None
    assert [str(p) for value in (opened, closed) for p in schema_problems(value, "record")] == []
    assert schema_problems({**closed, "outcome": {"status": "fine"}}, "record")
    assert (closed["outcome"], closed["wall_s"], closed["checkpoint"]) == ({"status": "ok"}, 1.235, "models/model.pt")
    assert closed["end"] >= closed["start"]


def test_versions_and_machine_are_named():
    assert {"python", "medl", "torch", "monai"} <= set(packages())
    assert hardware()["cores"] >= 1
    assert isinstance(hardware()["gpus"], list)


def test_a_hash_is_of_the_bytes(tmp_path: Path):
    (tmp_path / "list.json").write_bytes(b"{}")
    assert file_hash(tmp_path / "list.json") == hashlib.sha256(b"{}").hexdigest()
    assert file_hash(tmp_path / "nowhere") is None

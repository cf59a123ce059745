"""The chain of jobs before a job: what is carried from one to the next, and the script that trains it again."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from medl.automl.lived_schedule import Segment, carry_on, lived, replay_script
from medl.errors import RunError
from medl.mmar.archive import MMAR


def archive(root: Path, name: str, epochs: list[int] | None, **record: Any) -> MMAR:
    job = MMAR(root / name)
    job.config.mkdir(parents=True)
    job.train_config.write_text(json.dumps({"of": name}))
    job.environment.write_text(json.dumps({"env": name}))
    given: dict[str, Any] = {"job": name, "values": {"lr": [0.1]}, "recommendation": {"id": name}, "lineage": []}
    given["outcome"] = None if epochs is None else {"status": "ok", "epochs": epochs}
    job.record.write_text(json.dumps({**given, **record}))
    return job


def test_a_chain_carries_all_configs_before_it(tmp_path: Path) -> None:
    first = archive(tmp_path, "J1", [1, 3])
    second = archive(
        tmp_path,
        "J2",
        [4, 6],
        lineage=[segment.to_json() for segment in lived(first)],
        recommendation={"id": "b", "inherit_from": "J1"},
    )
    carry_on(first, second, lived(first), "inherit")
    segments = lived(second)
    assert segments == [
        Segment("J1", (1, 3), {"lr": [0.1]}, "nothing"),
        Segment("J2", (4, 6), {"lr": [0.1]}, "inherit"),
    ]
    third = archive(tmp_path, "J3", None)
    (third.config / "segments/9").mkdir(parents=True)  # of a searched archive that was a job itself
    carry_on(second, third, segments, "resume")
    shutil.rmtree(first.root), shutil.rmtree(second.root)
    found = {
        path.relative_to(third.config).as_posix(): json.loads(path.read_text())
        for path in third.config.rglob("*/*/*.json")
    }
    assert found == {
        "segments/1/config_train.json": {"of": "J1"},
        "segments/1/environment.json": {"env": "J1"},
        "segments/2/config_train.json": {"of": "J2"},
        "segments/2/environment.json": {"env": "J2"},
    }
    assert (third.commands / "replay.sh").stat().st_mode & 0o111


def test_each_segment_starts_from_the_one_before_and_ends_where_the_next_began(tmp_path: Path) -> None:
    segments = [
        Segment("J1", (1, 3), {"lr": [0.1], "net": [1, 'it\'s "a"\n']}, "nothing"),
        Segment("J2", (4, 5), {"lr": [0.2]}, "resume"),
    ]
    script = replay_script(segments, "inherit")
    assert [line.split(" ", 1)[1] for line in script.splitlines() if line.startswith("train ")] == [
        "config/segments/1 MMAR_CKPT_DIR=models/replay/1 until_epoch=3",
        "config/segments/2 MMAR_CKPT_DIR=models/replay/2 until_epoch=5 "
        "start_from=models/replay/1/resume.pt start_best=models/replay/1/model.pt",
        'config MMAR_CKPT_DIR=models/replay/3 start_from=models/replay/2/resume.pt start_best= "$@"',
    ]
    path = tmp_path / "replay.sh"
    path.write_text(script)
    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0
    assert all(line.startswith("#") for line in script.splitlines()[:5])


def test_a_job_that_was_not_trained_is_no_beginning(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="tells of no training that ended"):
        lived(archive(tmp_path, "J1", None))
    with pytest.raises(RunError, match="cannot be read"):
        lived(MMAR(tmp_path / "none"))

from __future__ import annotations

import hashlib
import json
import tarfile

import pytest

from medl.data.decathlon import TASKS, fetch
from medl.errors import ConfigError, MedlError


def test_the_tasks_are_those_of_monai():
    from monai.apps.datasets import DecathlonDataset

    assert set(TASKS) == set(DecathlonDataset.resource)
    with pytest.raises(ConfigError, match="Task09_Spleen"):
        fetch("Task9_Spleen", None)  # type: ignore[arg-type]


def test_fetched_unpacked_and_not_fetched_again(tmp_path, monkeypatch):
    from monai.apps.datasets import DecathlonDataset

    task = "Task09_Spleen"
    (tmp_path / task).mkdir()
    (tmp_path / task / "dataset.json").write_text(json.dumps({"training": []}))
    with tarfile.open(tmp_path / "far.tar", "w") as tar:
        tar.add(tmp_path / task, task)
    monkeypatch.setitem(DecathlonDataset.resource, task, (tmp_path / "far.tar").as_uri())
    digest = hashlib.md5((tmp_path / "far.tar").read_bytes()).hexdigest()
    monkeypatch.setitem(DecathlonDataset.md5, task, digest)
    folder = fetch(task, tmp_path / "here")
    assert (folder / "dataset.json").is_file()
    (tmp_path / "far.tar").unlink()
    assert fetch(task, tmp_path / "here") == folder


def test_without_a_network(tmp_path, monkeypatch):
    from monai.apps.datasets import DecathlonDataset

    monkeypatch.setitem(DecathlonDataset.resource, "Task09_Spleen", (tmp_path / "none.tar").as_uri())
    with pytest.raises(MedlError, match="needs a network"):
        fetch("Task09_Spleen", tmp_path)

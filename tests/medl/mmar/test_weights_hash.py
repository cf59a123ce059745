"""What identifies a checkpoint: its weights, whatever else lies in the file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch

from medl.mmar.weights_hash import checkpoints, weights_hash


def save(path: Path, value: float, conf: str) -> Path:
    torch.save({"model": {"w": torch.full((3, 2), value), "b": torch.zeros(2)}, "train_conf": {"root": conf}}, path)
    return path


def test_the_same_weights_in_another_archive_are_the_same(tmp_path: Path):
    one, two = save(tmp_path / "model.pt", 0.5, "/a"), save(tmp_path / "final_model.pt", 0.5, "/elsewhere/b")
    found = checkpoints(tmp_path)
    assert set(found) == {"model.pt", "final_model.pt"}
    assert found["model.pt"]["sha256"] != found["final_model.pt"]["sha256"]
    assert weights_hash(one) == weights_hash(two) == found["model.pt"]["weights_sha256"]
    assert weights_hash(save(tmp_path / "c.pt", 0.5000001, "/a")) != weights_hash(one)


def test_another_file_has_none(tmp_path: Path):
    (tmp_path / "a.pt").write_bytes(b"PK no zip")
    assert weights_hash(tmp_path / "a.pt") is None and weights_hash(tmp_path / "none") is None
    with zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as stored:
        stored.writestr("x/data/0", b"0" * 1000)
    assert weights_hash(tmp_path / "b.pt") is None
    assert checkpoints(tmp_path) == {}

"""A second training in the same folder keeps what the first one left."""

from __future__ import annotations

from pathlib import Path

from medl.train.earlier_results import set_aside


def test_results_are_moved_and_weights_copied(tmp_path: Path) -> None:
    for name in ("model.pt", "final_model.pt", "resume.pt", "start.pt", "metrics.jsonl", "train_stats.json"):
        (tmp_path / name).write_text(f"first {name}")
    assert set_aside(tmp_path) == tmp_path / "earlier/1"
    kept = {path.name: path.read_text() for path in (tmp_path / "earlier/1").iterdir()}
    assert kept == {
        name: f"first {name}"
        for name in ("model.pt", "final_model.pt", "resume.pt", "metrics.jsonl", "train_stats.json")
    }
    assert {path.name for path in tmp_path.iterdir()} == {"earlier", "model.pt", "final_model.pt", "start.pt"}
    assert set_aside(tmp_path) is None  # nothing was trained since
    (tmp_path / "metrics.jsonl").write_text("second")
    assert set_aside(tmp_path) == tmp_path / "earlier/2"
    assert (tmp_path / "earlier/1/metrics.jsonl").read_text() == "first metrics.jsonl"


def test_weights_that_came_with_an_archive_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_text("given")
    assert set_aside(tmp_path) is None
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]

"""The files by which a training and the engine of a search speak."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medl.assets import asset
from medl.errors import MedlError
from medl.mmar.stats import (
    METRICS_FILE,
    STATS_FILE,
    TrainStats,
    append_metrics,
    clear_stats,
    models_folder,
    read_metrics,
    read_stats,
    write_stats,
)

TIMINGS = {"import_s": 1.0, "build_s": 0.5, "train_s": 2.0, "validate_s": 0.25, "total_s": 4.0}
STATS = TrainStats(
    status="ok",
    epochs=(1, 10),
    max_epoch=10,
    horizon=20,
    key_metric="dice",
    best_metric=0.8,
    best_epoch=2,
    history={"dice": {"2": 0.8, "10": 0.7}},
    timings=TIMINGS,
)
LINE = {
    "epoch": 1,
    "max_epoch": 2,
    "time_s": 0.5,
    "losses": {"train_loss": 0.25},
    "lr": [0.001],
    "metrics": {"dice": 0.5},
}


def schema(name: str) -> dict[str, object]:
    return json.loads((asset("config") / name).read_text(encoding="utf-8"))


def test_statistics_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    assert read_stats(tmp_path) is None
    write_stats(tmp_path, STATS)
    assert read_stats(tmp_path) == STATS
    jsonschema.validate(json.loads((tmp_path / STATS_FILE).read_text()), schema("train_stats.schema.json"))


def test_the_last_metric_is_that_of_the_latest_epoch_not_of_the_largest_text() -> None:
    assert STATS.last_metric == 0.7
    assert TrainStats(status="no_score", epochs=(1, 1), max_epoch=1, horizon=1).last_metric is None


def test_a_score_without_a_value_is_against_the_schema(tmp_path: Path) -> None:
    write_stats(tmp_path, TrainStats(status="ok", epochs=(1, 1), max_epoch=1, horizon=1, timings=TIMINGS))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads((tmp_path / STATS_FILE).read_text()), schema("train_stats.schema.json"))


def test_no_number_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        write_stats(tmp_path, TrainStats(status="ok", epochs=(1, 1), max_epoch=1, horizon=1, best_metric=float("nan")))
    with pytest.raises(ValueError, match="Out of range"):
        append_metrics(tmp_path, {"losses": {"train_loss": float("inf")}})
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["{", "{}", '{"status": "ok", "epochs": 3, "max_epoch": 1, "horizon": 1}', "[]"])
def test_foreign_statistics_are_said_to_be_so(tmp_path: Path, text: str) -> None:
    (tmp_path / STATS_FILE).write_text(text)
    with pytest.raises(MedlError, match=STATS_FILE):
        read_stats(tmp_path)


def test_lines_are_read_back_in_their_order(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []
    for epoch in (1, 2):
        append_metrics(tmp_path, {**LINE, "epoch": epoch})
    lines = read_metrics(tmp_path)
    assert [line["epoch"] for line in lines] == [1, 2]
    for line in lines:
        jsonschema.validate(line, schema("metrics.schema.json"))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cut=st.integers(min_value=0, max_value=400))
def test_a_file_cut_anywhere_gives_its_whole_lines(tmp_path: Path, cut: int) -> None:
    clear_stats(tmp_path)
    for epoch in (1, 2, 3):
        append_metrics(tmp_path, {**LINE, "epoch": epoch})
    whole = (tmp_path / METRICS_FILE).read_bytes()
    (tmp_path / METRICS_FILE).write_bytes(whole[:cut])
    assert len(read_metrics(tmp_path)) == whole[:cut].count(b"\n")


def test_a_damaged_line_in_the_middle_is_named_and_a_torn_last_one_left_out(tmp_path: Path) -> None:
    path = tmp_path / METRICS_FILE
    path.write_text('{"epoch": 1}\n{"epo\n')
    assert read_metrics(tmp_path) == [{"epoch": 1}]
    path.write_text('{"epo\n{"epoch": 2}\n')
    with pytest.raises(MedlError, match="line 1"):
        read_metrics(tmp_path)


def test_the_folder_follows_the_variable() -> None:
    root = Path("/archive")
    assert models_folder(root, {}) == root / "models"
    assert models_folder(root, {"MMAR_CKPT_DIR": "models/a"}) == root / "models/a"
    assert models_folder(root, {"MMAR_CKPT_DIR": "/else"}) == Path("/else")

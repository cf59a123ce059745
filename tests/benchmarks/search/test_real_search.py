"""The search of real trainings: its archive can be searched, and its table is of what the jobs logged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[4] / "shared/data/hippocampus"


@pytest.fixture
def benchmark(load):
    return load("real_search")


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the hippocampus cases in ../shared/data")
def test_the_archive_passes_the_check_of_a_search(benchmark, tmp_path):
    mmar = benchmark.archive(tmp_path / "archive", DATA)
    cases = json.loads((mmar.config / "dataset_32.json").read_text())
    assert (len(cases["training"]), len(cases["validation"])) == (32, 16)
    train = benchmark.read_object(mmar.config / "config_train.json")
    assert train["epochs"] == 9
    assert benchmark.archive(tmp_path / "archive", DATA).root == mmar.root  # one that is there is taken as it is


def test_epochs_and_scores_are_those_of_the_jobs(benchmark, tmp_path, monkeypatch):
    def search(mmar, run_id, threads, *settings):
        if run_id.startswith("asha"):
            return [benchmark.Job("J1", {1: 0.5}), benchmark.Job("J2", {1: 0.4}), benchmark.Job("J3", {9: 0.7})] + [
                benchmark.Job(f"J{n}", dict.fromkeys(range(2, 9), 0.6)) for n in (4, 5)
            ]
        assert "controller.max_rounds=2" in settings  # 17 epochs are nearly twice 9
        return [benchmark.Job("J0", {9: 0.65}), benchmark.Job("J1", {8: 0.9, 9: 0.6})]

    monkeypatch.setattr(benchmark, "search", search)
    row = benchmark.repeat(None, 0, 16, 1)
    assert (row["asha"], row["random"], row["baseline"], row["asha_epochs"]) == (0.7, 0.6, 0.65, 17)
    assert "| 0 | 0.700 | 16, 1, 17 | 0.600 | 1, 2 | 0.650 |" in benchmark.report([row], 16)

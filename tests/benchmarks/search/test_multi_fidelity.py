"""The multi-fidelity benchmark: epochs until the mark, by the true regret of full trainings alone."""

from __future__ import annotations

import math
import sys

import pytest

pytest.importorskip("matplotlib")


@pytest.fixture
def benchmark(load):
    return load("multi_fidelity")


def test_epochs_to_the_mark_and_regret_at_some_epochs(benchmark):
    steps = [(81, 2.0), (405, 0.5)]
    assert benchmark.epochs_to(steps, 0.5) == 405
    assert benchmark.epochs_to(steps, 0.4) == math.inf
    assert benchmark.regret_at(steps, 404) == 2.0
    assert benchmark.regret_at(steps, 80) == math.inf


def test_random_trains_nothing_but_full_trainings_and_ends_at_its_budget(benchmark):
    curve = benchmark.CURVES[0]
    steps = benchmark.searched(benchmark.ARMS["random"], curve, 0, 5 * 81)
    assert all(epochs % 81 == 0 and epochs <= 5 * 81 for epochs, _ in steps)
    assert [regret for _, regret in steps] == sorted((regret for _, regret in steps), reverse=True)


def test_a_few_epochs_of_some_arms_and_the_plot(benchmark, tmp_path, monkeypatch, capsys):
    page = tmp_path / "search_benchmarks.md"
    page.write_text("<!-- multi_fidelity.py -->\n<!-- end of multi_fidelity.py -->\n")
    words = ["--seeds", "1", "--limit", "400", "--results", str(tmp_path / "runs.jsonl"), "--docs", str(tmp_path)]
    monkeypatch.setattr(
        sys, "argv", ["x", *words, "--only", "bias 1.5", "--arms", "random", "asha", "bohb", "dehb 0.1.2"]
    )
    benchmark.main()
    assert "| bias 1.5 | 0." in page.read_text()
    assert "without dehb's own package" in capsys.readouterr().out
    assert (tmp_path / "images" / "multi_fidelity.svg").is_file()

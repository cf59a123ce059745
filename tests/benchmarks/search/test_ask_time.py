"""The benchmark of the time per recommendation measures what it says."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[3] / "benchmarks" / "search" / "ask_time.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("ask_time", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["random", "TpeController", "nsga2"])
def test_so_many_recommendations_are_timed(benchmark, name):
    assert len(benchmark.measured(name, 30, 3, 60.0, {})) == 3


def test_who_does_not_get_there_in_time_has_a_dash(benchmark):
    assert benchmark.cell(benchmark.measured("qmc", 500, 3, 0.0, {})) == "-"


def test_it_prints_a_table(benchmark, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "warm_up", lambda: None)
    monkeypatch.setattr(sys, "argv", ["ask_time.py", "qmc", "controller.ahead=0", "--trials", "5", "--repeats", "1"])
    with pytest.raises(ValueError, match="ahead"):  # args are texts of the command line unless they are JSON
        benchmark.made("qmc", 5, {"ahead": "0"})
    benchmark.main()
    assert [line.count("|") for line in capsys.readouterr().out.splitlines()] == [3, 3, 3]


@pytest.mark.parametrize("name", ["asha", "hyperband", "bohb", "dehb", "pbt", "evolution"])
def test_a_schedule_is_long_enough_for_so_many_trials(benchmark, name):
    found = benchmark.measured(name, 80, 3, 60.0, {})
    assert found
    assert all(seconds >= 0 for seconds in found)

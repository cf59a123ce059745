"""A few kills of the benchmark's simulated searches; the benchmark itself has more of them, and real trainings."""

from __future__ import annotations

import importlib
import random
import sys
from pathlib import Path

import pytest

FAULTS = Path(__file__).parents[2] / "benchmarks" / "faults"


@pytest.fixture(scope="module")
def benchmark():
    """The benchmark's modules, which find each other beside themselves."""
    sys.path.insert(0, str(FAULTS))
    try:
        yield importlib.import_module("kills")
    finally:
        sys.path.remove(str(FAULTS))
        for name in ("kills", "searches", "processes"):
            sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.parametrize(("place", "kills"), [(0, 2), (3, 3)])
def test_a_search_with_kills_ends_as_one_without(benchmark, tmp_path, place, kills):
    search = benchmark.SIMULATED[place]
    result = benchmark.Runner(search, tmp_path, random.Random(5)).killed(kills)
    assert result.faults == []
    assert sum(result.killed.values()) == kills
    assert set(result.killed) <= set(search.kinds)  # which of them depends on what runs at the moment
    assert result.trials == 12 * result.runs if place == 0 else 10 * result.runs
    benchmark.print_table([result])


def test_the_comparison_sees_what_is_wrong(benchmark):
    def job(number, score, ends=1):
        name = {"job": f"W1_{number}_J{number}"}
        outcome = {"status": "ok", "values": {"score": score}, "cost_s": number}
        started = {"type": "job_started", **name, "trial": f"t{number}", "values": {"x": [number]}}
        return [started, *[{"type": "job_ended", **name, "outcome": outcome}] * ends]

    asked = {"type": "recommended", "after": None, "recommendations": [{"id": "t1"}, {"id": "t2"}]}
    end = {"type": "run_ended", "status": "finished"}
    good = [asked, *job(1, 0.5), *job(2, 0.25), end]
    assert benchmark.one_end_each(good) == []
    assert benchmark.one_end_each([asked, *job(1, 0.5), *job(2, 0.25, ends=2), end]) == ["t2 ended 2 times"]
    assert benchmark.one_end_each([asked, *job(1, 0.5)]) == ["t2 never started", "the run has not ended"]
    search = benchmark.SIMULATED[0]
    assert benchmark.differences(search, good, good) == []
    other = [asked, *job(1, 0.5), *job(2, 0.25000000000000006), end]
    (trials, outcomes) = benchmark.differences(search, good, other)
    assert "0.25000000000000006" in trials
    assert outcomes == "other outcomes"


def test_shares_are_even(benchmark):
    assert benchmark.shares(benchmark.SIMULATED[:3], 8) == [3, 3, 2]

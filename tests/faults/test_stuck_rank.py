"""A rank of Horovod that stands still: no launcher notices, the watchdog ends the job, and its next attempt scores."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

FAULTS = Path(__file__).parents[2] / "benchmarks" / "faults"

pytestmark = [
    pytest.mark.horovod,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("horovod") is None, reason="no Horovod: scripts/install_horovod.sh"),
]


@pytest.fixture
def benchmark():
    """The modules of the benchmark of kills, which find each other beside themselves."""
    sys.path.insert(0, str(FAULTS))
    try:
        yield importlib.import_module("kills")
    finally:
        sys.path.remove(str(FAULTS))
        for name in ("kills", "searches", "processes"):
            sys.modules.pop(name, None)


def test_a_stuck_rank_is_ended_and_its_job_runs_again(benchmark, tmp_path):
    ranks = next(search for search in benchmark.SIMULATED if "2 ranks" in search.name)
    executor = {**ranks.executor, "args": {"poll_interval": 0.1, "stall_timeout_s": 12.0}}
    controller = {"name": "RandomController", "args": {"max_rounds": 1}}
    search = dataclasses.replace(ranks, executor=executor, controller=controller)
    runner = benchmark.Runner(search, tmp_path, random.Random(0))
    engine = runner.start("a")
    try:
        until = time.monotonic() + 60
        while not (found := benchmark.targets(engine.pid, "rank")):
            assert engine.poll() is None and time.monotonic() < until, list(runner.said())
            time.sleep(0.02)
        (stuck,) = found[-1]
        os.kill(stuck, signal.SIGSTOP)
        assert engine.wait(110) == 0, list(runner.said())
    finally:
        benchmark.kill([engine.pid, *benchmark.marked(runner.mark)])
    events = runner.events("a")
    (again,) = [event for event in events if event["type"] == "job_retried"]
    assert (again["fault"], again["counts"]) == ("stall", True)
    assert benchmark.one_end_each(events) == []
    (row,) = [r for r in json.loads((runner.root / "automl/a/summary.json").read_text())["jobs"] if r["status"] == "ok"]
    assert row["attempt"] == 2
    assert not Path(f"/proc/{stuck}").exists(), "the stopped rank is ended, too"

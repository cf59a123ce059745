"""The sign of life of a training."""

from __future__ import annotations

import os
from pathlib import Path

from ignite.engine import Engine

from medl.mmar.stats import HEARTBEAT_FILE
from medl.train.heartbeat import Heartbeat, remove_heartbeat


def test_iterations_renew_the_file(tmp_path: Path) -> None:
    file = tmp_path / HEARTBEAT_FILE
    times: list[int] = []

    def iteration(engine: Engine, batch: int) -> None:
        if file.exists():
            times.append(file.stat().st_mtime_ns)
            os.utime(file, ns=(1, 1))

    engine = Engine(iteration)
    Heartbeat(tmp_path, interval_s=0.0).attach(engine)
    engine.run([0] * 4)
    assert len(times) == 3 and 1 not in times
    for _ in range(2):
        remove_heartbeat(tmp_path)
        assert not file.exists()


def test_it_is_not_written_after_every_iteration(tmp_path: Path) -> None:
    engine = Engine(lambda engine, batch: None)
    beat = Heartbeat(tmp_path, interval_s=1000.0)
    beat(engine)
    (tmp_path / HEARTBEAT_FILE).unlink()
    beat(engine)
    assert not (tmp_path / HEARTBEAT_FILE).exists()


def test_a_folder_that_is_gone_is_not_its_business(tmp_path: Path) -> None:
    Heartbeat(tmp_path / "gone", interval_s=0.0)(Engine(lambda engine, batch: None))

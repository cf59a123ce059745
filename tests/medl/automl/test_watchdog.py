"""What stands still is noticed; what moves is not."""

from __future__ import annotations

import os

from medl.automl.watchdog import Watchdog


def test_a_job_is_stalled_when_none_of_its_files_changes(tmp_path):
    now = 0.0
    log, lines = tmp_path / "log.txt", tmp_path / "metrics.jsonl"
    log.touch()
    watchdog = Watchdog([log, lines], 10.0, clock=lambda: now)
    now = 10.0
    assert not watchdog.stalled()
    now = 10.1
    assert watchdog.stalled()
    lines.write_text("{}")  # a file that comes is a change
    assert not watchdog.stalled()
    now = 20.0
    os.utime(log, ns=(1, 1))  # so is a time, even of a clock that goes wrong
    assert not watchdog.stalled()
    now = 30.0
    lines.unlink()
    assert not watchdog.stalled()
    now = 40.1
    assert watchdog.stalled()

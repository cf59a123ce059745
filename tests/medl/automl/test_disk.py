"""Room on the disk, pretended."""

from __future__ import annotations

import os
import time

import pytest

from medl.automl.disk import DiskWatch, append_when_room, free_bytes, taken
from medl.errors import RunError


def test_a_job_needs_twice_what_the_largest_took(tmp_path):
    free, said = [50_000_000], []
    watch = DiskWatch(tmp_path, said.append, lambda folder: (10**9, 0, free[0]), every_s=0)
    assert not watch.short()  # 2 % of this disk are enough for a first job
    (tmp_path / "job").mkdir()
    (tmp_path / "job/model.pt").write_bytes(b"0" * 1000)
    os.link(tmp_path / "job/model.pt", tmp_path / "job/start.pt")
    os.truncate(tmp_path / "job/model.pt", 40_000_000)  # sparse
    assert taken(tmp_path / "job") == 40_000_000
    watch.took(tmp_path / "job")
    assert watch.short() and watch.short()
    assert len(said) == 1 and "50 MB are free" in said[0] and "80 MB" in said[0]
    free[0] = 90_000_000
    assert not watch.short()
    assert len(said) == 2 and "there is room again" in said[1]


def test_after_a_job_that_found_no_room_the_next_look_is_at_once(tmp_path):
    free, said = [10**9], []
    watch = DiskWatch(tmp_path, said.append, lambda folder: (10**9, 0, free[0]), every_s=600, pause_s=600)
    assert not watch.short()
    free[0] = 0
    assert not watch.short()  # it looks no more than so often
    watch.failed()
    assert watch.short() and len(said) == 1


def test_where_there_seems_to_be_room_a_while_passes(tmp_path):
    watch = DiskWatch(tmp_path, print, lambda folder: (10**9, 0, 10**9), every_s=0, pause_s=0.05)
    watch.failed()
    assert watch.short()
    until = time.monotonic() + 30
    while watch.short() and time.monotonic() < until:
        time.sleep(0.01)
    assert not watch.short()


def test_what_cannot_be_measured_stops_nobody(tmp_path):
    def usage(folder):
        raise OSError(5, "Input/output error")

    assert not DiskWatch(tmp_path, print, usage, every_s=0).short()


def test_free_bytes_of_what_is_still_to_be_made(tmp_path):
    free = free_bytes(tmp_path / "a" / "b")
    assert free is not None and free > 0


class Log:
    """Is full ``times`` times."""

    def __init__(self, times, number=28):
        self.times, self.number, self.events = times, number, []

    def append(self, event):
        if self.times:
            self.times -= 1
            raise RunError("events.jsonl cannot be written: No space left on device.") from OSError(self.number, "full")
        self.events.append(event)
        return event


def test_a_fact_waits_for_room(tmp_path):
    log, said = Log(3), []
    assert append_when_room(log, {"a": 1}, lambda: True, said.append, 0.0) == {"a": 1}
    assert len(said) == 2 and "running jobs go on" in said[0] and "goes on" in said[1]


@pytest.mark.parametrize(("number", "waits"), [(28, False), (5, True)])
def test_no_one_waits_where_nothing_will_come_of_it(number, waits):
    with pytest.raises(RunError):
        append_when_room(Log(1, number), {}, lambda: waits, print, 0.0)

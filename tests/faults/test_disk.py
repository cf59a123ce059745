"""A disk that fills, and one that goes read-only, in the middle of a run: it waits, says so, and goes on."""

from __future__ import annotations

import errno
import functools
import os
import subprocess
import threading
import time

import pytest

from medl.automl.defs import Context, FloatRange, ParameterRange, SearchSpace
from medl.automl.disk import DiskWatch
from medl.automl.engine import Engine
from medl.automl.events import read_events
from medl.automl.worker_spec import parse_workers
from medl.components.controllers.random import RandomController
from medl.components.executors.function_executor import FunctionExecutor
from medl.errors import RunError
from medl.mmar.run_folder import RunFolder

PRL = "net.float.$0:x"
SPACE = SearchSpace((ParameterRange(PRL, "net", "float", ("x",), (FloatRange(0.0, 1.0),)),))
ROUNDS = 8


class Parabola(FunctionExecutor):
    def __init__(self):
        super().__init__(path=self.call, epochs=3)

    def call(self, values, epoch):
        time.sleep(0.03)
        return 1.0 - (values["x"] - 0.25) ** 2 - 1 / epoch

    def determine_search_space(self, ctx):
        return SPACE


@pytest.fixture
def disk(tmp_path):
    """A disk of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    yield place
    while os.path.ismount(place):
        subprocess.run(["umount", "-l", str(place)], check=True)


class Said(list):
    def append(self, line):
        super().append(line)

    def has(self, *words):
        return any(all(word in line for word in words) for line in self)


def go(parent, said):
    return Engine(
        folder=RunFolder(parent, "a"),
        workers=parse_workers("0:1"),
        controller=RandomController(max_rounds=ROUNDS, seed=4),
        executor=Parabola(),
        ctx=Context(),
        fingerprint="config:1",
        say=said.append,
        poll_s=0.05,
    ).run()


def wait_for(condition, what):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.01)


def count(parent, kind):
    return [event["type"] for event in read_events(parent / "a/events.jsonl")[0]].count(kind)


def ended_well(parent):
    """Return the sorted scores of a run in which every trial ended once and well."""
    events, _ = read_events(parent / "a/events.jsonl")
    ended = [event for event in events if event["type"] == "job_ended"]
    assert len({event["job"] for event in ended}) == len(ended) == ROUNDS
    assert {event["outcome"]["status"] for event in ended} == {"ok"}
    return sorted(event["outcome"]["values"]["score"] for event in ended)


def meanwhile(parent, said, harm, mend):
    """Do harm once three jobs have ended; mend it when that was said, and nothing more was started for a while."""

    def work():
        try:
            wait_for(lambda: (parent / "a/events.jsonl").exists() and count(parent, "job_ended") >= 3, "three jobs")
            harm()
            wait_for(lambda: said.has("until there is room") or said.has("Make room"), f"it was not said: {said}")
            time.sleep(0.3)  # what runs comes to its end
            before = count(parent, "job_started")
            time.sleep(0.5)
            seen.append(count(parent, "job_started") - before)
        finally:
            mend()

    seen = []
    thread = threading.Thread(target=work)
    thread.start()
    return thread, seen


def test_a_disk_that_fills_stops_new_jobs_and_with_room_the_run_goes_on(disk, tmp_path):
    said, calm = Said(), tmp_path / "calm"
    calm.mkdir()
    filler = disk / "filler"

    def fill():
        with filler.open("wb", buffering=0) as stream:
            try:
                while True:
                    stream.write(b"0" * 4096)
            except OSError as error:
                assert error.errno == errno.ENOSPC

    thread, started = meanwhile(disk, said, fill, lambda: filler.unlink(missing_ok=True))
    result = go(disk, said)
    thread.join()
    assert result.status == "finished"
    assert started == [0]
    go(calm, Said())
    assert ended_well(disk) == ended_well(calm)


def test_one_that_goes_read_only_is_waited_for(disk, tmp_path, monkeypatch):
    """A mount with open files cannot be made read-only; so what lies over it is, and what was open is told the same."""
    said, calm, run = Said(), tmp_path / "calm", disk / "a"
    calm.mkdir()
    write = os.pwrite
    hurt = threading.Event()

    def pwrite(file, data, place):
        if hurt.is_set() and os.readlink(f"/proc/self/fd/{file}").endswith("events.jsonl"):
            raise OSError(errno.EROFS, "Read-only file system")
        return write(file, data, place)

    monkeypatch.setattr(os, "pwrite", pwrite)
    monkeypatch.setattr("medl.automl.engine.DiskWatch", functools.partial(DiskWatch, pause_s=0.1))

    def harm():
        subprocess.run(["mount", "--bind", str(run), str(run)], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", str(run)], check=True)
        hurt.set()

    def mend():
        hurt.clear()
        subprocess.run(["umount", "-l", str(run)], capture_output=True)

    thread, started = meanwhile(disk, said, harm, mend)
    result = go(disk, said)
    thread.join()
    assert result.status == "finished"
    assert started == [0]
    go(calm, Said())
    assert ended_well(disk) == ended_well(calm)


def test_read_only_from_the_beginning_is_an_error(disk):
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(RunError, match="Read-only file system"):
        go(disk, Said())

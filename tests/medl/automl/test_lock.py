"""One engine per run."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
import time

import pytest

from medl.automl.holder import Holder, this_process
from medl.automl.lock import hold, is_held
from medl.errors import RunError

HOLDER = """
import sys, time
from pathlib import Path
from medl.automl.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "lock")], stdout=subprocess.PIPE, env=env)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    yield holder
    holder.kill()
    holder.wait(30)
    holder.stdout.close()


def left_by(path, holder: Holder, age: float = 0.0):
    """A lock's file as a process left it that the kernel's lock does not reach."""
    path.write_bytes(holder.to_bytes())
    os.utime(path, (time.time() - age, time.time() - age))


def test_a_second_engine_is_refused_and_told_who_holds_it(tmp_path):
    with hold(tmp_path / "lock"):
        assert is_held(tmp_path / "lock")
        with pytest.raises(RunError, match=rf"process {os.getpid()} on .*another run_id"), hold(tmp_path / "lock"):
            pass
    assert not is_held(tmp_path / "lock")
    with hold(tmp_path / "lock"):
        pass


def test_a_killed_holder_lets_go(tmp_path, other):
    assert is_held(tmp_path / "lock")
    with pytest.raises(RunError, match=f"process {other.pid}"), hold(tmp_path / "lock"):
        pass
    other.kill()
    other.wait(30)
    assert not is_held(tmp_path / "lock")
    with hold(tmp_path / "lock"):
        pass


def test_whoever_looks_never_keeps_an_engine_from_starting(tmp_path):
    path, done = tmp_path / "lock", threading.Event()

    def look():
        while not done.is_set():
            is_held(path)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(200):
            with hold(path):
                pass
    finally:
        done.set()
        for thread in threads:
            thread.join(30)


def test_an_engine_of_another_machine_is_alive_as_long_as_its_heart_beats(tmp_path):
    path = tmp_path / "lock"
    far = Holder(1, "far.example", "another boot", 7, "pid:[1]")
    left_by(path, far)
    assert is_held(path)
    with pytest.raises(RunError, match=r"process 1 on far\.example.*sign of life.*delete .*lock"), hold(path):
        pass
    left_by(path, far, age=700)
    assert not is_held(path)
    with hold(path):
        assert is_held(path)


@pytest.mark.parametrize(
    ("change", "lives"),
    [
        ({}, True),
        ({"started": 1}, False),  # the number came again
        ({"boot": "before"}, False),  # the machine was started again
        ({"pids": "pid:[1]"}, None),  # a container's
        ({"host": "far.example"}, None),
    ],
)
def test_who_lives(change, lives):
    assert dataclasses.replace(this_process(), **change).lives is lives


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "before"}, {"pids": "pid:[1]"}])
def test_what_the_kernel_has_given_back_is_stale_at_once(tmp_path, change):
    left_by(tmp_path / "lock", dataclasses.replace(this_process(), **change))
    with hold(tmp_path / "lock"):
        pass


def test_on_a_file_system_without_locks_a_living_holder_is_seen_all_the_same(tmp_path, other, monkeypatch):
    monkeypatch.setattr("medl.automl.lock.fcntl.flock", lambda *_: None)
    with pytest.raises(RunError, match=f"process {other.pid}"), hold(tmp_path / "lock"):
        pass


def test_the_heart_beats(tmp_path):
    path = tmp_path / "lock"
    with hold(path, beat_s=0.01):
        os.utime(path, (1, 1))
        until = time.monotonic() + 30
        while path.stat().st_mtime < 2 and time.monotonic() < until:
            time.sleep(0.005)
        assert path.stat().st_mtime > 2
    assert path.read_bytes() == b""


@pytest.mark.parametrize("text", [b"", b"process 4 on here\n", b"{}", b"\xff" * 5000, b'{"pid": "a"}', b"[1]"])
def test_a_file_that_names_nobody_is_nobodys(tmp_path, text):
    (tmp_path / "lock").write_bytes(text)
    assert not is_held(tmp_path / "lock")
    with hold(tmp_path / "lock"):
        assert is_held(tmp_path / "lock")


def test_no_file_is_not_held_and_no_folder_is_said(tmp_path):
    assert not is_held(tmp_path / "lock")
    with pytest.raises(RunError, match="cannot be written"), hold(tmp_path / "missing" / "lock"):
        pass

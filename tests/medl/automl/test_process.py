"""Starting, logging, and what an end means."""

from __future__ import annotations

import os
import sys
import time

import pytest

from medl.automl import process
from medl.errors import RunError


def test_log_begins_with_the_header_and_holds_both_streams(tmp_path):
    log = tmp_path / "log.txt"
    code = "import sys; print('to out', flush=True); print('to err', file=sys.stderr)"
    job = process.start(
        [sys.executable, "-c", code], env=dict(os.environ), log=log, header="launcher: python, ranks: 1"
    )
    assert job.wait(30) == 0
    assert log.read_text().splitlines() == ["launcher: python, ranks: 1", "to out", "to err"]
    assert not job.stopped


def test_environment_and_folder_are_the_ones_given(tmp_path):
    log = tmp_path / "log.txt"
    code = "import os; print(os.getcwd(), os.environ['ONLY'], os.environ.get('HOME'))"
    process.start([sys.executable, "-c", code], env={"ONLY": "x"}, cwd=tmp_path, log=log).wait(30)
    assert log.read_text().split() == [str(tmp_path), "x", "None"]


def test_wait_gives_none_while_it_runs_and_stop_twice_is_harmless():
    job = process.start([sys.executable, "-c", "import time; time.sleep(600)"], env=dict(os.environ))
    assert job.wait(0.05) is None
    assert job.poll() is None
    job.stop()
    job.stop()
    assert job.wait(30) is not None
    assert job.stopped
    job.stop()


@pytest.mark.parametrize(
    ("code", "tail", "expected"),
    [
        (1, "", "exit code 1"),
        (1, "Traceback\nValueError: no such key\n\n", "exit code 1: ValueError: no such key"),
        (-9, "anything", "signal 9: killed, probably out of memory"),
        (137, "", "exit code 137: killed, probably out of memory"),
        (-11, "", "signal 11 (SIGSEGV)"),
        (
            1,
            "torch.OutOfMemoryError: CUDA out of memory.",
            "exit code 1: out of memory: torch.OutOfMemoryError: CUDA out of memory.",
        ),
        (1, "MemoryError", "exit code 1: out of memory: MemoryError"),
        (
            1,
            "OSError: [Errno 28] No space left on device",
            "exit code 1: the disk is full: OSError: [Errno 28] No space left on device",
        ),
        (
            1,
            "Process name: 1\nExit code: 137\n",
            "rank 1 ended with exit code 137: killed, probably out of memory",
        ),
    ],
)
def test_describe_end(tmp_path, code, tail, expected):
    log = tmp_path / "log.txt"
    log.write_text(tail)
    assert process.describe_end(code, log) == expected


def test_describe_end_reads_only_the_tail_and_needs_no_log(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("out of memory\n" + "x" * 20000 + "\nlast words\n")
    assert process.describe_end(2, log) == "exit code 2: last words"
    assert process.describe_end(2, tmp_path / "none") == "exit code 2"


def test_leashes_of_a_run_are_found_and_waited_for(tmp_path):
    (tmp_path / "a").mkdir()
    place = str(tmp_path / "a" / "W1_1_J1")
    job = process.start([sys.executable, "-c", "import time; time.sleep(600)", place], env=dict(os.environ))
    deadline = time.monotonic() + 30  # the kernel shows a new program's words a moment after it has started
    while not process.leashed_under(tmp_path / "a") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.leashed_under(tmp_path / "a") == [job.pid]
    assert process.leashed_under(tmp_path / "b") == []
    with pytest.raises(RunError, match=str(job.pid)):
        process.await_leashes(tmp_path / "a", timeout=0.1)
    job.kill()
    job.wait(30)
    process.await_leashes(tmp_path / "a", timeout=5)

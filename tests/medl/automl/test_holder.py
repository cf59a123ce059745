"""Who holds something. Whether a holder lives is in test_lock.py."""

from __future__ import annotations

import os
import subprocess
import sys

from medl.automl.holder import read_holder, started, this_process


def test_a_holder_is_written_and_read():
    me = this_process()
    assert (me.pid, str(me)) == (os.getpid(), f"process {os.getpid()} on {me.host}")
    assert read_holder(me.to_bytes()) == me
    assert read_holder(b'{"pid": 1, "host": "a", "boot": "", "started": 0, "pids": 3}') is None


def test_a_process_that_has_ended_is_none_also_before_it_is_waited_for():
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert started(process.pid) is not None
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert started(process.pid) is None


def test_a_name_with_brackets_does_no_harm(tmp_path):
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/stat").write_text("7 (a) b (c) R " + " ".join(map(str, range(4, 40))))
    assert started(7, tmp_path) == 22

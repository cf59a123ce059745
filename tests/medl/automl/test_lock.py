"""One engine per run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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


def test_a_second_engine_is_refused_and_told_who_holds_it(tmp_path):
    with hold(tmp_path / "lock"):
        assert is_held(tmp_path / "lock")
        with pytest.raises(RunError, match=rf"process {os.getpid()} on .*another run_id"), hold(tmp_path / "lock"):
            pass
    assert not is_held(tmp_path / "lock")
    with hold(tmp_path / "lock"):
        pass


def test_a_killed_holder_lets_go(tmp_path):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "lock")], stdout=subprocess.PIPE, env=env)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(RunError, match=f"process {holder.pid}"), hold(tmp_path / "lock"):
        pass
    holder.kill()
    holder.wait(30)
    holder.stdout.close()
    with hold(tmp_path / "lock"):
        pass


def test_no_file_is_not_held_and_no_folder_is_said(tmp_path):
    assert not is_held(tmp_path / "lock")
    with pytest.raises(RunError, match="cannot be written"), hold(tmp_path / "missing" / "lock"):
        pass

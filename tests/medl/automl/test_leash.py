"""No process of a job outlives its leash, and the leash does not outlive the engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medl.automl import leash, process

NOTE = "import os,sys; open(sys.argv[1],'a').write(str(os.getpid())+chr(10))"
SLEEPER = f"{NOTE}; import time; time.sleep(600)"
# starts one child in the same session, one in a session of its own, and one whose parent ends at once
FAMILY = f"""
import subprocess, sys, time
note = {SLEEPER!r}
subprocess.Popen([sys.executable, "-c", note, sys.argv[1]])
subprocess.Popen([sys.executable, "-c", note, sys.argv[1]], start_new_session=True)
middle = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', *sys.argv[1:]], start_new_session=True)"
subprocess.run([sys.executable, "-c", middle, note, sys.argv[1]])
"""


def wait_for(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def pids(path: Path, count: int) -> list[int]:
    def enough():
        lines = path.read_text().splitlines() if path.exists() else []
        return [int(line) for line in lines] if len(lines) >= count else []

    return wait_for(enough)


def run(code: str, *words: str, grace: float = 5.0, **options) -> process.JobProcess:
    return process.start([sys.executable, "-c", code, *words], env=dict(os.environ), grace=grace, **options)


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_the_exit_code_passes_through(code):
    assert run(f"raise SystemExit({code})").wait(30) == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_the_signal_that_ended_the_command_passes_through(number):
    assert run(f"import os; os.kill(os.getpid(), {int(number)})").wait(30) == -number


def test_a_command_that_cannot_be_run_is_said(tmp_path):
    log = tmp_path / "log.txt"
    assert process.start([str(tmp_path / "nothing")], env=dict(os.environ), log=log).wait(30) == 127
    assert "cannot be run: No such file" in log.read_text()


def test_stop_ends_grandchildren_in_other_sessions_and_orphans(tmp_path):
    note = tmp_path / "pids"
    job = run(f"{FAMILY}\ntime.sleep(600)", str(note))
    family = pids(note, 3)
    assert all(map(alive, family))
    job.stop()
    assert job.wait(30) == -signal.SIGTERM
    wait_for(lambda: not any(map(alive, family)))


def test_what_a_command_leaves_behind_is_ended(tmp_path):
    note = tmp_path / "pids"
    job = run(f"{FAMILY}\nwhile len(open(sys.argv[1]).readlines()) < 3: time.sleep(0.02)", str(note))
    assert job.wait(30) == 0
    assert not any(map(alive, pids(note, 3)))


def test_who_ignores_sigterm_is_killed_after_the_grace(tmp_path):
    note = tmp_path / "pids"
    job = run(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}", str(note), grace=0.3)
    pids(note, 1)
    job.stop()
    assert job.wait(30) == -signal.SIGKILL


def test_kill_does_not_wait_for_the_grace(tmp_path):
    note = tmp_path / "pids"
    job = run(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}", str(note), grace=600)
    pids(note, 1)
    job.stop()
    assert job.wait(0.2) is None
    job.kill()
    assert job.wait(30) == -signal.SIGKILL


def test_the_command_dies_with_a_killed_leash(tmp_path):
    note = tmp_path / "pids"
    job = run(SLEEPER, str(note))
    (child,) = pids(note, 1)
    os.kill(job.pid, signal.SIGKILL)
    job.wait(30)
    wait_for(lambda: not alive(child))


def test_everything_dies_with_a_killed_engine(tmp_path):
    note, main = tmp_path / "pids", tmp_path / "engine.py"
    main.write_text(
        "import os, sys, time\nfrom medl.automl import process\n"
        f"code = {FAMILY + chr(10) + 'time.sleep(600)'!r}\n"
        f"process.start([sys.executable, '-c', code, {str(note)!r}], env=dict(os.environ), grace=600)\n"
        "time.sleep(600)\n"
    )
    engine = subprocess.Popen([sys.executable, str(main)], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    family = pids(note, 3)
    engine.kill()
    engine.wait(30)
    wait_for(lambda: not any(map(alive, family)))


def test_a_leash_whose_engine_is_gone_runs_nothing(tmp_path):
    note = tmp_path / "pids"
    argv = [sys.executable, "-I", "-S", leash.__file__, "1", "5", sys.executable, "-c", NOTE, str(note)]
    assert subprocess.run(argv, timeout=30, check=False).returncode == 127
    assert not note.exists()

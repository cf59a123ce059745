"""The console of a search with real processes, from the shell."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

from medl.automl.events import read_events


def test_jobs_are_aborted_and_the_search_stopped_from_the_shell(archive):
    words = ["--set", "run_id=a", "workers=0:1", "SLEEP=120", "console_port=0"]
    argv = [sys.executable, "-m", "medl.apps.automl.train", "-m", str(archive.root), *words]
    search = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    run = archive.run("a")

    def ctl(*words):
        argv = [sys.executable, "-m", "medl.apps.automl.ctl", "-m", str(archive.root), "run_id=a", *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60)

    def wait_for(condition):
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end and search.poll() is None
            time.sleep(0.05)

    try:
        wait_for(lambda: len(list(run.glob("W*/log.txt"))) == 2)
        wait_for(lambda: "training" in ctl("tail", "W1").stdout)
        listed = json.loads(ctl("--json", "list_workers").stdout)["parts"][0]["rows"]
        assert listed == [["W1", "0", "busy", "1"], ["W2", "1", "busy", "1"]]
        assert ctl("stop").returncode == 0
        for worker in ("W1", "W2"):
            done = ctl("abort_worker", worker)
            assert done.returncode == 0, done.stderr
        said, _ = search.communicate(timeout=60)
    finally:
        search.kill()
        search.wait()
    assert search.returncode == 3, said  # stopped, and nothing has a score
    events, _ = read_events(run / "events.jsonl")
    ended = {event["job"]: event["outcome"] for event in events if event["type"] == "job_ended"}
    assert {(one["status"], one["reason"]) for one in ended.values()} == {("stopped", "aborted by the console")}
    assert sorted(ended) == ["W1_1_J0", "W2_1_J1"]
    assert events[-1]["type"] == "run_ended"
    assert "console: 127.0.0.1:" in said and "console: W1_1_J0 on W1 is aborted" in said
    assert not (run / "console.json").exists()
    assert not any(str(run) in line for line in _command_lines())
    assert ctl("list_workers").returncode == 2


def _command_lines():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_text(errors="replace"))
    return found


def test_without_one(archive, capsys):
    from medl.apps.automl import train

    sys.modules.pop("quick_executor", None)
    assert train.main(["-m", str(archive.root), "--set", "run_id=a", "workers=0", "console=false"]) == 0
    assert "console: " not in capsys.readouterr().out


def test_an_address_for_everyone_is_refused_before_anything_starts(archive, capsys):
    from medl.apps.automl import train

    sys.modules.pop("quick_executor", None)
    assert train.main(["-m", str(archive.root), "--set", "run_id=a", "workers=0", "console_host=0.0.0.0"]) == 2
    assert "without TLS" in capsys.readouterr().err
    assert not archive.run("a").exists()

"""GPUs of two searches, with pretended names."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from medl.automl.gpu_leases import FOLDER, gpu_names, lease, taken
from medl.automl.worker_spec import WorkerSpec, parse_workers
from medl.errors import RunError

OTHER = """
import os, sys, time
from pathlib import Path
from medl.automl.gpu_leases import lease
with lease(["0", "1"], Path("/a/run")):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def environ(tmp_path):
    return {FOLDER: str(tmp_path / "gpus")}


def test_a_taken_gpu_is_refused_with_who_holds_it(tmp_path, environ):
    with lease(["0", "1"], tmp_path / "a", environ=environ):
        said = rf"GPU 1 by process {os.getpid()} on .*/a\. .*share_gpus=true"
        with pytest.raises(RunError, match=said), lease(["1", "2"], tmp_path / "b", environ=environ):
            pass
        with lease(["2"], tmp_path / "b", environ=environ), lease(["1"], tmp_path / "c", share=True, environ=environ):
            assert [sorted(one.gpus) for one in taken(tmp_path / "gpus")].count(["1"]) == 1
    with lease(["0", "1"], tmp_path / "b", environ=environ):
        pass
    assert not list((tmp_path / "gpus").glob("*.json"))


def test_a_killed_run_gives_its_gpus_back(tmp_path, environ):
    env = {**os.environ, **environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.Popen([sys.executable, "-c", OTHER], stdout=subprocess.PIPE, env=env)
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    try:
        with pytest.raises(RunError, match=f"process {other.pid}"), lease(["1"], tmp_path, environ=environ):
            pass
    finally:
        other.kill()
        other.wait(30)
        other.stdout.close()
    with lease(["1"], tmp_path, environ=environ):
        (mine,) = taken(tmp_path / "gpus")
        assert mine.run == str(tmp_path)


def test_the_folder_is_every_users_and_nobody_removes_anothers(tmp_path, environ):
    with lease(["0"], tmp_path, environ=environ):
        assert stat.S_IMODE((tmp_path / "gpus").stat().st_mode) == 0o1777


def test_where_nothing_can_be_leased_the_run_goes_on_and_it_is_said(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link", "no/such"):
        said: list[str] = []
        with lease(["0"], tmp_path, say=said.append, environ={FOLDER: str(tmp_path / name)}):
            assert len(said) == 1 and "not leased" in said[0]


def test_what_others_put_there_does_no_harm(tmp_path, environ):
    folder = tmp_path / "gpus"
    with lease(["0"], tmp_path, environ=environ):
        (folder / "a.json").write_text("{")
        (folder / "b.json").symlink_to("/etc/passwd")
        os.mkfifo(folder / "c.json")
        with pytest.raises(RunError), lease(["0"], tmp_path, environ=environ):
            pass


def test_without_gpus_nothing_is_touched(tmp_path, environ):
    with lease([], tmp_path, environ=environ):
        pass
    assert not (tmp_path / "gpus").exists()


def test_names_are_those_that_cuda_shows():
    workers = parse_workers("0,1:1")
    assert gpu_names(workers, ("GPU-a", "3")) == ("GPU-a", "3")
    assert gpu_names(workers, ()) == ()
    assert gpu_names([WorkerSpec("W1", (0, 1), (("far", (0, 1)),))], ("0", "1")) == ()

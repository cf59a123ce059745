"""Command line and environment of a job."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medl.automl.launch import THREAD_VARIABLES, training_argv, training_env, training_launch
from medl.horovod import HOST_GPUS

JOB = Path("/archive/automl/a/W1_1_J1")
TRAINING = [
    *("/py", "-u", "-m", "medl.apps.train", "-m", "/archive/automl/a/W1_1_J1", "-c", "config/config_train.json"),
    *("-e", "config/environment.json", "--write_train_stats", "--set", "print_conf=True"),
]


def test_one_slot_is_one_python_process():
    launch = training_launch(JOB, [3], 2, {"HOME": "/h"}, python="/py")
    assert list(launch.argv) == TRAINING
    assert (launch.launcher, launch.ranks) == ("python", 1)
    assert launch.header == "launcher: python, ranks: 1"


def test_several_slots_are_ranks_of_horovodrun():
    launch = training_launch(JOB, [0, 2], 1, {}, settings=["epochs=2"], python="/py", horovodrun="/hvd")
    assert list(launch.argv) == ["/hvd", "-np", "2", "-H", "localhost:2", "--gloo", *TRAINING, "epochs=2"]
    assert launch.header == "launcher: horovodrun, ranks: 2"


def test_the_launcher_can_be_chosen():
    assert training_launch(JOB, [0, 1], 1, {}, launcher="python", python="/py").argv == tuple(TRAINING)
    assert training_launch(JOB, [0], 1, {}, launcher="horovodrun", python="/v/py").argv[:3] == (
        "/v/horovodrun",
        "-np",
        "1",
    )
    with pytest.raises(ValueError, match="mpirun"):
        training_launch(JOB, [0], 1, {}, launcher="mpirun")


def test_a_relative_job_is_made_absolute():
    assert str(Path.cwd() / "x") in training_argv(Path("x"), "python", 1)


def test_two_workers_get_distinct_devices_and_their_threads():
    outer = {"HOME": "/h", "OMP_NUM_THREADS": "64"}
    first, second = training_env(outer, [0], 3), training_env(outer, [1], 3)
    assert (first["CUDA_VISIBLE_DEVICES"], second["CUDA_VISIBLE_DEVICES"]) == ("0", "1")
    assert {first[name] for name in THREAD_VARIABLES} == {"3"}
    assert first["HOME"] == "/h"
    assert outer == {"HOME": "/h", "OMP_NUM_THREADS": "64"}
    assert training_env({}, [0], 0)["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("outer", "slots", "inner"),
    [("2,3", [1], "3"), ("2,3", [0, 1], "2,3"), ("GPU-a,MIG-b", [1], "MIG-b"), ("", [0], ""), ("7", [0, 1], "7")],
)
def test_ids_count_within_the_devices_that_the_engine_sees(outer, slots, inner):
    assert training_env({"CUDA_VISIBLE_DEVICES": outer}, slots, 1)["CUDA_VISIBLE_DEVICES"] == inner


def test_a_job_knows_how_many_share_the_machine():
    assert training_env({}, [0], 1)["MEDL_JOBS"] == "1"
    assert training_launch(JOB, [0], 1, {"MEDL_JOBS": "9"}, jobs=3).env["MEDL_JOBS"] == "3"


def test_custom_comes_first_on_the_python_path():
    env = training_env({"PYTHONPATH": "/mine"}, [0], 1, JOB / "custom")
    assert env["PYTHONPATH"] == os.pathsep.join([str(JOB / "custom"), "/mine"])
    assert training_env({}, [0], 1, JOB / "custom")["PYTHONPATH"] == str(JOB / "custom")
    assert "PYTHONPATH" not in training_env({}, [0], 1)


def test_relative_entries_of_pythonpath_are_found_from_a_jobs_folder_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    env = training_env({"PYTHONPATH": f"../BYOC{os.pathsep}{os.pathsep}/abs"}, [0], 1, tmp_path / "custom")
    expected = [str(tmp_path / "custom"), str(tmp_path.parent / "BYOC"), "/abs"]
    assert env["PYTHONPATH"].split(os.pathsep) == expected


def test_torchrun_only_where_it_is_asked_for():
    launch = training_launch(JOB, [0, 1], 1, {}, launcher="torchrun", python="/py")
    start = ["/py", "-u", "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    assert list(launch.argv) == [*start, *TRAINING[2:]]
    assert launch.header == "launcher: torchrun, ranks: 2"


def test_a_worker_on_several_hosts_is_one_horovodrun():
    hosts = (("hostA", (0, 1)), ("hostB", (2, 3)))
    launch = training_launch(JOB, [0, 1, 2, 3], 1, {}, hosts=hosts, python="/py")
    assert list(launch.argv) == ["/horovodrun", "-np", "4", "-H", "hostA:2,hostB:2", "--gloo", *TRAINING]
    assert "CUDA_VISIBLE_DEVICES" not in launch.env
    assert launch.env[HOST_GPUS] == "hostA/0,1+hostB/2,3"
    assert training_launch(JOB, [1], 1, {}, hosts=[("hostB", (1,))]).header == "launcher: horovodrun, ranks: 1"
    for launcher in ("python", "torchrun"):
        with pytest.raises(ValueError, match="other hosts"):
            training_launch(JOB, [0, 1], 1, {}, hosts=hosts, launcher=launcher)


def test_no_launcher_prints_the_environment():
    for launcher in ("horovodrun", "torchrun"):
        assert "--verbose" not in training_launch(JOB, [0, 1], 1, {}, launcher=launcher).argv

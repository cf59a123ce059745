"""What the machine offers, on made-up machines."""

from __future__ import annotations

import os

import pytest

from medl.automl.hardware import cores, fair_threads, visible_gpus


@pytest.fixture
def machine(tmp_path):
    """A root with two GPUs."""
    (tmp_path / "dev").mkdir()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / "dev" / name).touch()
    return tmp_path


def test_all_gpus_are_visible_unless_hidden(machine):
    assert visible_gpus({}, machine) == ("0", "1")


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("1", ("1",)),
        ("1,0", ("1", "0")),
        ("", ()),
        ("-1", ()),
        ("0,-1,1", ("0",)),
        ("5", ()),
        ("GPU-abc, 1", ("GPU-abc", "1")),
    ],
)
def test_cuda_visible_devices_is_honoured_as_cuda_reads_it(machine, asked, names):
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": asked}, machine) == names


def test_no_gpu_stays_no_gpu(tmp_path):
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "0,1"}, tmp_path) == ()


def test_cores_are_the_affinity_or_the_quota(tmp_path):
    assert cores(tmp_path) == len(os.sched_getaffinity(0))
    quota = tmp_path / "sys/fs/cgroup/cpu.max"
    quota.parent.mkdir(parents=True)
    quota.write_text("max 100000\n")
    assert cores(tmp_path) == len(os.sched_getaffinity(0))
    quota.write_text("50000 100000\n")
    assert cores(tmp_path) == 1


@pytest.mark.parametrize(("available", "ranks", "threads"), [(8, 2, 4), (2, 2, 1), (2, 5, 1), (7, 2, 3), (4, 0, 4)])
def test_fair_threads(available, ranks, threads):
    assert fair_threads(available, ranks) == threads

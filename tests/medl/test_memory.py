"""The RAM that is free, from a made-up /proc and /sys."""

from __future__ import annotations

from pathlib import Path

import pytest

from medl.memory import JOBS, Room, free_ram, jobs, room, size_text

GB = 10**9


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with 8.192 GB free, and no cgroup."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 16000000 kB\nMemAvailable:    8000000 kB\n")
    return tmp_path


def limit(folder: Path, names: tuple[str, str, str], most: int | str, used: int, cache: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{most}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\n{names[2]} {cache}\n")


V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
V2 = ("memory.max", "memory.current", "inactive_file")


def test_a_machine_alone(machine):
    assert free_ram(machine) == 8_192_000_000
    assert free_ram(machine / "none") is None and room(root=machine / "none") is None


def test_the_tightest_cgroup_counts_and_its_file_cache_is_free(machine):
    (machine / "proc/self/cgroup").write_text("0::/outer/inner\n")
    top = machine / "sys/fs/cgroup"
    limit(top / "outer/inner", V2, "max", 3 * GB, 0)
    assert free_ram(machine) == 8_192_000_000
    limit(top / "outer", V2, 6 * GB, 4 * GB, GB)
    assert free_ram(machine) == 3 * GB
    limit(top / "outer/inner", V2, 2 * GB, GB, 0)
    assert free_ram(machine) == GB
    limit(top / "outer/inner", V2, GB, 2 * GB, 0)
    assert free_ram(machine) == 0


def test_cgroups_of_the_first_version(machine):
    (machine / "proc/self/cgroup").write_text("9:cpu,cpuacct:/\n4:memory:/docker/abc\n0::/\n")
    limit(machine / "sys/fs/cgroup/memory", V1, 5 * GB, 2 * GB, GB)  # a container sees its own at the top
    assert free_ram(machine) == 4 * GB


def process(root: Path, pid: int, parent: int, *words: str) -> None:
    folder = root / "proc" / str(pid)
    folder.mkdir()
    (folder / "cmdline").write_text("".join(f"{word}\0" for word in words))
    (folder / "stat").write_text(f"{pid} (a) b) S {parent} 1 1")


def test_jobs_that_run_here_are_counted_once(machine):
    train = ("python", "-u", "-m", "medl.apps.train", "-m", "a")
    assert jobs({}, machine) == 1
    process(machine, 10, 1, "horovodrun", "-np", "2", *train)
    process(machine, 11, 10, *train)
    process(machine, 12, 11, *train)  # a process of its data loader
    process(machine, 20, 1, "/env/bin/python", "/env/bin/medl", "evaluate", "-m", "b")
    process(machine, 30, 1, "python", "-m", "medl.apps.automl.train", "-m", "c")
    process(machine, 40, 1, "less", "medl.apps.train.log")
    assert jobs({}, machine) == 2
    assert jobs({JOBS: "5"}, machine) == 5 and jobs({JOBS: "many"}, machine) == 2


def test_a_share_and_how_it_is_said(machine):
    found = room(2, {JOBS: "2"}, machine)
    assert found == Room(8_192_000_000, 2, 2)
    assert found.share == 2_048_000_000 and str(found) == "8.2 GB free over 2 jobs of 2 ranks"
    assert str(Room(12 * GB)) == "12 GB free" and str(Room(GB, 3)) == "1.0 GB free over 3 jobs"


def test_sizes():
    assert [size_text(n) for n in (0, 999, 1000, 77e6, 999.6e6, 1e16)] == [
        "0 B", "999 B", "1.0 kB", "77 MB", "1.0 GB", "10000 TB"
    ]  # fmt: skip


def test_this_machine():
    assert free_ram() is None or free_ram() > 0
    assert jobs() >= 1

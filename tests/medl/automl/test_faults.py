"""What ended a job, from its exit code and its last words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import medl.automl.faults
from medl.automl.faults import MAX_OUTSIDE, POLICIES, Fault, fault_in, fault_of, fault_of_error, oom_kills, runs_again
from medl.errors import ConfigError, Problem

HOROVOD = "Process name: 1\nExit code: {}\n"


@pytest.mark.parametrize(
    ("code", "log", "fault"),
    [
        (2, "medl: config/config_train.json: epochs\n    it is wrong.", Fault.CONFIG),
        (1, "medl: epoch 1: out of memory (CUDA out of memory). A smaller batch", Fault.OUT_OF_MEMORY),
        (1, "MemoryError", Fault.OUT_OF_MEMORY),
        (-9, "", Fault.KILLED),
        (137, "", Fault.KILLED),
        (143, "medl: stopped by SIGTERM", Fault.KILLED),
        (-15, "", Fault.KILLED),
        (1, "medl: epoch 1: the system killed a process of the data loader (pid 4711)", Fault.KILLED),
        (1, f"[1]<stderr>:\n{HOROVOD.format(-9)}", Fault.KILLED),
        (1, f"[1]<stderr>:medl: epoch 2: the loss is nan at iteration 3.\n{HOROVOD.format(1)}", Fault.NAN),
        (1, f"[1]<stderr>:medl: it is wrong\n{HOROVOD.format(2)}", Fault.CONFIG),
        (-11, "", Fault.CRASH),
        (1, "medl: epoch 3: RuntimeError: odd. Run again with --debug for the traceback.", Fault.CRASH),
        (1, "medl: epoch 1: the loss is nan at iteration 3.", Fault.NAN),
        (1, "medl: epoch 1: the key metric dice is -inf after validation.", Fault.NAN),
        (1, "medl: epoch 2: no space is left to write model.pt (No space left on device).", Fault.DISK_FULL),
        (2, "medl: model.pt cannot be written or read (Read-only file system).", Fault.DISK_FULL),
        (1, "medl: epoch 1: RuntimeError: ... <- EOFError: Compressed file ended before", Fault.UNREADABLE_FILE),
        (1, "medl: epoch 1: ImageFileError: Cannot work out file type", Fault.UNREADABLE_FILE),
        (2, "medl: images/a.nii.gz\n    it is whole. The file was cut off or damaged: copy it.", Fault.UNREADABLE_FILE),
        (2, 'medl: data.json: training[0]\n    the file has to exist, but got "a.nii.gz".', Fault.UNREADABLE_FILE),
    ],
)
def test_exit_code_and_last_words_say_it(tmp_path: Path, code: int, log: str, fault: Fault):
    (tmp_path / "log.txt").write_text(f"epoch 1 of 3\n{log}\n")
    assert fault_of(code, tmp_path / "log.txt") is fault


def test_the_kernel_tells_who_killed(tmp_path: Path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/vmstat").write_text("pgfault 3\noom_kill 17\n")
    assert oom_kills(tmp_path) == 17
    assert oom_kills(tmp_path / "nowhere") == 0
    assert fault_of(-9, oom_kills=1) is Fault.OUT_OF_MEMORY
    assert fault_of(-9, oom_kills=0) is Fault.KILLED


def test_memory_that_was_enough_in_the_end_is_not_the_reason(tmp_path: Path):
    log = tmp_path / "log.txt"
    log.write_text(
        "medl: validate.inferer: out of memory with 8 windows at a time, goes on with sw_batch_size 4.\nodd\n"
    )
    assert fault_of(1, log) is Fault.CRASH


def test_a_lost_host_is_seen_where_there_are_others(tmp_path: Path):
    log = tmp_path / "log.txt"
    log.write_text("ssh: connect to host b port 22: No route to host\n")
    assert fault_of(1, log, hosts=True) is Fault.LOST_WORKER
    assert fault_of(1, log) is Fault.CRASH


def test_exceptions_of_an_executor():
    assert fault_of_error(OSError(28, "No space left on device")) is Fault.DISK_FULL
    assert fault_of_error(MemoryError()) is Fault.OUT_OF_MEMORY
    assert fault_of_error(ConfigError(Problem("a"))) is Fault.CONFIG
    assert fault_of_error(ValueError()) is Fault.ERROR


def test_who_runs_again():
    def info(fault, **more):
        return {"fault": str(fault), **more}

    assert runs_again(info(Fault.CRASH), 0, 0)
    assert not runs_again(info(Fault.CRASH), 1, 0)
    assert runs_again(info(Fault.CRASH), 1, 5, max_attempts=3)
    assert not runs_again(info(Fault.CRASH), 0, 0, max_attempts=1)
    assert runs_again(info(Fault.KILLED), 5, 3)
    assert not runs_again(info(Fault.KILLED), 0, MAX_OUTSIDE - 1)
    assert not any(runs_again(info(fault), 0, 0) for fault in (Fault.CONFIG, Fault.NAN, Fault.OUT_OF_MEMORY))
    assert runs_again(info(Fault.OUT_OF_MEMORY, runs_again=True), 0, 0)
    assert not runs_again({}, 0, 0)
    assert fault_in({"fault": "of tomorrow"}) is None


def test_the_table_in_the_docs_is_the_policies():
    page = Path(medl.automl.faults.__file__).parents[2] / "docs/faults.md"
    rows = re.findall(r"^\| `(\w+)` \|.*\| (yes|no|[^|]*) \| (yes|no) \|[^|]*\|$", page.read_text(), re.MULTILINE)
    assert {name for name, _, _ in rows} == {str(fault) for fault in Fault}
    for name, retried, counts in rows:
        policy = POLICIES[Fault(name)]
        assert retried.startswith("yes") is policy.retried, name
        assert (counts == "yes") is policy.counts, name

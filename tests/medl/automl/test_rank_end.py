"""The rank that ended first is found under what the launcher and the other ranks say after it."""

from __future__ import annotations

import pytest

from medl.automl.process import describe_end
from medl.automl.rank_end import rank_end

HOROVOD = """[0]<stdout>:INFO - Epoch: 1/2
[1]<stderr>:medl: epoch 1: the loss is nan at iteration 3.
[0]<stderr>:[2026-11-22 00:07:35.446041: E /tmp/operations.cc:697] [0]: Horovod background loop
Process 1 exit with status code 1.
Terminating remaining workers after failure of Process 1.
[0]<stderr>:medl: stopped by SIGTERM
Process 0 exit with status code 143.
Traceback (most recent call last):
RuntimeError: Horovod detected that one or more processes exited with non-zero status, thus causing the job to be \
terminated. The first process to do so was:
Process name: 1
Exit code: {code}

"""
TORCHRUN = """medl: epoch 1: the loss is nan at iteration 3.
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
Root Cause (first observed failure):
[0]:
  time      : 2026-11-22_00:00:00
  host      : vm
  rank      : 1 (local_rank: 1)
  exitcode  : {code} (pid: 77)
  error_file: <N/A>
"""


@pytest.mark.parametrize("form", [HOROVOD, TORCHRUN])
def test_the_first_ranks_own_words_are_the_reason(form, tmp_path):
    log = tmp_path / "log.txt"
    log.write_text(form.format(code=1))
    expected = "rank 1 ended with exit code 1: medl: epoch 1: the loss is nan at iteration 3."
    assert describe_end(1, log) == expected


@pytest.mark.parametrize(("form", "code"), [(HOROVOD, 137), (TORCHRUN, -9)])
def test_a_rank_that_was_killed(form, code, tmp_path):
    log = tmp_path / "log.txt"
    log.write_text(form.format(code=code))
    assert describe_end(1, log) == f"rank 1 ended with exit code {code}: killed, probably out of memory"
    end = rank_end(form.format(code=code))
    assert end is not None and end.signal == 9


def test_a_log_of_one_process_names_no_rank():
    assert rank_end("medl: no such file\n") is None

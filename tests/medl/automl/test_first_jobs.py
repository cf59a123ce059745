"""A run whose first jobs all fail alike."""

from __future__ import annotations

from typing import Any

from medl.automl.first_jobs import FirstJobs


def told(workers: list[str], *jobs: tuple[str, str, str, str]) -> FirstJobs:
    """Return what has heard of jobs: worker, status, fault, reason."""
    first = FirstJobs(workers)
    for number, (worker, status, fault, reason) in enumerate(jobs):
        info: dict[str, Any] = {"fault": fault} if fault else {}
        first.take({"type": "job_started", "job": f"J{number}", "worker": worker})
        outcome = {"status": status, "info": info, "reason": reason}
        first.take({"type": "job_ended", "job": f"J{number}", "outcome": outcome})
    return first


def test_jobs_of_every_worker_have_to_fail_alike():
    one, two = ("W1", "failed", "config", "job 1: wrong"), ("W2", "failed", "config", "job 2: wrong")
    assert told(["W1", "W2"], one, two, one).alike.startswith("the first 3 jobs, one of every worker")
    assert told(["W1"], one, one, one).alike
    assert not told(["W1", "W2"], one, two).alike
    assert not told(["W1", "W2"], one, one, one, one).alike
    assert not told(["W1", "W2", "W3"], one, two, one).alike


def test_one_that_ends_well_or_otherwise_says_that_jobs_can_be_trained():
    one = ("W1", "failed", "crash", "signal 11")
    for other in (
        ("W1", "ok", "", ""),
        ("W1", "no_score", "", ""),
        ("W1", "failed", "crash", "another"),
        ("W1", "failed", "nan", "signal 11"),
        ("W1", "failed", "", "signal 11"),
        ("W1", "rejected", "rejected", ""),
    ):
        assert not told(["W1"], one, other, one, one, one).alike


def test_a_choice_that_all_of_them_had_may_be_the_reason():
    first = FirstJobs(["W1"])
    act, depth = ({"prl": prl, "kind": "enum", "targets": [[value], [2]]} for prl, value in (("act", "relu"), ("n", 1)))
    first.take({"type": "run_started", "space": [act, depth]})
    outcome = {"status": "failed", "info": {"fault": "crash"}, "reason": "odd"}

    def job(number: int, **values: Any) -> None:
        given = {prl: [value] for prl, value in values.items()}
        first.take({"type": "job_started", "job": f"J{number}", "worker": "W1", "values": given})
        first.take({"type": "job_ended", "job": f"J{number}", "outcome": outcome})

    for number in range(4):
        job(number, act="relu", n=number % 2)
    assert not first.alike
    job(4, act="prelu", n=1)
    assert first.alike

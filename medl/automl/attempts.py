"""What the end of an attempt means for its job: it has ended, or it runs again."""

from __future__ import annotations

import dataclasses

from medl.automl.core import Core
from medl.automl.defs import ContextKey, JobStatus, Outcome
from medl.automl.faults import Fault, fault_in, runs_again
from medl.automl.time_limits import TimeLimits
from medl.automl.worker import Order

MAX_INTERRUPTIONS = 3
"""Attempts of a job that something other than this engine interrupted before it counts as failed."""


def last_word(order: Order, outcome: Outcome, times: TimeLimits) -> Outcome:
    """Return how an attempt ended, with what its executor cannot know; the order's context says the same.

    Args:
        order: the attempt.
        outcome: what the executor says.
        times: which jobs were ended for their time.
    """
    told = outcome
    if outcome.status is JobStatus.INTERRUPTED and not order.stopping.is_set() and order.attempt >= MAX_INTERRUPTIONS:
        reason = f"interrupted {order.attempt} times; {outcome.reason}".rstrip("; ")
        told = Outcome(outcome.recommendation_id, JobStatus.FAILED, reason=reason)
    elif order.job in times.ended and outcome.status in (JobStatus.STOPPED, JobStatus.FAILED):
        info = {**outcome.info, "fault": str(Fault.TIME_LIMIT)}
        reason = times.reason(order.job)
        told = dataclasses.replace(outcome, status=JobStatus.FAILED, values={}, info=info, reason=reason)
    if told is not outcome:
        order.ctx.set_prop(ContextKey.OUTCOME, told)
        order.ctx.set_prop(ContextKey.JOB_STATUS, told.status)
        order.ctx.set_prop(ContextKey.SCORE, told.score)
    return told


def again_for(order: Order, outcome: Outcome, core: Core, max_attempts: int) -> Fault | None:
    """Return the fault after which a job runs again, or ``None`` where it has ended.

    Args:
        order: the attempt.
        outcome: how it ended.
        core: the run, which knows the attempts before.
        max_attempts: how many may end by the job's own fault.
    """
    leaves = order.stopping.is_set() or core.stopping is not None or core.paused is not None
    if outcome.status is not JobStatus.FAILED or leaves or order.job in core.aborted:
        return None
    job = core.jobs[order.job]
    if not runs_again(outcome.info, job.own, len(job.faults) - job.own, max_attempts):
        return None
    return fault_in(outcome.info)

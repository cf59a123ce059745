"""The controller consulted while the engine goes on: one question at a time, its answers recorded in their order.

A question is a group of validations to judge, or an outcome to refine. The record has each answer as an event of its
own, so the order of these events is the order of the controller's calls, which is all that a replay needs; the key
``asked`` of ``recommended`` says how much of the record there was when the controller was asked.
"""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from medl.automl.adviser import Adviser
from medl.automl.asking import AskingThread
from medl.automl.core import BASELINE, AskInitial, Core, Refine
from medl.automl.crew import Crew
from medl.automl.defs import Context, ContextKey, Recommendation, SearchSpace
from medl.automl.events import Event, recommendation_from_json
from medl.automl.reporting import Report, Reporting
from medl.automl.signals import Signals
from medl.automl.telling import Telling
from medl.automl.worker import Order
from medl.errors import RunError

Record = Callable[[Mapping[str, Any]], None]
T = TypeVar("T")


class LeftBehind(Exception):
    """A signal came while the controller was waited for, and it took too long."""


class Consulting:
    """Asks a controller in a thread of its own, and makes facts of what it says.

    Args:
        adviser: the controller, guarded.
        core: the state of the run; only read.
        ctx: the run's context.
        crew: whose jobs are stopped early.
        reporting: finds the validations of running jobs.
        telling: calls the handlers.
        signals: that cut waiting short.
        record: makes a fact.
        say: takes each line for the person who watches.
        patience_s: seconds that a controller gets once a signal came.
    """

    def __init__(
        self,
        adviser: Adviser,
        core: Core,
        ctx: Context,
        *,
        crew: Crew,
        reporting: Reporting,
        telling: Telling,
        signals: Signals,
        record: Record,
        say: Callable[[str], None],
        patience_s: float,
    ):
        self._adviser, self._core, self._ctx = adviser, core, ctx
        self._crew, self._reporting, self._telling, self._signals = crew, reporting, telling, signals
        self._record, self._say, self._patience_s = record, say, patience_s
        self._asking = AskingThread(crew.wake)
        self._reports: deque[Report] = deque()  # validations that the controller was not told of yet
        self._unseen: dict[str, Order] = {}  # ended jobs that it was not told of yet

    @property
    def busy(self) -> bool:
        """Whether a question is open."""
        return self._asking.busy

    # Before and after the loop: nothing to do but wait ---------------------------------------------------------------

    def call(self, call: Callable[[], T]) -> T:
        """Return what a call gives that runs in the controller's thread, when it is there.

        Raises:
            LeftBehind: a signal came, and the call did not end within the patience.
        """
        self._asking.start(None, call)
        until: float | None = None
        while not self._asking.wait(0.2):
            if self._signals.first is not None:
                until = time.monotonic() + self._patience_s if until is None else until
                if self._signals.insisted or time.monotonic() > until:
                    raise LeftBehind
        answer = self._asking.take()
        assert answer is not None
        if answer.error is not None:
            raise answer.error
        value: T = answer.value
        return value

    def close(self) -> None:
        """Shut the controller down, unless it still thinks after a while; then it is left."""
        patience = 2.0 if self._signals.insisted else self._patience_s
        if self._asking.busy:  # nobody needs the answer
            self._asking.wait(patience)
            self._asking.take()
        if self._asking.busy:
            name = self._adviser.name
            self._say(f"{name} still thinks after {patience:g} s; the engine leaves without {name}.shutdown")
        else:
            self._asking.start(None, lambda: self._adviser.controller.shutdown(self._ctx))
            self._asking.wait(patience)
            if (answer := self._asking.take()) is not None and answer.error is not None:
                self._telling.report(self._adviser.controller, "shutdown", answer.error)
        self._asking.close()

    # In the loop ------------------------------------------------------------------------------------------------------

    def take(self) -> bool:
        """Make facts of the answer that is there, if one is, and return whether there was one.

        Of a run that is paused or over nothing becomes a fact: the question is asked again when the run goes on.

        Raises:
            RunError: the first recommendations cannot be had.
        """
        answer = self._asking.take()
        if answer is None:
            return False
        if self._core.paused is None and not self._core.status:
            answer.tag(answer.value, answer.error)
        return True

    def next(self, action: AskInitial | Refine | None, asked: int) -> Callable[[], None] | None:
        """Return what asks the next question, ``None`` where one is open or there is none.

        Args:
            action: what the core wants asked, if anything; validations go first.
            asked: how many events the record has.
        """
        if self._asking.busy or self._core.paused is not None:
            return None
        if self._reports:
            return self._judge
        return None if action is None else functools.partial(self._ask, action, asked)

    def ended(self, order: Order) -> None:
        """A job has ended: it waits for the controller to be told."""
        self._unseen[order.job] = order

    def look(self, order: Order) -> None:
        """Find the new validations of a job; those that were judged in an attempt before are not judged again."""
        judged = self._core.reported.get(order.job, {})
        for report in self._reporting.look(order):
            if report.epoch in judged:
                if judged[report.epoch] == "stop":
                    self._crew.stop_early(order.job)
            elif order.recommendation.id == BASELINE:  # of the archive's own values the controller knows nothing
                self._reported(report, "continue", "")
            else:
                self._reports.append(report)

    def catch_up(self, events: Sequence[Event]) -> None:
        """Find the validations that an engine was killed before it recorded, of jobs that had ended.

        Args:
            events: of the run, which the core knows.
        """
        started = {event["job"]: event for event in events if event["type"] == "job_started"}
        for job in self._core.unseen:
            ctx = self._adviser.context_of(started[job])
            recommendation: Recommendation = ctx.get_prop(ContextKey.RECOMMENDATION)
            self.look(Order(job, started[job]["attempt"], recommendation, ctx))

    def _judge(self) -> None:
        reports = list(self._reports)
        self._reports.clear()
        judge = self._adviser.report
        self._asking.start(
            functools.partial(self._judged, reports),
            lambda: [judge(report.job, report.epoch, report.values, report.ctx) for report in reports],
        )

    def _judged(self, reports: Sequence[Report], decisions: Any, error: BaseException | None) -> None:
        if error is not None:
            raise error
        for report, (decision, why) in zip(reports, decisions, strict=True):
            self._reported(report, decision, why)

    def _reported(self, report: Report, decision: str, why: str) -> None:
        known = {"job": report.job, "attempt": report.attempt, "epoch": report.epoch, "values": dict(report.values)}
        self._record({"type": "job_reported", **known, "decision": decision, **({"reason": why} if why else {})})
        if decision == "stop" and self._crew.stop_early(report.job):
            self._say(f"{report.job} is stopped early after epoch {report.epoch}: {why}")

    def _ask(self, action: AskInitial | Refine, asked: int) -> None:
        after = action.job if isinstance(action, Refine) else None
        question = self._adviser.question(after)
        call = functools.partial(self._answered, after, asked)
        self._asking.start(call, lambda: (question(), self._adviser.needed()))

    def _answered(self, after: str | None, asked: int, answer: Any, error: BaseException | None) -> None:
        items: list[dict[str, Any]] = []
        needed: frozenset[str] | None = None
        try:
            if error is not None:
                raise error
            items, needed = answer
            (self._adviser.check_first if after is None else self._adviser.check)(items)
        except RunError as broken:
            if after is None:
                raise
            self._record({"type": "run_paused", "reason": str(broken), "status": "failed"})
            running = len(self._crew.orders)
            self._say(
                f"{broken} Nothing more starts, {running} running job{'s' * (running != 1)} will end. "
                "Mend the controller and give the same command again: the run goes on."
            )
            return
        self._record({"type": "recommended", "after": after, "asked": asked, "recommendations": items})
        self._adviser.remember(items)
        self._adviser.keep(needed)
        if items:
            space: SearchSpace = self._ctx.get_prop(ContextKey.SEARCH_SPACE)
            self._ctx.set_prop(ContextKey.RECOMMENDATIONS, [recommendation_from_json(item, space) for item in items])
            self._telling.tell("recommendations_available", self._ctx)
        if after is not None and (order := self._unseen.pop(after, None)) is not None:
            self._telling.tell("outcome_recorded", order.ctx)

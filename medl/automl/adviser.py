"""The controller as the engine talks to it: every call guarded, what it recommends checked, what it needs kept.

What calls the controller (``set_space``, ``replay``, ``needed``, ``report`` and what ``question`` returns) belongs into
one thread; all else into the engine's.
"""

from __future__ import annotations

import functools
import itertools
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from medl.automl.api import Controller
from medl.automl.core import BASELINE, Core
from medl.automl.defs import Context, ContextKey, Outcome, Recommendation, SearchResult, SearchSpace
from medl.automl.events import Event, outcome_from_json, recommendation_from_json, recommendation_to_json
from medl.automl.goals import Goals
from medl.automl.stopping_rule import StoppingRule
from medl.automl.user_code import raised, refused_space
from medl.errors import RunError

Report = Callable[[Any, str, BaseException], None]


class Adviser:
    """Asks a controller. Whatever it raises, or recommends against the rules, is a RunError that names it.

    Args:
        controller: the controller; its space is set with :meth:`set_space`.
        core: the state of the run; only read.
        ctx: the run's context; NEEDED_JOBS is kept up there.
        report: told when ``needs`` or ``report`` raises, which harms nobody.
        goals: whose first objective the stopping rule looks at.
        stopping: told of every validation before the controller is; a new one.
    """

    def __init__(
        self,
        controller: Controller,
        core: Core,
        ctx: Context,
        report: Report,
        *,
        goals: Goals | None = None,
        stopping: StoppingRule | None = None,
    ):
        self.controller = controller
        self.name = type(controller).__name__
        self._core = core
        self._ctx = ctx
        self._report = report
        self._goals = goals if goals is not None else Goals()
        self._stopping = stopping
        self._space = SearchSpace(())
        self._needed: frozenset[str] = frozenset()
        self._sources: dict[Any, set[str]] = {}  # trial -> jobs whose checkpoint it will start from

    def _call(self, method: str, *arguments: Any, room: int | None = None) -> Any:
        try:
            given = getattr(self.controller, method)(*arguments)
            if not method.endswith("recommendation") or given is None:
                return given
            if isinstance(given, Iterable):  # cut to what the run still takes; it may never end by itself
                return list(itertools.islice(given, room))
        except (Exception, SystemExit) as error:
            self._ctx.trace(self.controller, "".join(traceback.format_exception(error)))
            if method == "set_search_space":
                raise RunError(f"{refused_space(self.controller, error)}.") from error
            raise RunError(f"{raised(self.controller, method, error)}.") from error
        raise RunError(f"{self.name}.{method} has to give back a list of recommendations, but gave back {given!r}.")

    def set_space(self, space: SearchSpace) -> None:
        """Give the space to the controller."""
        self._space = space
        self._call("set_search_space", space, self._ctx)

    def question(self, after: str | None, room: int | None = None) -> Callable[[], list[dict[str, Any]]]:
        """Return the call that asks what to run at first, or after a job; what it is computed from is settled now.

        The call returns what the controller recommends as the log holds it, not checked yet.

        Args:
            after: the job whose outcome the controller is given, or ``None``.
            room: how many recommendations are taken; where not given, as many as the run takes now.
        """
        outcome = None if after is None else outcome_from_json(self._core.outcome_of(after))
        return functools.partial(self._ask, after, outcome, self._core.room() if room is None else room)

    def _ask(self, after: str | None, outcome: Outcome | None, room: int | None) -> list[dict[str, Any]]:
        if outcome is None:
            method = "initial_recommendation"
            given = self._call(method, self._ctx, room=room)
        else:
            method = "refine_recommendation"
            self._ctx.set_prop(ContextKey.REFINED_JOB, after)
            given = self._call(method, outcome, self._ctx, room=room)
        for item in given or ():
            if not isinstance(item, Recommendation) or not isinstance(item.result, SearchResult):
                raise RunError(f"{self.name}.{method} gave back {item!r}, which is no recommendation.")
        return [recommendation_to_json(item, self._space) for item in given or ()]

    def ask(self, after: str | None) -> list[dict[str, Any]]:
        """Return what the controller recommends at first, or after a job, as the log holds it; not checked yet."""
        return self.question(after)()

    def report(self, job: str, epoch: int, values: Mapping[str, float], ctx: Context) -> tuple[str, str]:
        """Return what stopping rule and controller say of a validation, ``continue`` or ``stop``, and why it stops.

        Args:
            job: its name.
            epoch: that was validated.
            values: metric name to value, as logged.
            ctx: the job's context.
        """
        why = ""
        name = self._goals.objectives[0].metric if self._goals.objectives else next(iter(values), "")
        if self._stopping is not None and name in values:
            value = -values[name] if name in self._goals.minimize else values[name]
            why = self._stopping.judge(job, epoch, value)
        try:
            said = self.controller.report(job, epoch, dict(values), ctx)
            if said not in ("continue", "stop"):
                raise ValueError(f'report has to give back "continue" or "stop", but gave back {said!r}')
        except (Exception, SystemExit) as error:
            self._report(self.controller, "report", error)
            said = "continue"
        if said == "stop" and not why:
            why = f"{self.name} says so"
        return ("stop" if why else "continue"), why

    def first(self) -> list[dict[str, Any]]:
        """Return what the controller recommends at first, as the log holds it: at least one, all of them checked.

        Raises:
            RunError: there is none, or the run cannot take them.
        """
        items = self.ask(None)
        self.check_first(items)
        return items

    def check_first(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Raise RunError where these cannot be the first recommendations."""
        if not items:
            why = self._ctx.get_stop_message()
            asked = f" and asks to stop ({why})" if why is not None else ""
            raise RunError(f"{self.name}.initial_recommendation gave back nothing to run{asked}.")
        self.check(items)

    def check(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Raise RunError where the run cannot take these recommendations."""
        if faults := self._core.faults(items, self._space):
            more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
            raise RunError(f"{self.name} recommends what cannot be run: {'; '.join(faults[:3])}{more}.")

    def replay(self, events: Sequence[Event]) -> str:
        """Bring core and controller to where a log ends; return how the controller differed, or an empty text.

        The controller is given the recorded outcomes again, in their order. Where it now recommends other ids or values
        than the record holds, the record wins.

        Raises:
            RunError: the log is no record of a run, or the controller raises.
        """
        differed = ""
        rooms: list[int | None] = []  # how many recommendations the run took after each event
        contexts: dict[str, Context] = {}
        try:
            for event in events:
                if event["type"] == "recommended":
                    after, asked = event["after"], event.get("asked")
                    said = self.question(after, rooms[asked - 1] if asked else None)()
                    if _essence(said) != _essence(event["recommendations"]) and not differed:
                        when = f"after {after}" if after else "at first"
                        differed = f"{self.name} recommends other values {when} than it did before"
                    self.remember(event["recommendations"])
                elif event["type"] == "job_started":
                    contexts[event["job"]] = self.context_of(event)
                elif event["type"] == "job_reported" and self._core.jobs[event["job"]].trial != BASELINE:
                    self.report(event["job"], event["epoch"], event["values"], contexts[event["job"]])
                elif event["type"] == "job_ended":
                    self.forget(self._core.jobs[event["job"]].trial)
                self._core.replay(event)
                rooms.append(self._core.room())
        except (KeyError, ValueError) as error:
            raise RunError(f"the events are no record of a run ({error}). Start another run.") from error
        self._call("restore", [outcome_from_json(self._core.outcome_of(job)) for job in self._core.refined])
        self.update_needs()
        return differed

    def context_of(self, started: Event) -> Context:
        """Return the context of a job of the record, as far as the controller reads it."""
        ctx = Context(self._ctx)
        ctx.set_prop(ContextKey.JOB_NAME, started["job"])
        ctx.set_prop(ContextKey.ATTEMPT, started["attempt"])
        if started["trial"] in self._core.trials:
            asked = self._core.trials[started["trial"]]
            ctx.set_prop(ContextKey.RECOMMENDATION, recommendation_from_json(asked, self._space))
        return ctx

    def remember(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Keep the jobs that these recommendations will start from."""
        for item in items:
            if sources := {item[key] for key in ("resume_from", "inherit_from") if item.get(key)}:
                self._sources[item["id"]] = sources

    def forget(self, trial: Any) -> None:
        """A recommendation was run: the job that it started from is not needed for it any more."""
        self._sources.pop(trial, None)

    def needed(self) -> frozenset[str] | None:
        """Return the jobs that the controller needs; ``None`` where it raises: what was needed before stays."""
        try:
            return frozenset(self.controller.needs())
        except (Exception, SystemExit) as error:
            self._report(self.controller, "needs", error)
            return None

    def keep(self, needed: frozenset[str] | None) -> None:
        """Set NEEDED_JOBS: what the controller needs or has not been told of, and what recommendations start from."""
        if needed is not None:
            self._needed = needed
        self._ctx.set_prop(ContextKey.NEEDED_JOBS, self._needed.union(self._core.unseen, *self._sources.values()))

    def update_needs(self) -> None:
        """Ask the controller what it needs, and set NEEDED_JOBS."""
        self.keep(self.needed())


def _essence(items: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
    return [(item["id"], item["values"]) for item in items]

"""The controller as the engine talks to it: every call guarded, what it recommends checked, what it needs kept."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from medl.automl.api import Controller
from medl.automl.core import Core
from medl.automl.defs import Context, ContextKey, Recommendation, SearchResult, SearchSpace
from medl.automl.events import Event, outcome_from_json, recommendation_to_json
from medl.automl.user_code import raised, refused_space
from medl.errors import RunError

Report = Callable[[Any, str, BaseException], None]


class Adviser:
    """Asks a controller. Whatever it raises, or recommends against the rules, is a RunError that names it.

    Args:
        controller: the controller; its space is set with :meth:`set_space`.
        core: the state of the run; only read.
        ctx: the run's context; NEEDED_JOBS is kept up there.
        report: told when ``needs`` raises, which harms nobody.
    """

    def __init__(self, controller: Controller, core: Core, ctx: Context, report: Report):
        self.controller = controller
        self.name = type(controller).__name__
        self._core = core
        self._ctx = ctx
        self._report = report
        self._space = SearchSpace(())
        self._sources: dict[Any, set[str]] = {}  # trial -> jobs whose checkpoint it will start from

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            given = getattr(self.controller, method)(*arguments)
            if not method.endswith("recommendation") or given is None:
                return given
            if isinstance(given, Iterable):  # cut to what the run still takes; it may never end by itself
                return list(itertools.islice(given, self._core.room()))
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

    def ask(self, after: str | None) -> list[dict[str, Any]]:
        """Return what the controller recommends at first, or after a job, as the log holds it; not checked yet."""
        if after is None:
            method = "initial_recommendation"
            given = self._call(method, self._ctx)
        else:
            method = "refine_recommendation"
            given = self._call(method, outcome_from_json(self._core.outcome_of(after)), self._ctx)
        for item in given or ():
            if not isinstance(item, Recommendation) or not isinstance(item.result, SearchResult):
                raise RunError(f"{self.name}.{method} gave back {item!r}, which is no recommendation.")
        return [recommendation_to_json(item, self._space) for item in given or ()]

    def first(self) -> list[dict[str, Any]]:
        """Return what the controller recommends at first, as the log holds it: at least one, all of them checked.

        Raises:
            RunError: there is none, or the run cannot take them.
        """
        items = self.ask(None)
        if not items:
            why = self._ctx.get_stop_message()
            asked = f" and asks to stop ({why})" if why is not None else ""
            raise RunError(f"{self.name}.initial_recommendation gave back nothing to run{asked}.")
        self.check(items)
        return items

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
        try:
            for event in events:
                if event["type"] == "recommended":
                    after = event["after"]
                    if _essence(self.ask(after)) != _essence(event["recommendations"]) and not differed:
                        when = f"after {after}" if after else "at first"
                        differed = f"{self.name} recommends other values {when} than it did before"
                    self.remember(event["recommendations"])
                self._core.replay(event)
        except (KeyError, ValueError) as error:
            raise RunError(f"the events are no record of a run ({error}). Start another run.") from error
        self._call("restore", [outcome_from_json(self._core.outcome_of(job)) for job in self._core.refined])
        self.update_needs()
        return differed

    def remember(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Keep the jobs that these recommendations will start from."""
        for item in items:
            if sources := {item[key] for key in ("resume_from", "inherit_from") if item.get(key)}:
                self._sources[item["id"]] = sources

    def forget(self, trial: Any) -> None:
        """A recommendation was run: the job that it started from is not needed for it any more."""
        self._sources.pop(trial, None)

    def update_needs(self) -> None:
        """Set NEEDED_JOBS: what the controller needs, and what waiting recommendations will start from."""
        try:
            needs = frozenset(self.controller.needs())
        except (Exception, SystemExit) as error:
            self._report(self.controller, "needs", error)
            return  # what was needed before stays
        self._ctx.set_prop(ContextKey.NEEDED_JOBS, needs.union(*self._sources.values()))


def _essence(items: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
    return [(item["id"], item["values"]) for item in items]

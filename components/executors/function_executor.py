"""Runs a recommendation as a call of a Python function: values in, a number or a curve out; nothing is trained."""

from __future__ import annotations

import inspect
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from medl.automl.api import Executor
from medl.automl.curves import CurveJobs, Segment, curve_takes_past
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, Recommendation, SearchSpace
from medl.automl.goals import Goals
from medl.automl.search_grammar import read_sections
from medl.automl.space import find_search_space
from medl.conf.component import class_of, user_folders
from medl.conf.load import read_object
from medl.errors import ConfigError, RunError
from medl.mmar.archive import MMAR
from medl.mmar.files import write_json
from medl.mmar.run_folder import RunFolder
from medl.mmar.stats import append_metrics, clear_stats

PACKAGES = ("medl",)
"""Whose functions ``path`` may name, besides those in custom/ and on PYTHONPATH."""

LIVED_FILE = "lived.json"
"""In a job's folder: values and epochs of all segments that its state has lived, for the jobs that go on from it."""

_STOP, _ABORT = "_functionStop", "_functionAbort"  # on the job's own context, so of this attempt alone


class FunctionExecutor(Executor):
    """Calls a function per job.

    ============== ======= ========================================================================================
    arg            default meaning
    ============== ======= ========================================================================================
    path           ""      ``module.function``, in the archive's custom/ or on PYTHONPATH; has to be given
    epochs         none    epochs of a job that is given no other number; none: the train config's, else 1
    validate_every 1       epochs between two validations of a curve
    search         none    the search space, as a ``search`` section of a config; none: the train config's sections
    ============== ======= ========================================================================================

    The function takes one of these forms; ``values`` maps the name of each arg that is searched to its value (where a
    name is searched in several places: ``<path of the component>.<name>``)::

        def function(values): return 1.0 - values["x"] ** 2          # a number, or a dict of metrics
        def function(values): yield ...                              # one of them per epoch
        def function(values, epoch): return ...                      # the validation of an epoch, 1-based
        def function(values, epoch, past): return ...                # past: (values, first epoch, last epoch) of what
                                                                     # the job's state has lived before

    A job with ``until_epoch`` ends there and is judged by its last validation, one without by its best. Each
    validation is a line of ``metrics.jsonl`` in the job's folder, as a training's. NaN and exceptions fail the job.

    Raises:
        ValueError: an argument breaks its rule.
    """

    def __init__(
        self,
        path: str | Callable[..., Any] = "",
        epochs: int | None = None,
        validate_every: int = 1,
        search: Sequence[Mapping[str, Any]] | None = None,
    ):
        if not callable(path) and (not isinstance(path, str) or "." not in path.strip(".")):
            raise ValueError(f'path must be "module.function", but got {path!r}')
        for name, number in (("epochs", epochs), ("validate_every", validate_every)):
            if number is None and name == "epochs":
                continue
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, but got {number!r}")
        if search is not None and not isinstance(search, list | tuple):
            raise ValueError(f"search must be a list of search items, but got {search!r}")
        self.path, self.epochs, self.validate_every, self.search = path, epochs, validate_every, search
        self._lock = threading.Lock()
        self._jobs: CurveJobs | None = None
        self._function: Callable[..., Any] | None = None
        self._names: dict[str, tuple[str, ...]] = {}

    def determine_search_space(self, ctx: Context) -> SearchSpace:
        """Return what the arg ``search``, or else the train config's ``search`` sections, span.

        Raises:
            ConfigError: they break a rule, or there is no such function.
        """
        self._load(ctx)
        if self.epochs is not None:
            ctx.set_prop(ContextKey.EPOCHS, self.epochs)
        if self.search is not None:
            sections = read_sections({"search": list(self.search)}, "executor.args")
            space = SearchSpace(tuple(item.parameter for item in sections.items))
            problems = list(sections.problems)
        else:
            name = str(ctx.get_prop(ContextKey.TRAIN_CONFIG, "config_train.json"))
            root = MMAR(Path(ctx.get_prop(ContextKey.MMAR_ROOT)))
            space, problems = find_search_space(
                read_object(root.config / name, f"config/{name}"), None, f"config/{name}"
            )
        if problems:
            raise ConfigError(problems)
        return space

    def execute(self, recommendation: Recommendation, ctx: Context) -> Outcome:
        """Call the function from one validation to the next, and return what it came to."""
        began = time.monotonic()
        jobs, function = self._load(ctx)
        name = str(ctx.get_prop(ContextKey.JOB_NAME, recommendation.id))
        folder = _job_folder(ctx, name)
        source = recommendation.resume_from or recommendation.inherit_from
        if source and source not in jobs.pasts:
            jobs.pasts[source] = _lived(_job_folder(ctx, source), source)
        values = self._by_name(recommendation)
        run = jobs.begin(name, recommendation, _curve(function, values, lambda past: self._past(past, recommendation)))
        if folder is not None:
            folder.models.mkdir(parents=True, exist_ok=True)
            clear_stats(folder.models)
        while not ctx.get_prop(_ABORT) and not ctx.get_prop(_STOP):
            since = time.monotonic()
            if (validation := run.advance()) is None:
                break
            if folder is not None:
                line: dict[str, Any] = {
                    "epoch": validation.epoch,
                    "max_epoch": run.last,
                    "time_s": time.monotonic() - since,
                }
                line |= {"losses": {}, "lr": [], **({"metrics": validation.values} if validation.values else {})}
                append_metrics(folder.models, line)
                write_json(folder.root / LIVED_FILE, [list(segment) for segment in jobs.pasts[name]])
        cost = time.monotonic() - began
        if ctx.get_prop(_ABORT):
            return Outcome(recommendation.id, JobStatus.STOPPED, reason="it was aborted", cost_s=cost)
        outcome = run.outcome()
        return Outcome(**{**vars(outcome), "cost_s": cost})

    def stop_early(self, ctx: Context) -> None:
        """Let the job end after the epoch that it is in."""
        ctx.set_prop(_STOP, True)

    def abort(self, ctx: Context) -> None:
        """End the job after the epoch that it is in, without an outcome; a call of the function is not broken off."""
        ctx.set_prop(_ABORT, True)

    def _load(self, ctx: Context) -> tuple[CurveJobs, Callable[..., Any]]:
        """Import the function, once."""
        with self._lock:
            if self._function is None:
                self._function = self.path if callable(self.path) else _import(self.path, ctx)
            if self._jobs is None:
                goals = ctx.get_prop(ContextKey.GOALS) or Goals()
                epochs = self.epochs or ctx.get_prop(ContextKey.EPOCHS) or 1
                every: int | None = self.validate_every
                if not inspect.isgeneratorfunction(self._function) and _parameters(self._function) < 2:
                    every = None  # a bare number: there are no epochs to look into
                self._jobs = CurveJobs(self._function, epochs=epochs, goals=goals, validate_every=every)
            return self._jobs, self._function

    def _by_name(self, recommendation: Recommendation) -> dict[str, Any]:
        return by_name(recommendation.result.space, recommendation.result.concrete())

    def _past(self, past: tuple[Segment, ...], recommendation: Recommendation) -> tuple[Segment, ...]:
        """Return segments with their values by name, as the function gets its own."""
        space = recommendation.result.space
        concrete = (
            {p.prl: p.concrete(values[p.prl]) for p in space.parameters if p.prl in values} for values, _, _ in past
        )
        return tuple((by_name(space, values), *segment[1:]) for values, segment in zip(concrete, past, strict=True))


def by_name(space: SearchSpace, concrete: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return concrete values by the name of their arg, with the component's path before it where two share a name."""
    found: list[tuple[str, str, Any]] = []
    for parameter in space.parameters:
        path = parameter.prl.rpartition("$")[0].split(".", 2)[-1]
        for arg, value in zip(parameter.args, concrete.get(parameter.prl, ()), strict=False):
            found.append((path, arg.removeprefix("@"), value))
    every = [arg.removeprefix("@") for parameter in space.parameters for arg in parameter.args]
    return {name if every.count(name) == 1 or not path else f"{path}.{name}": value for path, name, value in found}


def _import(path: str, ctx: Context) -> Callable[..., Any]:
    root = ctx.get_prop(ContextKey.MMAR_ROOT)
    folders = user_folders(MMAR(Path(root)).custom if root else None)
    return class_of({"path": path}, catalogue=_NoNames(), folders=folders, packages=PACKAGES, path="executor.args")


def _parameters(function: Callable[..., Any]) -> int:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _curve(
    function: Callable[..., Any],
    values: Mapping[str, Any],
    named: Callable[[tuple[Segment, ...]], tuple[Segment, ...]],
) -> Callable[..., Any]:
    """Return a job's function, of whatever form, as a curve."""
    if _parameters(function) >= 2:
        if curve_takes_past(function):
            return lambda prls, epoch, past: function(values, epoch, named(past))
        return lambda prls, epoch: function(values, epoch)
    yielded: list[Any] = []
    source: list[Iterator[Any]] = []

    def curve(prls: Mapping[str, Any], epoch: int) -> Any:
        if not source:
            given = function(values)
            if not inspect.isgenerator(given):
                return given
            source.append(given)
        while len(yielded) < epoch:  # one that goes on from another job passes over the epochs of that one
            try:
                yielded.append(next(source[0]))
            except StopIteration:
                raise RunError(f"the function yields {len(yielded)} times, but epoch {epoch} is wanted") from None
        return yielded[epoch - 1]

    return curve


def _job_folder(ctx: Context, job: str) -> MMAR | None:
    root = ctx.get_prop(ContextKey.RUN_ROOT)
    return RunFolder(Path(root).parent, Path(root).name).job(job) if root else None


def _lived(folder: MMAR | None, job: str) -> tuple[Segment, ...]:
    """Return what a job of an earlier engine had lived.

    Raises:
        RunError: nothing is known of it.
    """
    try:
        if folder is None:
            raise FileNotFoundError(job)
        found = json.loads((folder.root / LIVED_FILE).read_text(encoding="utf-8"))
        return tuple((values, int(first), int(last)) for values, first, last in found)
    except (OSError, ValueError) as error:
        raise RunError(f"{job}, from which this job goes on, has left no {LIVED_FILE}") from error


class _NoNames:
    """A catalogue for full names only."""

    def find(self, name: str, role: str | None = None) -> None:
        return None

    def near(self, name: str) -> tuple[str, ...]:
        return ()

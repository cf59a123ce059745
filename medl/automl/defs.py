"""The words of a search: space, result, recommendation, outcome, status and the context that user code sees."""

from __future__ import annotations

import contextlib
import enum
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from medl.masked import masked

NO_SCORE = -1000000.0
"""What Clara showed for a job without a validation result; ours only in :attr:`Outcome.score`, never in a ranking."""

Domain = Literal["lr", "net", "transform"]
Kind = Literal["float", "int", "enum"]
Scale = Literal["linear", "log"]


class JobStatus(str, enum.Enum):
    """How a job stands or ended."""

    RUNNING = "running"
    OK = "ok"
    NO_SCORE = "no_score"
    """It ended well but nothing was validated."""
    FAILED = "failed"
    REJECTED = "rejected"
    """Its configuration breaks a hard constraint: it was built and measured, but not trained."""
    INTERRUPTED = "interrupted"
    """Something from outside ended it (engine killed, machine lost); a new attempt follows when the run goes on."""
    STOPPED = "stopped"
    """It was ended, or dropped from the queue, because the run was asked to stop."""

    def __str__(self) -> str:
        return self.value


class ProcessStatus(str, enum.Enum):
    """How a process that was started for a job stands or ended, by Clara's name; the engine itself tells no one."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class FloatRange:
    """A closed range of floats, ``min <= max``; both finite."""

    min: float
    max: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.min) and math.isfinite(self.max) and self.min <= self.max):
            raise ValueError(f"a range needs finite min <= max, but got [{self.min}, {self.max}]")


@dataclass(frozen=True)
class IntRange:
    """The whole numbers ``min, min + step, …`` up to ``max``; a ``max`` off the steps is not reached."""

    min: int
    max: int
    step: int = 1

    def __post_init__(self) -> None:
        if any(isinstance(number, bool) or not isinstance(number, int) for number in (self.min, self.max, self.step)):
            raise ValueError(f"whole numbers are needed, but got {self.min!r}, {self.max!r} and step {self.step!r}")
        if self.min > self.max or self.step < 1:
            raise ValueError(f"a range needs min <= max and step >= 1, but got [{self.min}, {self.max}], {self.step}")

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return (self.max - self.min) // self.step + 1


@dataclass(frozen=True)
class Condition:
    """When a parameter counts: the parameter ``prl`` counts too and has one of ``values``.

    ``values`` are values of the space: indices of choices for an enum, whole numbers for an int.
    """

    prl: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class ParameterRange:
    """One search item: what may vary, and within which bounds.

    Attributes:
        prl: the parameter range locator, unique in a space (see :mod:`medl.automl.prl`).
        domain: ``lr``, ``net`` or ``transform``.
        kind: ``float``, ``int`` or ``enum``.
        args: names of what varies together, without aliases; an attribute has a leading ``@``.
        targets: one :class:`FloatRange` or :class:`IntRange` of a range; for ``enum`` the choices, each
            a tuple with one concrete value per arg.
        scale: ``log`` where equal ratios count as equal steps; of a range above zero.
        weights: of the choices of an enum, positive, their sum 1; ``None`` for equal ones.
        when: the parameter counts where all of these hold; where one does not, a point has no value for it and the
            config keeps its own.
    """

    prl: str
    domain: Domain
    kind: Kind
    args: tuple[str, ...]
    targets: tuple[Any, ...]
    scale: Scale = "linear"
    weights: tuple[float, ...] | None = None
    when: tuple[Condition, ...] = ()

    @property
    def size(self) -> float:
        """Number of choices; ``inf`` for a float range with more than one point."""
        if self.kind == "enum":
            return len(self.targets)
        if self.kind == "int":
            return int(self.targets[0].size)
        return 1 if self.targets[0].min == self.targets[0].max else math.inf

    def concrete(self, value: int | float) -> list[Any]:
        """Return one concrete value per arg: the number itself for each, or the values of the choice of that index."""
        if self.kind == "float":
            return [float(value)] * len(self.args)
        if self.kind == "int":
            return [int(value)] * len(self.args)
        return list(self.targets[int(value)])

    def fault(self, value: Any) -> str:
        """Return why ``value`` is not allowed here, or an empty text.

        A float must lie in the range, an int be one of its numbers, an enum value the index of a choice (an int; numpy
        integers count).
        """
        if isinstance(value, bool):
            return "a bool is neither a number nor a choice index"
        if self.kind == "float":
            return self._float_fault(value)
        what = "an enum value is the index of a choice, an int" if self.kind == "enum" else "a whole number is needed"
        try:
            number = value.__index__()
        except AttributeError:
            return f"{what}, but got {value!r}"
        if self.kind == "int":
            span = self.targets[0]
            if not span.min <= number <= span.max or (number - span.min) % span.step:
                steps = f" in steps of {span.step}" if span.step > 1 else ""
                return f"the value must be between {span.min} and {span.max}{steps}, but got {number}"
        elif not 0 <= number < len(self.targets):
            return f"the index must be between 0 and {len(self.targets) - 1}, but got {number}"
        return ""

    def _float_fault(self, value: Any) -> str:
        try:
            number = float(value)
        except (TypeError, ValueError):
            return f"a number is needed, but got {value!r}"
        span = self.targets[0]
        if not span.min <= number <= span.max:
            return f"the value must be between {span.min} and {span.max}, but got {number}"
        return ""


@dataclass(frozen=True)
class SearchSpace:
    """All that varies in a run, in document order (first-level items first)."""

    parameters: tuple[ParameterRange, ...]

    @property
    def targets(self) -> dict[str, list[Any]]:
        """Clara's view: PRL to a list; of one :class:`FloatRange` for a float, of the choices for an enum."""
        return {
            p.prl: [list(choice) for choice in p.targets] if p.kind == "enum" else list(p.targets)
            for p in self.parameters
        }

    @property
    def size(self) -> float:
        """Number of distinct configurations, conditions aside; ``inf`` where a float range has more than one point."""
        return math.prod((p.size for p in self.parameters), start=1)

    def __getitem__(self, prl: str) -> ParameterRange:
        for parameter in self.parameters:
            if parameter.prl == prl:
                return parameter
        raise KeyError(prl)

    def active(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the parameters that count, in the order of the space: what makes a full draw a point."""
        known = {p.prl: p for p in self.parameters}

        def counts(prl: str, seen: frozenset[str] = frozenset()) -> bool:
            if prl not in values or prl not in known or prl in seen:
                return False
            return all(
                values.get(condition.prl) in condition.values and counts(condition.prl, seen | {prl})
                for condition in known[prl].when
            )

        return {p.prl: values[p.prl] for p in self.parameters if p.prl in values and (not p.when or counts(p.prl))}

    def faults(self, values: Mapping[str, Any]) -> list[str]:
        """Return why these values (PRL to value) are not one point of this space; an empty list where they are."""
        known = {p.prl: p for p in self.parameters}
        found = [f"{prl}: the space has no such parameter" for prl in values if prl not in known]
        # a parameter that does not count must be absent, one that would count if it were there must be there
        present = self.active({prl: values.get(prl) for prl in known})
        for prl, parameter in known.items():
            if prl not in values:
                if prl in present:
                    found.append(f"{prl}: no value given")
            elif prl not in present:
                found.append(f"{prl}: it has a value, but its condition does not hold")
            elif reason := parameter.fault(values[prl]):
                found.append(f"{prl}: {reason}")
        return found


@dataclass(frozen=True)
class SearchResult:
    """One point of a space: PRL to a float, or to the index of a choice."""

    space: SearchSpace
    values: Mapping[str, int | float]

    def concrete(self) -> dict[str, list[Any]]:
        """Return PRL to concrete values, one per arg, in the order of the space."""
        return {p.prl: p.concrete(self.values[p.prl]) for p in self.space.parameters if p.prl in self.values}

    def dump(self) -> str:
        """Return the point as lines ``PRL => value``."""
        return "\n".join(f"{prl} => {value}" for prl, value in self.values.items())


@dataclass(frozen=True)
class Recommendation:
    """What a controller wants tried: one trial, or one more segment of it.

    Attributes:
        id: unique in the run; the trial's name. A later segment of the same trial has its own id and names the earlier
            job.
        result: the values.
        until_epoch: the epoch at which the job stops (1-based, inclusive); ``None`` runs to the config's ``epochs``.
        resume_from: job whose checkpoint the trial goes on from.
        inherit_from: job of another trial whose weights are taken over.
        horizon: the epoch at which the learning rate's schedule ends, where it is not the config's ``epochs``.
        variables: first-level values of the config for this job alone, such as the share of the training data.
    """

    id: str
    result: SearchResult
    until_epoch: int | None = None
    resume_from: str | None = None
    inherit_from: str | None = None
    horizon: int | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Observation:
    """What is known of one configuration at one budget: what a suggester learns from.

    Attributes:
        values: PRL to value, as recommended.
        objectives: each objective, larger better; empty where the job failed or was rejected.
        budget: what the job was given in all: the epoch that it reached, or another fidelity.
        violations: constraint name to by how much it is broken; above 0 it is.
    """

    values: Mapping[str, int | float]
    objectives: tuple[float, ...] = ()
    budget: float = 1.0
    violations: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Attributes:
        recommendation_id: the recommendation it answers.
        status: never ``running``.
        values: objective name to value, in the order of the objectives; empty where there is no score. Never NaN or
            infinite.
        constraints: constraint name to what was measured.
        epoch: the last epoch that was trained (1-based), or ``None``.
        cost_s: wall seconds of the job, or ``None``.
        info: anything that user code wants its controller to see (JSON).
        reason: why there is no score, for people.
        minimize: the objectives of which smaller is better.
        violations: constraint name to by how much it is broken, in the constraint's own unit; above 0 it is.
    """

    recommendation_id: str
    status: JobStatus = JobStatus.OK
    values: Mapping[str, float] = field(default_factory=dict)
    constraints: Mapping[str, float] = field(default_factory=dict)
    epoch: int | None = None
    cost_s: float | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    minimize: frozenset[str] = frozenset()
    violations: Mapping[str, float] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Clara's single number, larger better: the first objective, or -1000000.0 where there is none."""
        return next(iter(self.objectives), NO_SCORE)

    @property
    def objectives(self) -> tuple[float, ...]:
        """Every objective, larger better (the sign of those to be minimised is turned); empty without a score."""
        if self.status is not JobStatus.OK:
            return ()
        return tuple(-value if name in self.minimize else value for name, value in self.values.items())


class ContextKey:
    """The names of what a :class:`Context` holds; values as Clara's, so that code with raw strings works."""

    CONCRETE_SEARCH_VALUE = "_concreteSearchValue"
    EXEC_SUBPROCESS = "_execSubprocess"
    """For code that names it; the engine never sets it."""
    GPUS = "_gpus"
    HOSTS = "_hosts"
    """Name and GPU ids of each host of the job's worker; empty where it runs on this machine."""
    JOB_NAME = "_jobName"
    JOB_STATUS = "_jobStatus"
    NUM_WORKERS = "_numWorkers"
    PROCESS_EXIT_STATUS = "_processExitStatus"
    RECOMMENDATION = "_recommendation"
    RECOMMENDATIONS = "_recommendations"
    SCORE = "_score"
    SEARCH_SPACE = "_searchSpace"
    TRACE_DEST_FILE = "_traceDestFile"
    TRACE_DEST_TYPE = "_traceDestType"
    AUTOML_ROOT = "_automlRoot"
    RUN_ROOT = "_runRoot"
    MMAR_ROOT = "_mmarRoot"
    JOB_MMAR_ROOT = "_jobMmarRoot"
    JOB_START_TIME = "_jobStartTime"
    JOB_END_TIME = "_jobEndTime"
    OUTCOME = "_outcome"
    ATTEMPT = "_attempt"
    FAULTS = "_faults"
    """Kinds of the faults that the job's earlier attempts ended by (:mod:`medl.automl.faults`), in their order."""
    WORKER_NAME = "_workerName"
    THREADS = "_threads"
    TRAIN_CONFIG = "_trainConfig"
    """Name, under config/, of the train config that is searched."""
    SETTINGS = "_settings"
    """The ``--set`` variables that are for the jobs."""
    SPACE_CHANGES = "_spaceChanges"
    """What the run changes of the config's search items: :class:`medl.automl.space_changes.SpaceChanges`."""
    NEEDED_JOBS = "_neededJobs"
    """Jobs whose checkpoints must stay; the engine sets it after every call of the controller."""
    GOALS = "_goals"
    """What the search is after: :class:`medl.automl.goals.Goals`."""
    EPOCHS = "_epochs"
    """The config's ``epochs``: the horizon of a full training; ``None`` where the executor knows of none."""
    RUN_WORKERS = "_runWorkers"
    """How many workers the run began with: the same after a restart with other workers, unlike NUM_WORKERS."""
    REFINED_JOB = "_refinedJob"
    """Name of the job whose outcome the controller is given; set before every ``refine_recommendation``."""
    COMMAND_MODULES = "_commandModules"
    """What user code added to the console; see :meth:`Context.add_command_module`."""
    RECORDED_SCORES = "_recordedScores"
    """Job to score, as the run's record holds them when the run begins or goes on."""


class Context:
    """What engine and user code tell each other. A child sees its parent's properties; setting stays with the child.

    Thread-safe: jobs run in threads of their own and share the parent.
    """

    def __init__(self, parent: Context | None = None):
        self.parent = parent
        self._lock: threading.RLock = parent._lock if parent is not None else threading.RLock()
        self._props: dict[str, Any] = {}
        self._stop_message: str | None = None
        self._trace_dest = "file"
        self._trace_file: Path | None = None

    def get_prop(self, key: str, default: Any = None) -> Any:
        """Return the property, the parent's where this context has none, else ``default``."""
        with self._lock:
            if key in self._props:
                return self._props[key]
        return self.parent.get_prop(key, default) if self.parent is not None else default

    def set_prop(self, key: str, value: Any) -> None:
        """Set the property on this context."""
        with self._lock:
            self._props[key] = value

    def _top(self) -> Context:
        return self if self.parent is None else self.parent._top()

    def stop_work(self, issuer: Any, msg: str = "") -> None:
        """Ask the engine to stop: running jobs finish, queued ones are dropped. The first message is kept."""
        top = self._top()
        with self._lock:
            if top._stop_message is None:
                name = issuer if isinstance(issuer, str) else type(issuer).__name__
                top._stop_message = f"{name}: {msg}" if msg else name

    def stop_work_asked(self) -> bool:
        """Return whether anyone asked to stop."""
        return self._top()._stop_message is not None

    def get_stop_message(self) -> str | None:
        """Return who asked to stop and why, or ``None``."""
        return self._top()._stop_message

    def exception_occurred(self, issuer: Any, msg: str | None = None) -> None:
        """Report an exception: it is traced, and the engine is asked to stop."""
        self.trace(issuer, f"exception: {msg or ''}", print_to_console=True)
        self.stop_work(issuer, msg or "an exception occurred")

    def add_command_module(self, module: Any) -> None:
        """Add commands to the run's console: ``module.get_spec()`` says them (:mod:`medl.automl.console.modules`)."""
        if not callable(getattr(module, "get_spec", None)):
            self.trace(module, "its commands cannot be given: it has no get_spec()")
            return
        top = self._top()
        with self._lock:
            top.set_prop(ContextKey.COMMAND_MODULES, (*top.get_prop(ContextKey.COMMAND_MODULES, ()), module))

    def set_trace(self, dest: Literal["console", "file", "both"], file_name: str | Path | None = None) -> None:
        """Choose where traces go: to the console, to a file, or to both."""
        if dest not in ("console", "file", "both"):
            raise ValueError(f'the trace goes to "console", "file" or "both", but got {dest!r}')
        top = self._top()
        top._trace_dest = dest
        top._trace_file = Path(file_name) if file_name is not None else None
        top.set_prop(ContextKey.TRACE_DEST_TYPE, dest)
        top.set_prop(ContextKey.TRACE_DEST_FILE, str(file_name) if file_name is not None else None)

    def trace(self, issuer: Any, msg: str, print_to_console: bool = False) -> None:
        """Write one line ``issuer: msg`` to the trace; where that is not possible (a full disk), it is left out."""
        top = self._top()
        name = issuer if isinstance(issuer, str) else type(issuer).__name__
        line = masked(f"{name}: {msg}")
        with self._lock:
            if print_to_console or top._trace_dest in ("console", "both"):
                with contextlib.suppress(OSError):
                    print(line, flush=True)
            if top._trace_file is not None and top._trace_dest in ("file", "both"):
                with contextlib.suppress(OSError), top._trace_file.open("a", encoding="utf-8") as stream:
                    stream.write(line + "\n")

    def close_trace(self) -> None:
        """Stop tracing to the file."""
        self._top()._trace_file = None

"""The contracts of a search: Controller, Executor, Handler; and Suggester, of which some controllers are made.

A run calls them in this order, which never changes::

    main thread                                        job thread (one per worker)
    handler.startup
    handler.start_automl
    executor.determine_search_space -> space
    handler.search_space_available
    controller.set_search_space(space)
    controller.initial_recommendation -> recommendations
    handler.recommendations_available
                                                       handler.start_job
                                                       executor.execute(recommendation) -> outcome
    controller.report(job, epoch, values)              (for each validation, before the outcome)
    executor.stop_early                                (where that says "stop")
                                                       handler.end_job       (once for every start_job)
    controller.refine_recommendation(outcome) -> more
    handler.recommendations_available                  ...
    handler.outcome_recorded                           (with the job's context)
    handler.end_automl
    controller.shutdown, executor.shutdown
    handler.shutdown                                   (in reverse order of the config)

The controller's methods are called one at a time from a thread of its own. While it refines or judges, the main thread
goes on: jobs that ended are recorded, recommendations that wait are started.

Source: the Clara Train 4.1 AutoML programming guide, whose method names these are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from medl.automl.defs import Context, Observation, Outcome, Recommendation, SearchSpace


class Controller(ABC):
    """Recommends what to try next. All methods are called from one thread, so no locks are needed.

    A controller is deterministic: the same seed, space and order of outcomes give the same recommendations. After a
    restart the engine makes a new controller and feeds it the recorded outcomes again.

    Attributes:
        multi_fidelity: whether it says how many epochs each job gets; then no stopping rule goes with it.
    """

    multi_fidelity: bool = False

    @abstractmethod
    def set_search_space(self, space: SearchSpace, ctx: Context) -> None:
        """Take the space; called once, first. Raise ``ValueError`` or ``ctx.stop_work`` where it cannot be searched."""

    @abstractmethod
    def initial_recommendation(self, ctx: Context) -> Sequence[Recommendation]:
        """Return the first recommendations, at least one; called once. Surplus ones wait in the engine's queue."""

    @abstractmethod
    def refine_recommendation(self, outcome: Outcome, ctx: Context) -> Sequence[Recommendation]:
        """Return more recommendations, perhaps none; called after every finished job, failed ones too.

        An outcome may come late, out of order or for an id that is long done: then return nothing.
        """

    def report(self, job: str, epoch: int, values: Mapping[str, float], ctx: Context) -> Literal["continue", "stop"]:
        """Return whether a running job goes on after this validation; ``stop`` ends it gently, with its checkpoint.

        Args:
            job: its name.
            epoch: the epoch that was validated.
            values: metric name to value, as logged.
            ctx: the job's context: RECOMMENDATION says which trial it is of.
        """
        return "continue"

    def needs(self) -> Iterable[str]:
        """Return the jobs whose checkpoints must stay."""
        return ()

    def restore(self, history: Sequence[Outcome]) -> None:
        """Called once after a restart, after the recorded outcomes were replayed."""

    def shutdown(self, ctx: Context) -> None:
        """Called once, at the end."""

    def parallelism(self, space: SearchSpace) -> float:
        """Return how many workers this controller can keep busy on that space at most; ``inf`` for any number."""
        return float("inf")


class Executor(ABC):
    """Runs recommendations."""

    @abstractmethod
    def determine_search_space(self, ctx: Context) -> SearchSpace:
        """Return the space; main thread, once."""

    @abstractmethod
    def execute(self, recommendation: Recommendation, ctx: Context) -> Outcome | float:
        """Run one job to its end and return what came of it (a bare float counts as the score); job thread.

        ``ctx`` is the job's own: JOB_NAME, GPUS, ATTEMPT, RECOMMENDATION are set. An exception fails the job, not
        the run.
        """

    def stop_early(self, ctx: Context) -> None:
        """Let the job whose context this is end gently, after the epoch it is in; main thread. Idempotent.

        Its outcome is what it came to by then. An executor that cannot do so lets the job go on.
        """

    def abort(self, ctx: Context) -> None:
        """End the job whose context this is, at once; main thread, while :meth:`execute` runs. Idempotent."""

    def shutdown(self, ctx: Context) -> None:
        """Called once, at the end; main thread."""


class Suggester(ABC):
    """Says where a new configuration comes from. Schedulers, which say how many epochs it gets, are made with one.

    A suggestion is a function of the seed and the arguments of :meth:`suggest` alone: nothing is remembered between two
    calls, so a controller that is replayed is given the same ones.
    """

    @abstractmethod
    def suggest(
        self,
        space: SearchSpace,
        number: int,
        observations: Sequence[Observation],
        pending: Sequence[Mapping[str, int | float]],
    ) -> Mapping[str, int | float] | None:
        """Return a point of the space, PRL to value; ``None`` where there is no further one.

        Args:
            space: the search space.
            number: how many were suggested before; seeds this suggestion.
            observations: what is known, in the order in which it became known; one configuration may be there at
                several budgets.
            pending: configurations that were suggested and are not judged yet.
        """

    def count(self, space: SearchSpace) -> float:
        """Return how many suggestions there are; ``inf`` where they never end."""
        return float("inf")


class Handler:
    """Reacts to what happens in a run. Every method is optional.

    An exception in a handler is reported with its place; the run goes on without stopping.
    """

    def startup(self, ctx: Context) -> None:
        """Main thread, before anything else."""

    def start_automl(self, ctx: Context) -> None:
        """Main thread, when the run begins or goes on."""

    def search_space_available(self, ctx: Context) -> None:
        """Main thread; read ``ContextKey.SEARCH_SPACE``."""

    def recommendations_available(self, ctx: Context) -> None:
        """Main thread, after every call that returned recommendations; read ``ContextKey.RECOMMENDATIONS``."""

    def start_job(self, ctx: Context) -> None:
        """Job thread, the job's context; may run at the same time as other jobs' calls."""

    def end_job(self, ctx: Context) -> None:
        """Job thread, exactly once for every start_job; read JOB_STATUS, SCORE and OUTCOME."""

    def outcome_recorded(self, ctx: Context) -> None:
        """Main thread, the job's context, once the outcome is recorded and the controller saw it; read NEEDED_JOBS."""

    def end_automl(self, ctx: Context) -> None:
        """Main thread, when the run ends or is stopped."""

    def shutdown(self, ctx: Context) -> None:
        """Main thread, last; handlers in reverse order."""

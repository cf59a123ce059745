"""How long a controller takes to recommend, at 100, 1,000 and 10,000 finished trials: a table.

    python benchmarks/search/ask_time.py                                   all of them
    python benchmarks/search/ask_time.py tpe bayesian --trials 100 1000    some of them
    python benchmarks/search/ask_time.py hyperband controller.suggester=kde

Eight parameters, four workers, scores from a smooth function; a refine_recommendation is timed from the outcome to the
recommendations. The trials before the measured ones are given to a controller for one configuration after another as
what it has seen, so that a slow one need not have found them; every other controller gets there by itself, and one that
does not within the time limit has a dash. Seconds are of the CPU, so that other work on the machine does not count;
with OMP_NUM_THREADS=1, as the table in docs/controllers.md, they are what one waits on an idle machine.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import statistics
import time
from collections import deque
from random import Random
from typing import Any

from medl.automl.api import Controller
from medl.automl.controller_names import controller_name, rounds_arg
from medl.automl.defs import (
    Context,
    ContextKey,
    FloatRange,
    IntRange,
    Observation,
    Outcome,
    ParameterRange,
    Recommendation,
    SearchResult,
    SearchSpace,
)
from medl.automl.unit_cube import draw_point, to_unit
from medl.components.controllers import CONTROLLERS
from medl.components.controllers.bohb import BohbController
from medl.components.controllers.live_study import LiveController
from medl.components.controllers.suggested import SuggestedController
from medl.testing.spaces import enum_range, float_range

TRIALS = (100, 1_000, 10_000)
WORKERS, EPOCHS = 4, 27
LOG = ParameterRange("lr.float.$0:lr", "lr", "float", ("lr",), (FloatRange(1e-5, 1e-1),), "log")
DEPTH = ParameterRange("net.int.$0:depth", "net", "int", ("depth",), (IntRange(2, 9),))
SPACE = SearchSpace(
    (
        LOG,
        *(float_range(name, 0.0, 1.0) for name in ("prob", "sigma", "dropout", "momentum")),
        DEPTH,
        enum_range("act", "relu", "prelu", "elu"),
        enum_range("norm", "batch", "instance"),
    )
)


def score(values) -> float:
    units = [to_unit(p, values[p.prl]) for p in SPACE.parameters]
    return 1.0 - sum((unit - 0.1 * number) ** 2 for number, unit in enumerate(units, start=1))


def made(name: str, rounds: int, args: dict[str, Any]) -> Controller:
    """Return a controller by its full or short name, allowed so many recommendations."""
    module, _, cls = CONTROLLERS[controller_name(name, CONTROLLERS)].rpartition(".")
    build = getattr(importlib.import_module(module), cls)
    known = inspect.signature(build).parameters
    enough = {
        **dict.fromkeys((rounds_arg(known), "max_trials", "iterations"), rounds),
        "max_epochs_total": rounds * EPOCHS,
        "population_size": max(10, rounds // 10),
    }
    if name.lower().startswith(("evolution", "nsga2")):
        del enough["population_size"]  # theirs is no number of trials
    return build(**{arg: value for arg, value in enough.items() if arg in known} | args)


def measured(name: str, trials: int, repeats: int, limit_s: float, args: dict[str, Any]) -> list[float]:
    """Return CPU seconds of the recommendations after so many finished trials; none where the time ran out."""
    controller, ctx, random = made(name, 2 * trials + 200, args), Context(), Random(0)
    ctx.set_prop(ContextKey.RUN_WORKERS, WORKERS)
    ctx.set_prop(ContextKey.NUM_WORKERS, WORKERS)
    ctx.set_prop(ContextKey.EPOCHS, EPOCHS)
    controller.set_search_space(SPACE, ctx)
    seen = 0
    if isinstance(controller, SuggestedController) and not isinstance(controller, LiveController):
        seen = controller._given = trials
    elif isinstance(controller, BohbController):  # its model takes as long as it knows of trials
        seen = trials
    if seen:
        points = [draw_point(SPACE, random) for _ in range(seen)]
        controller._observations.extend(Observation(point, (score(point),), EPOCHS) for point in points)
    queue: deque[Recommendation] = deque(controller.initial_recommendation(ctx))
    found: list[float] = []
    goes_on: list[float] = []  # what only lets a trial go on is cheap: it counts where a controller begins no others
    ended, began = seen, time.monotonic()
    while queue and len(found) < repeats and len(goes_on) < 20 * repeats:
        recommendation = queue.popleft()
        outcome = Outcome(
            recommendation.id,
            values={"val_mean_dice": score(recommendation.result.values)},
            epoch=recommendation.until_epoch or EPOCHS,
            cost_s=1.0,
        )
        ctx.set_prop(getattr(ContextKey, "REFINED_JOB", "_refinedJob"), f"job of {recommendation.id}")
        start = time.process_time() if ended >= trials else 0.0  # reading the clock may cost more than an answer
        given = list(controller.refine_recommendation(outcome, ctx))
        if given and ended >= trials:
            taken = (time.process_time() - start) / len(given)  # a whole generation may come at once
            (goes_on if all(one.resume_from for one in given) else found).append(taken)
        queue.extend(given)
        ended += 1
        if ended < trials and time.monotonic() - began > limit_s:
            return []
    return found or goes_on


def json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def cell(seconds: list[float]) -> str:
    return f"{1000 * statistics.median(seconds):.1f}" if seconds else "-"


def warm_up() -> None:
    """Import what the first recommendation would."""
    for name in ("tpe", "bayesian"):
        controller, ctx = made(name, 8, {"n_startup": 4}), Context()
        controller.set_search_space(SPACE, ctx)
        queue = list(controller.initial_recommendation(ctx))
        while queue:
            done = queue.pop(0)
            assert isinstance(done.result, SearchResult)
            queue += controller.refine_recommendation(Outcome(done.id, values={"dice": score(done.result.values)}), ctx)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="controllers by name; and controller.ARG=VALUE for all of them")
    parser.add_argument("--trials", type=int, nargs="+", default=TRIALS)
    parser.add_argument("--repeats", type=int, default=5, help="recommendations that are timed")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds until a controller is given up")
    given = parser.parse_args()
    args = {
        name: json_or_text(value)
        for name, _, value in (word.removeprefix("controller.").partition("=") for word in given.names if "=" in word)
    }
    names = [word for word in given.names if "=" not in word] or sorted(CONTROLLERS)
    warm_up()
    heads = [f"ms per recommendation, median of {given.repeats}", *(f"{n:,} trials" for n in given.trials)]
    print(f"| {' | '.join(heads)} |")
    print("|---|" + "---|" * len(given.trials))
    for name in names:
        cells = [cell(measured(name, n, given.repeats, given.limit, args)) for n in given.trials]
        print(f"| {name.removesuffix('Controller')} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

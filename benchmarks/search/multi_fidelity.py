"""Schedulers against random at full fidelity: how many epochs until they are as good as it is in the end.

    python benchmarks/search/multi_fidelity.py --seeds 20 --reference ENV/bin/python

ENV being an environment with dehb 0.1.2; without ``--reference`` it is left out. A run is kept in
build/search_benchmarks/multi_fidelity.jsonl as it ends, and a run that is there is not made again. The set-up is in
README.md beside this file. Tables and plot go to docs/search_benchmarks.md. Needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from functions import CURVES, Curve
from intervals import interval, shown, upper_median
from records import FOLDER, Records, put

from medl.automl.api import Controller
from medl.automl.curves import CurveJobs
from medl.automl.defs import Context
from medl.automl.simulate import simulate
from medl.components.controllers.asha import AshaController
from medl.components.controllers.bohb import BohbController
from medl.components.controllers.dehb import DehbController
from medl.components.controllers.hyperband import HyperbandController
from medl.components.controllers.random import RandomController

EPOCHS = 81
BUDGET = 50 * EPOCHS
"""Of random at full fidelity."""
LIMIT = 2 * BUDGET
"""Where a search ends."""
DOCS = Path(__file__).resolve().parents[2] / "docs"

ARMS: dict[str, Callable[[int], Controller]] = {
    "random": lambda seed: RandomController(10_000, seed),
    "asha": lambda seed: AshaController(max_trials=100_000, seed=seed),
    "asha, 3 brackets": lambda seed: AshaController(max_trials=100_000, brackets=3, seed=seed),
    "asha, 5 brackets": lambda seed: AshaController(max_trials=100_000, brackets=5, seed=seed),
    "hyperband": lambda seed: HyperbandController(R=EPOCHS, iterations=1000, seed=seed),
    "hyperband, paper": lambda seed: HyperbandController(R=EPOCHS, brackets="paper", iterations=1000, seed=seed),
    "bohb": lambda seed: BohbController(R=EPOCHS, iterations=1000, seed=seed),
    "dehb": lambda seed: DehbController(R=EPOCHS, max_epochs_total=10 * LIMIT, seed=seed),
}
REFERENCE = "dehb 0.1.2"


def searched(make: Callable[[int], Controller], curve: Curve, seed: int, limit: int) -> list[tuple[int, float]]:
    """Return when the best true regret of a full training grew better: epochs trained in all, and the regret."""
    ctx, found = Context(), []
    function = curve.function

    def score(point: Mapping[str, Any], epoch: int) -> float:
        return -curve.value(function.values(point), epoch)

    jobs = CurveJobs(score, epochs=curve.epochs)
    begin = jobs.begin

    def begun(job: str, recommendation: Any, curve_: Any = None) -> Any:
        run = begin(job, recommendation, curve_)
        advance = run.advance

        def advanced() -> Any:
            step = advance()
            if step is not None and run.epoch == curve.epochs:
                regret = function.regret(function.values(recommendation.result.values))
                if not found or regret < found[-1][1]:
                    found.append((jobs.trained, float(f"{regret:.4g}")))
            if jobs.trained >= limit:
                ctx.stop_work("benchmark", "the budget is used up")
            return step

        run.advance = advanced
        return run

    jobs.begin = begun  # type: ignore[method-assign]
    simulate(make(seed), function.space(), jobs, workers=1, ctx=ctx)
    return found


def reference(python: str, curve: Curve, seed: int, limit: int) -> list[tuple[int, float]]:
    """Return the same of the package dehb, run by another environment's Python."""
    script = Path(__file__).with_name("dehb_reference.py")
    words = [python, str(script), curve.name, str(seed), str(limit)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return [(int(epochs), float(regret)) for epochs, regret in json.loads(done.stdout.splitlines()[-1])]


def regret_at(steps: Sequence[Sequence[float]], epochs: float) -> float:
    """Return the regret after so many epochs; infinity before the first full training."""
    return min((regret for when, regret in steps if when <= epochs), default=math.inf)


def epochs_to(steps: Sequence[Sequence[float]], mark: float) -> float:
    """Return the epochs trained until the regret is at the mark; infinity where it never is."""
    return next((when for when, regret in steps if regret <= mark), math.inf)


# Tables and the plot --------------------------------------------------------------------------------------------------


def marks(records: Records) -> dict[str, float]:
    """Return the median over seeds of random's regret after its budget, by function."""
    found = {}
    for curve in CURVES:
        rows = list(records.where(function=curve.name, arm="random"))
        if rows:
            found[curve.name] = statistics.median(regret_at(row["steps"], BUDGET) for row in rows)
    return found


def share(number: float) -> str:
    return f"over {LIMIT / BUDGET:g}" if math.isinf(number) else f"{number:.2f}"


def epochs_table(records: Records, arms: Sequence[str]) -> str:
    """Return a row per function: the share of random's epochs that each arm needs, and its interval."""
    heads = [f"{arm} ({len({row['seed'] for row in records.where(arm=arm)})})" for arm in arms]
    lines = [
        f"| function | correlation of epochs 1, 3, 9, 27 with 81 | mark | {' | '.join(heads)} |",
        "|---|---|---|" + "---|" * len(arms),
    ]
    goals = marks(records)
    for curve in CURVES:
        if curve.name not in goals:
            continue
        early = ", ".join(f"{curve.correlation(epoch):.2f}" for epoch in (1, 3, 9, 27))
        cells = []
        for arm in arms:
            rows = records.where(function=curve.name, arm=arm)
            numbers = [epochs_to(row["steps"], goals[curve.name]) / BUDGET for row in rows]
            if not numbers:
                cells.append("-")
                continue
            middle, low, high = interval(numbers, upper_median)
            cells.append(f"{share(middle)} [{share(low)}, {share(high)}]")
        lines.append(f"| {curve.name} | {early} | {goals[curve.name]:.3g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def regret_table(records: Records, arms: Sequence[str]) -> str:
    """Return a row per function: the regret after the budget."""
    lines = [f"| regret after {BUDGET:,} epochs | {' | '.join(arms)} |", "|---|" + "---|" * len(arms)]
    for curve in CURVES:
        cells = []
        for arm in arms:
            numbers = [regret_at(row["steps"], BUDGET) for row in records.where(function=curve.name, arm=arm)]
            cells.append(shown(numbers, ".2g"))
        lines.append(f"| {curve.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def pair_table(records: Records, pairs: Sequence[tuple[str, str]]) -> str:
    """Return by function how many decades the regret of one arm is above another's, paired by seed."""
    heads = [f"{one} against {other}" for one, other in pairs]
    lines = [f"| decades of regret after {BUDGET:,} epochs | {' | '.join(heads)} |", "|---|" + "---|" * len(pairs)]
    for curve in CURVES:
        cells = []
        for pair in pairs:
            one, two = (
                {r["seed"]: regret_at(r["steps"], BUDGET) for r in records.where(function=curve.name, arm=arm)}
                for arm in pair
            )
            numbers = [math.log10(max(one[s], 1e-9) / max(two[s], 1e-9)) for s in sorted(one.keys() & two.keys())]
            cells.append("-" if not numbers else "{:+.2f} [{:+.2f}, {:+.2f}]".format(*interval(numbers, _mean)))
        lines.append(f"| {curve.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def plot(records: Records, arms: Sequence[str], target: Path) -> None:
    """Draw the regret over the epochs trained: medians, and intervals where all seeds have a full training."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "medl"  # the same file from the same numbers
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(12.6, 6.6), layout="constrained", sharex=True)
    grid = [round(EPOCHS * (LIMIT / EPOCHS) ** (i / 59)) for i in range(60)]
    for axis, curve in zip(axes.flat, CURVES, strict=True):
        for arm in arms:
            rows = [row["steps"] for row in records.where(function=curve.name, arm=arm)]
            drawn = [(e, [regret_at(steps, e) for steps in rows]) for e in grid]
            spread = [(e, interval(numbers)) for e, numbers in drawn if numbers and max(numbers) < math.inf]
            if not spread:
                continue
            x = [e for e, _ in spread]
            (line,) = axis.plot(x, [s[0] for _, s in spread], label=arm, lw=1.2)
            axis.fill_between(
                x, [s[1] for _, s in spread], [s[2] for _, s in spread], color=line.get_color(), alpha=0.12, lw=0
            )
        axis.axvline(BUDGET, color="#bbbbbb", lw=0.8, ls=":")
        axis.set(title=curve.name, xscale="log", yscale="log")
        if axis.lines[:-1]:
            axis.legend(fontsize=6)
    for axis in axes[:, 0]:
        axis.set_ylabel("regret of the best full training")
    for axis in axes[1]:
        axis.set_xlabel("epochs trained in all")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def report(records: Records) -> str:
    """Return all tables."""
    known = {row["arm"] for row in records.rows}
    arms = [arm for arm in (*ARMS, REFERENCE) if arm in known]
    pairs = [
        pair
        for pair in (("hyperband", "random"), ("bohb", "random"), ("bohb", "hyperband"), ("dehb", REFERENCE))
        if known.issuperset(pair)
    ]
    return "\n\n".join(
        (
            f"Epochs until the mark, as a share of {BUDGET:,}; median [95% interval] (seeds):",
            epochs_table(records, arms),
            regret_table(records, arms),
            pair_table(records, pairs),
        )
    )


def main() -> None:
    """Make the runs that are missing, then the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument(
        "--limit", type=int, default=LIMIT, help="epochs of a run; fewer are for a trial of the command"
    )
    parser.add_argument("--arms", nargs="+", choices=[*ARMS, REFERENCE], default=[*ARMS, REFERENCE])
    parser.add_argument("--only", nargs="+", help="functions whose names begin so")
    parser.add_argument("--reference", metavar="PYTHON", help="of an environment with dehb 0.1.2")
    parser.add_argument("--results", type=Path, default=FOLDER / "multi_fidelity.jsonl")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of search_benchmarks.md and images/")
    given = parser.parse_args()
    records = Records(given.results, ("function", "arm", "seed"))
    if given.reference is None:
        print("without dehb's own package: no --reference was given")
    for seed in range(given.seeds):
        for curve in CURVES:
            if given.only and not curve.name.startswith(tuple(given.only)):
                continue
            for arm in given.arms:
                names = {"function": curve.name, "arm": arm, "seed": seed}
                if names in records or (arm == REFERENCE and given.reference is None):
                    continue
                if arm == REFERENCE:
                    steps = reference(given.reference, curve, seed, given.limit)
                else:
                    steps = searched(ARMS[arm], curve, seed, given.limit)
                records.add({**names, "steps": steps})
    text = report(records)
    print(text)
    put(given.docs / "search_benchmarks.md", "multi_fidelity.py", text)
    arms = [arm for arm in ARMS if any(row["arm"] == arm for row in records.rows)]
    plot(records, arms, given.docs / "images" / "multi_fidelity.svg")


if __name__ == "__main__":
    main()

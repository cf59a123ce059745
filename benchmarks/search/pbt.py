"""pbt against constant learning rates, where the best one changes while a network is trained.

    python benchmarks/search/pbt.py

The function is ``moving_rate`` of functions.py; the set-up is in README.md beside this file. The table and the plot go
to docs/search_benchmarks.md. Needs matplotlib.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from functions import moving_rate
from intervals import interval, shown
from records import put

from medl.automl.curves import CurveJobs
from medl.automl.defs import FloatRange, ParameterRange, SearchSpace
from medl.automl.simulate import simulate
from medl.components.controllers.pbt import PbtController
from medl.components.controllers.random import RandomController

EPOCHS, MEMBERS = 60, 10
DOCS = Path(__file__).resolve().parents[2] / "docs"
RATE = "lr.float.$0:lr"
SPACE = SearchSpace((ParameterRange(RATE, "lr", "float", ("lr",), (FloatRange(1e-4, 1e-1),), "log"),))


def jobs() -> CurveJobs:
    """Return trainings whose score depends on all rates that were lived through."""

    def score(values: Mapping[str, Any], epoch: int, past: Sequence[tuple[Mapping[str, Any], int, int]]) -> float:
        lived = [(one[RATE], first, last) for one, first, last in past]
        return moving_rate([*lived, (values[RATE], past[-1][2] + 1 if past else 1, epoch)], EPOCHS)

    return CurveJobs(score, epochs=EPOCHS)


def pbt(seed: int) -> tuple[float, int, list[tuple[float, int, int]]]:
    """Return the best last score, the epochs trained, and the rates that its weights lived through."""
    trainings = jobs()
    controller = PbtController(population_size=MEMBERS, seed=seed)
    run = simulate(controller, SPACE, trainings, workers=MEMBERS)
    ended = [event for event in run.events if event["type"] == "job_ended"]
    best = max(
        (e for e in ended if e["outcome"]["epoch"] == EPOCHS), key=lambda e: next(iter(e["outcome"]["values"].values()))
    )
    lived = [(values[RATE], first, last) for values, first, last in trainings.pasts[best["job"]]]
    return next(iter(best["outcome"]["values"].values())), run.epochs, lived


def constant(seed: int) -> tuple[float, int]:
    """Return the best score of as many full trainings with random rates, and the epochs trained."""
    run = simulate(RandomController(MEMBERS, seed), SPACE, jobs(), workers=MEMBERS)
    scores = (next(iter(e["outcome"]["values"].values())) for e in run.events if e["type"] == "job_ended")
    return max(scores), run.epochs


def best_constant(count: int = 1000) -> tuple[float, float]:
    """Return the best score of any constant rate, and the rate, on a logarithmic grid."""
    grid = (10 ** (-4 + 3 * i / (count - 1)) for i in range(count))
    return max((moving_rate([(rate, 1, EPOCHS)], EPOCHS), rate) for rate in grid)


def report(seeds: int) -> str:
    """Return the table."""
    found, drawn = [pbt(seed) for seed in range(seeds)], [constant(seed) for seed in range(seeds)]
    best, rate = best_constant()
    ideal = moving_rate([(10 ** (-1 - 3 * e / (EPOCHS - 1)), e + 1, e + 1) for e in range(EPOCHS)], EPOCHS)
    errors = [-score for score, *_ in found]
    ahead = sum(error < -best for error in errors)
    difference = interval([one[0] - two[0] for one, two in zip(found, drawn, strict=True)])
    return "\n".join(
        (
            f"| arm | epochs in all | error left, median [95% interval] of {seeds} seeds |",
            "|---|---|---|",
            f"| pbt | {found[0][1]} | {shown(errors)} |",
            f"| {MEMBERS} random constant rates, the best | {drawn[0][1]} | {shown([-score for score, _ in drawn])} |",
            f"| the best constant rate there is, {rate:.2g} | | {-best:.3g} |",
            f"| the best rate of each epoch | | {-ideal:.3g} |",
            "",
            f"pbt is ahead of the best constant rate there is in {ahead} of {seeds} seeds; the random ones have "
            "{:.3g} [{:.3g}, {:.3g}] more error left.".format(*difference),
        )
    )


def plot(seeds: int, target: Path) -> None:
    """Draw the rates that the best member's weights lived through."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "medl"  # the same file from the same numbers
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for seed in range(seeds):
        lived = pbt(seed)[2]
        edges = [(epoch, rate) for rate, first, last in lived for epoch in (first - 1, last)]
        label = "pbt, the best of a seed" if not seed else None
        axis.plot(*zip(*edges, strict=True), color="#0a7a5c", alpha=0.35, lw=1, label=label)
    axis.plot([1, EPOCHS], [1e-1, 1e-4], color="#333333", ls="--", label="the best rate")
    axis.axhline(best_constant()[1], color="#888888", ls=":", label="the best constant rate")
    axis.set(yscale="log", xlabel="epoch", ylabel="learning rate")
    axis.legend(fontsize=8)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Make the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of search_benchmarks.md and images/")
    given = parser.parse_args()
    text = report(given.seeds)
    print(text)
    put(given.docs / "search_benchmarks.md", "pbt.py", text)
    plot(given.seeds, given.docs / "images" / "pbt.svg")


if __name__ == "__main__":
    main()

"""ReinforcementController against random values on simulated trainings: a plot and a table.

    python benchmarks/search/reinforcement.py

writes docs/images/reinforcement.png and puts the table into docs/reinforcement.md. Needs matplotlib; takes seconds.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from medl.automl.api import Controller
from medl.components.controllers.random import RandomController
from medl.components.controllers.reinforcement import ReinforcementController
from medl.testing.dialogue import play
from medl.testing.simulated import SPACE, Shape, SimulatedTraining

ROUNDS = (8, 20, 50, 100, 200)
SHAPES: tuple[Shape, ...] = ("hill", "two_hills", "edge")
TITLES = {"hill": "one hill", "two_hills": "narrow hill, broad decoy", "edge": "best at an edge"}
MARKS = ("<!-- table: python benchmarks/search/reinforcement.py -->", "<!-- end of table -->")

Make = Callable[[int, int], Controller]
CONTROLLERS: dict[str, Make] = {
    "random": lambda rounds, seed: RandomController(max_rounds=rounds, seed=seed),
    "reinforcement": lambda rounds, seed: ReinforcementController(max_rounds=rounds, seed=seed),
}


def curve(make: Make, shape: Shape, seed: int, rounds: int) -> list[float]:
    """Return, after each round, the true score of the values whose observed score is the best so far."""
    training, best, found = SimulatedTraining(seed, shape), -float("inf"), []
    for recommendation in play(make(rounds, seed), SPACE, outcomes := Outcomes(training)).jobs:
        observed = outcomes.scores[recommendation.id]
        if observed > best:
            best, true = observed, training.truth(recommendation.result.values)
        found.append(true)
    return found


class Outcomes:
    """Answers recommendations and keeps the observed scores."""

    def __init__(self, training: SimulatedTraining):
        self.training, self.scores = training, {}

    def __call__(self, recommendation):
        outcome = self.training.answer(recommendation)
        self.scores[recommendation.id] = outcome.score
        return outcome


def quartiles(curves: Sequence[Sequence[float]], index: int) -> tuple[float, float, float]:
    low, middle, high = statistics.quantiles([c[index] for c in curves], n=4)
    return low, middle, high


def table(curves: dict[Shape, dict[str, list[list[float]]]], seeds: int) -> str:
    lines = [
        f"| scores | rounds | random | reinforcement | ahead in, of {seeds} |",
        "|---|---|---|---|---|",
    ]
    for shape in SHAPES:
        mine, theirs = curves[shape]["reinforcement"], curves[shape]["random"]
        for rounds in ROUNDS:
            cells = [f"{quartiles(c, rounds - 1)[1]:.3f}" for c in (theirs, mine)]
            ahead = sum(m[rounds - 1] > t[rounds - 1] for m, t in zip(mine, theirs, strict=True))
            lines.append(f"| {TITLES[shape]} | {rounds} | {cells[0]} | {cells[1]} | {ahead} |")
    return "\n".join(lines)


def plot(curves: dict[Shape, dict[str, list[list[float]]]], seeds: int, target: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(SHAPES), figsize=(12, 3.8), layout="constrained")
    for axis, shape in zip(axes, SHAPES, strict=True):
        for (name, found), colour in zip(curves[shape].items(), ("#888888", "#0a7a5c"), strict=True):
            spread = [quartiles(found, index) for index in range(max(ROUNDS))]
            rounds = range(1, max(ROUNDS) + 1)
            axis.fill_between(rounds, [s[0] for s in spread], [s[2] for s in spread], color=colour, alpha=0.2, lw=0)
            axis.plot(rounds, [s[1] for s in spread], color=colour, label=name)
        for mark in (8, 50):
            axis.axvline(mark, color="#bbbbbb", lw=0.8, ls=":")
        axis.set(title=TITLES[shape], xscale="log", xlabel="rounds (jobs one after the other)")
        axis.set_xticks(ROUNDS, [str(r) for r in ROUNDS])
        axis.minorticks_off()
    axes[0].set_ylabel("true score of the best so far")
    axes[0].legend(loc="lower right")
    figure.suptitle(f"median and quartiles of {seeds} seeds, each with its own optimum")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=110, metadata={"Software": None})


def main() -> None:
    docs = Path(__file__).resolve().parents[2] / "docs"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=docs, help="the folder of reinforcement.md and images/")
    args = parser.parse_args()
    curves: dict[Shape, dict[str, list[list[float]]]] = {
        shape: {
            name: [curve(make, shape, seed, max(ROUNDS)) for seed in range(args.seeds)]
            for name, make in CONTROLLERS.items()
        }
        for shape in SHAPES
    }
    text = table(curves, args.seeds)
    print(text)
    page = args.out / "reinforcement.md"
    if page.is_file():
        before, _, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        page.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}", encoding="utf-8")
    plot(curves, args.seeds, args.out / "images" / "reinforcement.png")


if __name__ == "__main__":
    main()

"""How busy asha keeps 64 workers whose jobs take very different times.

    python benchmarks/search/asha.py

2,000 trials of up to 27 epochs, the epochs of one trial ten times as long as those of another, simulated with a virtual
clock. Prints the share of the workers' time that is busy up to the start of the last new trial, and to the end; the
table goes to docs/search_benchmarks.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from random import Random

from functions import biased_hartmann
from records import put

from medl.automl.curves import CurveJobs
from medl.automl.simulate import Simulated, simulate
from medl.components.controllers.asha import AshaController
from medl.components.controllers.hyperband import HyperbandController

DOCS = Path(__file__).resolve().parents[2] / "docs"
GOAL = 0.95


def run(name: str, trials: int, workers: int, seed: int) -> Simulated:
    """Return a simulated search; hyperband repeats its brackets until it had as many trials, for comparison."""
    curve = biased_hartmann(1.0, 27)

    def seconds(point: object, epoch: int) -> float:
        return 10.0 ** Random(f"{seed}/{sorted(point.items())}").random()  # type: ignore[attr-defined]

    jobs = CurveJobs(lambda point, epoch: -curve.value(curve.function.values(point), epoch), epochs=27, seconds=seconds)
    controller = (
        AshaController(max_trials=trials, seed=seed)
        if name == "asha"
        else HyperbandController(iterations=max(1, round(trials / 42)), seed=seed)
    )
    return simulate(controller, curve.function.space(), jobs, workers=workers)


def main() -> None:
    """Make the table.

    Raises:
        SystemExit: asha is below the goal.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of search_benchmarks.md")
    given = parser.parse_args()
    lines = [
        "| controller | seed | new trials | jobs | busy to the last new trial | busy to the end |",
        "|---|---|---|---|---|---|",
    ]
    worst = 1.0
    for name in ("asha", "hyperband"):
        for seed in range(given.seeds):
            found = run(name, given.trials, given.workers, seed)
            busy = found.utilisation(found.last_new_trial_s)
            new = sum(1 for trial in found.core.trials.values() if not trial.get("resume_from"))
            jobs = len(found.core.jobs)
            lines.append(f"| {name} | {seed} | {new:,} | {jobs:,} | {busy:.4f} | {found.utilisation():.4f} |")
            worst = min(worst, busy) if name == "asha" else worst
    text = "\n".join(lines)
    print(text)
    put(given.docs / "search_benchmarks.md", "asha.py", text)
    if worst < GOAL:
        raise SystemExit(f"asha keeps its workers busy for {worst:.4f} of the time, not {GOAL}")


if __name__ == "__main__":
    main()

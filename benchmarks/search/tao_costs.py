"""TAO's published costs: its brackets, and the epochs that its hyperband trains in all.

    python benchmarks/search/tao_costs.py

Its guide says how long hyperband (R 27, nu 3) and the 80 epochs of one training took for several models: 534.2 min
against 45.7 min is 935 epochs. Here hyperband with "tao" brackets and multiplier runs to its end with trainings of 80
and of 100 epochs, checkpoints continued. Tables go to docs/search_benchmarks.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from functions import biased_hartmann
from records import put

from medl.automl.curves import CurveJobs
from medl.automl.simulate import simulate
from medl.components.controllers.brackets import resources
from medl.components.controllers.hyperband import HyperbandController

DOCS = Path(__file__).resolve().parents[2] / "docs"
PUBLISHED = 936
"""27 trials to epoch 4, 9 to 12, 3 to 36, 1 to 108; 9 to 12, 3 to 36, 1 to 108; 6 to 36, 2 to 108."""


def trained(epochs: int, workers: int) -> tuple[int, int, int]:
    """Return the jobs, the longest trial and the epochs trained in all of TAO's hyperband, simulated to its end."""
    curve = biased_hartmann(0.1)
    jobs = CurveJobs(lambda point, epoch: -curve.value(curve.function.values(point), epoch), epochs=epochs)
    controller = HyperbandController(R=27, nu=3, brackets="tao", epoch_multiplier="tao")
    run = simulate(controller, curve.function.space(), jobs, workers=workers)
    reached = max(past[-1][2] for past in jobs.pasts.values())
    return len(run.core.jobs), reached, run.epochs


def costs() -> str:
    """Return the table of costs.

    Raises:
        SystemExit: a cost is not the published one.
    """
    lines = ["| epochs of a training | workers | jobs | longest trial | epochs in all |", "|---|---|---|---|---|"]
    for epochs in (80, 100):
        for workers in (1, 4):
            jobs, reached, total = trained(epochs, workers)
            if total != PUBLISHED:
                raise SystemExit(f"{epochs} epochs and {workers} workers: {total} epochs in all, not {PUBLISHED}")
            lines.append(f"| {epochs} | {workers} | {jobs} | {reached} | {total} |")
    return "\n".join(lines)


def brackets(R: int) -> str:
    """Return TAO's table of brackets: a row per step i, a column per bracket s, each n × r."""
    found = resources(R, 3, "tao")
    lines = [f"| R = {R}: i | " + " | ".join(f"s = {s}: n × r" for s in range(len(found))) + " |"]
    lines.append("|---|" + "---|" * len(found))
    for i in range(max(map(len, found))):
        cells = (f"{b[i][0]} × {b[i][1]}" if i < len(b) else "" for b in found)
        lines.append(f"| {i} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Make the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of search_benchmarks.md")
    given = parser.parse_args()
    text = "\n\n".join((costs(), brackets(81), brackets(27)))
    print(text)
    put(given.docs / "search_benchmarks.md", "tao_costs.py", text)


if __name__ == "__main__":
    main()

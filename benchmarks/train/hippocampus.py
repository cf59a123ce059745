"""Dice of the hippocampus after ten epochs on two cores: three seeds, and what they took.

    python benchmarks/train/hippocampus.py

makes an archive from the configs in hippocampus/, trains it on the 64 training cases with the seeds 0, 1 and 2, and
scores the weights of the **last** epoch on the 16 validation cases: whole images, by ``medl.apps.evaluate``, whose mean
is compared with what the training itself had said of its last epoch. No epoch is chosen by its score. Takes three to
six minutes on two idle cores. Data: 96 cases of Task04 of the Medical Segmentation Decathlon.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from archive_run import DATA, Cost, make_archive, run, summary_column, table

from medl.mmar.archive import MMAR
from medl.mmar.stats import read_metrics

CONFIGS = Path(__file__).with_name("hippocampus")
METRIC = "val_mean_dice"


@dataclass(frozen=True)
class Result:
    """One seed: Dice of the two labels, their mean, the best epoch's mean, and what the training took."""

    seed: int
    anterior: float
    posterior: float
    mean: float
    best: float
    cost: Cost


def trained(mmar: MMAR, seed: int, epochs: int, threads: int) -> Result:
    """Train with one seed and score the last epoch's weights.

    Raises:
        SystemExit: a command failed, or its score is not what the training said.
    """
    models, scores = mmar.models / f"seed{seed}", mmar.evaluations / f"seed{seed}"
    train = (sys.executable, "-m", "medl.apps.train", "-m", str(mmar.root))
    cost = run([*train, "--set", f"seed={seed}", f"epochs={epochs}", f"MMAR_CKPT_DIR={models}"], threads)
    score = (
        sys.executable,
        "-m",
        "medl.apps.evaluate",
        "-m",
        str(mmar.root),
        "-c",
        "config/config_validation_ckpt.json",
    )
    weights = models / "final_model.pt"
    run([*score, "--set", f"MMAR_CKPT={weights}", f"MMAR_EVAL_OUTPUT_PATH={scores}"], threads)
    dice = summary_column(scores / f"{METRIC}_summary.csv", "mean")
    said = [line["metrics"][METRIC] for line in read_metrics(models)]
    anterior, posterior = dice["class0"], dice["class1"]
    mean = (anterior + posterior) / 2
    if len(said) != epochs or not math.isclose(mean, said[-1], abs_tol=1e-3):
        raise SystemExit(f"the training said {said} of its epochs, but its last weights score {mean:.4f}")
    return Result(seed, anterior, posterior, mean, max(said), cost)


def report(results: list[Result], threads: int) -> str:
    """Return the table, and the medians under it."""
    rows: list[list[object]] = [["seed", "anterior", "posterior", "mean Dice", "best epoch's", "wall s", "CPU s"]]
    for one in results:
        shown = (one.anterior, one.posterior, one.mean, one.best)
        rows.append([one.seed, *(f"{v:.3f}" for v in shown), f"{one.cost.wall_s:.0f}", f"{one.cost.cpu_s:.0f}"])
    dice = statistics.median(one.mean for one in results)
    wall = statistics.median(one.cost.wall_s for one in results)
    cpu = statistics.median(one.cost.cpu_s for one in results)
    middle = f"median of the last epoch: mean Dice {dice:.3f} in {wall:.0f} s ({cpu:.0f} CPU s, {threads} threads)"
    return f"{table(rows)}\n\n{middle}"


def main() -> None:
    """Train the seeds, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=DATA / "hippocampus", help="the data's folder (%(default)s)")
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--epochs", type=int, default=10)
    options.add_argument("--threads", type=int, default=2)
    given = options.parse_args()
    data = given.data.resolve()
    with tempfile.TemporaryDirectory() as folder:
        mmar = make_archive(
            Path(folder) / "archive", CONFIGS, {"DATA_ROOT": str(data), "DATASET_JSON": str(data / "dataset.json")}
        )
        results = [trained(mmar, seed, given.epochs, given.threads) for seed in given.seeds]
    print(report(results, given.threads))


if __name__ == "__main__":
    main()

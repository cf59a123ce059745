"""AUC on PneumoniaMNIST's test split: data, check, train, export and validate, by the commands that a user types.

    python benchmarks/train/pneumonia.py

makes pictures and a data list from the MedMNIST file, an archive from the configs in pneumonia/, and trains a small
DenseNet for eight epochs with the seeds 0, 1 and 2. The weights of the **last** epoch are exported and scored on the
test split, which no epoch sees: eval/metrics.csv has AUC and accuracy, eval/predictions.csv a line for each picture.
Eight pictures are in training and validation both, which the check is told to allow. Takes five to
ten minutes on two idle cores.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from archive_run import DATA, Cost, make_archive, run, table

from medl.mmar.archive import MMAR
from medl.mmar.stats import read_metrics

CONFIGS = Path(__file__).with_name("pneumonia")
MEDL = (sys.executable, "-m", "medl.apps.main")


@dataclass(frozen=True)
class Result:
    """One seed: what the test split scored, the last epoch's AUC in validation, and what the training took."""

    seed: int
    auc: float
    accuracy: float
    validation_auc: float
    cost: Cost


def archive(folder: Path, file: Path, threads: int) -> MMAR:
    """Return an archive whose data are the pictures of a MedMNIST file; the check has passed."""
    pictures = folder / "data"
    run([*MEDL, "data", "medmnist", str(file), "--to", str(pictures)], threads)
    environment = {
        "DATA_ROOT": str(pictures),
        "DATASET_JSON": str(pictures / "dataset.json"),
        "PROCESSING_TASK": "classification",
    }
    mmar = make_archive(folder / "archive", CONFIGS, environment)
    run([*MEDL, "check", str(mmar.root), "--allow-shared"], threads)
    return mmar


def trained(mmar: MMAR, seed: int, epochs: int, threads: int) -> Result:
    """Train with one seed, export the last epoch's weights and score them on the test split."""
    models, scores = mmar.models / f"seed{seed}", mmar.evaluations / f"seed{seed}"
    network = models / "model.ts"
    settings = [f"seed={seed}", f"epochs={epochs}", f"MMAR_CKPT_DIR={models}"]
    cost = run([*MEDL, "train", "-m", str(mmar.root), "--set", *settings], threads)
    export = [*MEDL, "export", "-m", str(mmar.root), "--model_path", str(models / "final_model.pt")]
    run([*export, "--input_shape", "[1,1,28,28]", "--output_path", str(network)], threads)
    run(
        [*MEDL, "validate", str(mmar.root), f"MMAR_TORCHSCRIPT={network}", f"MMAR_EVAL_OUTPUT_PATH={scores}"],
        threads,
    )
    with (scores / "metrics.csv").open(newline="") as stream:
        found = {name: float(value) for name, value in csv.reader(stream)}
    last = read_metrics(models)[-1]["metrics"]["val_auc"]
    return Result(seed, found["auc"], found["accuracy"], last, cost)


def report(results: list[Result], threads: int) -> str:
    """Return the table, and the medians under it."""
    rows: list[list[object]] = [["seed", "test AUC", "test accuracy", "validation AUC", "wall s", "CPU s"]]
    for one in results:
        shown = (one.auc, one.accuracy, one.validation_auc)
        rows.append([one.seed, *(f"{v:.3f}" for v in shown), f"{one.cost.wall_s:.0f}", f"{one.cost.cpu_s:.0f}"])
    auc = statistics.median(one.auc for one in results)
    wall = statistics.median(one.cost.wall_s for one in results)
    cpu = statistics.median(one.cost.cpu_s for one in results)
    middle = f"median of the last epoch: test AUC {auc:.3f} in {wall:.0f} s ({cpu:.0f} CPU s, {threads} threads)"
    return f"{table(rows)}\n\n{middle}"


def main() -> None:
    """Train the seeds, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--data", type=Path, default=DATA / "pneumoniamnist/pneumoniamnist.npz", help="the MedMNIST file (%(default)s)"
    )
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--epochs", type=int, default=8)
    options.add_argument("--threads", type=int, default=2)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mmar = archive(Path(folder), given.data.resolve(), given.threads)
        results = [trained(mmar, seed, given.epochs, given.threads) for seed in given.seeds]
    print(report(results, given.threads))


if __name__ == "__main__":
    main()

"""asha against random at equal epochs on real trainings: the hippocampus, 32 training cases; and the archive's values.

    python benchmarks/search/real_search.py --repeats 3

Each search is a run of ``medl.apps.automl.train`` in the archive of benchmarks/train/hippocampus, with search entries
added; trials of asha that are promoted go on from their own checkpoints. What ended is kept in --folder, and the same
command goes on where it was. The set-up is in README.md beside this file. The table goes to docs/search_benchmarks.md.
A repeat takes half an hour to an hour on one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records import FOLDER, put

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks/train"))

from archive_run import DATA, make_archive, run  # noqa: E402

from medl.conf.load import read_object  # noqa: E402
from medl.mmar.archive import MMAR  # noqa: E402
from medl.mmar.files import write_json  # noqa: E402
from medl.mmar.stats import read_metrics  # noqa: E402

CONFIGS = ROOT / "benchmarks/train/hippocampus"
DOCS = ROOT / "docs"
EPOCHS, CASES, METRIC = 9, 32, "val_mean_dice"


@dataclass(frozen=True)
class Job:
    """A job that ended: its validations of whole epochs, epoch to mean Dice."""

    name: str
    dice: dict[int, float]

    @property
    def baseline(self) -> bool:
        """Whether it is the one with the archive's own values."""
        return self.name.rpartition("_")[2] == "J0"

    @property
    def epochs(self) -> int:
        """How many epochs it trained itself."""
        return len(self.dice)


def item(domain: str, kind: str, name: str, *targets: float, **more: Any) -> dict[str, Any]:
    return {"domain": domain, "type": kind, "args": [name], "targets": list(targets), **more}


def archive(target: Path, data: Path) -> MMAR:
    """Return the archive with its search entries and the shorter list of cases; the same one where it is there."""
    if (target / "config").is_dir():
        return MMAR(target)
    cases = read_object(data / "dataset.json")
    mmar = make_archive(
        target, CONFIGS, {"DATA_ROOT": str(data), "DATASET_JSON": str(target / "config/dataset_32.json")}
    )
    write_json(target / "config/dataset_32.json", cases | {"training": cases["training"][:CASES]})
    path = mmar.config / "config_train.json"
    config = read_object(path)
    config["epochs"], config["steps_per_epoch"] = EPOCHS, CASES // config["batch_size"]
    config["search"] = [item("lr", "float", "learning_rate", 1e-4, 1e-1, scale="log")]
    train = config["train"]
    train["optimizer"]["search"] = [item("lr", "float", "weight_decay", 1e-5, 1e-1, scale="log")]
    train["loss"]["search"] = [item("lr", "float", "lambda_ce", 0.0, 1.0)]
    train["model"]["search"] = [item("net", "float", "dropout", 0.0, 0.3)]
    flip = next(t for t in train["pre_transforms"] if t["name"] == "RandFlipd")
    flip["search"] = [item("transform", "float", "prob", 0.0, 0.8)]
    write_json(path, config)
    write_json(mmar.config / "config_automl.json", {"controller": {"name": "RandomController"}, "handlers": []})
    return mmar


def search(mmar: MMAR, run_id: str, threads: int, *settings: str) -> list[Job]:
    """Run a search to its end, or go on with it, and return its jobs."""
    command = (sys.executable, "-m", "medl.apps.automl.train", "-m", str(mmar.root), "--set", f"run_id={run_id}")
    run([*command, "workers=0", *settings], threads)
    folder = mmar.root / "automl" / run_id
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    jobs = []
    for name in dict.fromkeys(row["job"] for row in summary["jobs"]):  # an interrupted attempt has a row of its own
        lines = read_metrics(folder / name / "models")
        jobs.append(Job(name, {line["epoch"]: line["metrics"][METRIC] for line in lines if METRIC in line["metrics"]}))
    return jobs


def result(jobs: list[Job]) -> float:
    """Return the best mean Dice of a last epoch."""
    return max(job.dice[EPOCHS] for job in jobs if EPOCHS in job.dice)


def repeat(mmar: MMAR, seed: int, trials: int, threads: int) -> dict[str, Any]:
    """Return the row of one repeat."""
    shared = (f"seed={seed}", "traceout=file")
    asha = search(
        mmar,
        f"asha{seed}",
        threads,
        "algorithm=asha",
        f"controller.max_trials={trials}",
        f"controller.seed={seed}",
        *shared,
    )
    epochs = sum(job.epochs for job in asha)
    drawn = max(1, round(epochs / EPOCHS))
    random = search(
        mmar, f"random{seed}", threads, "algorithm=random", f"controller.max_rounds={drawn}",
        f"controller.seed={seed + 1000}", "baseline=true", *shared,
    )  # fmt: skip
    baseline, others = [j for j in random if j.baseline], [j for j in random if not j.baseline]
    return {
        **{"seed": seed, "asha": result(asha), "asha_epochs": epochs, "asha_jobs": len(asha)},
        **{"full": sum(EPOCHS in job.dice for job in asha)},
        **{"random": result(others), "random_epochs": sum(j.epochs for j in others), "random_jobs": len(others)},
        **{"baseline": result(baseline)},
    }


def report(rows: list[dict[str, Any]], trials: int) -> str:
    """Return the table."""
    lines = [
        "| repeat | asha | trials, of 9 epochs, epochs in all | random | trials, epochs in all | archive's values |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['seed']} | {row['asha']:.3f} | {trials}, {row['full']}, {row['asha_epochs']} | "
            f"{row['random']:.3f} | {row['random_jobs']}, {row['random_epochs']} | {row['baseline']:.3f} |"
        )
    middle = (f"{statistics.median(row[name] for row in rows):.3f}" for name in ("asha", "random", "baseline"))
    lines.append("| median | {} | | {} | | {} |".format(*middle))
    return "\n".join(lines)


def main() -> None:
    """Run the repeats, and print the table after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA / "hippocampus", help="the data's folder (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=FOLDER / "real_search", help="of the archive and its runs")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of search_benchmarks.md")
    given = parser.parse_args()
    mmar = archive(given.folder.resolve() / "archive", given.data.resolve())
    rows: list[dict[str, Any]] = []
    for seed in range(given.repeats):
        rows.append(repeat(mmar, seed, given.trials, given.threads))
        text = report(rows, given.trials)
        print(text, flush=True)
        put(given.docs / "search_benchmarks.md", "real_search.py", text)


if __name__ == "__main__":
    main()

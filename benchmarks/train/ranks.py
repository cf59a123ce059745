"""Time per step of one process and of two ranks, the same training each time.

    python benchmarks/train/ranks.py

trains a copy of the template archive with a network of 0.3 million parameters, each way in turn, several times over,
and puts the table into docs/several_gpus.md. Needs Horovod (scripts/install_horovod.sh); takes two to four minutes.
The ways differ in nothing but the launcher and the threads: the batch is the same one, shared by the ranks.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medl.automl.hardware import cores
from medl.automl.launch import training_launch
from medl.mmar.archive import create
from medl.mmar.stats import read_metrics

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/several_gpus.md"
MARKS = ("<!-- table: python benchmarks/train/ranks.py -->", "<!-- end of table -->")
BATCH, EPOCHS, CHANNELS = 4, 9, [16, 32, 64, 64]


@dataclass(frozen=True)
class Way:
    """One way to start the training."""

    name: str
    ranks: int
    threads: int
    launcher: str = "auto"


def ways(available: int) -> list[Way]:
    """Return the ways, the one that the others are compared with first."""
    share = max(1, available // 2)
    return [
        Way(f"1 process, {share} thread{'s' * (share > 1)}", 1, share),
        Way(f"1 process, all {available} cores", 1, available),
        Way(f"2 ranks by horovodrun, {share} thread{'s' * (share > 1)} each", 2, share),
        Way(f"2 ranks by torchrun, {share} thread{'s' * (share > 1)} each", 2, share, "torchrun"),
    ]


def archive(folder: Path) -> Path:
    """Return a new archive with the larger network and batch."""
    root = create(folder).root
    path = root / "config/config_train.json"
    config = json.loads(path.read_text())
    train = config["train"]
    train["model"]["args"] |= {"channels": CHANNELS, "strides": [2] * (len(CHANNELS) - 1)}
    train["dataloader"]["args"]["batch_size"] = BATCH
    path.write_text(json.dumps(config))
    return root


def seconds_per_step(root: Path, way: Way) -> float:
    """Return the time of the fastest epoch after the first, validation left out: others may use the machine as well."""
    launch = training_launch(
        root, range(way.ranks), way.threads, os.environ, settings=[f"epochs={EPOCHS}"], launcher=way.launcher
    )
    subprocess.run(launch.argv, env=launch.env, cwd=root, check=True, capture_output=True)
    items = len(json.loads((root / "data/dataset.json").read_text())["training"])
    steps = -(-items // BATCH)
    lines = read_metrics(root / "models")[1:]
    return min((line["time_s"] - line.get("validate_s", 0.0)) / steps for line in lines)


def table(times: Mapping[str, list[float]]) -> str:
    """Return the medians, and the median of the ratios to the first way of the same round."""
    first = next(iter(times.values()))
    rows = ["| | ms per step | ratio |", "|---|---|---|"]
    for name, found in times.items():
        ratios = sorted(mine / base for mine, base in zip(found, first, strict=True))
        spread = f" ({ratios[0]:.2f} to {ratios[-1]:.2f})" if found is not first else ""
        rows.append(f"| {name} | {1000 * statistics.median(found):.0f} | {statistics.median(ratios):.2f}{spread} |")
    return "\n".join(rows)


def main() -> None:
    """Measure, and write the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3, help="how often each way is run (%(default)s)")
    options.add_argument("--page", type=Path, default=PAGE, help="where the table goes (%(default)s)")
    given = options.parse_args()
    chosen = ways(cores())
    times: dict[str, list[float]] = {way.name: [] for way in chosen}
    with tempfile.TemporaryDirectory() as folder:
        root = archive(Path(folder) / "archive")
        for _ in range(given.rounds):
            for way in chosen:
                times[way.name].append(seconds_per_step(root, way))
    found = table(times)
    print(found)
    text = given.page.read_text(encoding="utf-8")
    before, _, rest = text.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    given.page.write_text(f"{before}{MARKS[0]}\n{found}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

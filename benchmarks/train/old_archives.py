"""Archives as users of Clara Train 4.0 and 4.1 had them, through all their own scripts, unedited.

    python benchmarks/train/old_archives.py --data DIR

DIR has the folders spleen/ (image.nii.gz, label.nii.gz) and hippocampus/ (dataset.json: 64 cases of training, 16 of
validation, 16 of test). tests/golden_archives/ are the archives. Prints a table: verb, archive and data to time and
what came of it; takes about ten minutes on two cores. The verbs for slices need torchvision, which the network of
TorchVisionFullyConvModel is made of; where there is none they are left out.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STYLES = ("clara40", "clara41")
CLASSES = {"spleen": 2, "hippocampus": 3}
VERBS = ("train", "finetune", "export", "validate", "validate_ckpt", "infer")
SLICES = ("train_slices", "export_slices", "validate_slices", "infer_slices")


@dataclass(frozen=True)
class Result:
    """What one script of an archive did."""

    verb: str
    style: str
    data: str
    exit_code: int
    seconds: float
    outcome: str

    @property
    def row(self) -> str:
        """The row of the table."""
        state = "ok" if self.exit_code == 0 else f"exit {self.exit_code}"
        return f"| {self.verb} | {self.style} | {self.data} | {state} | {self.seconds:.0f} s | {self.outcome} |"


def data_list(source: Path, data: str, path: Path) -> None:
    """Write the data list of an archive: all cases; of the one spleen volume four times training."""
    if data == "spleen":
        item = {"image": "image.nii.gz", "label": "label.nii.gz"}
        lists = {"training": [item] * 4, "validation": [item], "test": [item]}
    else:
        given = json.loads((source / data / "dataset.json").read_text())
        lists = {key: given[key] for key in ("training", "validation", "test")}
    path.write_text(json.dumps(lists))


def run(root: Path, verb: str, style: str, data: str, source: Path) -> Result:
    """Run a script of an archive as its user would."""
    words = [
        f"DATA_ROOT={source / data}",
        f"DATASET_JSON={root / 'list.json'}",
        f"out_classes={CLASSES[data]}",
        f"OUTPUT_CHANNELS={CLASSES[data]}",
    ]
    words = ["--set", *words] if verb.startswith("export") else words
    folder = root / "bin"
    folder.mkdir(exist_ok=True)
    if not (folder / "python3").exists():
        (folder / "python3").symlink_to(sys.executable)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{folder}:{os.environ['PATH']}"}
    began = time.monotonic()
    script = ["bash", str(root / "commands" / f"{verb}.sh"), *words]
    done = subprocess.run(script, env=env, capture_output=True, text=True, check=False)
    taken = time.monotonic() - began
    if done.returncode:
        print(done.stdout[-2000:] + done.stderr[-2000:], file=sys.stderr)
    outcome = came_of(root, verb, done.stdout) if done.returncode == 0 else "-"
    return Result(verb, style, data, done.returncode, taken, outcome)


def came_of(root: Path, verb: str, out: str) -> str:
    """Return what a script left: a score, a difference, or the number of files."""
    kind = verb.partition("_")[0]
    if kind in ("train", "finetune"):
        folder = {"train": "", "finetune": "finetuned", "train_slices": "slices"}[verb]
        stats = json.loads((root / "models" / folder / "train_stats.json").read_text())
        return f"{stats['key_metric']} {stats['best_metric']:.3f}"
    if kind == "export":
        found = re.search(r"max abs difference .*: (\S+) \(", out)
        return f"max abs difference {found[1]}" if found else "not verified"
    if kind == "validate":
        text = (root / "eval/metrics.csv").read_text()
        rows = dict(csv.reader(text.splitlines(), delimiter="\t" if "\t" in text else ","))
        name = "val_acc" if verb.endswith("slices") else "val_mean_dice"
        return f"{name} {float(rows[name]):.3f}"
    return f"{len(list((root / 'eval').rglob('*.nii.gz')))} files"


def results(source: Path, styles: tuple[str, ...], datas: tuple[str, ...], folder: Path) -> Iterator[Result]:
    """Run every verb of every archive on all data."""
    verbs = VERBS + (SLICES if importlib.util.find_spec("torchvision") else ())
    for style in styles:
        for data in datas:
            root = folder / f"{style}_{data}"
            shutil.copytree(ROOT / "tests/golden_archives" / style, root)
            data_list(source, data, root / "list.json")
            for verb in verbs:
                yield run(root, verb, style, data, source)


def main() -> int:
    """Run, print the table, and return 1 where a verb failed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=ROOT.parent / "shared/data", help="(%(default)s)")
    options.add_argument("--style", choices=STYLES, action="append", help="one of them only")
    options.add_argument("--only", choices=list(CLASSES), action="append", help="one of the data sets only")
    words = options.parse_args()
    failed = 0
    print("| verb | archive | data | | time | came of it |\n|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        styles, datas = tuple(words.style or STYLES), tuple(words.only or CLASSES)
        for result in results(words.data.resolve(), styles, datas, Path(folder)):
            print(result.row, flush=True)
            failed += result.exit_code != 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())

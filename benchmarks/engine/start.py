"""CPU seconds until a user hears of a mistake: importing the engine, checking an archive, a dry run of a search.

    python benchmarks/engine/start.py

Every figure is that of a whole new process, less nothing; "python" is the interpreter alone.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from medl.mmar.archive import create

CHECK = """
import json, pathlib, sys
from medl.conf.catalogue import Catalogue
from medl.conf.check import check_training
root = pathlib.Path(sys.argv[1])
config = json.loads((root / "config/config_train.json").read_text())
environment = json.loads((root / "config/environment.json").read_text())
checked = check_training(root, config, environment, {}, "config/config_train.json", Catalogue.load())
assert not checked.problems, checked.problems
"""


def cpu_s(argv: list[str]) -> float:
    """Return the CPU seconds (user and system) of one process."""
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{argv[1:3]} failed: {process.stderr.read().decode() if process.stderr else ''}")
    return usage.ru_utime + usage.ru_stime


def main(repeats: int = 7) -> None:
    """Measure in turn, several times, and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        root = str(create(Path(folder) / "archive").root)
        dry_run = ["-m", "medl.apps.automl.train", "-m", root, "--dry-run", "--set", "run_id=a", "workers=0:1"]
        runs = {
            "python": ["-c", "pass"],
            "import medl.automl.engine": ["-c", "import medl.automl.engine"],
            "the check of the template archive": ["-c", CHECK, root],
            "a dry run of its search": dry_run,
        }
        found: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(repeats):
            for name, words in runs.items():
                found[name].append(cpu_s([sys.executable, *words]))
    print(f"CPU seconds of a whole process, median of {repeats}")
    for name, seconds in found.items():
        print(f"{statistics.median(seconds):7.2f}  {name}")


if __name__ == "__main__":
    main()

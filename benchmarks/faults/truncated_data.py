"""A data file that is truncated in the middle of a search of real trainings: mended in time, and never mended.

    python benchmarks/faults/truncated_data.py [--keep DIR]

Three searches of two trainings that read their images in every epoch: one without a fault; one in which an image is
cut in half while the second job trains, and is whole again before that job's second attempt; one in which it stays cut.
docs/faults.md says what has to come of it.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from kills import PATIENCE_S, Runner, differences
from processes import kill, marked
from searches import Search

from medl.automl.events import Event

SEARCH = Search(
    "trainings, an image is truncated",
    {"name": "RandomController", "args": {"max_rounds": 2}},
    {"name": "MMARExecutor", "args": {"poll_interval": 0.2}},
    "0",
    (),
    ("epochs=5", "use_gpu=false"),
    real=True,
)


SECOND = "W1_2_J2"


def _uncached(root: Path) -> None:
    """Let an archive's trainings read every image in every epoch."""
    path = root / "config/config_train.json"
    config = json.loads(path.read_text())
    for part in ("train", "validate"):
        config[part]["dataset"] |= {"name": "Dataset", "args": {"transform": "@pre_transforms"}}
    path.write_text(json.dumps(config, indent=2))


def _wait(runner: Runner, engine: subprocess.Popen[bytes], run_id: str, kind: str) -> None:
    """Wait until the record of a run has an event of a kind of the second job, or the run is over."""
    record = runner.root / "automl" / run_id / "events.jsonl"
    while engine.poll() is None:
        if record.exists() and any(e["type"] == kind and e["job"] == SECOND for e in runner.events(run_id)):
            return
        time.sleep(0.05)


def run(runner: Runner, run_id: str, *, mend: bool) -> tuple[list[Event], int]:
    """Search, with an image cut once the second job has validated; return the record and the exit code."""
    data = runner.root / "data"
    image = data / json.loads((data / "dataset.json").read_text())["training"][0]["image"]
    kept = image.with_name("kept")
    shutil.copy2(image, kept)
    engine = runner.start(run_id)
    try:
        _wait(runner, engine, run_id, "job_reported")
        image.write_bytes(kept.read_bytes()[: kept.stat().st_size // 2])
        if mend:
            _wait(runner, engine, run_id, "job_retried")
            shutil.copy2(kept, image)
        code = engine.wait(PATIENCE_S)
        return runner.events(run_id), code
    finally:
        kill(marked(runner.mark))
        shutil.move(kept, image)


def main(argv: Sequence[str] | None = None) -> int:
    """Search three times, print what happened, and return 1 where it is not what the table says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", metavar="DIR", help="keep the runs there")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="medl-truncated-") as folder:
        place = Path(given.keep or folder)
        place.mkdir(parents=True, exist_ok=True)
        runner = Runner(SEARCH, place, random.Random(0))
        _uncached(runner.root)
        whole, _, _ = runner.whole()
        mended, code = run(runner, "mended", mend=True)
        faults = differences(SEARCH, whole, mended)
        retried = [(e["job"], e["fault"]) for e in mended if e["type"] == "job_retried"]
        faults += [] if retried == [(SECOND, "unreadable_file")] else [f"mended: retried {retried}"]
        faults += [] if code == 0 else [f"mended: exit code {code}"]
        print(f"mended: exit code {code}, retried {retried}, same trials and scores: {not faults}", flush=True)
        cut, code = run(runner, "cut", mend=False)
        ends = [(e["job"], e["attempt"], e["outcome"]["status"]) for e in cut if e["type"] == "job_ended"]
        retried = [(e["job"], e["fault"]) for e in cut if e["type"] == "job_retried"]
        right = [status for *_, status in ends] == ["ok", "failed"] and ends[-1][1] == 2 and code == 0
        right = right and retried == [(SECOND, "unreadable_file")]
        faults += [] if right else [f"cut: exit code {code}, {ends}, retried {retried}"]
        print(f"never mended: exit code {code}, {ends}, retried {retried}", flush=True)
        reasons = [e["outcome"]["reason"] for e in cut if e["type"] == "job_ended" and e["outcome"]["reason"]]
        print(f"  said: {reasons}")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""What a command means for a run that exists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medl.automl.going_on import SHOWN, begun, refusal, what_goes_on
from medl.mmar.run_folder import RunFolder

STARTED: dict[str, Any] = {
    "type": "run_started",
    "workers": [{"name": "W1"}],
    "fingerprint": "config=1 controller=1",
    "baseline": True,
}
ASKED = {
    "type": "recommended",
    "after": None,
    "recommendations": [{"id": "T1", "values": {}}, {"id": "T2", "values": {}}],
}
BASELINE = {"type": "job_started", "job": "W1_1_J0", "trial": "baseline", "worker": "W1", "attempt": 1}
ENDED = {"type": "job_ended", "job": "W1_1_J0", "attempt": 1, "outcome": {"status": "ok"}}
FIRST = {"type": "job_started", "job": "W1_2_J1", "trial": "T1", "worker": "W1", "attempt": 1}
EVENTS = [STARTED, ASKED, BASELINE, ENDED, FIRST]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "a").mkdir()
    return RunFolder(tmp_path, "a")


def configs(**changes: Any) -> dict[str, Any]:
    args = {"max_rounds": 8, **changes.pop("args", {})}
    return {
        "automl": {"config": {"controller": {"name": "RandomController", "args": args}}},
        "train": {"config": {"epochs": 2, "DATA_ROOT": "/a", "list": "/a/x.json", **changes}},
        "settings": {},
    }


def test_a_run_without_jobs_begins_anew(folder: RunFolder):
    assert not begun([STARTED, ASKED])
    assert refusal(folder, [STARTED, ASKED], "config=2") == ""
    assert refusal(folder, EVENTS, STARTED["fingerprint"]) == ""


def test_a_refusal_names_old_and_new_values(folder: RunFolder):
    folder.config.write_text(json.dumps(configs()))
    text = refusal(folder, EVENTS, "config=1 controller=2", configs(args={"max_rounds": 4}, epochs=3))
    assert "another controller," in text
    assert "controller.args.max_rounds: 8 → 4" in text
    assert "epochs" not in text  # that part is the same
    moved = refusal(folder, EVENTS, "config=2 controller=1", configs(epochs=True, DATA_ROOT="/b", list="/b/x.json"))
    assert moved.splitlines()[1:] == ["  epochs: 2 → true"]


def test_many_changes_are_counted_and_a_lost_file_leaves_the_parts_names(folder: RunFolder):
    changed = configs(**{f"v{n}": n for n in range(SHOWN + 3)})
    assert "another config," in refusal(folder, EVENTS, "config=2 controller=1", changed)
    folder.config.write_text(json.dumps(configs()))
    text = refusal(folder, EVENTS, "config=2 controller=1", changed)
    assert "v0: (not there) → 0" in text
    assert text.endswith("… and 3 more")


def test_what_goes_on(folder: RunFolder):
    text = what_goes_on(folder, EVENTS, ["W1"], None)
    assert "1 job ended, 1 interrupted runs again, 1 recommended wait" in text
    assert "next: W1_2_J1 starts on W1, attempt 2" in text
    done = [*EVENTS, {"type": "job_ended", "job": "W1_2_J1", "attempt": 1, "outcome": {"status": "ok"}}]
    text = what_goes_on(folder, done, ["W1"], None)
    assert "2 jobs ended, 0 interrupted run again" in text
    assert "next: the controller is given the outcome of W1_2_J1" in text
    over = what_goes_on(folder, [*done, {"type": "run_ended", "status": "finished"}], ["W1"], None)
    assert "has ended: nothing would be trained" in over

"""OpenMP is told how to wait before it is loaded, and never against the user's own choice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medl.train.waiting_threads import let_waiting_threads_sleep

CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def test_a_thread_that_waits_goes_to_sleep_soon() -> None:
    environ = {"OMP_NUM_THREADS": "2"}
    let_waiting_threads_sleep(environ)
    assert environ == {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"}


@pytest.mark.parametrize("name", CHOICES)
def test_the_users_own_choice_stays(name: str) -> None:
    environ = {name: "active"}
    let_waiting_threads_sleep(environ)
    assert environ == {name: "active"}


@pytest.mark.parametrize("app", ["train", "evaluate"])
def test_it_is_set_when_torch_is_loaded(
    make_archive: Callable[..., Path],
    tiny_config: dict[str, Any],
    tiny_evaluation: dict[str, Any],
    tmp_path: Path,
    app: str,
) -> None:
    root = make_archive(tiny_config)
    (root / "config/config_validation.json").write_text(json.dumps(tiny_evaluation))
    (root / "models").mkdir(exist_ok=True)
    (root / "models/model.pt").touch()
    (tmp_path / "spy").mkdir()
    (tmp_path / "spy/torch.py").write_text(
        "import json, os\n"
        f"open({str(tmp_path / 'seen.json')!r}, 'w').write(json.dumps(dict(os.environ)))\n"
        "raise ImportError('seen enough')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", f"medl.apps.{app}", "-m", str(root)],
        env={name: os.environ[name] for name in os.environ.keys() - set(CHOICES)}
        | {"PYTHONPATH": str(tmp_path / "spy")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (tmp_path / "seen.json").exists(), ended.stderr
    assert json.loads((tmp_path / "seen.json").read_text())["OMP_WAIT_POLICY"] == "passive"

"""What holds for every shell script."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted([*ROOT.glob("commands/*.sh"), *ROOT.glob("scripts/*.sh"), ROOT / ".ci" / "run"])
COMMANDS = sorted(ROOT.glob("commands/*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script):
    done = subprocess.run(["shellcheck", "-x", str(script)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_bash_can_read_it(script):
    assert subprocess.run(["bash", "-n", str(script)]).returncode == 0


@pytest.mark.parametrize(
    "script", [path for path in SCRIPTS if not path.name.startswith("set_")], ids=lambda path: path.name
)
def test_it_can_be_run(script):
    assert script.stat().st_mode & 0o100


@pytest.mark.parametrize("script", COMMANDS, ids=lambda path: path.name)
def test_a_command_removes_nothing(script):
    words = script.read_text(encoding="utf-8").replace("(", " ").split()
    assert not {"rm", "mv", "rmdir", "unlink"} & set(words)


def test_ci_runs_the_test_script_and_nothing_else():
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if not line.startswith("#")]
    assert lines == ['exec "$(dirname "${BASH_SOURCE[0]}")/../scripts/test.sh"']

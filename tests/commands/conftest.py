"""A checkout and an archive with a Python that only writes down how it was called."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from medl.mmar.archive import create

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "automl.sh",
    "automl_train_round.sh",
    "finetune.sh",
    "infer.sh",
    "prepare_dataset.sh",
    "train.sh",
    "train_multi_gpu.sh",
    "validate.sh",
    "validate_ckpt.sh",
    "validate_multi_gpu.sh",
    "validate_multi_gpu_ckpt.sh",
)

# As much of Python as the commands use: can it import medl (HAS_MEDL), make the demo, run a module.
FAKE_PYTHON = """#!/usr/bin/env bash
case "$1 ${2:-}" in
  "-c import medl.components") [[ -n ${HAS_MEDL:-} || $0 == */.venv/bin/python ]] ;;
  "-c "*fault_message*) [[ -n ${HAS_HOROVOD:-} ]] ;;
  "-m medl.apps.new") mkdir -p "$3/config"; echo "$3" >> "$CALLS.created" ;;
  *) printf '%s\\n' "$0" "${PYTHONPATH:-}" "$PWD" "$@" > "$CALLS"; exit "${FAKE_EXIT:-0}" ;;
esac
"""
FAKE_SETUP = """#!/usr/bin/env bash
folder="$(cd "$(dirname "$0")/.." && pwd)"
echo setup >> "$CALLS.setup"
mkdir -p "$folder/.venv/bin" && cp "$FAKE_PYTHON" "$folder/.venv/bin/python"
"""


@dataclass
class Call:
    """One run of a command."""

    exit_code: int
    output: str
    python: str = ""
    python_path: list[str] = field(default_factory=list)
    argv: list[str] = field(default_factory=list)
    set_ups: int = 0
    created: list[str] = field(default_factory=list)


class Shell:
    """Runs commands with the fake Python first on the PATH."""

    def __init__(self, folder: Path):
        self.folder = folder
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        self.python = bin_folder / "python3"
        self.python.write_text(FAKE_PYTHON)
        self.python.chmod(0o755)
        self.calls = folder / "calls"
        self.env = {
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "CALLS": str(self.calls),
            "FAKE_PYTHON": str(self.python),
            "HAS_MEDL": "yes",
            "HAS_HOROVOD": "yes",
        }

    def run(self, script: Path, *words: str, cwd: Path | None = None, **env: str) -> Call:
        """Run the script; ``env`` adds to the environment, an empty value takes away."""
        merged = {key: value for key, value in {**self.env, **env}.items() if value}
        done = subprocess.run(
            [str(script), *words], cwd=cwd or self.folder, env=merged, capture_output=True, text=True, timeout=60
        )
        call = Call(done.returncode, done.stdout + done.stderr)
        if self.calls.exists():
            call.python, path, _cwd, *call.argv = self.calls.read_text().splitlines()
            call.python_path = path.split(":")
        for name in ("setup", "created"):
            note = Path(f"{self.calls}.{name}")
            lines = note.read_text().splitlines() if note.exists() else []
            if name == "setup":
                call.set_ups = len(lines)
            else:
                call.created = lines
        return call


@pytest.fixture
def shell(tmp_path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def archive(tmp_path) -> Path:
    """A new archive under a name with a blank, as people have."""
    return create(tmp_path / "my archive").root


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout whose set-up makes a .venv with the fake Python."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "commands", folder / "commands")
    (folder / "mmar_template").mkdir()
    (folder / "config").mkdir()
    (folder / "config" / "config_train.schema.json").write_text(json.dumps({}))
    (folder / "scripts").mkdir()
    (folder / "scripts" / "setup.sh").write_text(FAKE_SETUP)
    (folder / "scripts" / "setup.sh").chmod(0o755)
    return folder

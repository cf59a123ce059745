"""scripts/setup.sh: what it installs, in which order, what it says; with a Python that only notes what it is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FAKE_PYTHON = """#!/usr/bin/env bash
case "$*" in
  "-V") echo "Python ${FAKE_VERSION:-3.11.0}" ;;
  *"import ensurepip, venv"*) [[ -z ${NO_VENV:-} ]] ;;
  *sys.version_info*) [[ -z ${OLD:-} ]] ;;
  *"import pip"*) ;;
  *"m.version('torch')"*) [[ -f $CALLS.torch ]] ;;
  "-m venv --clear "*) mkdir -p "$4/bin" && cp "$FAKE_PYTHON" "$4/bin/python" ;;
  "-m pip install "*)
    echo "$*" >> "$CALLS"
    [[ $* != *"+cpu"* || -z ${NO_CPU_BUILD:-} ]] || exit 1
    [[ $* != *" torch=="* ]] || touch "$CALLS.torch"
    [[ $* != *"--editable"* || -z ${PIP_FAILS:-} ]] ;;
  *) exit 9 ;;
esac
"""


class SetUp:
    """A checkout with only what the script reads, and the fake Python first on the PATH."""

    def __init__(self, folder: Path):
        self.root = folder / "check out"
        (self.root / "scripts").mkdir(parents=True)
        shutil.copy(ROOT / "scripts" / "setup.sh", self.root / "scripts")
        for name in ("setup.cfg", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.root)
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.add("python3", FAKE_PYTHON)
        self.add("nvidia-smi", "#!/bin/sh\nexit 9\n")
        self.calls = folder / "calls"

    def add(self, name: str, text: str) -> None:
        """Put a program on the PATH."""
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def run(self, *words: str, **env: str) -> tuple[int, str, list[str]]:
        """Return the exit code, what was said and the pip calls of this run."""
        self.calls.write_text("")
        done = subprocess.run(
            [str(self.root / "scripts" / "setup.sh"), *words],
            env={
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "CALLS": str(self.calls),
                "FAKE_PYTHON": str(self.bin / "python3"),
                **env,
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
        pip = [line.split("--constraint constraints.txt ")[1] for line in self.calls.read_text().splitlines()]
        return done.returncode, done.stdout + done.stderr, pip


@pytest.fixture
def set_up(tmp_path) -> SetUp:
    return SetUp(tmp_path)


def test_without_a_gpu_the_cpu_build_of_torch_comes_first_and_alone(set_up):
    code, said, pip = set_up.run()
    assert code == 0, said
    assert pip == ["torch==2.13.0+cpu", "setuptools", "--no-build-isolation --editable ."]
    assert "CPU build of torch 2.13.0 (about 200 MB)" in said


def test_where_there_is_no_cpu_build_it_says_the_size_of_the_other(set_up):
    code, said, pip = set_up.run(NO_CPU_BUILD="yes")
    assert code == 0, said
    assert pip[:2] == ["torch==2.13.0+cpu", "torch==2.13.0"]
    assert "3 GB" in said and "PIP_FIND_LINKS" in said


def test_with_a_gpu_the_default_build(set_up):
    set_up.add("nvidia-smi", "#!/bin/sh\necho 'GPU 0: NVIDIA H100'\n")
    _, said, pip = set_up.run()
    assert pip[0] == "torch==2.13.0"
    assert "NVIDIA GPU" in said


def test_a_second_run_does_nothing_and_says_nothing(set_up):
    set_up.run("test")
    assert set_up.run("test") == (0, "", [])
    assert set_up.run() == (0, "", [])


def test_another_extra_is_added_to_the_earlier_ones(set_up):
    set_up.run("test")
    _, _, pip = set_up.run("image")
    assert pip == ["setuptools", "--no-build-isolation --editable .[image,test]"]
    assert set_up.run("image", "test") == (0, "", [])


@pytest.mark.parametrize("name", ["setup.cfg", "constraints.txt"])
def test_changed_requirements_are_installed(set_up, name):
    set_up.run()
    (set_up.root / name).write_text((set_up.root / name).read_text() + "# changed\n")
    assert set_up.run()[2] == ["setuptools", "--no-build-isolation --editable ."]


def test_a_checkout_that_was_moved_is_installed_again(set_up):
    set_up.run()
    set_up.root = set_up.root.rename(set_up.root.with_name("moved"))
    assert set_up.run()[2] != []


def test_a_failed_install_is_not_taken_for_done(set_up):
    code, said, _ = set_up.run(PIP_FAILS="yes")
    assert code == 2
    assert "run scripts/setup.sh again" in said
    assert set_up.run()[2] == ["setuptools", "--no-build-isolation --editable ."]


@pytest.mark.parametrize(
    ("env", "remedy"),
    [
        ({"NO_VENV": "yes"}, "apt-get install python3-venv"),
        ({"OLD": "yes", "FAKE_VERSION": "3.9.2"}, "Python 3.10 or newer is needed, but python3 is Python 3.9.2"),
        ({"PYTHON": "no-such-python"}, "apt-get install python3"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(set_up, env, remedy):
    code, said, pip = set_up.run(**env)
    assert code == 2
    assert remedy in said
    assert pip == []


def test_a_missing_compiler_is_named_where_pip_fails(set_up):
    for tool in "bash env cat sha256sum cut sort sed head tail paste mkdir cp dirname grep touch du".split():
        (set_up.bin / tool).symlink_to(shutil.which(tool))
    code, said, _ = set_up.run(PIP_FAILS="yes", PATH=str(set_up.bin))
    assert code == 2
    assert "apt-get install build-essential" in said

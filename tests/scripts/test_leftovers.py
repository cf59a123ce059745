"""The check after the tests finds what they left behind."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/leftovers.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The script, which has little patience and its temporary folder among the test's own."""
    spec = importlib.util.spec_from_file_location("leftovers", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PATIENCE_S", 0.5)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return module


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_a_clean_command_keeps_its_exit_code(script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(python("pass")) == 0
    assert "no process, no temporary file, no lock" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert script.main(python("import sys; sys.exit(5)")) == 5
    assert script.main([]) == 2


def test_what_pytest_keeps_is_no_leftover(script: Any) -> None:
    assert script.main(python("import os; os.mkdir(os.environ['TMPDIR'] + '/pytest-of-me')")) == 0


def test_a_file_is_found(script: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(python("import tempfile; tempfile.mkstemp(suffix='.partial')")) == 1
    assert ".partial is left" in capsys.readouterr().err


def test_a_process_with_a_lock_is_found_wherever_it_went(
    script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    child = (
        "import fcntl, os, time; os.mkdir(os.environ['TMPDIR'] + '/pytest-of-me')\n"
        "file = open(os.environ['TMPDIR'] + '/pytest-of-me/lock', 'w'); fcntl.flock(file, fcntl.LOCK_EX)\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    parent = (
        "import os, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-S', '-c', {child!r}], start_new_session=True)\n"
        f"while not os.path.exists({str(tmp_path / 'pid')!r}): time.sleep(0.01)"
    )
    try:
        assert script.main(python(parent)) == 1
        said = capsys.readouterr().err
        assert "still runs" in said
        assert "pytest-of-me/lock is still locked" in said
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_as_a_command() -> None:
    done = subprocess.run([*python("pass")[:1], str(SCRIPT), "true"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "no process" in done.stdout

"""Which code made a result: medl's own, and the user's."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

import medl
from medl.mmar import code_version as module
from medl.mmar.code_version import code_version, imported_code, own_code


def test_it_names_the_version_and_is_looked_for_once():
    found = code_version()
    assert found["medl"] == medl.__version__ and len(found["sha256"]) == 64
    assert code_version() is found


def test_python_and_tables_count_and_nothing_else(tmp_path: Path):
    for name in ("a.py", "table.json", "notes.md", "conf/b.py", "conf/__pycache__/b.py", "components/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {path.relative_to(tmp_path).as_posix() for path in module._sources(tmp_path)}
    assert found == {"a.py", "table.json", "conf/b.py"}


def test_a_checkout_with_a_change_is_dirty(tmp_path: Path):
    assert module._git(tmp_path) == (None, None)
    (tmp_path / "medl").mkdir()
    file = tmp_path / "medl/a.py"
    file.write_text("a = 1\n")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "medl"], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    commit, dirty = module._git(tmp_path)
    assert commit is not None and len(commit) == 40 and dirty is False
    file.write_text("a = 2\n")
    assert module._git(tmp_path) == (commit, True)


def test_the_users_files_and_what_was_imported_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "inner/__pycache__").mkdir(parents=True)
    (tmp_path / "inner/__pycache__/x.py").write_text("")
    (tmp_path / "inner/net.py").write_text("a = 1")
    (tmp_path / "of_this_test_alone.py").write_text("b = 2")
    (tmp_path / "notes.txt").write_text("")
    digest = hashlib.sha256(b"b = 2").hexdigest()
    assert set(own_code([tmp_path])) == {"inner/net.py", "of_this_test_alone.py"}
    assert own_code([tmp_path / "none"]) == {}
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("of_this_test_alone")
    try:
        assert imported_code([tmp_path]) == {"of_this_test_alone": digest}
    finally:
        del sys.modules["of_this_test_alone"]

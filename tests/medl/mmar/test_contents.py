"""Hashes of contents: right, remembered by size and time, never in the way."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from medl.mmar.contents import Contents, cache_folder, hash_of


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(path: Path, data: bytes, age: float = 60.0) -> Path:
    path.write_bytes(data)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_a_second_look_reads_nothing_until_the_file_changes(tmp_path: Path, cache: Path):
    path = write(tmp_path / "patient_doe.nii", b"one")
    first = Contents(tmp_path, cache)
    assert first.hashes([("a", str(path))]) == {"a": sha(b"one")}
    assert first.read == 3
    again = Contents(tmp_path, cache)
    assert again.hashes([("a", str(path))]) == {"a": sha(b"one")} and again.read == 0
    write(path, b"two", age=30.0)  # as long, at another time
    assert Contents(tmp_path, cache).hash(str(path)) == sha(b"two")
    (kept,) = (cache / "contents").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "doe" not in kept.read_text()


def test_what_was_written_just_now_is_read_again(tmp_path: Path, cache: Path):
    path = write(tmp_path / "a", b"one", age=0.0)
    assert Contents(tmp_path, cache).hashes([("a", str(path))]) == {"a": sha(b"one")}
    again = Contents(tmp_path, cache)
    assert again.hash(str(path)) == sha(b"one") and again.read == 3


def test_a_damaged_or_closed_cache_costs_time_alone(tmp_path: Path, cache: Path):
    path = write(tmp_path / "a", b"one")
    Contents(tmp_path, cache).hashes([("a", str(path))])
    (kept,) = (cache / "contents").iterdir()
    for text in ("{", "[]", '{"a": 1}'):
        kept.write_text(text)
        assert Contents(tmp_path, cache).hash(str(path)) == sha(b"one")
    blocked = write(tmp_path / "file", b"")
    assert Contents(tmp_path, blocked).hashes([("a", str(path))]) == {"a": sha(b"one")}


def test_what_is_known_is_told_even_when_time_is_over(tmp_path: Path, cache: Path):
    known, unknown = write(tmp_path / "a", b"one"), write(tmp_path / "b", b"two")
    Contents(tmp_path, cache).hashes([("a", str(known))])
    over = threading.Event()
    over.set()
    found = Contents(tmp_path, cache).hashes([("a", str(known)), ("b", str(unknown)), ("c", "/no/such")], over)
    assert found == {"a": sha(b"one"), "b": None, "c": None}
    assert hash_of(unknown, over) is None and hash_of(tmp_path) is None


def test_a_folder_is_all_its_files(tmp_path: Path, cache: Path):
    series = tmp_path / "series"
    series.mkdir()
    write(series / "1.dcm", b"one"), write(series / "2.dcm", b"two")
    before = Contents(tmp_path, cache).hash(str(series))
    write(series / "2.dcm", b"TWO")
    after = Contents(tmp_path, cache).hash(str(series))
    assert before and after and before != after


def test_the_cache_is_the_users():
    assert cache_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/medl")
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) == Path("~/.cache/medl").expanduser()

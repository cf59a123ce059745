"""Hashes of what files hold, remembered by size and time, so that a second job on the same data reads none again."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from medl.mmar.files import write_text

_CHUNK = 1 << 20
_JUST_NOW_NS = 2_000_000_000
"""A file that changed so shortly before it was read may change again within the same tick of the clock."""
_FOLDERS = 100
"""Folders of data of which hashes are kept, the last used ones."""
_SAVE_S = 15.0
"""Seconds between two savings of what was hashed, so that a job that is killed loses little."""


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the user's folder for what can be worked out again: ``~/.cache/medl``, or below ``XDG_CACHE_HOME``."""
    given = environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if os.path.isabs(given) else Path("~/.cache").expanduser()) / "medl"


def hash_of(path: str | os.PathLike[str], stop: threading.Event | None = None) -> str | None:
    """Return the SHA-256 of a file's bytes; ``None`` where it cannot be read, or ``stop`` was set meanwhile."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as stream:
            while chunk := stream.read(_CHUNK):  # reading and hashing let other threads run
                if stop is not None and stop.is_set():
                    return None
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()


def hash_of_all(hashes: Mapping[str, str | None]) -> str:
    """Return one SHA-256 of many: of each name and its hash, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(hashes):
        digest.update(f"{name}\0{hashes[name]}\n".encode())
    return digest.hexdigest()


class Contents:
    """Hashes of the files of one folder of data.

    They are kept in ``~/.cache/medl/contents/``, a file for each such folder, which only its user can read, without the
    names of the files; it may be deleted at any time. A hash counts for as long as the file has the size and the time
    (ns) that it had. Processes that work at the same time do not wait for each other; at worst a file is read twice.

    Args:
        base: the folder; what it is called decides which of the kept hashes are looked at.
        cache: the folder of what can be worked out again; the user's where it is not given.

    Attributes:
        read: bytes that were read because nothing was known of them.
    """

    def __init__(self, base: Path, cache: Path | None = None):
        self.read = 0
        folder = (cache or cache_folder()) / "contents"
        name = hashlib.sha256(os.fsencode(os.path.abspath(base))).hexdigest()[:32]
        self._file = folder / f"{name}.json"
        self._known: dict[str, list[Any]] = self._load()
        self._new: dict[str, list[Any]] = {}
        self._saved = time.monotonic()

    def hash(self, path: str, stop: threading.Event | None = None) -> str | None:
        """Return the SHA-256 of a file, or of all files in a folder; ``None`` where it cannot be read, or not yet.

        Args:
            path: the file; absolute.
            stop: once it is set, what is not known is not read any more.
        """
        if os.path.isdir(path):  # a DICOM series
            found: dict[str, str | None] = {}
            for folder, folders, names in os.walk(path):
                folders.sort()
                for name in sorted(names):
                    whole = os.path.join(folder, name)
                    found[os.path.relpath(whole, path)] = self.hash(whole, stop) if os.path.isfile(whole) else None
            return None if None in found.values() else hash_of_all(found)
        try:
            before = os.stat(path)
        except OSError:
            return None
        state = [before.st_size, before.st_mtime_ns]
        key = hashlib.blake2b(os.fsencode(path), digest_size=16).hexdigest()  # no names of files are kept
        known = self._known.get(key)
        if known is not None and known[:2] == state:
            return str(known[2])
        if stop is not None and stop.is_set():
            return None
        digest = hash_of(path, stop)
        if digest is None:
            return None
        self.read += before.st_size
        after = os.stat(path)
        if [after.st_size, after.st_mtime_ns] != state:
            return None
        if time.time_ns() - after.st_mtime_ns > _JUST_NOW_NS:
            self._known[key] = self._new[key] = [*state, digest]
            if time.monotonic() - self._saved > _SAVE_S:
                self.save()
        return digest

    def hashes(self, paths: Iterable[tuple[str, str]], stop: threading.Event | None = None) -> dict[str, str | None]:
        """Return name to hash for (name, path) pairs, and keep what was found; ``None`` for what is not known (yet)."""
        try:
            return {name: self.hash(path, stop) for name, path in paths}
        finally:
            self.save()

    def save(self) -> None:
        """Keep what was found, beside what others kept meanwhile; where that cannot be written it is let be."""
        if not self._new:
            return
        kept = {**self._load(), **self._new}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_text(self._file, json.dumps(kept, separators=(",", ":")), mode=0o600)
            for path in sorted(self._file.parent.glob("*.json"), key=_time, reverse=True)[_FOLDERS:]:
                path.unlink(missing_ok=True)
        except OSError:
            return  # a home that is full or read-only costs time, not the job
        self._new.clear()
        self._saved = time.monotonic()

    def _load(self) -> dict[str, list[Any]]:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(kept, dict):
            return {}
        return {key: state for key, state in kept.items() if isinstance(state, list) and len(state) == 3}


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process was faster
        return 0.0

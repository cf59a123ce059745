"""One engine per run: a lock that the kernel takes back when its holder ends, and a heartbeat for other machines.

On one machine the kernel's lock decides. A shared file system may keep it from reaching other machines, so the file
names its holder, and its time is the holder's heartbeat: as long as that is young, the run is taken.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from medl.automl.holder import Holder, read_holder, this_process
from medl.errors import RunError

BEAT_S = 20.0
"""Seconds between two heartbeats."""

STALE_S = 600.0
"""Seconds without a heartbeat after which the engine of another machine counts as gone."""


@contextlib.contextmanager
def hold(path: Path, *, beat_s: float = BEAT_S, stale_s: float = STALE_S) -> Iterator[None]:
    """Hold the lock of a run while the block runs. The file stays, empty.

    Args:
        path: the lock's file.
        beat_s: seconds between two heartbeats.
        stale_s: seconds without one after which the engine of another machine counts as gone.

    Raises:
        RunError: another process holds it, or the file cannot be written.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}. Make the folder writable.") from error
    ended = threading.Event()
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _refusal(_holder(file)) from None
        except OSError as error:
            raise RunError(
                f"{path} cannot be locked: {error.strerror}. Choose a work_dir on a file system with locks."
            ) from error
        _find_out(path, file, stale_s)
        with contextlib.suppress(OSError):  # a full disk: the lock holds without a name in it
            os.ftruncate(file, 0)
            os.pwrite(file, this_process().to_bytes(), 0)
        threading.Thread(target=_beat, args=(path, ended, beat_s), name="heartbeat", daemon=True).start()
        try:
            yield
        finally:
            ended.set()
            with contextlib.suppress(OSError):
                os.ftruncate(file, 0)
    finally:
        os.close(file)


def is_held(path: Path, *, stale_s: float = STALE_S) -> bool:
    """Return whether some process holds the lock of a run at this moment. The lock is not touched."""
    try:
        holder = read_holder(path.read_bytes())
    except OSError:
        return False
    if holder is None:
        return False
    return holder.lives if holder.lives is not None else _age(path) < stale_s


def _find_out(path: Path, file: int, stale_s: float) -> None:
    """Refuse a lock whose holder the kernel's lock does not reach."""
    holder = _holder(file)
    if holder is None or holder.lives is False or holder == this_process():
        return
    if holder.lives:  # a file system without locks that hold
        raise _refusal(holder)
    if holder.boot and holder.boot == this_process().boot:
        return  # a container's process: the kernel is the same one, and has given its lock back
    if (age := _age(path)) < stale_s:
        raise RunError(
            f"another engine works on this run ({holder}): it gave a sign of life {age:.0f} s ago. Wait for its end or "
            f"stop it there. Where it was lost, give the same command again {stale_s - age:.0f} s from now, or delete "
            f"{path}."
        )


def _refusal(holder: Holder | None) -> RunError:
    name = str(holder) if holder is not None else "unknown"
    return RunError(f"another engine works on this run ({name}). Wait for its end, stop it, or choose another run_id.")


def _holder(file: int) -> Holder | None:
    with contextlib.suppress(OSError):
        return read_holder(os.pread(file, 4096, 0))
    return None


def _beat(path: Path, ended: threading.Event, beat_s: float) -> None:
    while not ended.wait(beat_s):
        with contextlib.suppress(OSError):
            os.utime(path)


def _age(path: Path) -> float:
    """Return the seconds since a file's time, by the clock of its file system, which machines may not agree on."""
    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            return max(0.0, os.fstat(probe.fileno()).st_mtime - path.stat().st_mtime)
    except OSError:
        return 0.0  # read-only: what cannot be told is taken for alive

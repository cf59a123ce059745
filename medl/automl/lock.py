"""One engine per run: a lock on a file that the kernel takes back when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from medl.errors import RunError


@contextlib.contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock of a run while the block runs. The file stays; it names the last holder.

    Raises:
        RunError: another process holds it, or the file cannot be written.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}. Make the folder writable.") from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 200).decode("utf-8", "replace").strip() or "unknown"
            raise RunError(
                f"another engine works on this run ({holder}). Wait for its end, stop it, or choose another run_id."
            ) from None
        except OSError as error:
            raise RunError(
                f"{path} cannot be locked: {error.strerror}. Choose a work_dir on a file system with locks."
            ) from error
        with contextlib.suppress(OSError):  # a full disk: the lock holds without a name in it
            os.ftruncate(file, 0)
            os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(file)


def is_held(path: Path) -> bool:
    """Return whether some process holds the lock of a run at this moment."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False

"""GPUs that runs of this machine have taken, so that two searches do not share one without knowing.

A folder for the whole machine has a file per run that works: it names the GPUs and who has them, and is locked as long
as its process lives, whatever ends that. Files of others are read, never written: users share nothing but the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medl.automl.holder import this_process
from medl.automl.worker_spec import WorkerSpec
from medl.errors import RunError

FOLDER = "MEDL_GPU_LEASES"
"""The environment variable with the folder of the leases."""

DEFAULT = Path("/tmp/medl-gpus")
"""The folder where the variable says nothing: the same for all users, whatever their TMPDIR is."""

PATIENCE_S = 5.0
"""Seconds that another run may take to enter its own lease."""

LARGEST = 65536
"""Bytes of a lease; what is larger is none."""


@dataclass(frozen=True)
class Lease:
    """What another run has.

    Attributes:
        gpus: their names.
        holder: who has them, for people.
        run: folder of its run.
    """

    gpus: frozenset[str]
    holder: str
    run: str


def gpu_names(workers: Sequence[WorkerSpec], visible: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the GPUs of this machine that workers use; those of other machines are theirs to know.

    Args:
        workers: who runs jobs.
        visible: the GPUs that may be used, as :func:`medl.automl.hardware.visible_gpus` names them; a worker's id is a
            place in it. Empty: the ids are CPU slots, which nobody leases.
    """
    slots = sorted({slot for worker in workers if not worker.hosts for slot in worker.slots})
    return tuple(visible[slot] for slot in slots if slot < len(visible))


@contextlib.contextmanager
def lease(
    gpus: Sequence[str],
    run: Path,
    *,
    share: bool = False,
    say: Callable[[str], None] = print,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[None]:
    """Have GPUs while the block runs.

    Args:
        gpus: their names; nothing is done for none.
        run: folder of the run.
        share: whether another run may have them too.
        say: told where the machine has no folder for leases; the run goes on without.
        environ: the environment.

    Raises:
        RunError: another run has one of them, and ``share`` is false.
    """
    with contextlib.ExitStack() as stack:
        if gpus:
            folder = Path(environ.get(FOLDER) or DEFAULT)
            try:
                with _turn(folder):
                    others = taken(folder)
                    if not share and (both := _in_both(gpus, others)):
                        raise RunError(_refusal(both))
                    stack.enter_context(_entered(folder, gpus, run))
            except OSError as error:
                why = error.strerror or error
                say(f"GPUs are not leased: {folder}: {why}. Another search may use the same ones.")
        yield


def taken(folder: Path) -> list[Lease]:
    """Return what runs that live have taken; what others left behind counts for nothing, and is removed if it is ours.

    Args:
        folder: of the leases.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            with contextlib.suppress(OSError):  # its holder has ended
                path.unlink()
        except BlockingIOError:
            if (one := _read(file)) is not None:
                found.append(one)
        except OSError:
            continue
        finally:
            os.close(file)
    return found


def _read(file: int) -> Lease | None:
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        value = json.loads(os.read(file, LARGEST))
        return Lease(frozenset(map(str, value["gpus"])), str(value["holder"]), str(value["run"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _in_both(gpus: Sequence[str], others: Sequence[Lease]) -> list[tuple[str, Lease]]:
    return [(gpu, other) for gpu in gpus for other in others if gpu in other.gpus]


def _refusal(both: Sequence[tuple[str, Lease]]) -> str:
    who = "; ".join(f"GPU {gpu} by {other.holder}, run {other.run}" for gpu, other in both)
    return (
        f"another search has the same GPUs: {who}. Wait for its end, give other ids (workers=…), or add "
        "share_gpus=true to --set to share them."
    )


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Be the only one who enters a lease."""
    _make(folder)
    path = folder / "lock"
    with contextlib.suppress(FileExistsError):  # made once, by anybody; others only need to read it
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644))
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > until:
                    raise OSError(error.errno, "somebody keeps its lock") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(file)


def _make(folder: Path) -> None:
    """Make the folder as /tmp is made: anybody may enter a file, nobody remove another user's."""
    try:
        folder.mkdir()
        folder.chmod(0o1777)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(20, "it is no folder") from None
        others = found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX
        if others and found.st_uid != os.getuid():
            raise PermissionError(13, "others may remove what is in it") from None


@contextlib.contextmanager
def _entered(folder: Path, gpus: Sequence[str], run: Path) -> Iterator[None]:
    me = this_process()
    value = {"gpus": list(gpus), "holder": f"{me} (user {os.getuid()})", "run": str(run)}
    path = folder / f"{os.getuid()}-{me.pid}-{me.started}-{time.monotonic_ns()}.json"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(file, json.dumps(value).encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(file)

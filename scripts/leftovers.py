"""Whether a command left anything behind: processes, temporary files, locks.

    python scripts/leftovers.py pytest -n 2

runs the command with a temporary folder of its own and a mark in its environment, which everything that it starts
inherits. Afterwards no process may have the mark, and nothing may lie in the temporary folder but what pytest keeps of
its last tests, in which no lock may be held. The exit code is the command's; 1 where that is 0 and something was left.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

MARK = "MEDL_TEST_RUN"
PATIENCE_S = 10.0
"""Seconds that processes get to end by themselves, such as those that a killed one left."""

KEPT = ("pytest-of-", "torchinductor_", "torchelastic_", "torch-shm-dir-", "pymp-", ".ses")
"""Beginnings of the names that may stay: what pytest keeps of its last three runs, an empty cache of torch, the empty
folders that torchrun and Python's multiprocessing cannot remove where a test kills them, and the session number that a
library keeps for itself."""


def processes(mark: str) -> dict[int, str]:
    """Return the commands of the processes that have this word in their environment, but for this one."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended, or is somebody else's
            if int(entry.name) != os.getpid() and mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                found[int(entry.name)] = b" ".join(words).decode(errors="replace").strip()
    return found


def files(folder: Path) -> list[str]:
    """Return what lies in a temporary folder and should not."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(KEPT))


def mounts(folder: Path) -> list[str]:
    """Return the file systems that are mounted below a folder."""
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    places = [line.split()[1] for line in lines]
    return [place for place in places if place.startswith(f"{folder}{os.sep}")]


def held_locks(folder: Path) -> list[str]:
    """Return the files below a folder on which some process holds a lock."""
    held = set()
    for line in Path("/proc/locks").read_text(encoding="utf-8").splitlines():
        words = line.replace("->", "").split()
        with contextlib.suppress(IndexError, ValueError):
            major, minor, inode = words[5].split(":")
            held.add((os.makedev(int(major, 16), int(minor, 16)), int(inode)))
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                status = os.lstat(os.path.join(place, name))
                if (status.st_dev, status.st_ino) in held:
                    found.append(os.path.join(place, name))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, say what it left, and return the exit code."""
    command = list(sys.argv[1:] if argv is None else argv)
    if not command:
        print(__doc__)
        return 2
    value = str(uuid.uuid4())
    folder = Path(tempfile.mkdtemp(prefix="medl-tests-"))
    folder.chmod(0o711)  # PostgreSQL, which is not root, has its folder below
    code = subprocess.run(command, env={**os.environ, MARK: value, "TMPDIR": str(folder)}, check=False).returncode
    until = time.monotonic() + PATIENCE_S
    while (running := processes(f"{MARK}={value}")) and time.monotonic() < until:
        time.sleep(0.1)
    left = [f"process {pid} still runs: {words[:200]}" for pid, words in running.items()]
    left += [f"{folder / name} is left" for name in files(folder)]
    left += [f"{place} is still mounted" for place in mounts(folder)]
    left += [f"{place} is still locked" for place in held_locks(folder)]
    for line in left:
        print(f"leftovers: {line}", file=sys.stderr)
    if code:
        print(f"leftovers: the temporary files of the run are kept in {folder}", file=sys.stderr)
    elif not left:
        print("leftovers: no process, no temporary file, no lock")
        shutil.rmtree(folder, ignore_errors=True)
    return code or (1 if left else 0)


if __name__ == "__main__":
    sys.exit(main())

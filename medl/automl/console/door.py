"""console.json in a run's folder: where its console is and the token that opens it; for the run's owner alone."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from medl.errors import RunError

DOOR_FILE = "console.json"


@dataclass(frozen=True)
class Door:
    """How a console is reached.

    Attributes:
        host: where it listens.
        port: where it listens.
        token: what opens it.
        run_id: the run.
        pid: the engine's process.
        cert: file of the certificate that it shows; empty without TLS.
    """

    host: str
    port: int
    token: str
    run_id: str
    pid: int
    cert: str = ""


def write_door(path: Path, door: Door) -> None:
    """Write the file, readable by its owner alone from its first byte on.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(door), indent=2) + "\n")
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def remove_door(path: Path) -> None:
    """Remove the file, where it is."""
    with contextlib.suppress(OSError):
        path.unlink()


def read_door(path: Path) -> Door:
    """Return how a console is reached.

    Raises:
        RunError: the file is not there, cannot be read, is no such file, or others can read it.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read(65536)
    except FileNotFoundError:
        raise RunError(f"{path} is not there: the run has no console at this moment.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if stat.S_IMODE(mode) & 0o077:
        raise RunError(
            f"{path} can be read by others (mode {stat.S_IMODE(mode):03o}), so its token may be known to them. "
            "Stop the run and start it again: it goes on with a new token."
        )
    try:
        value = json.loads(text)
        return Door(
            *(str(value["host"]), int(value["port"]), str(value["token"]), str(value["run_id"]), int(value["pid"])),
            cert=str(value.get("cert", "")),
        )
    except (ValueError, LookupError, TypeError, RecursionError):
        raise RunError(f"{path} does not say where a console is.") from None

"""The other end of a console: finds it through a run's folder, gives the token, asks."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from medl.automl.console.door import DOOR_FILE, Door, read_door
from medl.automl.console.protocol import MAX_ARGS, MAX_WORD, VERSION, Malformed, decode, encode
from medl.automl.lock import is_held
from medl.errors import ConfigError, Problem, RunError, near_names
from medl.mmar.archive import MMAR
from medl.mmar.run_folder import RunFolder

_MOST = 1 << 22
"""Bytes of a reply; a server that sends more is none of ours."""
TIMEOUT_S = 60.0


def running(parent: Path) -> dict[str, Path]:
    """Return run_id to console.json of the runs in a folder that an engine works on."""
    files = sorted(parent.glob(f"*/{DOOR_FILE}"))
    return {path.parent.name: path for path in files if is_held(RunFolder(parent, path.parent.name).lock)}


def find_door(root: Path, run_id: str = "", *, port: int | None = None, work_dir: str | None = None) -> Door:
    """Return how the console of a running search of an archive is reached.

    Args:
        root: the archive's folder.
        run_id: the run; may be left out where one alone runs, or where the port says which.
        port: of the console that is meant.
        work_dir: parent of the runs, where MMARHandler has one.

    Raises:
        ConfigError: there is no such run, or several may be meant.
        RunError: it has no console at this moment.
    """
    mmar = MMAR(root).require()
    parent = mmar.runs if work_dir is None else mmar.root / work_dir
    if run_id:
        folder = RunFolder(parent, run_id)
        if not folder.events.is_file() and not (folder.root / DOOR_FILE).is_file():
            known = sorted(path.parent.name for path in parent.glob("*/events.jsonl"))
            there = f"Runs here: {', '.join(known)}." if known else f"There is no run in {parent}."
            rule = f"there is no run of that name in {parent}"
            raise ConfigError(Problem(rule, "--set", "run_id", run_id, there, near_names(run_id, known)))
        if not is_held(folder.lock):
            raise RunError(f'the run "{run_id}" is not running, so it has no console. `medl summary` shows its table.')
        return read_door(folder.root / DOOR_FILE)
    doors = {name: read_door(path) for name, path in running(parent).items()}
    if port is not None:
        doors = {name: door for name, door in doors.items() if door.port == port} or doors
    if len(doors) == 1:
        return next(iter(doors.values()))
    if not doors:
        raise RunError(f"no search with a console runs in {parent}.")
    there = ", ".join(f"{name} (port {door.port})" for name, door in doors.items())
    remedy = f"Add run_id=NAME. Running: {there}."
    raise ConfigError(Problem("a run is named by run_id where several run", "--set", "run_id", remedy=remedy))


class Client:
    """A connection to a console.

    Args:
        door: how it is reached.
        timeout_s: seconds to wait for each reply.

    Attributes:
        run_id: the run, as the server says.
        commands: name, usage and meaning of each command of the server.

    Raises:
        RunError: nobody answers there, it is no console, its certificate is not the one expected, or the token is not
            its own.
    """

    def __init__(self, door: Door, timeout_s: float = TIMEOUT_S):
        self._door = door
        self._timeout_s = timeout_s
        self._buffer = bytearray()
        self._sock = _connect(door, timeout_s)
        try:
            greeting = self._exchange({"token": door.token, "version": VERSION})
            if not greeting.get("ok"):
                raise RunError(f"the console at {_place(door)} refuses: {_text(greeting)}.")
            self.run_id = str(greeting.get("run_id", ""))
            self.commands = [
                (str(name), str(usage), str(what)) for name, usage, what in greeting.get("commands", ()) if name
            ]
        except BaseException:
            self.close()
            raise

    def ask(self, command: str, args: Sequence[str] = ()) -> dict[str, Any]:
        """Return the reply: ``ok`` and ``parts``.

        Raises:
            RunError: the console has gone, or is silent for too long.
        """
        if len(args) > MAX_ARGS or any(len(word) > MAX_WORD for word in (command, *args)):
            text = f"a command has at most {MAX_ARGS} words of at most {MAX_WORD} characters"
            return {"ok": False, "parts": [{"text": text}]}
        return self._exchange({"command": command, "args": list(args)})

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._sock.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _exchange(self, value: Mapping[str, Any]) -> dict[str, Any]:
        place = _place(self._door)
        until = time.monotonic() + self._timeout_s
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have said why before it went
                self._sock.sendall(encode(value))
            while b"\n" not in self._buffer:
                self._sock.settimeout(max(0.01, until - time.monotonic()))
                data = self._sock.recv(65536)
                if not data:
                    raise RunError(f"the console at {place} has hung up: the engine has ended, or waited too long.")
                self._buffer += data
                if len(self._buffer) > _MOST:
                    raise RunError(f"what answers at {place} is no console.")
        except TimeoutError:
            raise RunError(
                f"the console at {place} has not answered in {self._timeout_s:g} s. An order still counts: the engine "
                "carries it out when it comes to it."
            ) from None
        except OSError as error:
            raise RunError(f"the console at {place} has gone: {error.strerror or error}.") from None
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        try:
            return decode(line)
        except Malformed:
            raise RunError(f"what answers at {place} is no console.") from None


def _connect(door: Door, timeout_s: float) -> socket.socket:
    place = _place(door)
    try:
        sock = socket.create_connection((_reachable(door.host), door.port), timeout=min(timeout_s, 10.0))
    except (OSError, OverflowError) as error:
        raise RunError(
            f"nobody answers at {place} ({getattr(error, 'strerror', None) or error}): the engine has ended, or it "
            "runs on another machine; then give --host."
        ) from None
    if not door.cert:
        return sock
    import ssl

    try:
        context = ssl.create_default_context(cafile=door.cert)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context.wrap_socket(sock, server_hostname=_reachable(door.host))
    except (OSError, ValueError) as error:
        sock.close()
        reason = getattr(error, "verify_message", None) or getattr(error, "reason", None) or error
        raise RunError(f"the console at {place} does not show the certificate {door.cert}: {reason}.") from None


def _reachable(host: str) -> str:
    """Return a name for the address on which a server listens."""
    return "localhost" if host in ("0.0.0.0", "::", "") else host


def _place(door: Door) -> str:
    return f"{_reachable(door.host)}:{door.port}"


def _text(reply: Mapping[str, Any]) -> str:
    return "; ".join(str(part.get("text", "")) for part in reply.get("parts", ()))


def elsewhere(door: Door, host: str | None, port: int | None, cert: str | None) -> Door:
    """Return the door with what the command line says in place of what the file says."""
    changes: dict[str, Any] = {"host": host, "port": port, "cert": cert}
    return replace(door, **{name: value for name, value in changes.items() if value is not None})

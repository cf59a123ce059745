r"""What console and client say to each other: JSON objects, one a line, the token first.

::

    client: {"token": "…", "version": 1}            server: {"ok": true, "run_id": "a", "commands": [[name, …], …]}
    client: {"command": "list_workers", "args": []} server: {"ok": true, "parts": [{"columns": […], "rows": [[…], …]}]}

Every request has one reply, in their order. ``ok`` is false where a request was refused or failed; ``parts`` are what
a person reads: texts and tables. After a line that is none of these the server says why and hangs up. The lines are
ASCII: other characters are JSON's ``\u`` escapes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VERSION = 1
MAX_ARGS = 8
MAX_WORD = 256
"""Characters of a command or of an argument."""


class Malformed(ValueError):
    """A line that no client of ours sends; the text says why."""


@dataclass(frozen=True)
class Request:
    """One command as a client gives it."""

    command: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What a command gives back.

    Attributes:
        ok: whether it did what it should.
        parts: what a person reads, in order: ``{"text": …}`` or ``{"columns": […], "rows": [[…], …]}``, all texts.
    """

    ok: bool
    parts: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the reply as it is sent."""
        return {"ok": self.ok, "parts": list(self.parts)}

    @property
    def text(self) -> str:
        """The texts of the parts, one a line."""
        return "\n".join(str(part["text"]) for part in self.parts if "text" in part)


def done(text: str) -> Reply:
    """Return the reply that something was done."""
    return Reply(True, ({"text": text},))


def refused(text: str) -> Reply:
    """Return the reply that something cannot be done, and why."""
    return Reply(False, ({"text": text},))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return a table as a part of a reply."""
    return {"columns": list(columns), "rows": [list(row) for row in rows]}


def encode(value: Mapping[str, Any]) -> bytes:
    """Return one line."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Return the object of one line.

    Raises:
        Malformed: it holds none.
    """
    try:
        value = json.loads(line.decode("utf-8"))
    except RecursionError:
        raise Malformed("the JSON is nested too deeply") from None
    except ValueError:  # of UTF-8, of JSON, of an int with thousands of digits
        raise Malformed("a line has to be one JSON object") from None
    if not isinstance(value, dict):
        raise Malformed("a line has to be one JSON object")
    return value


def token_of(line: bytes) -> str:
    """Return the token of a client's first line.

    Raises:
        Malformed: it has none, or is of another version.
    """
    value = decode(line)
    token = value.get("token")
    if not isinstance(token, str) or set(value) - {"token", "version"}:
        raise Malformed('the first line has to be {"token": "…", "version": 1}')
    if value.get("version", VERSION) != VERSION:
        raise Malformed(f"this console speaks version {VERSION}")
    return token


def request_of(line: bytes) -> Request:
    """Return the command of a line.

    Raises:
        Malformed: it is none.
    """
    value = decode(line)
    command, args = value.get("command"), value.get("args", [])
    if set(value) - {"command", "args"} or not isinstance(command, str) or not isinstance(args, list):
        raise Malformed('a request has to be {"command": "…", "args": ["…"]}')
    if len(args) > MAX_ARGS or not all(isinstance(word, str) and len(word) <= MAX_WORD for word in [command, *args]):
        raise Malformed(f"a request has at most {MAX_ARGS} args, all of them texts of at most {MAX_WORD} characters")
    return Request(command, tuple(args))

"""Where a search's console listens, and with which certificate: what ``--set console…`` says, checked."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medl.errors import ConfigError, Problem

PORT = 33330
"""Clara's port of the admin console."""

SWITCH = "console"
CONSOLE_TEXTS = ("console_host", "console_cert", "console_key")
"""Settings that are texts whatever they look like."""
CONSOLE_SETTINGS = (SWITCH, "console_port", *CONSOLE_TEXTS)

_FILE = "--set"


@dataclass(frozen=True)
class ConsoleSettings:
    """Where a console listens.

    Attributes:
        host: a name or an address of this machine.
        port: the one that is tried first, then the ones after it; 0 for any that is free.
        cert: file of the certificate, where TLS is spoken.
        key: file of its private key; ``None`` where the certificate's file has it.
        kept: how many archives the run keeps, to be shown; ``None`` for all.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    cert: Path | None = None
    key: Path | None = None
    kept: int | None = None


def read_console(settings: Mapping[str, Any], kept: int | None = None) -> ConsoleSettings | None:
    """Return where the console listens; ``None`` where the search has none (``console=false``).

    Args:
        settings: of ``--set``.
        kept: how many archives the run keeps.

    Raises:
        ConfigError: with every problem: an address that others reach without TLS, a file that is not there, …
    """
    problems: list[Problem] = []
    switch = settings.get(SWITCH, True)
    if not isinstance(switch, bool):
        problems.append(Problem("console is true or false", _FILE, SWITCH, value=switch))
    port = settings.get("console_port", PORT)
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        remedy = "Write console_port=0 for any free port."
        problems.append(Problem("console_port is a number from 0 to 65535", _FILE, "console_port", port, remedy))
    files: dict[str, Path | None] = {}
    for name in ("console_cert", "console_key"):
        given = settings.get(name)
        files[name] = None if given in (None, "") else Path(str(given)).expanduser().absolute()
        if (path := files[name]) is not None and not path.is_file():
            problems.append(Problem(f"{name} has to be a file", _FILE, name, value=str(given)))
    cert, key = files["console_cert"], files["console_key"]
    if key is not None and cert is None:
        problems.append(Problem("console_key goes with console_cert", _FILE, "console_key", value=str(key)))
    host = str(settings.get("console_host", "127.0.0.1"))
    if switch is True and (fault := host_fault(host, tls=cert is not None)):
        remedy = "Leave it out: the console then listens on 127.0.0.1. Or give console_cert and console_key, for TLS."
        problems.append(Problem(fault, _FILE, "console_host", host, remedy))
    if problems:
        raise ConfigError(problems)
    return ConsoleSettings(host, port, cert, key, kept) if switch else None


def host_fault(host: str, *, tls: bool) -> str:
    """Return why a console may not listen there, or an empty text: without TLS it listens on loopback alone."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return "console_host is no name or address of this machine"
    if tls or all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in found):
        return ""
    return "without TLS the console listens on this machine's loopback alone"

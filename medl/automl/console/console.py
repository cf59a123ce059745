"""The console of one run: opened when the engine begins, handled in its loop, closed when it ends."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from medl.automl.console.board import Board
from medl.automl.console.commands import COMMANDS, Reader, known
from medl.automl.console.door import DOOR_FILE, Door, remove_door, write_door
from medl.automl.console.limits import Limits
from medl.automl.console.modules import CommandSpec, added, call
from medl.automl.console.orders import Orders
from medl.automl.console.protocol import VERSION, Reply, Request, refused
from medl.automl.console.server import Respond, Server
from medl.automl.console.settings import ConsoleSettings, host_fault
from medl.automl.defs import Context
from medl.errors import RunError
from medl.mmar.run_folder import RunFolder

if TYPE_CHECKING:
    import ssl

_PORTS = 20
"""Ports that are tried from the first on, before any free one is taken."""


class Console:
    """Serves a run's owner.

    Args:
        settings: where it listens; ``None``: the run has no console, and nothing here does anything.
        folder: the run's; console.json is written there.
        board: the state of the run.
        orders: carries out what changes it.
        ctx: the run's context, which has the commands that user code added.
        wake: called from the server's thread when an order is there.
        say: takes each line for the person who watches.
        limits: bounds of the server.
    """

    def __init__(
        self,
        settings: ConsoleSettings | None,
        folder: RunFolder,
        board: Board,
        orders: Orders,
        ctx: Context,
        *,
        wake: Callable[[], None],
        say: Callable[[str], None],
        limits: Limits | None = None,
    ):
        self._settings, self._folder, self._board, self._orders = settings, folder, board, orders
        self._ctx, self._wake, self._say, self._limits = ctx, wake, say, limits
        self._reader = Reader(board, folder, settings.kept if settings is not None else None)
        self._requests: queue.SimpleQueue[tuple[Request, Respond]] = queue.SimpleQueue()
        self._server: Server | None = None
        self._over = False

    @property
    def file(self) -> Path:
        """Where the token is."""
        return self._folder.root / DOOR_FILE

    def open(self) -> None:
        """Listen, and write console.json. Where that cannot be done it is said, and the run goes on without a console.

        Raises:
            RunError: others than this machine's users could connect, and TLS is not configured, or not rightly.
        """
        settings = self._settings
        if settings is None:
            return
        if fault := host_fault(settings.host, tls=settings.cert is not None):
            raise RunError(f"{fault}: {settings.host}.")
        token = secrets.token_urlsafe(32)
        listener: socket.socket | None = None
        try:
            tls = _tls(settings)
            listener = listen(settings.host, settings.port)
            port = int(listener.getsockname()[1])
            cert = str(settings.cert) if settings.cert is not None else ""
            write_door(self.file, Door(settings.host, port, token, self._folder.run_id, os.getpid(), cert))
            self._server = Server(
                listener, token, self._greeting, self._answer, limits=self._limits, tls=tls, say=self._say
            )
        except (OSError, RuntimeError) as error:
            if listener is not None:
                listener.close()
            remove_door(self.file)
            self._say(f"no console: {getattr(error, 'strerror', None) or error}; the run goes on without it")
            return
        taken = "" if settings.port in (0, port) else f" ({settings.port} is taken)"
        self._say(f"console: {settings.host}:{port}{taken}, token in {self.file}")

    def go_on(self) -> None:
        """A run that was there before goes on."""
        self._orders.go_on(self._server is not None)

    def attend(self) -> None:
        """Carry out the orders that have come; in the engine's loop."""
        if self._server is None:
            return
        self._orders.insist()
        while True:
            try:
                request, respond = self._requests.get_nowait()
            except queue.Empty:
                return
            respond(self._orders.carry_out(request))

    def close(self) -> None:
        """Tell those who wait that the run is over, hang up and remove console.json."""
        self._over = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._requests.get_nowait()[1](refused("the engine has ended"))
        if self._server is not None:
            remove_door(self.file)
            self._server.close()
            self._server = None

    # In the server's thread -------------------------------------------------------------------------------------------

    def _greeting(self) -> dict[str, object]:
        commands = [[command.name, command.usage, command.what] for command in COMMANDS.values()]
        more = self._added()
        commands += [[name, str(own.usage), str(own.description)] for name, own in more.items() if name not in COMMANDS]
        return {"run_id": self._board.run_id, "version": VERSION, "commands": commands}

    def _added(self) -> dict[str, CommandSpec]:
        try:
            return added(self._ctx)
        except Exception as error:  # of user code
            self._ctx.trace("console", f"the commands of user code cannot be had: {type(error).__name__}: {error}")
            return {}

    def _answer(self, request: Request, respond: Respond) -> Reply | None:
        more = {} if request.command in COMMANDS else self._added()
        if request.command in more:
            return call(more[request.command], request)
        command = known(request, more)
        if isinstance(command, Reply):
            return command
        if not command.order:
            return self._reader.answer(request)
        if self._over:
            return refused("the engine has ended")
        self._requests.put((request, respond))
        self._wake()
        return None


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at a port, one of those after it, or any that is free; 0 is any.

    Raises:
        OSError: it cannot be done.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    ports = [port + step for step in range(_PORTS) if port + step <= 65535] if port else []
    for number in [*ports, 0]:
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address[0], number, *address[2:]))
            listener.listen(128)
            return listener
        except OSError:
            listener.close()
            if number == 0:
                raise
    raise AssertionError("the last port is 0")


def _tls(settings: ConsoleSettings) -> ssl.SSLContext | None:
    """Return what TLS needs, ``None`` where it is not configured.

    Raises:
        RunError: the certificate cannot be read, or the key is not its own.
    """
    if settings.cert is None:
        return None
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # without a password here OpenSSL would ask for one on the terminal
        context.load_cert_chain(settings.cert, settings.key, password=lambda: b"")
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or error
        raise RunError(f"the console cannot use the certificate {settings.cert}: {reason}.") from error
    return context

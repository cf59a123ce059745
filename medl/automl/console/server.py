"""The console's server: one thread, non-blocking sockets, bounded buffers. Nobody who connects can hold up a run."""

from __future__ import annotations

import contextlib
import functools
import hmac
import queue
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from medl.automl.console.connection import Closed, Connection
from medl.automl.console.limits import Bucket, Limits
from medl.automl.console.protocol import Malformed, Reply, Request, encode, refused, request_of, token_of

if TYPE_CHECKING:
    import ssl

Respond = Callable[[Reply], None]
Answer = Callable[[Request, Respond], Reply | None]

_ACCEPTS_AT_ONCE = 16
_TROUBLE_S = 1.0
"""Seconds without new clients after none could be taken (no file descriptors are left, as a rule)."""
_LAST_WORDS_S = 1.0


class Server:
    """Serves a listening socket until it is closed.

    Args:
        listener: listening; it is the server's from now on.
        token: what a client has to give.
        greeting: made for each client that gave it.
        answer: called in the server's thread with a request: the reply, or ``None`` where the second argument will be
            called with it later, from any thread.
        limits: bounds.
        tls: where given, every client has to speak TLS.
        say: told of what should not happen.
    """

    def __init__(
        self,
        listener: socket.socket,
        token: str,
        greeting: Callable[[], Mapping[str, Any]],
        answer: Answer,
        *,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        say: Callable[[str], None] = print,
    ):
        self._listener, self._token, self._greeting, self._answer = listener, token.encode(), greeting, answer
        self._limits = limits if limits is not None else Limits()
        self._tls, self._say = tls, say
        self._connections: dict[socket.socket, Connection] = {}  # in the order in which they came
        self._turns: deque[Connection] = deque()
        self._answers: queue.SimpleQueue[tuple[Connection, Reply]] = queue.SimpleQueue()
        now = time.monotonic()
        self._accepts = Bucket(self._limits.accepts, now)
        self._requests = Bucket(self._limits.all_requests, now)
        self._no_accept_until = 0.0
        self._ending: float | None = None
        self._selector = selectors.DefaultSelector()
        self._bell, self._bell_button = socket.socketpair()
        for sock in (listener, self._bell, self._bell_button):
            sock.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send what is left to be sent, at most a second long, and hang up on everyone."""
        self._ending = time.monotonic() + _LAST_WORDS_S
        self._ring()
        self._thread.join(2 * _LAST_WORDS_S)

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # full: it rings already; closed: nobody is there any more
            self._bell_button.send(b"!")

    # The thread -------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._over():
                self._round()
        except Exception as error:  # the run does not depend on it
            self._say(f"the console has ended ({type(error).__name__}: {error}); the run goes on without it")
        finally:
            for connection in list(self._connections.values()):
                self._drop(connection)
            self._selector.close()
            for sock in (self._listener, self._bell, self._bell_button):
                sock.close()

    def _over(self) -> bool:
        if self._ending is None:
            return False
        sent = not any(connection.writes for connection in self._connections.values())
        return self._answers.empty() and (sent or time.monotonic() > self._ending)

    def _round(self) -> None:
        found = self._selector.select(self._timeout(time.monotonic()))
        now = time.monotonic()
        for key, mask in found:
            if key.fileobj is self._listener:
                self._accept(now)
            elif key.fileobj is self._bell:
                with contextlib.suppress(BlockingIOError):
                    self._bell.recv(4096)
            elif (connection := self._connections.get(key.fileobj)) is not None:  # type: ignore[call-overload]
                self._move(connection, mask, now)
        while not self._answers.empty():
            connection, reply = self._answers.get()
            connection.waiting = False
            if connection.sock in self._connections:
                self._send(connection, reply.to_json(), now)
        self._give_turns(now)
        for connection in list(self._connections.values()):
            if why := connection.overdue(now):
                self._dismiss(connection, why, now)
        self._listen(now)

    def _timeout(self, now: float) -> float:
        moments = [connection.due() for connection in self._connections.values()]
        moments += [now + connection.rate.wait(now) for connection in self._turns]
        if self._turns:  # the turn of whoever may go first, but not before anyone may
            moments = [max(min(moments), now + self._requests.wait(now))]
        if self._no_accept_until > now:
            moments.append(self._no_accept_until)
        if self._ending is not None:
            moments.append(now + 0.05)
        # a little later than due, so that it is due then
        return max(0.0, min([*moments, now + 60.0]) - now + 0.002)

    def _accept(self, now: float) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            if (wait := self._accepts.wait(now)) > 0:
                self._no_accept_until = now + wait
                return
            try:
                sock, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._no_accept_until = now + _TROUBLE_S
                return
            self._accepts.take(now)
            try:
                sock.setblocking(False)
                if self._tls is not None:
                    sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            except OSError:
                sock.close()
                continue
            strangers = [one for one in self._connections.values() if not one.known]
            if len(strangers) >= self._limits.strangers:
                self._drop(strangers[0])
            self._connections[sock] = Connection(sock, self._limits, now)
            self._selector.register(sock, selectors.EVENT_READ)

    def _listen(self, now: float) -> None:
        """Look for new clients, or for a while not."""
        listening = self._listener in self._selector.get_map()
        wanted = now >= self._no_accept_until and self._ending is None
        if wanted and not listening:
            self._selector.register(self._listener, selectors.EVENT_READ)
        elif listening and not wanted:
            self._selector.unregister(self._listener)

    def _move(self, connection: Connection, mask: int, now: float) -> None:
        """Read and write what a client's socket is ready for."""
        try:
            if mask & selectors.EVENT_WRITE:
                connection.flush()
            if mask & selectors.EVENT_READ and connection.reads:
                connection.receive(now)
        except Closed:
            self._drop(connection)
            return
        self._settle(connection, now)

    def _settle(self, connection: Connection, now: float) -> None:
        """See what a client has come to: a whole line, too long a one, more to read or to send; wait for that."""
        try:
            while connection.reads:
                if connection.too_long:
                    connection.drop_input()
                    self._dismiss(connection, f"a line has at most {self._limits.request_bytes} bytes", now)
                    return
                if connection.has_line:
                    connection.queued = True
                    self._turns.append(connection)
                elif connection.unread:
                    connection.receive(now)
                else:
                    break
        except Closed:
            self._drop(connection)
            return
        mask = selectors.EVENT_READ * connection.reads | selectors.EVENT_WRITE * connection.writes
        registered = self._selector.get_map().get(connection.sock)
        if registered is None and mask:
            self._selector.register(connection.sock, mask)
        elif registered is not None and not mask:
            self._selector.unregister(connection.sock)
        elif registered is not None and registered.events != mask:
            self._selector.modify(connection.sock, mask)

    def _give_turns(self, now: float) -> None:
        """Serve who waits with a whole line, one line each, as far as the rates let it."""
        for _ in range(len(self._turns)):
            if self._requests.wait(now) > 0:
                return
            connection = self._turns.popleft()
            if connection.sock not in self._connections:
                continue
            if not connection.rate.take(now):
                self._turns.append(connection)
                continue
            self._requests.take(now)
            connection.queued = False
            line = connection.line(now)
            try:
                if connection.known:
                    self._ask(connection, request_of(line), now)
                else:
                    self._admit(connection, token_of(line), now)
            except Malformed as error:
                connection.drop_input()
                self._dismiss(connection, str(error), now)

    def _admit(self, connection: Connection, token: str, now: float) -> None:
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self._token):
            self._dismiss(connection, "this is not the token of this run", now)
            return
        if sum(one.known for one in self._connections.values()) >= self._limits.clients:
            self._dismiss(connection, f"there are {self._limits.clients} clients already", now)
            return
        connection.known = True
        self._send(connection, {"ok": True, **self._greeting()}, now)

    def _ask(self, connection: Connection, request: Request, now: float) -> None:
        connection.waiting = True
        try:
            reply = self._answer(request, functools.partial(self._respond, connection))
        except Exception as error:  # a fault of ours, or of a module that the user added
            reply = refused(f"{request.command} failed: {type(error).__name__}: {str(error)[:200]}")
        if reply is None:
            self._settle(connection, now)  # nothing is read of it meanwhile
        else:
            connection.waiting = False
            self._send(connection, reply.to_json(), now)

    def _respond(self, connection: Connection, reply: Reply) -> None:
        """Give the reply to an order; from any thread."""
        self._answers.put((connection, reply))
        self._ring()

    def _send(self, connection: Connection, value: Mapping[str, Any], now: float) -> None:
        data = encode(value)
        if len(data) > self._limits.reply_bytes:
            data = encode(refused("the reply is too long; ask for less").to_json())
        connection.send(data, now)
        try:
            connection.flush()
        except Closed:
            self._drop(connection)
            return
        self._settle(connection, now)

    def _dismiss(self, connection: Connection, why: str, now: float) -> None:
        """Say why and hang up."""
        if connection.closing:  # it was told, and does not read
            self._drop(connection)
            return
        connection.closing = True
        connection.queued = False
        self._send(connection, refused(why).to_json(), now)

    def _drop(self, connection: Connection) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection.sock)
        self._connections.pop(connection.sock, None)
        connection.queued = False
        with contextlib.suppress(OSError):
            connection.sock.close()

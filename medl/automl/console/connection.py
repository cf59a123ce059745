"""One client of the console as the server sees it: what has come of a line, what is to be sent, and until when."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from medl.automl.console.limits import Bucket, Limits

if TYPE_CHECKING:
    import ssl

CHUNK = 16384
"""Bytes read at a time; more has to wait for the others' turn."""


class Closed(Exception):
    """The client is gone, or has to go."""


class Connection:
    """A non-blocking socket and its buffers; never holds more than a request and a reply.

    Args:
        sock: connected, non-blocking; of TLS not greeted yet.
        limits: bounds.
        now: the present moment.

    Attributes:
        known: whether the right token was given.
        closing: whether it is closed once it was sent what is left.
        waiting: whether an order of it is with the engine.
        queued: whether it waits for its turn with a whole line.
        reads: whether it wants to read from the network.
        writes: whether it wants to write to it.
    """

    def __init__(self, sock: socket.socket, limits: Limits, now: float):
        self.sock = sock
        self.known = self.closing = self.waiting = self.queued = False
        self.rate = Bucket(limits.requests, now)
        self._limits = limits
        self._in = bytearray()
        self._out = bytearray()
        self._token_until = now + limits.token_s
        self._idle_until = now + limits.idle_s
        self._line_until: float | None = None
        self._write_until: float | None = None
        self._tls: ssl.SSLSocket | None = sock if hasattr(sock, "do_handshake") else None  # type: ignore[assignment]
        self._greeted = self._tls is None
        self._tls_writes = False

    # Towards the selector ---------------------------------------------------------------------------------------------

    @property
    def reads(self) -> bool:
        """Whether there is room for more of a line, and nothing before it to do."""
        busy = self.waiting or self.queued or self.closing or bool(self._out)
        return not self._greeted or not busy

    @property
    def writes(self) -> bool:
        """Whether something is to be sent."""
        return self._tls_writes or (self._greeted and bool(self._out))

    def _deadlines(self) -> list[tuple[float, str]]:
        """Return until when it has to do what it has not done yet, and what it is told after that."""
        found = []
        if not self.known and not self.closing:
            found.append((self._token_until, "no token came in time"))
        if self._write_until is not None:
            found.append((self._write_until, "what was sent was not read"))
        if not self.waiting and not self.queued:
            found.append((self._idle_until, "nothing was asked for too long"))
            if self._line_until is not None and not self._out:
                found.append((self._line_until, "a line took too long"))
        return found

    def overdue(self, now: float) -> str:
        """Return why the client has to go by now, or an empty text."""
        return next((why for moment, why in self._deadlines() if now > moment), "")

    def due(self) -> float:
        """Return the moment at which :meth:`overdue` may change by itself."""
        return min((moment for moment, _ in self._deadlines()), default=float("inf"))

    # Reading ----------------------------------------------------------------------------------------------------------

    def receive(self, now: float) -> None:
        """Take in what has come, one chunk of it.

        Raises:
            Closed: the client has hung up, or its line is too long.
        """
        if not self._greeted and not self._greet():
            return
        try:
            data = self.sock.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            if self._tls is not None and self._again(error):
                return
            raise Closed from None
        if not data:
            raise Closed
        if not self._in:
            self._line_until = now + self._limits.line_s
        self._in += data

    @property
    def unread(self) -> bool:
        """Whether TLS holds bytes that the network will not announce again."""
        return self._tls is not None and self._greeted and self._tls.pending() > 0

    @property
    def too_long(self) -> bool:
        """Whether the line is longer than any request."""
        end = self._in.find(b"\n")
        return (len(self._in) if end < 0 else end) > self._limits.request_bytes

    @property
    def has_line(self) -> bool:
        """Whether a whole line is there."""
        return b"\n" in self._in

    def line(self, now: float) -> bytes:
        """Return the whole line that is there, and forget it."""
        end = self._in.index(b"\n")
        line = bytes(self._in[:end])
        del self._in[: end + 1]
        self._line_until = now + self._limits.line_s if self._in else None
        self._idle_until = now + self._limits.idle_s
        return line

    def drop_input(self) -> None:
        """Forget what has come."""
        self._in.clear()
        self._line_until = None

    # Writing ----------------------------------------------------------------------------------------------------------

    def send(self, data: bytes, now: float) -> None:
        """Send this as soon as the client reads."""
        self._out += data
        self._write_until = now + self._limits.write_s
        self._idle_until = now + self._limits.idle_s

    def flush(self) -> None:
        """Send what the network takes.

        Raises:
            Closed: the client has hung up, or has been sent all that it was to be sent.
        """
        if not self._greeted and not self._greet():
            return
        self._tls_writes = False
        if self._out:
            try:
                sent = self.sock.send(self._out)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if self._tls is not None and self._again(error):
                    return
                raise Closed from None
            del self._out[:sent]
        if not self._out:
            self._write_until = None
            if self.closing:
                raise Closed

    def _greet(self) -> bool:
        """Go on with the greeting of TLS, and return whether it is done."""
        assert self._tls is not None
        try:
            self._tls.do_handshake()
        except OSError as error:
            if self._again(error):
                return False
            raise Closed from None
        self._greeted, self._tls_writes = True, False
        return True

    def _again(self, error: OSError) -> bool:
        """Return whether TLS only wants to be asked once more, and note for what."""
        import ssl

        self._tls_writes = isinstance(error, ssl.SSLWantWriteError)
        return isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError)

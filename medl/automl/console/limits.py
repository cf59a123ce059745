"""What a client of the console may do, in numbers: nobody who connects can cost a run more than this."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of a server.

    Attributes:
        request_bytes: of one line that a client sends.
        reply_bytes: of one line that it is sent; a longer reply is told as an error.
        clients: with the right token, at the same time; one more is refused.
        strangers: who have not given a token yet; the one that came first goes when one more comes.
        token_s: seconds until a stranger must have given the token, the greeting of TLS included.
        line_s: seconds in which a line, once begun, must have come to its end.
        write_s: seconds in which a client must have read what it was sent.
        idle_s: seconds without any request after which a client goes.
        accepts: connections taken in a second; more wait.
        requests: of one client in a second; more wait.
        all_requests: of all clients in a second; more wait.
    """

    request_bytes: int = 4096
    reply_bytes: int = 1 << 20
    clients: int = 128
    strangers: int = 64
    token_s: float = 5.0
    line_s: float = 10.0
    write_s: float = 10.0
    idle_s: float = 900.0
    accepts: float = 100.0
    requests: float = 20.0
    all_requests: float = 200.0


class Bucket:
    """Lets so many through in a second, and at most a second's worth at once.

    Args:
        rate: how many in a second.
        now: the present moment, seconds of a monotonic clock.
    """

    def __init__(self, rate: float, now: float):
        self._rate = rate
        self._tokens = max(1.0, rate)
        self._seen = now

    def take(self, now: float) -> bool:
        """Return whether one more may go through now, and count it."""
        if self.wait(now) > 0:
            return False
        self._tokens -= 1.0
        return True

    def wait(self, now: float) -> float:
        """Return the seconds until one more may go through; 0 where it may now."""
        self._tokens = min(max(1.0, self._rate), self._tokens + max(0.0, now - self._seen) * self._rate)
        self._seen = now
        # a hair's breadth below one is one: else the wait of the remainder may be too short to change the sum
        return 0.0 if self._tokens >= 1.0 - 1e-9 else (1.0 - self._tokens) / self._rate

"""Keeps the Optuna mirror of a run up in a thread of its own, so that a storage never holds up or changes the run.

A mirror that fails (the database restarts, the journal is deleted, the disk is full) is made anew from the events,
after a pause that grows from failure to failure, and a limited number of times.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence

from medl.automl.events import Event
from medl.automl.study import AnothersStudy, Mirror

PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
"""Seconds before each new try after a failure; when all have passed, the mirror is given up."""

TRIES_AT_THE_END = 3
"""Tries after the run's last event."""

CALM_S = 600.0
"""Seconds that a mirror has to last until its earlier failures are forgotten."""

AGAIN = "`medl automl mirror` makes it from the record"


class MirrorThread:
    """A thread with a mirror.

    Args:
        make: makes the mirror from the events so far; called in the thread, because importing Optuna takes a second.
        events: of the run until now.
        say: told in one line when the mirror fails, is there again, or is given up.
        pauses_s: as :data:`PAUSES_S`.
    """

    def __init__(
        self,
        make: Callable[[Sequence[Event]], Mirror],
        events: Sequence[Event],
        say: Callable[[str], None],
        pauses_s: Sequence[float] = PAUSES_S,
    ):
        self._make = make
        self._seen = list(events)
        self._say = say
        self._pauses_s = tuple(pauses_s)
        self._coming: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="study", daemon=True)
        self._thread.start()

    def take(self, event: Event) -> None:
        """Mirror this event after the ones before it; returns at once."""
        self._coming.put(event)

    def close(self, timeout: float = 20.0) -> None:
        """End the thread once it has caught up, or leave it behind after ``timeout`` seconds."""
        self._coming.put(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._say(f"the Optuna mirror has not caught up in {timeout:g} s and is left as it is; {AGAIN}")

    def _run(self) -> None:
        failures = at_the_end = 0
        while True:
            since, closing = time.monotonic(), self._closing
            try:
                mirror = self._make(self._seen)
                if failures:
                    self._say("the Optuna mirror is kept again, made anew from the record")
                self._keep(mirror)
                return
            except Exception as error:  # whatever a storage may raise: the run does not depend on it
                if time.monotonic() - since > CALM_S:
                    failures = 0
                at_the_end += closing
                lasting = isinstance(error, AnothersStudy | ImportError)
                text = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                if lasting or at_the_end >= TRIES_AT_THE_END or failures >= len(self._pauses_s):
                    self._say(f"the Optuna mirror is not kept any more ({text}); the run goes on without it; {AGAIN}")
                    return
                if not failures:
                    self._say(f"the Optuna mirror fails ({text}); it is tried again, and the run goes on meanwhile")
                self._pause(self._pauses_s[failures])
                failures += 1

    def _keep(self, mirror: Mirror) -> None:
        """Mirror what comes until the end; then look once more whether all is there."""
        while not self._closing and self._next():
            mirror.take(self._seen[-1])
        mirror.check()

    def _pause(self, seconds: float) -> None:
        """Wait for so long; at the end of the run at most for as long as the first pause."""
        until = time.monotonic() + seconds
        while not self._closing and (left := until - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                self._next(left)
        if self._closing:
            time.sleep(max(0.0, min(self._pauses_s[0], until - time.monotonic())))

    def _next(self, timeout: float | None = None) -> bool:
        """Return whether another event has come."""
        event = self._coming.get(timeout=timeout)
        if event is None:
            self._closing = True
            return False
        self._seen.append(event)
        return True

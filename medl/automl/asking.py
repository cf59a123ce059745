"""The thread in which a controller is called: one call at a time, while the engine goes on with what is at hand."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Call = Callable[[], Any]


@dataclass(frozen=True)
class Answer:
    """What came of a call: its result, or what it raised.

    Attributes:
        tag: as it was given to :meth:`AskingThread.start`.
    """

    tag: Any
    value: Any = None
    error: BaseException | None = None


class AskingThread:
    """Runs calls one after the other, all in the same thread.

    The thread is a daemon: a call that never returns does not keep a stopped program alive.

    Args:
        wake: called in the thread when an answer is there.
    """

    def __init__(self, wake: Callable[[], None]):
        self._wake = wake
        self._calls: queue.SimpleQueue[tuple[Any, Call] | None] = queue.SimpleQueue()
        self._answered = threading.Event()
        self._answer: Answer | None = None
        self._busy = False
        self._thread = threading.Thread(target=self._run, name="controller", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a call runs, or its answer was not taken yet."""
        return self._busy

    def start(self, tag: Any, call: Call) -> None:
        """Run a call; returns at once.

        Raises:
            RuntimeError: the answer of the call before was not taken.
        """
        if self._busy:
            raise RuntimeError("one call at a time: the answer of the one before was not taken")
        self._busy = True
        self._answered.clear()
        self._calls.put((tag, call))

    def wait(self, timeout: float) -> bool:
        """Wait for the answer at most so many seconds, and return whether it is there."""
        return self._answered.wait(timeout)

    def take(self) -> Answer | None:
        """Return the answer of the call, or ``None`` where it still runs or there is none."""
        if not self._busy or not self._answered.is_set():
            return None
        answer, self._answer, self._busy = self._answer, None, False
        return answer

    def close(self) -> None:
        """End the thread after the call that runs; returns at once."""
        self._calls.put(None)

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            tag, call = item
            try:
                self._answer = Answer(tag, call())
            except BaseException as error:  # the one who takes the answer decides
                self._answer = Answer(tag, error=error)
            self._answered.set()
            self._wake()

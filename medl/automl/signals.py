"""SIGINT and SIGTERM as wishes that a program takes note of, instead of exceptions at any place."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


class Signals:
    """What came while :meth:`listening`; a third one ends the process at once.

    Args:
        wake: called at each one, in the main thread, between any two of its instructions.

    Attributes:
        first: the first that came, or ``None``.
        count: how many came.
    """

    def __init__(self, wake: Callable[[], None]):
        self._wake = wake
        self.first: int | None = None
        self.count = 0

    @property
    def insisted(self) -> bool:
        """Whether it came again: then nobody is waited for any more."""
        return self.count > 1

    def _heard(self, number: int, frame: Any) -> None:
        self.first = self.first or number
        self.count += 1
        if self.count > 2:
            os._exit(128 + number)  # the kernel tells the leashes
        self._wake()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take note while the block runs; only the main thread can, in others nothing changes."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._heard) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

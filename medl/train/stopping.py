"""SIGTERM and SIGINT end a training where it stands, with the exit code that a shell expects. Imports nothing heavy."""

from __future__ import annotations

import signal
from types import FrameType


class Stopped(KeyboardInterrupt):
    """Somebody asked the training to stop. Not an ``Exception``: nothing on the way may take it for a failure.

    Attributes:
        exit_code: 128 and the number of the signal.
    """

    def __init__(self, number: int):
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


def raise_when_asked() -> None:
    """Have the first SIGTERM or SIGINT raise :class:`Stopped` in the main thread; a second one ends the process."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)
        raise Stopped(number)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)

"""Optuna without its lines: those of this thread, for as long as it is asked; nothing is set for anyone else.

All of Optuna is imported by ``import optuna``, never a part of it first: the mirror of a run imports it in a thread of
its own, perhaps at the same moment, and two threads that begin at different ends of its circular imports get halves of
modules.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Made = TypeVar("Made")


class _OtherThreads(logging.Filter):
    """Lets pass what other threads log."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread


@contextmanager
def silent() -> Iterator[None]:
    """Within it Optuna logs nothing from this thread: that a study was made, that a search converged."""
    import optuna

    optuna.logging.get_verbosity()  # Optuna makes its handler at the first use
    handlers = list(logging.getLogger("optuna").handlers)
    others = _OtherThreads()
    for handler in handlers:
        handler.addFilter(others)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(others)


def without_warning(make: Callable[[], Made]) -> Made:
    """Return what ``make`` makes, without the warning that Optuna calls it experimental."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return make()

"""Handlers told of what happens, and what user code raises told to the person who watches; the run goes on."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from medl.automl import user_code
from medl.automl.api import Handler
from medl.automl.defs import Context


class Telling:
    """Calls handlers, each guarded.

    Args:
        handlers: in the order of the config.
        ctx: the run's context, whose trace has the places of exceptions.
        say: takes each line for the person who watches.
    """

    def __init__(self, handlers: Sequence[Handler], ctx: Context, say: Callable[[str], None]):
        self.handlers = tuple(handlers)
        self._ctx = ctx
        self._say = say

    def tell(self, method: str, ctx: Context, *, reverse: bool = False) -> None:
        """Call a method of every handler."""
        for handler in reversed(self.handlers) if reverse else self.handlers:
            try:
                getattr(handler, method)(ctx)
            except (Exception, SystemExit) as error:
                self.report(handler, method, error)

    def report(self, component: Any, method: str, error: BaseException) -> None:
        """Say that a component raised, and trace where. A job's own end has a line of its own."""
        if method != "execute":
            self._say(user_code.raised_and_next(component, method, error))
        with contextlib.suppress(OSError):  # a full disk: then without the trace
            self._ctx.trace(component, "".join(traceback.format_exception(error)))

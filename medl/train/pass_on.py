"""An error inside an engine goes straight to the caller: no traceback in the log, no checkpoint of broken weights."""

from __future__ import annotations

import logging
from typing import NoReturn

from ignite.engine import Engine, Events


class PassOn:
    """Raises what an engine caught, ahead of the handlers that would log its traceback or save its weights.

    ignite calls the first handler of ``EXCEPTION_RAISED`` that raises, so this one has to be attached first.
    """

    def attach(self, engine: Engine) -> None:
        """Listen to any engine."""
        engine.add_event_handler(Events.EXCEPTION_RAISED, self)
        engine.logger.addFilter(_not_about_the_exception)

    def __call__(self, engine: Engine, error: BaseException) -> NoReturn:
        """Raise the error again."""
        raise error


def _not_about_the_exception(record: logging.LogRecord) -> bool:
    return "terminating due to exception" not in record.getMessage()

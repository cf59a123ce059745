"""What is said of an exception in a user's controller, executor or handler: whose, what method, where, what is next."""

from __future__ import annotations

from typing import Any

from medl.raised import describe, user_place

NOTHING_STARTED = "No job was started."
MEND_FIRST = f"{NOTHING_STARTED} Mend it and give the same command again."
MEND_LATER = "Nothing more was started. Mend it and give the same command again: the run goes on from its record."

_NEXT = {
    "needs": "what it needed before stays, and the run goes on",
    "abort": "the engine waits for the job a while, then leaves and ends its processes",
    "end_automl": "the run ends all the same",
    "shutdown": "the run ends all the same",
}


def raised(component: Any, method: str, error: BaseException) -> str:
    """Return ``CsvHandler.end_job raised KeyError: 'x' (custom/csv_handler.py:12)``."""
    entered = component if method == "__init__" else getattr(type(component), method, None)
    name = component.__name__ if isinstance(component, type) else type(component).__name__
    return f"{name}.{method} raised {describe(error, entered)}"


def raised_and_next(component: Any, method: str, error: BaseException) -> str:
    """Return the same with what the engine does next, where that does not end the run."""
    return f"{raised(component, method, error)}; {_NEXT.get(method, 'the run goes on')}"


def refused_space(controller: Any, error: BaseException) -> str:
    """Return that a controller cannot search a space; any error but a ValueError is none that it meant."""
    if not isinstance(error, ValueError):
        return raised(controller, "set_search_space", error)
    reason = " ".join(str(error).split()).rstrip(".")
    if not reason:
        return f"{type(controller).__name__} cannot search this space: {describe(error)}"
    place = user_place(error)
    return f"{type(controller).__name__} cannot search this space: {reason}{f' ({place})' if place else ''}"

"""Clara's ``medl.apps.automl.mmar_stats_handler``."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Return the class when user code asks for it: medl does not import its components by itself."""
    if name == "MMARStatsHandler":
        return getattr(import_module("medl.components.handlers.mmar_stats_handler"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

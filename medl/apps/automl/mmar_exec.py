"""Clara's ``medl.apps.automl.mmar_exec``."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Return the class when user code asks for it: medl does not import its components by itself."""
    if name == "MMARExecutor":
        return getattr(import_module("medl.components.executors.mmar_executor"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

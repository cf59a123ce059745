"""Where Python finds the user's own modules, and those that were written for Clara Train."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from medl.compat import clara_imports


@contextmanager
def user_imports(folders: Sequence[Path], *, first: bool = False) -> Iterator[None]:
    """Let ``import`` find the modules in these folders, and Clara's import paths, while the block runs.

    A program holds it open for as long as the user's code may run, so that an ``import`` inside a method works too;
    the folders then stand behind all others, where they hide nothing. Calls may be nested.

    Args:
        folders: of the user's own code.
        first: whether they stand before all others, as they must while a module that a config names is looked for.
    """
    added = [str(folder) for folder in folders if first or str(folder) not in sys.path]
    sys.path[:] = [*added, *sys.path] if first else [*sys.path, *added]
    importlib.invalidate_caches()
    try:
        with clara_imports():
            yield
    finally:
        for entry in added:
            _remove(entry, first)


def _remove(entry: str, first: bool) -> None:
    """Remove one entry: the first of several equal ones, or the last."""
    places = [index for index, known in enumerate(sys.path) if known == entry]
    if places:
        del sys.path[places[0 if first else -1]]

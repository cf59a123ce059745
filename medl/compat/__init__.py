"""Clara Train's import paths, so that code written against them runs unchanged.

``medl/compat/clara/`` holds packages ``automl`` and ``dlmed`` of re-exports: the very objects of :mod:`medl.automl`,
nothing of their own. It is on ``sys.path`` only within :func:`clara_imports`: while a module that a config names is
loaded, and, last of all places, while a program of medl runs user code (:mod:`medl.conf.user_imports`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLARA_PATH = str(Path(__file__).resolve().parent / "clara")
"""The folder that holds the packages ``automl`` and ``dlmed``."""


@contextmanager
def clara_imports() -> Iterator[None]:
    """Make ``import automl...`` find Clara's names while user code is loaded.

    The folder comes last on the path, so a package ``automl`` of the user's own wins. What was imported stays imported:
    an ``import`` inside a method of user code, run later, still finds the package. Calls may be nested.
    """
    sys.path.append(CLARA_PATH)
    try:
        yield
    finally:
        # the last one is ours where calls are nested, but all of them are equal
        if CLARA_PATH in sys.path:
            sys.path.remove(CLARA_PATH)

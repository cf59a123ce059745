"""Where Python finds the user's own modules, and those that were written for Clara Train."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from medl.compat import clara_imports

INSTALLED = ("site-packages", "dist-packages")
"""Folders of installed packages, which are nobody's own code even where PYTHONPATH names them."""


@contextmanager
def user_imports(
    folders: Sequence[Path], *, first: bool = False, say: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Let ``import`` find the modules in these folders, and Clara's import paths, while the block runs.

    A program holds it open for as long as the user's code may run, so that an ``import`` inside a method works too;
    the folders then stand behind all others, where they hide nothing. Calls may be nested.

    Args:
        folders: of the user's own code.
        first: whether they stand before all others, as they must while a module that a config names is looked for.
        say: told of each of their files before the file runs, however it comes to be imported.
    """
    added = [str(folder) for folder in folders if first or str(folder) not in sys.path]
    sys.path[:] = [*added, *sys.path] if first else [*sys.path, *added]
    importlib.invalidate_caches()
    finder = _Named(folders, say) if say is not None else None
    if finder is not None:
        sys.meta_path.insert(0, finder)
    try:
        with clara_imports():
            yield
    finally:
        if finder is not None:
            sys.meta_path.remove(finder)
        for entry in added:
            _remove(entry, first)


class _Named(MetaPathFinder):
    """Finds what lies in the folders as Python itself does, and has it named when it runs."""

    def __init__(self, folders: Sequence[Path], say: Callable[[str], None]):
        self._folders = [os.path.abspath(folder) for folder in folders]
        self._say = say

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a source file in the folders, ``None`` for anything else."""
        top = fullname.partition(".")[0]
        if top == "medl" or not any(
            os.path.isfile(f"{folder}/{top}.py") or os.path.isdir(f"{folder}/{top}") for folder in self._folders
        ):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or not isinstance(spec.loader, SourceFileLoader) or spec.origin is None:
            return None
        if any(part in INSTALLED for part in Path(spec.origin).parts):
            return None
        if not any(Path(os.path.abspath(spec.origin)).is_relative_to(folder) for folder in self._folders):
            return None
        spec.loader = _Saying(spec.loader.name, str(spec.loader.path), self._say)
        return spec


class _Saying(SourceFileLoader):
    def __init__(self, name: str, path: str, say: Callable[[str], None]):
        super().__init__(name, path)
        self._say = say

    def exec_module(self, module: Any) -> None:
        self._say(f"your own code: {self.path}")
        super().exec_module(module)


def _remove(entry: str, first: bool) -> None:
    """Remove one entry: the first of several equal ones, or the last."""
    places = [index for index, known in enumerate(sys.path) if known == entry]
    if places:
        del sys.path[places[0 if first else -1]]

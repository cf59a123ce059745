"""Which code made a result: medl's own version, and the user's files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import medl
from medl.assets import asset
from medl.mmar.contents import hash_of, hash_of_all

_GIT_S = 10.0
"""Seconds that git may take."""


@lru_cache(maxsize=1)
def code_version() -> dict[str, Any]:
    """Return which code of medl this is: the version, the commit where it is a checkout, and a hash of its files.

    The hash is of all of medl's Python and its tables, so it is the same for the same code however it was installed,
    and another one for a checkout with a change that was never committed.
    """
    root = Path(medl.__file__).resolve().parent
    folders = {"medl": root, "config": asset("config")}
    spec = find_spec("medl.components")
    for place in (spec.submodule_search_locations if spec is not None else None) or ():
        folders["components"] = Path(place)
    files: dict[str, str | None] = {}
    for name, folder in folders.items():
        for path in _sources(folder):
            files[f"{name}/{path.relative_to(folder).as_posix()}"] = hash_of(path)
    commit, dirty = _git(root.parent)
    return {"medl": medl.__version__, "commit": commit, "dirty": dirty, "sha256": hash_of_all(files)}


def _sources(folder: Path) -> Iterator[Path]:
    for path, folders, names in os.walk(folder):
        # what a wheel has inside medl/ lies beside it in a checkout, and each is looked at under its own name
        folders[:] = [name for name in folders if name not in ("__pycache__", "components", "config", "mmar_template")]
        yield from (Path(path) / name for name in names if name.endswith((".py", ".json")))


def _git(root: Path) -> tuple[str | None, bool | None]:
    """Return the commit of a checkout, and whether a file of it was changed since; ``None`` where it is none."""
    if not (root / ".git").exists():
        return None, None
    environ = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}

    def said(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(root), *words],
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_GIT_S,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    commit = said("rev-parse", "HEAD")
    if commit is None:
        return None, None
    changed = said("status", "--porcelain", "--", "medl", "components", "config")
    return commit, None if changed is None else bool(changed)


def own_code(folders: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each Python file in folders of the user's own code, by its path in them."""
    found = {}
    for folder in folders:
        for place, inside, names in os.walk(folder):
            inside[:] = sorted(name for name in inside if name != "__pycache__")
            for name in sorted(names):
                path = Path(place) / name
                if name.endswith(".py") and (digest := hash_of(path)) is not None:
                    found[path.relative_to(folder).as_posix()] = digest
    return found


def imported_code(folders: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each imported module that lies in the given folders, by the module's name."""
    homes = [f"{os.path.abspath(folder)}{os.sep}" for folder in folders]
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not any(os.path.abspath(file).startswith(home) for home in homes):
            continue
        if name != "__main__" and name.partition(".")[0] != "medl" and (digest := hash_of(file)) is not None:
            found[name] = digest
    return found

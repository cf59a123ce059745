"""A folder copied as plain files: what its links lead to in place of the links, within bounds."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from medl.errors import ConfigError, Problem

MAX_FILES = 50_000
"""Files that a copied folder may have: links that lead around in a circle have no end."""


def copy_folder(source: Path, target: Path, *, inside: Sequence[Path] = ()) -> None:
    """Copy a folder without ``__pycache__``; links become what they lead to, dangling ones are left out.

    A relative link would point elsewhere from the copy, so files are made of links.

    Args:
        source: the folder.
        target: where it goes; what is there already stays where the source has nothing of that name.
        inside: where links may lead, the folder itself besides; anywhere where none is given.

    Raises:
        ConfigError: there is something else than files and folders in it, a link leads elsewhere or around in a circle.
    """
    shutil.copytree(
        source,
        target,
        ignore_dangling_symlinks=True,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__"),
        copy_function=_copier(source, inside),
    )


def require_inside(path: Path, folder: Path, others: Sequence[Path] = ()) -> Path:
    """Return the path, which is a plain file that lies in a folder, or in one of the others, links followed.

    Raises:
        ConfigError: it is a device or a pipe, or lies elsewhere.
    """
    homes = [home.resolve() for home in (folder, *others)]
    real = path.resolve()
    if not any(real.is_relative_to(home) for home in homes):
        raise ConfigError(Problem("a link leads to a file of the same folder", str(path), value=str(real)))
    if not stat.S_ISREG(real.stat().st_mode):
        raise ConfigError(Problem("there are plain files only, no devices and no pipes", str(path)))
    return path


def _copier(source: Path, inside: Sequence[Path]) -> Callable[[str, str], str]:
    count = 0

    def copy(name: str, target: str) -> str:
        nonlocal count
        count += 1
        if count > MAX_FILES:
            rule = f"a folder has at most {MAX_FILES:,} files"
            raise ConfigError(Problem(rule, str(source), remedy="Look for a link that leads around in a circle."))
        if inside:
            require_inside(Path(name), source, inside)
        elif not stat.S_ISREG(os.stat(name).st_mode):
            raise ConfigError(Problem("there are plain files only, no devices and no pipes", name))
        return str(shutil.copy2(name, target))

    return copy

"""An exception as one line that names the place in the user's own code, where it went through any."""

from __future__ import annotations

import inspect
import os
import re
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = tuple(dict.fromkeys(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")))
_FOREIGN = ("site-packages", "dist-packages")
# what a process of a data loader leaves of its traceback is the text of the exception
_TOLD = re.compile(r'^\s*File "([^"]+)", line (\d+), in ', re.MULTILINE)


def describe(error: BaseException, entered: Callable[..., Any] | None = None) -> str:
    """Return an exception as one line with its place: ``ValueError: no such key (custom/handler.py:12)``.

    The place is the last line of the user's own code that it, or what caused it, went through; else where ``entered``
    is defined, if that is the user's; else the line that raised it.

    Args:
        error: the exception.
        entered: the function or method that was called; its signature may be what is wrong.
    """
    place = user_place(error) or _definition(entered) or _last_place(error)
    text = " ".join(str(error).split())
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{what} ({place})" if place else what


def user_place(error: BaseException) -> str:
    """Return ``file:line`` of the last line of the user's own code in an exception, that of its first cause first.

    Neither medl's code nor the standard library's nor that of installed packages is the user's. An empty text where
    there is no such line.
    """
    for one in reversed(list(_causes(error))):
        places = [
            (frame.f_code.co_filename, line)
            for frame, line in traceback.walk_tb(one.__traceback__)
            if not _ours(frame.f_globals.get("__name__")) and _is_users(frame.f_code.co_filename)
        ]
        places += [(file, int(line)) for file, line in _TOLD.findall(str(one)) if _is_users(file)]
        if places:
            return _shown(*places[-1])
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and what it came from, outermost first."""
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        seen.append(one)
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _definition(entered: Callable[..., Any] | None) -> str:
    """Return where a function of the user's is defined, or an empty text."""
    if isinstance(entered, type):
        entered = vars(entered).get("__init__")
    function = inspect.unwrap(getattr(entered, "__func__", entered)) if entered is not None else None
    code = getattr(function, "__code__", None)
    if code is None or _ours(getattr(function, "__module__", "")) or not _is_users(code.co_filename):
        return ""
    return _shown(code.co_filename, code.co_firstlineno)


def _last_place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _ours(module: Any) -> bool:
    return isinstance(module, str) and (module == "medl" or module.startswith("medl."))


def _is_users(file: str) -> bool:
    if file.startswith("<"):
        return False
    path = Path(file)
    return not (
        path.is_relative_to(_PACKAGE)
        or any(part in _FOREIGN for part in path.parts)
        or any(path.is_relative_to(place) for place in _INSTALLED)
    )


def _shown(file: str, line: int) -> str:
    here = os.getcwd()
    return f"{os.path.relpath(file, here) if Path(file).is_relative_to(here) else file}:{line}"

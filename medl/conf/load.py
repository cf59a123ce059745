"""JSON files and ``--set`` words in, plain Python values out; every broken rule is said with its place."""

from __future__ import annotations

import json
import math
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medl.conf.json_path import child
from medl.errors import ConfigError, Problem

MAX_DEPTH = 100
"""How deep lists and objects may be nested: deeper ones are mistakes, and would end in a RecursionError later."""

MAX_BYTES = 64 * 2**20
"""Of a file: a data list of several hundred thousand cases is smaller."""
MAX_INTEGER = 2**64
"""An integer is nearer to zero than this: a larger one does not fit into what computes with it."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TRUE = frozenset({"true", "yes", "on", "y", "t"})
_FALSE = frozenset({"false", "no", "off", "n", "f"})


class _Object(dict[str, Any]):
    """A JSON object that remembers which keys it met more than once."""

    repeated: tuple[str, ...] = ()


class _Constant:
    """One of the words that Python's parser reads and JSON does not have: NaN, Infinity, -Infinity."""

    def __init__(self, word: str):
        self.word = word


def read_json(path: Path, file: str = "") -> Any:
    """Return the value of a JSON file, objects as dicts in the order of their keys.

    UTF-8 is required; a byte order mark is skipped. Only a plain file of at most :data:`MAX_BYTES` is read: a device or
    a pipe could go on for ever.

    Args:
        path: the file.
        file: the name shown in problems, such as ``config/config_train.json``; the path where it is empty.

    Raises:
        ConfigError: there is no such file, it is not UTF-8, it is not JSON (the place is given as line and column), an
            object has a key twice, or a number is NaN or infinite. All such keys and numbers are reported at once.
    """
    file = file or str(path)
    text = read_text(Path(path), file)
    try:
        raw = json.loads(text, object_pairs_hook=_pairs, parse_constant=_Constant)
    except json.JSONDecodeError as error:
        raise ConfigError(
            Problem(
                rule=f"the file has to be JSON: line {error.lineno}, column {error.colno}: {error.msg}",
                file=file,
                value=_line(text, error.lineno),
                remedy=_syntax_remedy(text, error.pos),
            )
        ) from None
    except RecursionError:
        raise ConfigError(_too_deep(file, "")) from None
    except ValueError:  # an integer with more digits than Python converts
        raise ConfigError(
            Problem(
                rule="the file has to be JSON with numbers of a usual size",
                file=file,
                remedy="Look for a number of thousands of digits.",
            )
        ) from None
    problems: list[Problem] = []
    value = _plain(raw, "", file, problems, 0)
    if problems:
        raise ConfigError(problems)
    return value


def read_object(path: Path, file: str = "") -> dict[str, Any]:
    """Return the value of a JSON file that must hold one object.

    Raises:
        ConfigError: as :func:`read_json`, or the file holds something else than an object.
    """
    value = read_json(path, file)
    if not isinstance(value, dict):
        raise ConfigError(
            Problem(
                rule="the file has to hold one JSON object",
                file=file or str(path),
                value=value,
                remedy='Put everything between "{" and "}".',
            )
        )
    return value


def parse_settings(words: Sequence[str]) -> dict[str, int | float | bool | str]:
    """Return the variables of ``--set``: ``name=value`` words, split at the first ``=``; a later word wins.

    A value is an int, else a finite float, else a bool (true, yes, on, y, t, false, no, off, n, f in any case), else
    the text itself; ``1`` is an int. A word without ``=`` is tolerated, as scripts pass stray ones: it gives an empty
    text.

    >>> parse_settings(["epochs=5", "learning_rate=1e-3", "amp=no", "run_id=a", "0"])
    {'epochs': 5, 'learning_rate': 0.001, 'amp': False, 'run_id': 'a', '0': ''}

    Raises:
        ConfigError: a word begins with ``=``, so it has no name.
    """
    settings: dict[str, int | float | bool | str] = {}
    problems = []
    for word in words:
        name, _, value = word.partition("=")
        if not name.strip() and word.strip():
            problems.append(
                Problem(
                    rule="a setting is name=value without spaces around the =",
                    file="--set",
                    value=word,
                    remedy="Write the name right before the =.",
                )
            )
            continue
        settings[name] = _setting(value)
    if problems:
        raise ConfigError(problems)
    return settings


def _setting(text: str) -> int | float | bool | str:
    if _INTEGER.fullmatch(text) and abs(number := int(text)) < MAX_INTEGER:
        return number
    if _FLOAT.fullmatch(text) and math.isfinite(real := float(text)):
        return real
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    return text


def read_text(path: Path, file: str) -> str:
    """Return the text of a file in UTF-8.

    Args:
        path: the file.
        file: the name shown in problems.

    Raises:
        ConfigError: there is none, it is no plain file, is larger than :data:`MAX_BYTES` or not UTF-8.
    """
    try:
        known = path.stat()
        if not stat.S_ISREG(known.st_mode) and not stat.S_ISDIR(known.st_mode):
            raise ConfigError(Problem(rule="a config is a plain file, no device and no pipe", file=file))
        if known.st_size > MAX_BYTES:
            size = f"{known.st_size / 2**20:,.0f} MiB"
            raise ConfigError(Problem(f"a JSON file has at most {MAX_BYTES >> 20} MiB", file=file, value=size))
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(Problem(rule="there is no such file", file=file, remedy=_missing_remedy(path))) from None
    except IsADirectoryError:
        raise ConfigError(
            Problem(rule="a config is a file, but this is a folder", file=file, remedy="Name the file in it.")
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(Problem(rule=f"the file cannot be read: {reason}", file=file)) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            Problem(
                rule=f"the file has to be UTF-8, but line {line} has the byte 0x{data[error.start]:02x} that is not",
                file=file,
                remedy="Save it as UTF-8.",
            )
        ) from None


def _missing_remedy(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"There is no folder {folder} either."
    names = sorted(entry.name for entry in folder.glob("*.json"))[:8]
    return f"The folder {folder} has " + (", ".join(names) if names else "no JSON file") + "."


def _pairs(pairs: list[tuple[str, Any]]) -> _Object:
    value = _Object(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        repeated: dict[str, None] = {}
        for key, _ in pairs:
            if key in seen:
                repeated[key] = None
            seen.add(key)
        value.repeated = tuple(repeated)
    return value


def _plain(value: Any, path: str, file: str, problems: list[Problem], depth: int) -> Any:
    """Return ``value`` as plain dicts, lists and scalars, noting the problems in it."""
    if depth > MAX_DEPTH:
        problems.append(_too_deep(file, path))
        return None
    if isinstance(value, _Object):
        problems += [
            Problem(
                rule="an object has each key once",
                file=file,
                path=child(path, key),
                value=f"{key} more than once",
                remedy="Only the last one would count: remove the others.",
            )
            for key in value.repeated
        ]
        return {key: _plain(item, child(path, key), file, problems, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, child(path, index), file, problems, depth + 1) for index, item in enumerate(value)]
    if isinstance(value, _Constant) or (isinstance(value, float) and math.isinf(value)):
        word = value.word if isinstance(value, _Constant) else "a number too large for a float"
        problems.append(
            Problem(
                rule="a number is finite", file=file, path=path, value=word, remedy="Write a finite number or null."
            )
        )
        return None
    if isinstance(value, int) and abs(value) >= MAX_INTEGER:
        digits = len(str(abs(value)))
        problems.append(Problem("an integer has at most 64 bits", file, path, f"an integer of {digits} digits"))
        return None
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        problems.append(
            Problem(
                rule=r"a text is made of whole characters, but this has half of a \uD800 pair", file=file, path=path
            )
        )
        return ""
    return value


def _too_deep(file: str, path: str) -> Problem:
    return Problem(rule=f"lists and objects are nested at most {MAX_DEPTH} deep", file=file, path=path[:80])


def _line(text: str, number: int) -> str:
    lines = text.split("\n")
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def _syntax_remedy(text: str, position: int) -> str:
    """Return what to do about the usual slips, or nothing."""
    if not text.strip():
        return "The file is empty: write a JSON object."
    if "\0" in text:
        return "The file has zero bytes, as UTF-16 has: save it as UTF-8."
    if not text[position:].strip():
        return 'The file ends too early: close what is open with "}" or "]".'
    before = text[:position].rstrip()
    after = text[position : position + 2]
    if before.endswith(",") and after[:1] in ("}", "]"):
        return "Remove the comma before the closing bracket."
    if before.endswith(",") and after[:1] == ",":
        return "Remove one of the two commas."
    if after[:1] in ("}", "]") or before.endswith((",]", ",}")):
        return "Look for a comma too many before the closing bracket."
    if after.startswith(("//", "/*", "#")):
        return "JSON has no comments: remove it."
    if after.startswith("'"):
        return "JSON texts stand between double quotes: \" in place of '."
    for word, right in (("True", "true"), ("False", "false"), ("None", "null")):
        if text.startswith(word, position):
            return f"JSON writes {right} in place of {word}."
    return ""

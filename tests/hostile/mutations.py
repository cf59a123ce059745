"""Mutated configs: a sound JSON text, damaged by byte or by value; the same number gives the same one.

Used by the tests beside it and by benchmarks/faults/mutated_configs.py.
"""

from __future__ import annotations

import copy
import json
import random
import sys
from collections.abc import Iterator
from typing import Any

ATTACKS: tuple[Any, ...] = (
    "#().__class__.__bases__[0].__subclasses__()",
    "#[c for c in ().__class__.__mro__]",
    "#'{0.__class__}'.format(1)",
    "#'%s' % 1",
    "#9**9**9**9",
    "#[0] * 10**9",
    "#range(10**12)",
    "#(lambda: 0)()",
    "#__import__('os').system('touch stolen')",
    "#" + "(" * 500 + ")" * 500,
    "#" + "-" * 3000 + "1",
    "#[x for x in range(100000) for y in range(100000)]",
    "lambda x=open('stolen', 'w'): x",
    "lambda *a, **k: a",
    "lambda x: (y := x)",
    "#f'{1}'",
    "#@model.__class__",
    "#@model.__init__.__globals__",
    "@",
    "@@model",
    "@model.parameters",
    "@train",
    "{A}" * 50,
    "{" * 50,
    "{x.__class__}",
    "{0}",
    "{epochs!r}",
    "{MMAR_ROOT}/../../../etc/passwd",
    "subprocess.Popen",
    "os.system",
    "torch.hub.load",
    "torch.load",
    "torch.utils.cpp_extension.load",
    "monai.bundle.run",
    "builtins.eval",
    "../../../etc/passwd",
    "/etc/passwd",
    "a\nb",
    "a\x00b",
    "\u202e",
    "x" * 100_000,
    "",
    " ",
    "NaN",
    "nan",
    "1e999",
    True,
    False,
    None,
    0,
    -1,
    1,
    2**63,
    2**64 - 1,
    -(2**63),
    1e308,
    -1e308,
    5e-324,
    0.1,
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": ""},
    {"name": "UNet"},
    {"ref": "LoadImaged"},
    {"ref": None},
    {"name": None, "path": None},
    {"path": "subprocess.Popen", "args": {"args": ["touch", "stolen"]}},
    {"name": "LoadImaged", "args": {"keys": "image", "reader": "subprocess.Popen"}},
    {"disabled": "{A}"},
    {"search": [{"domain": "net", "type": "enum", "args": ["a"], "targets": [[1]]}]},
    [[1, 2], [3, 4]],
    [0.0, 1.0],
    ["a"] * 1000,
)
"""What a value may be replaced by, texts of every attack among them."""

PIECES = (
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b"\\",
    b"\\u",
    b"\xff",
    b"\x00",
    b"0",
    b"9" * 5000,
    b"-",
    b"e9",
    b"@",
)
"""What bytes are put in at a random place."""


def mutated(text: str, number: int) -> bytes:
    """Return the ``number``-th mutation of a JSON text: every third by byte, the others by value."""
    draw = random.Random(number)
    if number % 3 == 0:
        return _by_byte(text.encode(), draw)
    value = json.loads(text)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 16))):
        value = _by_value(value, draw)
    try:
        return json.dumps(value).encode()
    except (ValueError, RecursionError):
        return b"{"


def _by_byte(data: bytes, draw: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        at = draw.randrange(len(made)) if made else 0
        end = min(len(made), at + draw.choice((1, 1, 2, 10, 200)))
        kind = draw.randrange(6)
        if kind == 0 and made:
            made[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del made[at:end]
        elif kind == 2:
            made[at:at] = draw.choice(PIECES)
        elif kind == 3:
            made[at:at] = made[at:end]
        elif kind == 4:
            made = made[:end]
        else:
            made[at:end] = bytes(draw.randrange(256) for _ in range(end - at))
    return bytes(made)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give each object or list with each of its keys or indices."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        pairs = list(one.items()) if isinstance(one, dict) else list(enumerate(one)) if isinstance(one, list) else []
        for key, item in pairs:
            yield one, key
            waiting.append(item)


def _by_value(value: Any, draw: random.Random) -> Any:
    found = list(places(value))
    if not found:
        return draw.choice(ATTACKS)
    holder, key = draw.choice(found)
    kind = draw.randrange(8)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[_name(draw, str(key))] = holder.pop(key)
    elif kind == 2:
        other, place = draw.choice(found)
        holder[key] = copy.deepcopy(other[place]) if place in other or isinstance(other, list) else None
    elif kind == 3 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(draw.choice(ATTACKS)))
    elif kind == 4 and isinstance(holder, dict):
        holder[_name(draw, str(key))] = copy.deepcopy(draw.choice(ATTACKS))
    elif kind == 5 and isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
        holder[key] = draw.choice((-1, 0, holder[key] * 1e6, 10**18, -holder[key], 0.5))
    elif kind == 6:
        for _ in range(draw.choice((2, 20, 150))):
            holder[key] = draw.choice(([holder[key]], {"a": holder[key]}))
    else:
        holder[key] = copy.deepcopy(draw.choice(ATTACKS))
    return value


def _name(draw: random.Random, key: str) -> str:
    return draw.choice(
        (key[:-1], key + "s", key.upper(), "@" + key, "#" + key, "", " ", "a.b", "a\nb", "__class__", "\0")
    )


def started_processes() -> list[str]:
    """Return a list that grows with the name of every process that this one starts from now on."""
    seen: list[str] = []

    def look(event: str, args: Any) -> None:
        if event in ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"):
            seen.append(f"{event} {args!r}"[:200])

    sys.addaudithook(look)
    return seen

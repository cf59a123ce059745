"""The work that expressions may do: steps are counted, sizes and powers are bounded."""

from __future__ import annotations

import ast
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

MAX_STEPS = 1_000_000
"""Nodes visited and elements looked at in one evaluation, or in one call of a function."""
MAX_SIZE = 100_000
"""Elements of a range or a collection that an expression makes, characters of a text."""
MAX_BITS = 4096
"""Bits of an integer that an expression makes."""

MAX_ELEMENTS = 2**31
"""Elements of a tensor or an array that an expression makes of several."""
MAX_GROWTH = 64
"""How many times larger than the larger of two tensors their broadcast may be, where it is large."""
MAX_WEIGHTS = 2**28
"""Of a layer that an expression makes, as its sizes multiplied tell."""

CONTAINERS = (list, tuple, set, frozenset, dict)

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}


class Refused(Exception):
    """A bound is passed, or something is met that an expression may not do."""


class Steps:
    """The budget of one evaluation; functions that are called while it runs draw on it too."""

    def __init__(self) -> None:
        self.left = MAX_STEPS
        self.running = False

    def take(self, count: int = 1) -> None:
        """Spend steps."""
        self.left -= count
        if self.left < 0:
            raise Refused(f"more than {MAX_STEPS:,} steps")

    def each(self, values: Iterable[Any]) -> Iterator[Any]:
        """Give the elements of ``values``, each a step."""
        for value in values:
            self.take()
            yield value

    def listed(self, values: Iterable[Any]) -> list[Any]:
        """Return at most MAX_SIZE elements as a list."""
        result = list(itertools.islice(self.each(values), MAX_SIZE + 1))
        check_size(len(result))
        return result

    def weigh(self, value: Any) -> int:
        """Return how many elements containers hold, inner ones included and shared ones each time: each is a step."""
        waiting, count = [value], 0
        while waiting:
            item = waiting.pop()
            count += 1
            if isinstance(item, dict):
                self.take(2 * len(item) + 1)
                waiting += itertools.chain(item.keys(), item.values())
            elif isinstance(item, range):
                self.take(len(item) + 1)
            elif isinstance(item, CONTAINERS):
                self.take(len(item) + 1)
                waiting += item
        return count


def binary(steps: Steps, kind: type[ast.operator], left: Any, right: Any) -> Any:
    """Return the value of ``left operator right``, refused where it would be very large."""
    if kind is ast.Mod and isinstance(left, (str, bytes)):
        raise Refused("a text cannot be formatted with %")
    if (
        kind is ast.Pow
        and isinstance(left, int)
        and isinstance(right, int)
        and left.bit_length() * abs(right) > MAX_BITS
    ):
        raise Refused(f"a power of more than {MAX_BITS} bits")
    if kind is ast.Mult:
        for sequence, times in ((left, right), (right, left)):
            if isinstance(sequence, (str, list, tuple)) and isinstance(times, int):
                weight = len(sequence) if isinstance(sequence, str) else steps.weigh(sequence)
                check_size(weight * max(times, 0))
                steps.take(weight * max(times, 0))
    if kind is ast.Add and isinstance(left, (str, list, tuple)) and isinstance(right, (str, list, tuple)):
        check_size(len(left) + len(right))
        steps.take(len(left) + len(right))
    if (
        kind in (ast.BitAnd, ast.BitOr, ast.BitXor, ast.Sub)
        and isinstance(left, CONTAINERS)
        and isinstance(right, CONTAINERS)
    ):
        steps.take(len(left) + len(right))
    check_broadcast((left, right))
    value = _BINARY[kind](left, right)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise Refused(f"an integer of more than {MAX_BITS} bits")
    return value


def check_size(size: int) -> None:
    """Refuse a size beyond MAX_SIZE."""
    if size > MAX_SIZE:
        raise Refused(f"more than {MAX_SIZE:,} elements")


def check_broadcast(values: Iterable[Any]) -> None:
    """Refuse tensors and arrays that together would be very much larger than each of them."""
    shapes = [shape for shape in map(_shape, values) if shape is not None]
    if len(shapes) < 2:
        return
    together = [max(sizes) for sizes in itertools.zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1)]
    made, largest = math.prod(together), max(math.prod(shape) for shape in shapes)
    if made > MAX_ELEMENTS or (made > 2**24 and made > MAX_GROWTH * largest):
        raise Refused(f"a tensor of {made:,} elements made of much smaller ones")


def check_tensor_call(name: str, args: Iterable[Any]) -> None:
    """Refuse a call of a function of torch that would make a very large tensor or layer.

    Args:
        name: its full name, such as ``torch.cat``.
        args: all that it is given.
    """
    direct = list(args)
    check_broadcast(direct)
    given = [part for value in direct for part in (value if isinstance(value, (list, tuple)) else (value,))]
    if sum(math.prod(shape) for shape in map(_shape, given) if shape is not None) > MAX_ELEMENTS:
        raise Refused(f"more than {MAX_ELEMENTS:,} elements")
    sizes = math.prod(max(1, abs(part)) for part in given if isinstance(part, int))
    if name.endswith(".one_hot"):
        sizes *= max((math.prod(shape) for shape in map(_shape, given) if shape is not None), default=1)
        if sizes > MAX_ELEMENTS:
            raise Refused(f"a tensor of {sizes:,} elements")
    elif name.startswith("torch.nn.") and ".functional." not in name and sizes > MAX_WEIGHTS:
        raise Refused(f"a layer of {sizes:,} weights")


def _shape(value: Any) -> tuple[int, ...] | None:
    """Return the sizes of a tensor or an array, ``None`` for anything else."""
    shape = getattr(value, "shape", None)
    return tuple(shape) if isinstance(shape, tuple) and all(isinstance(size, int) for size in shape) else None


FUNCTIONS: dict[str, Any] = {
    function.__name__: function
    for function in (
        abs, all, any, bool, dict, enumerate, float, int, isinstance, len, list, max, min, range, reversed, round, set,
        sorted, str, sum, tuple, zip,
    )
}  # fmt: skip


def call_builtin(steps: Steps, name: str, function: Callable[..., Any], args: list[Any], named: dict[str, Any]) -> Any:
    """Call a builtin with bounded work."""
    if name == "range":
        made = range(*args)
        check_size(_range_size(made))
        return made
    if name == "str":
        if named or len(args) != 1 or not isinstance(args[0], (bool, int, float, str, type(None))):
            raise TypeError("str() takes one number or text")
        return str(args[0])
    if name == "sum":
        values, start = (args if len(args) == 2 else [*args, named.get("start", 0)])[:2]
        for value in steps.each(values):
            start = binary(steps, ast.Add, start, value)
        return start
    if name in ("all", "any", "list", "tuple", "set", "dict", "sorted", "max", "min", "zip", "enumerate", "reversed"):
        args = [_bounded(steps, value) for value in args]
        if name in ("set", "dict", "sorted", "max", "min"):
            for value in args:
                if isinstance(value, CONTAINERS):
                    steps.weigh(value)
        if name in ("zip", "enumerate", "reversed"):
            return iter(steps.listed(function(*args, **named)))
    if name == "round" and any(
        isinstance(digits, int) and abs(digits) > 100 for digits in [*args[1:], *named.values()]
    ):
        raise Refused("round() to more than 100 digits")
    value = function(*args, **named)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise Refused(f"an integer of more than {MAX_BITS} bits")
    return value


def _bounded(steps: Steps, value: Any) -> Any:
    """Return an iterator or range as a list within bounds; other values as they are, their length counted."""
    if isinstance(value, range) or (hasattr(value, "__next__") and hasattr(value, "__iter__")):
        return steps.listed(value)
    if isinstance(value, CONTAINERS):
        steps.take(len(value))
    return value


def _range_size(made: range) -> int:
    try:
        return len(made)
    except OverflowError:
        return MAX_SIZE + 1

"""What a text in a config means: plain text, a reference, an expression or a function."""

from __future__ import annotations

import enum
import re
from typing import Any

_REFERENCE = re.compile(r"@[A-Za-z_][A-Za-z0-9_]*")
_LAMBDA = re.compile(r"lambda\s*[\s:]")


class Mark(enum.Enum):
    """The kinds of value that a config may hold."""

    PLAIN = "plain"
    """What it says: any value that is no text, and texts without a mark."""
    REFERENCE = "reference"
    """``@name``: the object built for the key ``name``."""
    EXPRESSION = "expression"
    """``#expression``: what :mod:`medl.conf.expression` makes of the text after the ``#``."""
    LAMBDA = "lambda"
    """``lambda x: …``: a function that interprets its body at each call."""

    @property
    def is_code(self) -> bool:
        """Whether the text is an expression or a function, so braces in it are its own."""
        return self in (Mark.EXPRESSION, Mark.LAMBDA)


def mark_of(value: Any) -> Mark:
    """Return the mark of a config's value.

    >>> [mark_of(text).value for text in ("@model", "#@model.parameters()", "lambda x: x[0]", "lambda_gan", "@a b")]
    ['reference', 'expression', 'lambda', 'plain', 'plain']
    """
    if not isinstance(value, str):
        return Mark.PLAIN
    if value.startswith("#"):
        return Mark.EXPRESSION
    if _LAMBDA.match(value):
        return Mark.LAMBDA
    if _REFERENCE.fullmatch(value):
        return Mark.REFERENCE
    return Mark.PLAIN

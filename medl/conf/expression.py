"""The code that a config may hold: ``#expression`` and ``lambda …`` texts, checked against a short list of forms.

Nothing is given to ``eval``: :mod:`medl.conf.expression_grammar` refuses every node and name of the syntax tree that is
not listed, and :mod:`medl.conf.interpreter` walks what is left. Whoever needs more writes a function in the archive's
``custom/``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from medl.conf.expression_grammar import (
    MAX_DEPTH,
    MAX_INT,
    MAX_LENGTH,
    MAX_NODES,
    REMEDY,
    Expression,
    ExpressionError,
    parse_expression,
)
from medl.conf.interpreter import run

__all__ = [
    "MAX_DEPTH",
    "MAX_INT",
    "MAX_LENGTH",
    "MAX_NODES",
    "REMEDY",
    "Expression",
    "ExpressionError",
    "evaluate",
    "parse_expression",
]


def evaluate(expression: Expression, objects: Callable[[str], Any]) -> Any:
    """Return the value of an expression; for a lambda, a function.

    The objects are asked for once, here; a function keeps them. Functions can be pickled where those objects can.

    Args:
        expression: from :func:`parse_expression`.
        objects: gives the object for a name after ``@``.

    Raises:
        ExpressionError: it fails (the cause is attached) or is too large a computation.
    """
    return run(expression, {name: objects(name) for name in sorted(expression.references)})

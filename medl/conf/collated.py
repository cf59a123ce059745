"""Functions over a whole batch, as Clara Train 4.0 wrote them, made functions over its items.

Since MONAI 0.6 engines hand a list of items to handlers and metrics, not one dictionary with a batch under each key:
``lambda x: x['loss']`` is now ``from_engine(['loss'], first=True)``, ``lambda x: (x['pred'], x['label'])`` is
``from_engine(['pred', 'label'])``.
"""

from __future__ import annotations

import ast
import copy

from medl.conf.expression import ExpressionError, parse_expression
from medl.conf.marks import Mark, mark_of
from medl.conf.old_args import CannotTranslate

ELEMENTWISE = frozenset(
    "abs bool clamp contiguous cpu detach double exp float half int log long round sigmoid sqrt tanh".split()
)
"""Methods of tensors that do the same to a batch and to one of its items."""

_ITEM = "item"


def decollated(text: str) -> str:
    """Return a function over a batch as one over its items; anything else as it is.

    Args:
        text: a value of ``output_transform`` or ``batch_transform``.

    Raises:
        CannotTranslate: it does something to the batch that cannot be done to one item after the other.
    """
    function = _function(text)
    if function is None:
        return text
    parameter, body = function
    keys = {key for node in ast.walk(body) if (key := _key(node, parameter)) is not None}
    if not keys:
        return text
    if keys == {"loss"}:
        if _key(body, parameter) is not None:
            return "#monai.handlers.from_engine(['loss'], first=True)"
        return f"lambda {parameter}: {ast.unparse(_FirstItem(parameter).visit(copy.deepcopy(body)))}"
    parts = body.elts if isinstance(body, (ast.Tuple, ast.List)) else [body]
    if not all(_is_elementwise(part, parameter) for part in parts):
        raise CannotTranslate(f'"{text}" works on a whole batch, but since MONAI 0.6 it is given a list of items')
    plain = [_key(part, parameter) for part in parts]
    if all(key is not None for key in plain):
        return f"#monai.handlers.from_engine({plain!r})"
    lists = [
        f"[{ast.unparse(_Item(parameter).visit(copy.deepcopy(part)))} for {_ITEM} in {parameter}]" for part in parts
    ]
    inside = lists[0] if parts == [body] else f"({', '.join(lists)}{',' * (len(lists) == 1)})"
    return f"lambda {parameter}: {inside}"


def keys_read(text: object) -> list[str] | None:
    """Return the keys that a function takes out of a batch or its items, ``None`` where it does more than that.

    >>> keys_read("lambda x: x['pred']"), keys_read("#monai.handlers.from_engine(['pred'])")
    (['pred'], ['pred'])
    >>> keys_read("lambda x: [i['pred'] for i in x]")
    ['pred']
    """
    if not isinstance(text, str):
        return None
    function = _function(text)
    if function is not None:
        parameter, body = function
        if isinstance(body, ast.ListComp) and len(body.generators) == 1:
            source = body.generators[0]
            over = isinstance(source.iter, ast.Name) and source.iter.id == parameter and not source.ifs
            if over and isinstance(source.target, ast.Name):
                parameter, body = source.target.id, body.elt
        key = _key(body, parameter)
        return None if key is None else [key]
    if mark_of(text) is not Mark.EXPRESSION or not _is_sound(text):
        return None
    call = ast.parse(text[1:].strip(), mode="eval").body
    if not isinstance(call, ast.Call) or not ast.unparse(call.func).endswith("from_engine") or len(call.args) != 1:
        return None
    given = call.args[0]
    names = given.elts if isinstance(given, (ast.List, ast.Tuple)) else [given]
    keys = [name.value for name in names if isinstance(name, ast.Constant) and isinstance(name.value, str)]
    return keys if keys and len(keys) == len(names) else None


def _is_sound(text: str) -> bool:
    """Return whether it keeps the grammar of expressions and holds no reference, so that Python can read it."""
    try:
        return not parse_expression(text).references
    except ExpressionError:  # said where all code is checked
        return False


def _function(text: str) -> tuple[str, ast.expr] | None:
    """Return the parameter and the body of a function of one parameter."""
    if mark_of(text) is not Mark.LAMBDA or not _is_sound(text):
        return None
    tree = ast.parse(text.strip(), mode="eval").body
    if not isinstance(tree, ast.Lambda) or len(tree.args.args) != 1 or tree.args.defaults:
        return None
    return tree.args.args[0].arg, tree.body


def _key(node: ast.AST, parameter: str) -> str | None:
    """Return ``key`` where the node is ``parameter['key']``."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name) or node.value.id != parameter:
        return None
    index = node.slice
    return index.value if isinstance(index, ast.Constant) and isinstance(index.value, str) else None


def _is_elementwise(node: ast.expr, parameter: str) -> bool:
    """Return whether an expression gives for a batch what it gives for its items one by one."""
    if _key(node, parameter) is not None or isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ELEMENTWISE:
        constant = all(isinstance(arg, ast.Constant) for arg in node.args) and not node.keywords
        return constant and _is_elementwise(node.func.value, parameter)
    if isinstance(node, ast.Compare):
        return all(_is_elementwise(part, parameter) for part in [node.left, *node.comparators])
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.MatMult):
        return _is_elementwise(node.left, parameter) and _is_elementwise(node.right, parameter)
    return isinstance(node, ast.UnaryOp) and _is_elementwise(node.operand, parameter)


class _FirstItem(ast.NodeTransformer):
    """Makes ``x['loss']`` into ``x[0]['loss']``: the loss of a batch stands with each of its items."""

    def __init__(self, parameter: str):
        self.parameter = parameter

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if _key(node, self.parameter) is None:
            return ast.Subscript(self.visit(node.value), self.visit(node.slice), ast.Load())
        first = ast.Subscript(node.value, ast.Constant(0), ast.Load())
        return ast.Subscript(first, node.slice, ast.Load())


class _Item(ast.NodeTransformer):
    """Makes the parameter into one item."""

    def __init__(self, parameter: str):
        self.parameter = parameter

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(_ITEM, ast.Load()) if node.id == self.parameter else node

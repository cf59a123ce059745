"""Walks the syntax tree of a checked expression; every step, size and power is bounded."""

from __future__ import annotations

import ast
import inspect
import itertools
import operator
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from medl.conf import vocabulary
from medl.conf.bounded import CONTAINERS, FUNCTIONS, Refused, Steps, binary, call_builtin, check_tensor_call
from medl.conf.expression_grammar import Expression, ExpressionError, parse_expression

_FAILURES = (ArithmeticError, AttributeError, LookupError, NameError, RecursionError, TypeError, ValueError)
"""What a computation may raise by itself; other errors (out of memory on a GPU, say) keep their type."""
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


class Function:
    """What a ``lambda`` in a config becomes: a callable that interprets its body at each call.

    It pickles as its text, the objects behind its references and the values it closes over; a deep copy is the function
    itself.
    """

    def __init__(
        self,
        expression: Expression,
        node: ast.Lambda,
        objects: Mapping[str, Any],
        scope: Mapping[str, Any],
        steps: Steps | None,
    ):
        self._expression, self._node, self._objects, self._scope, self._steps = expression, node, objects, scope, steps
        run = _Run(expression, objects, steps or Steps())
        names = [argument.arg for argument in node.args.args]
        defaults: list[Any] = [inspect.Parameter.empty] * (len(names) - len(node.args.defaults))
        defaults += [run.visit(default, scope) for default in node.args.defaults]
        self.__signature__ = inspect.Signature(
            [
                inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=d)
                for n, d in zip(names, defaults, strict=True)
            ]
        )
        self.__name__ = self.__qualname__ = "<lambda>"

    @property
    def text(self) -> str:
        """The function as it stands in the config."""
        data = self._expression.body.encode()
        return data[self._node.col_offset : self._node.end_col_offset].decode()

    def __repr__(self) -> str:
        return f"<{self.text}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the value of the body with these arguments."""
        bound = self.__signature__.bind(*args, **kwargs)
        bound.apply_defaults()
        running = self._steps is not None and self._steps.running
        steps = self._steps if running and self._steps is not None else Steps()
        return _guarded(self._expression, self._objects, steps, self._node.body, {**self._scope, **bound.arguments})

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.text, dict(self._objects), dict(self._scope))

    def __copy__(self) -> Function:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Function:
        return self


def _rebuild(text: str, objects: Mapping[str, Any], scope: Mapping[str, Any]) -> Function:
    """Return the function that was pickled; what it closed over is bound as names around it."""
    # The closed-over names are made arguments of an outer lambda, so that the checker knows them.
    outer = parse_expression(f"lambda {', '.join(scope)}: {text}") if scope else parse_expression(text)
    node = outer.tree.body if scope and isinstance(outer.tree, ast.Lambda) else outer.tree
    assert isinstance(node, ast.Lambda)
    return Function(outer, node, objects, scope, None)


def run(expression: Expression, objects: Mapping[str, Any]) -> Any:
    """Return the value of ``expression`` with these objects behind its references.

    See :func:`medl.conf.expression.evaluate`.
    """
    steps = Steps()
    value = _guarded(expression, objects, steps, expression.tree, {})
    if isinstance(value, CONTAINERS):
        try:
            steps.weigh(value)
        except Refused as error:
            raise ExpressionError(str(error)) from None
    return value


def _guarded(
    expression: Expression, objects: Mapping[str, Any], steps: Steps, node: ast.expr, scope: Mapping[str, Any]
) -> Any:
    """Interpret ``node``, turning failures into errors that show the expression."""
    outermost = not steps.running
    steps.running = True
    walk = _Run(expression, objects, steps)
    try:
        return walk.visit(node, scope)
    except ExpressionError:
        raise
    except Refused as error:
        raise ExpressionError(f"{error} in {expression.text}", walk.column) from None
    except _FAILURES as error:
        raise ExpressionError(f"{type(error).__name__}: {error} in {expression.text}", walk.column) from error
    finally:
        if outermost:
            steps.running = False


class _Run:
    """One walk over a tree."""

    def __init__(self, expression: Expression, objects: Mapping[str, Any], steps: Steps):
        self.expression, self.objects, self.steps = expression, objects, steps
        self.column = 0

    def visit(self, node: ast.expr, scope: Mapping[str, Any]) -> Any:
        """Return the value of a node."""
        self.steps.take()
        return getattr(self, "visit_" + type(node).__name__)(node, scope)

    def visit_Constant(self, node: ast.Constant, scope: Mapping[str, Any]) -> Any:
        return node.value

    def visit_Name(self, node: ast.Name, scope: Mapping[str, Any]) -> Any:
        if node.id.startswith("@"):
            return self.objects[node.id[1:]]
        if node.id in scope:
            return scope[node.id]
        return FUNCTIONS[node.id]

    def visit_Attribute(self, node: ast.Attribute, scope: Mapping[str, Any]) -> Any:
        dotted = _dotted(node, scope)
        if dotted is not None:
            return _resolve(dotted)
        value = self.visit(node.value, scope)
        self.at(node)
        if node.attr not in vocabulary.MEMBERS:  # checked when it was parsed: this is the second lock
            raise Refused(f'the attribute "{node.attr}" is not on the list')
        return getattr(value, node.attr)

    def visit_Call(self, node: ast.Call, scope: Mapping[str, Any]) -> Any:
        function = self.visit(node.func, scope)
        args = [self.visit(argument, scope) for argument in node.args]
        named = {word.arg: self.visit(word.value, scope) for word in node.keywords if word.arg is not None}
        self.at(node)
        if isinstance(node.func, ast.Name):
            return call_builtin(self.steps, node.func.id, function, args, named)
        for value in args:
            self.weighed(value)
        dotted = _dotted(node.func, scope)
        if dotted is not None and dotted.startswith(("torch.", "numpy.", "np.")):
            check_tensor_call(dotted, [*args, *named.values()])
        return self.counted(function(*args, **named))

    def visit_Tuple(self, node: ast.Tuple, scope: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple([self.visit(item, scope) for item in node.elts])

    def visit_List(self, node: ast.List, scope: Mapping[str, Any]) -> list[Any]:
        return [self.visit(item, scope) for item in node.elts]

    def visit_Set(self, node: ast.Set, scope: Mapping[str, Any]) -> set[Any]:
        return {self.weighed(self.visit(item, scope)) for item in node.elts}

    def visit_Dict(self, node: ast.Dict, scope: Mapping[str, Any]) -> dict[Any, Any]:
        pairs = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
        return {self.weighed(self.visit(key, scope)): self.visit(value, scope) for key, value in pairs}

    def weighed(self, value: Any) -> Any:
        """Return ``value``, which is about to be hashed or compared: work that grows with everything inside it."""
        if isinstance(value, (*CONTAINERS, range)):
            self.steps.weigh(value)
        return value

    def counted(self, value: Any) -> Any:
        """Return ``value``, which was just made: work that grows with its length."""
        if isinstance(value, (*CONTAINERS, str)):
            self.steps.take(len(value))
        return value

    def visit_Subscript(self, node: ast.Subscript, scope: Mapping[str, Any]) -> Any:
        value = self.visit(node.value, scope)
        index = self.weighed(self.visit(node.slice, scope))
        self.at(node)
        if isinstance(value, type):
            raise Refused("a class cannot be indexed")
        return self.counted(value[index]) if isinstance(index, slice) else value[index]

    def visit_Slice(self, node: ast.Slice, scope: Mapping[str, Any]) -> slice:
        ends = [None if part is None else self.visit(part, scope) for part in (node.lower, node.upper, node.step)]
        return slice(*ends)

    def visit_BinOp(self, node: ast.BinOp, scope: Mapping[str, Any]) -> Any:
        left, right = self.visit(node.left, scope), self.visit(node.right, scope)
        self.at(node)
        return binary(self.steps, type(node.op), left, right)

    def visit_UnaryOp(self, node: ast.UnaryOp, scope: Mapping[str, Any]) -> Any:
        value = self.visit(node.operand, scope)
        self.at(node)
        return _UNARY[type(node.op)](value)

    def visit_BoolOp(self, node: ast.BoolOp, scope: Mapping[str, Any]) -> Any:
        stop = isinstance(node.op, ast.Or)
        value = None
        for part in node.values:
            value = self.visit(part, scope)
            if bool(value) is stop:
                break
        return value

    def visit_Compare(self, node: ast.Compare, scope: Mapping[str, Any]) -> Any:
        left = self.visit(node.left, scope)
        value: Any = True
        for op, part in zip(node.ops, node.comparators, strict=True):
            right = self.visit(part, scope)
            self.at(node)
            self.weighed(left)
            self.weighed(right)
            value = _COMPARE[type(op)](left, right)
            if len(node.ops) > 1 and not value:
                return value
            left = right
        return value

    def visit_IfExp(self, node: ast.IfExp, scope: Mapping[str, Any]) -> Any:
        return self.visit(node.body if self.visit(node.test, scope) else node.orelse, scope)

    def visit_Lambda(self, node: ast.Lambda, scope: Mapping[str, Any]) -> Function:
        used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        return Function(
            self.expression, node, self.objects, {name: scope[name] for name in scope if name in used}, self.steps
        )

    def visit_ListComp(self, node: ast.ListComp, scope: Mapping[str, Any]) -> list[Any]:
        return self.steps.listed(self.visit(node.elt, inner) for inner in self.scopes(node.generators, scope))

    def visit_SetComp(self, node: ast.SetComp, scope: Mapping[str, Any]) -> set[Any]:
        return set(
            self.steps.listed(
                self.weighed(self.visit(node.elt, inner)) for inner in self.scopes(node.generators, scope)
            )
        )

    def visit_GeneratorExp(self, node: ast.GeneratorExp, scope: Mapping[str, Any]) -> Iterator[Any]:
        return iter(self.steps.listed(self.visit(node.elt, inner) for inner in self.scopes(node.generators, scope)))

    def visit_DictComp(self, node: ast.DictComp, scope: Mapping[str, Any]) -> dict[Any, Any]:
        inner_scopes = self.scopes(node.generators, scope)
        return dict(
            self.steps.listed(
                (self.weighed(self.visit(node.key, inner)), self.visit(node.value, inner)) for inner in inner_scopes
            )
        )

    def scopes(self, generators: list[ast.comprehension], scope: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Give the names in sight for each element that a comprehension makes."""
        if not generators:
            yield scope
            return
        first, *others = generators
        for value in self.steps.each(self.visit(first.iter, scope)):
            inner = {**scope, **dict(_bind(first.target, value))}
            if all(self.visit(condition, inner) for condition in first.ifs):
                yield from self.scopes(others, inner)

    def at(self, node: ast.expr) -> None:
        """Remember where the walk is, for the message."""
        self.column = self.expression.offset + len(self.expression.body.encode()[: node.col_offset].decode()) + 1


def _bind(target: ast.expr, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, (ast.Tuple, ast.List)):
        values = list(itertools.islice(iter(value), len(target.elts) + 1))
        if len(values) != len(target.elts):
            raise ValueError(f"expected {len(target.elts)} values to unpack")
        for part, item in zip(target.elts, values, strict=True):
            yield from _bind(part, item)


def _dotted(node: ast.expr, scope: Mapping[str, Any]) -> str | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id in scope or node.id.startswith("@"):
        return None
    return ".".join([node.id, *reversed(parts)])


def _resolve(dotted: str) -> Any:
    module, name = vocabulary.DOTTED[dotted]
    value: Any = import_module(module)
    for part in name.split("."):
        value = getattr(value, part)
    return value

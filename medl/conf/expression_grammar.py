"""The grammar of the code in configs: Python's parser makes a syntax tree, and whatever is not listed is refused."""

from __future__ import annotations

import ast
import io
import keyword
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from medl.conf import vocabulary
from medl.errors import MedlError, Problem, near_names

MAX_LENGTH = 4000
"""Characters of an expression."""
MAX_NODES = 400
"""Nodes of its syntax tree."""
MAX_DEPTH = 30
"""Nesting of its syntax tree, and of its brackets."""
MAX_INT = 2**64
"""Largest integer that may be written."""

REMEDY = "Write a function in the archive's custom/ for anything that needs more."

_PLAIN_NODES = (
    ast.Constant, ast.Name, ast.Attribute, ast.Call, ast.keyword, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Subscript,
    ast.Slice, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Lambda, ast.arguments, ast.arg,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension,
    ast.Load, ast.Store, ast.And, ast.Or, ast.Not, ast.USub, ast.UAdd, ast.Invert,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.BitAnd, ast.BitOr, ast.BitXor,
    ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot,
)  # fmt: skip
_REFUSED = {
    ast.JoinedStr: "an f-string",
    ast.NamedExpr: "an assignment (:=)",
    ast.Starred: "unpacking with *",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.MatMult: "matrix multiplication (@ between two values)",
    ast.LShift: "a shift (<<)",
    ast.RShift: "a shift (>>)",
}


class ExpressionError(MedlError):
    """An expression breaks a rule, or fails when it is evaluated.

    Attributes:
        reason: what is wrong, without a final full stop.
        column: where in the text, from 1; 0 where no place can be named.
        near: names that may have been meant.
    """

    exit_code = 2

    def __init__(self, reason: str, column: int = 0, near: tuple[str, ...] = ()):
        self.reason, self.column, self.near = reason, column, near
        super().__init__(reason, column, near)

    def __str__(self) -> str:
        place = f" (column {self.column})" if self.column else ""
        meant = f"; did you mean {' or '.join(self.near)}?" if self.near else ""
        return f"{self.reason}{place}{meant}"

    def problem(self, text: str, file: str = "", path: str = "") -> Problem:
        """Return this error as a problem of the config value ``text``."""
        place = f" (column {self.column})" if self.column else ""
        return Problem(
            rule=f"code in a config keeps to a short list of names and forms: {self.reason}{place}",
            file=file, path=path, value=text, remedy=REMEDY, near=self.near,
        )  # fmt: skip


@dataclass(frozen=True)
class Expression:
    """A checked expression.

    Attributes:
        text: the text with its leading ``#`` or ``lambda``.
        references: the names after ``@``.
        names: global names in use, dotted in full, such as ``monai.handlers.from_engine`` or ``len``.
        is_lambda: whether the text is a ``lambda``.
        tree: the syntax tree of its body; a reference is a name with a leading ``@``.
        offset: how many characters of ``text`` stand before the body.
    """

    text: str
    references: frozenset[str]
    names: frozenset[str]
    is_lambda: bool
    tree: ast.expr = field(compare=False, repr=False)
    offset: int = field(compare=False, repr=False)

    @property
    def body(self) -> str:
        """The text that the columns of the tree count in."""
        return self.text[self.offset :]


def parse_expression(text: str) -> Expression:
    """Return the checked form of ``#expression`` or ``lambda …``.

    >>> sorted(parse_expression("#[p for n, p in @model.named_parameters() if 'bias' not in n]").references)
    ['model']

    Raises:
        ExpressionError: the text is not Python, uses a form or name that is not listed, or is too long or too deep.
    """
    if text.startswith("#"):
        offset = len(text) - len(text[1:].lstrip(" "))
    elif text.startswith("lambda"):
        offset = 0
    else:
        raise ExpressionError('code starts with "#" or with "lambda"', 1)
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the text has {len(text)} characters, at most {MAX_LENGTH} are allowed")
    body = text[offset:]
    if not body.strip():
        raise ExpressionError("there is nothing after the #", 1)
    for index, letter in enumerate(body):
        if not letter.isprintable():
            raise ExpressionError("code is one line of printable characters", offset + index + 1)
    plain, references = _take_references(body, offset)
    tree = _parse(plain, offset)
    checker = _Checker(plain, offset, references)
    checker.check(tree, frozenset(), 1)
    if checker.references:
        column = min(checker.references)
        raise ExpressionError(
            f'"@{checker.references[column]}" can only stand where a value is read', offset + column + 1
        )
    return Expression(
        text,
        frozenset(references.values()),
        frozenset(checker.names),
        isinstance(tree, ast.Lambda) and not offset,
        tree,
        offset,
    )


def _take_references(body: str, offset: int) -> tuple[str, dict[int, str]]:
    """Return the body with ``_`` for the ``@`` of each reference, and the references: column (from 0) to name."""
    references: dict[int, str] = {}
    letters = list(body)
    previous: tokenize.TokenInfo | None = None
    depth = 0
    waiting: int | None = None
    try:
        for token in tokenize.generate_tokens(io.StringIO(body).readline):
            column = token.start[1]
            if waiting is not None:
                if (
                    token.type != tokenize.NAME
                    or column != waiting + 1
                    or keyword.iskeyword(token.string)
                    or not token.string.isascii()
                ):
                    raise ExpressionError('"@" has to be followed by a name', offset + waiting + 1)
                references[waiting] = token.string
                letters[waiting] = "_"
                waiting = None
            elif token.type == tokenize.OP and token.string == "@":
                if previous is not None and _is_operand(previous):
                    raise ExpressionError(
                        "matrix multiplication (@ between two values) is not allowed", offset + column + 1
                    )
                waiting = column
            if token.type == tokenize.OP and token.string in ("(", "[", "{"):
                depth += 1
                if depth > MAX_DEPTH:
                    raise ExpressionError(f"brackets are nested at most {MAX_DEPTH} deep", offset + column + 1)
            elif token.type == tokenize.OP and token.string in (")", "]", "}"):
                depth -= 1
            previous = token
    except (tokenize.TokenError, SyntaxError) as error:
        raise ExpressionError(f"this is not Python: {error.args[0] if error.args else error}") from None
    if waiting is not None:
        raise ExpressionError('"@" has to be followed by a name', offset + waiting + 1)
    return "".join(letters), references


def _is_operand(token: tokenize.TokenInfo) -> bool:
    if token.type == tokenize.NAME:
        return not keyword.iskeyword(token.string) or token.string in ("None", "True", "False")
    return token.type in (tokenize.NUMBER, tokenize.STRING) or token.string in (")", "]", "}")


def _parse(plain: str, offset: int) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in texts: they are no news for the user
            return ast.parse(plain, mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"this is not Python: {error.msg}", offset + (error.offset or 0)) from None
    except (ValueError, MemoryError, RecursionError) as error:
        raise ExpressionError(f"this cannot be parsed: {error or type(error).__name__}") from None


class _Checker:
    """Walks a syntax tree once: refuses what is not listed, marks the references, collects the global names."""

    def __init__(self, plain: str, offset: int, references: dict[int, str]):
        self.data = plain.encode()
        self.offset = offset
        self.references = dict(references)
        self.names: set[str] = set()
        self.count = 0

    def column(self, node: ast.AST) -> int:
        """Return the character (from 0) where a node starts; the tree counts bytes."""
        return len(self.data[: getattr(node, "col_offset", 0)].decode())

    def refuse(self, reason: str, node: ast.AST, near: tuple[str, ...] = ()) -> NoReturn:
        raise ExpressionError(reason, self.offset + self.column(node) + 1, near)

    def check(self, node: ast.AST, local: frozenset[str], depth: int) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            self.refuse(f"an expression has at most {MAX_NODES} parts", node)
        if depth > MAX_DEPTH:
            self.refuse(f"an expression is nested at most {MAX_DEPTH} deep", node)
        if not isinstance(node, _PLAIN_NODES):
            what = next((text for kind, text in _REFUSED.items() if isinstance(node, kind)), type(node).__name__)
            self.refuse(f"{what} is not allowed", node)
        special = getattr(self, "check_" + type(node).__name__, None)
        if special is not None:
            special(node, local, depth + 1)
        else:
            for part in ast.iter_child_nodes(node):
                self.check_part(part, node, local, depth + 1)

    def check_part(self, part: ast.AST, parent: ast.AST, local: frozenset[str], depth: int) -> None:
        if isinstance(part, ast.operator) and not isinstance(
            part, _PLAIN_NODES
        ):  # operators have no place of their own
            self.refuse(f"{_REFUSED.get(type(part), type(part).__name__)} is not allowed", parent)
        self.check(part, local, depth)

    def check_Constant(self, node: ast.Constant, local: frozenset[str], depth: int) -> None:
        value = node.value
        if not isinstance(value, (bool, int, float, str, type(None), type(Ellipsis))):
            self.refuse(f"a {type(value).__name__} is not allowed", node)
        if isinstance(value, int) and value > MAX_INT:
            self.refuse("an integer this large is not allowed", node)

    def check_Name(self, node: ast.Name, local: frozenset[str], depth: int) -> None:
        if self.take_reference(node) or node.id in local:
            return
        if node.id not in vocabulary.BUILTINS:
            whole = tuple(sorted(name for name in vocabulary.DOTTED if name.endswith(f".{node.id}")))[:3]
            near = whole or near_names(node.id, [*local, *vocabulary.BUILTINS, *vocabulary.DOTTED])
            self.refuse(f'the name "{node.id}" is not on the list', node, near)
        self.names.add(node.id)

    def take_reference(self, node: ast.Name) -> bool:
        """Mark a name that stands where a reference was found."""
        name = self.references.get(self.column(node))
        if name is None or node.id != "_" + name:
            return False
        del self.references[self.column(node)]
        node.id = "@" + name
        return True

    def check_Attribute(self, node: ast.Attribute, local: frozenset[str], depth: int) -> None:
        dotted = self.dotted(node, local)
        if dotted is not None:
            if dotted not in vocabulary.DOTTED:
                self.refuse(f'the name "{dotted}" is not on the list', node, near_names(dotted, vocabulary.DOTTED))
            self.names.add(dotted)
            return
        if node.attr.startswith("_"):
            self.refuse(f'the attribute "{node.attr}" is private', node)
        if node.attr not in vocabulary.MEMBERS:
            self.refuse(
                f'the attribute "{node.attr}" is not on the list', node, near_names(node.attr, vocabulary.MEMBERS)
            )
        self.check(node.value, local, depth)

    def dotted(self, node: ast.expr, local: frozenset[str]) -> str | None:
        """Return the full name of a chain of attributes that begins with a global name; None for any other."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if (
            not isinstance(node, ast.Name)
            or node.id in local
            or self.column(node) in self.references
            or node.id.startswith("@")
        ):
            return None
        return ".".join([node.id, *reversed(parts)])

    def check_BinOp(self, node: ast.BinOp, local: frozenset[str], depth: int) -> None:
        if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            self.refuse("formatting with % is not allowed", node)
        for part in (node.op, node.left, node.right):
            self.check_part(part, node, local, depth)

    def check_Call(self, node: ast.Call, local: frozenset[str], depth: int) -> None:
        function = node.func
        is_global = (
            isinstance(function, ast.Name) and function.id not in local and self.column(function) not in self.references
        )
        if not (is_global or isinstance(function, ast.Attribute)):
            self.refuse("only functions on the list and methods of objects can be called", node)
        self.check(function, local, depth)
        for argument in node.args:
            self.check(argument, local, depth)
        for named in node.keywords:
            if named.arg is None:
                self.refuse("unpacking with ** is not allowed", named.value)
            if named.arg.startswith("_"):
                self.refuse(f'the argument "{named.arg}" is private', named.value)
            self.check(named.value, local, depth)

    def check_Dict(self, node: ast.Dict, local: frozenset[str], depth: int) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                self.refuse("unpacking with ** is not allowed", value)
            self.check(key, local, depth)
            self.check(value, local, depth)

    def check_Lambda(self, node: ast.Lambda, local: frozenset[str], depth: int) -> None:
        given = node.args
        if given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs:
            self.refuse("a lambda has plain arguments only", node)
        for default in given.defaults:
            self.check(default, local, depth)
        names = frozenset(self.new_name(argument.arg, argument) for argument in given.args)
        self.check(node.body, local | names, depth)

    def new_name(self, name: str, node: ast.AST) -> str:
        """Return a name that a lambda or a comprehension makes, if it may."""
        if name.startswith("__"):
            self.refuse(f'the name "{name}" is private', node)
        if self.column(node) in self.references:
            self.refuse('"@" cannot stand before a name that is being made', node)
        return name

    def check_comprehension_of(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, local: frozenset[str], depth: int
    ) -> None:
        for part in node.generators:
            self.count += 1
            if part.is_async:
                self.refuse("async is not allowed", node)
            self.check(part.iter, local, depth)
            local = local | frozenset(self.target_names(part.target, depth))
            for condition in part.ifs:
                self.check(condition, local, depth)
        for result in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.check(result, local, depth)

    check_ListComp = check_SetComp = check_GeneratorExp = check_DictComp = check_comprehension_of

    def target_names(self, target: ast.expr, depth: int) -> Iterator[str]:
        self.count += 1
        if depth > MAX_DEPTH:
            self.refuse(f"an expression is nested at most {MAX_DEPTH} deep", target)
        if isinstance(target, ast.Name):
            yield self.new_name(target.id, target)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                yield from self.target_names(part, depth + 1)
        else:
            self.refuse("a comprehension's variable is a plain name", target)

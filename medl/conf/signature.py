"""What a class or function takes, read from its source without importing it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

from medl.conf.parameters import UNKNOWN, Parameter, Signature
from medl.errors import near_names

_MAX_HOPS = 40  # imports and bases that are followed for one name
_ROOTLESS = frozenset({"object", "ABC", "Generic", "Protocol"})  # bases that bring no __init__ of their own
_SPECIAL = frozenset({"NamedTuple", "TypedDict", "Enum", "IntEnum", "StrEnum"})  # bases that make one from the body


class NameMissing(Exception):
    """A dotted name leads nowhere.

    Attributes:
        reason: why, as a sentence without its full stop.
        near: dotted names that may have been meant.
    """

    def __init__(self, reason: str, near: tuple[str, ...] = ()):
        super().__init__(reason)
        self.reason = reason
        self.near = near


@dataclass
class Sources:
    """Python sources that are found on a search path and read, never run; parsed ones are kept.

    Args:
        folders: searched before ``sys.path``: an archive's ``custom/``, the folders of PYTHONPATH.
    """

    folders: Sequence[Path] = ()
    _trees: dict[Path, ast.Module] = field(default_factory=dict, repr=False)

    def module_file(self, module: str, *, installed: bool = True) -> Path | None:
        """Return the source file of a module, or ``None`` where there is none.

        Args:
            module: dotted name.
            installed: whether ``sys.path`` is searched too.
        """
        parts = module.split(".")
        if parts[:2] == ["medl", "components"]:  # beside medl/ in a checkout, inside it when installed
            here = Path(__file__).resolve().parent.parent
            roots = [str(here), str(here.parent)]
            parts = parts[1:]
        else:
            roots = [str(folder) for folder in self.folders] + (sys.path if installed else [])
        search: list[str] | None = roots
        spec = None
        for part in parts:
            if not part.isidentifier() or search is None:
                return None
            spec = PathFinder.find_spec(part, search)
            if spec is None and installed and search is roots:
                spec = find_spec(part)  # an editable install is found by a hook, not on the path; imports nothing
            if spec is None:
                return None
            search = list(spec.submodule_search_locations) if spec.submodule_search_locations is not None else None
        if spec is None or not spec.origin or not spec.origin.endswith(".py"):
            return None
        return Path(spec.origin)

    def signature(self, dotted: str) -> Signature:
        """Return the signature of a class or function ``module.Name``.

        Where the source does not say it (a C extension, a base class out of reach, a decorator that may change it),
        every arg is let through: ``open`` is true.

        Raises:
            NameMissing: there is no such module, the module has no such name, or its source has a syntax error.
        """
        module, _, name = dotted.rpartition(".")
        if not module:
            raise NameMissing(f'"{dotted}" is no "module.Class"')
        file = self.module_file(module)
        if file is None:
            if self._is_compiled(module):
                return UNKNOWN
            raise NameMissing(f'there is no module "{module}"', self._near_modules(module))
        found = self._lookup(file, module, name, _MAX_HOPS)
        if found is None:
            names = [n for n in _defined(self._tree(file)) if not n.startswith("_")]
            raise NameMissing(
                f'the module "{module}" has no "{name}"', tuple(f"{module}.{n}" for n in near_names(name, names))
            )
        return found

    def _is_compiled(self, module: str) -> bool:
        """Return whether the first package of the module exists, but the module itself is no Python source."""
        top, _, rest = module.partition(".")
        search = [str(folder) for folder in self.folders] + sys.path
        spec = PathFinder.find_spec(top, search)
        if spec is None:
            return False
        if spec.origin is None or not spec.origin.endswith(".py"):
            return True
        parent = module.rpartition(".")[0]
        if not rest or not parent:
            return False
        parent_file = self.module_file(parent)
        if parent_file is None:
            return False
        inner = PathFinder.find_spec(module.rpartition(".")[2], [str(parent_file.parent)])
        return inner is not None and not str(inner.origin).endswith(".py")

    def _near_modules(self, module: str) -> tuple[str, ...]:
        """Return modules that may have been meant, of those in the folders and in the parent package."""
        parent, _, last = module.rpartition(".")
        if parent:
            file = self.module_file(parent)
            places = [file.parent] if file is not None and file.name == "__init__.py" else []
        else:
            places = [Path(folder) for folder in self.folders]
        names = [
            entry.stem
            for place in places
            if place.is_dir()
            for entry in sorted(place.iterdir())
            if entry.suffix == ".py" or (entry / "__init__.py").is_file()
        ]
        return tuple(f"{parent}.{name}" if parent else name for name in near_names(last, names))

    def _tree(self, file: Path) -> ast.Module:
        if file not in self._trees:
            try:
                self._trees[file] = ast.parse(file.read_bytes(), filename=str(file))
            except SyntaxError as error:
                raise NameMissing(f"{file} is not Python: line {error.lineno}: {error.msg}") from None
            except (ValueError, RecursionError, OSError) as error:
                raise NameMissing(f"{file} cannot be read: {error}") from None
        return self._trees[file]

    def _lookup(self, file: Path, module: str, name: str, hops: int) -> Signature | None:
        """Return the signature of a name in a module's source; ``None`` where the module surely has none such."""
        if hops <= 0:
            return UNKNOWN
        tree = self._tree(file)
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        found: ast.stmt | None = None
        stars: list[ast.ImportFrom] = []
        for statement in _statements(tree.body):
            if name in _names_of(statement):
                found = statement  # the last one holds
            elif isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
                stars.append(statement)
        if found is not None:
            return self._of_statement(found, file, module, package, name, hops)
        for star in stars:
            signature = self._imported(_absolute(star, package), name, hops)
            if signature is not None:
                return signature
        if stars or "__getattr__" in _defined(tree):
            return UNKNOWN
        # A package's submodule is a name of it as well; it is no component, but `import` would find it.
        return None

    def _of_statement(
        self, statement: ast.stmt, file: Path, module: str, package: str, name: str, hops: int
    ) -> Signature | None:
        if isinstance(statement, ast.ClassDef):
            return self._of_class(statement, file, module, hops)
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return _of_function(statement, bound=False)
        if isinstance(statement, ast.ImportFrom):
            original = next(a.name for a in statement.names if (a.asname or a.name) == name)
            return self._imported(_absolute(statement, package), original, hops) or UNKNOWN
        value = getattr(statement, "value", None)
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and isinstance(value, ast.Name) and value.id != name:
            return self._lookup(file, module, value.id, hops - 1)
        return UNKNOWN

    def _imported(self, module: str, name: str, hops: int) -> Signature | None:
        file = self.module_file(module)
        if file is None:
            return UNKNOWN
        try:
            return self._lookup(file, module, name, hops - 1)
        except NameMissing:
            return UNKNOWN

    def _of_class(self, node: ast.ClassDef, file: Path, module: str, hops: int) -> Signature:
        if f"{module}.{node.name}" == "torch.nn.modules.module.Module":  # its *args and **kwargs raise
            return Signature()
        for method in ("__init__", "__new__"):
            for statement in _statements(node.body):
                if isinstance(statement, ast.FunctionDef) and statement.name == method:
                    return _of_function(statement, bound=True)
        if any(keyword.arg == "metaclass" and _last_name(keyword.value) != "ABCMeta" for keyword in node.keywords):
            return UNKNOWN
        if any(_last_name(decorator) == "dataclass" for decorator in node.decorator_list):
            return _of_dataclass(node) if not node.bases else UNKNOWN
        for base in node.bases:
            target = base.value if isinstance(base, ast.Subscript) else base
            if _last_name(target) in _ROOTLESS:
                continue
            if _last_name(target) in _SPECIAL:
                return UNKNOWN
            return self._of_base(target, file, module, hops)
        return Signature()

    def _of_base(self, base: ast.expr, file: Path, module: str, hops: int) -> Signature:
        dotted = _dotted(base)
        if dotted is None:
            return UNKNOWN
        if "." not in dotted:
            return self._lookup(file, module, dotted, hops - 1) or UNKNOWN
        first, _, rest = dotted.partition(".")
        for statement in _statements(self._tree(file).body):
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    if (alias.asname or alias.name.partition(".")[0]) == first:
                        full = f"{alias.name if alias.asname else first}.{rest}"
                        return self._imported(full.rpartition(".")[0], full.rpartition(".")[2], hops) or UNKNOWN
            elif isinstance(statement, ast.ImportFrom):
                package = module if file.name == "__init__.py" else module.rpartition(".")[0]
                for alias in statement.names:
                    if (alias.asname or alias.name) == first:
                        full = f"{_absolute(statement, package)}.{alias.name}.{rest}"
                        return self._imported(full.rpartition(".")[0], full.rpartition(".")[2], hops) or UNKNOWN
        return UNKNOWN


def signature_of(dotted: str, folders: Sequence[Path] = ()) -> Signature:
    """Return the signature of ``module.Name``, read from its source; see :meth:`Sources.signature`.

    Raises:
        NameMissing: the name leads nowhere.
    """
    return Sources(folders).signature(dotted)


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body and those inside its ``if``, ``try`` and ``with``."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try, ast.With)):
            for part in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, part, []))
            for handler in getattr(statement, "handlers", []):
                yield from _statements(handler.body)


def _names_of(statement: ast.stmt) -> set[str]:
    """Return the names that a statement binds."""
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return {statement.name}
    if isinstance(statement, ast.Assign):
        return {node.id for target in statement.targets for node in ast.walk(target) if isinstance(node, ast.Name)}
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return {statement.target.id}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    return set()


def _defined(tree: ast.Module) -> list[str]:
    return [name for statement in _statements(tree.body) for name in sorted(_names_of(statement))]


def _absolute(statement: ast.ImportFrom, package: str) -> str:
    """Return the module of a ``from … import``, dots of a relative one resolved against the package it stands in."""
    if not statement.level:
        return statement.module or ""
    base = package.split(".")
    base = base[: len(base) - (statement.level - 1)]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = _dotted(node.value)
        return f"{left}.{node.attr}" if left else None
    return None


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return (_dotted(node) or "").rpartition(".")[2]


def _of_function(node: ast.FunctionDef | ast.AsyncFunctionDef, *, bound: bool) -> Signature:
    if any(not _last_name(decorator).startswith("deprecated") for decorator in node.decorator_list):
        return UNKNOWN  # it may give the function other parameters
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults)) + list(given.defaults)
    pairs = list(zip(positional, defaults, strict=True))[1 if bound else 0 :]
    pairs += list(zip(given.kwonlyargs, given.kw_defaults, strict=True))
    parameters = tuple(Parameter(a.arg, None if default is None else ast.unparse(default)) for a, default in pairs)
    return Signature(parameters, open=given.kwarg is not None)


def _of_dataclass(node: ast.ClassDef) -> Signature:
    parameters = []
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if _last_name(statement.annotation) == "ClassVar" or ast.unparse(statement.annotation).startswith("ClassVar"):
            continue
        default = statement.value
        if isinstance(default, ast.Call) and _last_name(default) == "field":
            options = {keyword.arg: keyword.value for keyword in default.keywords}
            init = options.get("init")
            if isinstance(init, ast.Constant) and init.value is False:
                continue
            default = options.get("default") or options.get("default_factory")
        parameters.append(Parameter(statement.target.id, None if default is None else ast.unparse(default)))
    return Signature(tuple(parameters))

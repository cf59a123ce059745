"""Optuna's import: whole, so that two threads may begin it at the same moment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import medl.components

HOUSE = Path(medl.components.__file__ or "").parent


def parts_first(body: ast.AST) -> Iterator[int]:
    """Yield the lines that import a part of Optuna when the code runs, not for type checkers alone."""
    for node in ast.iter_child_nodes(body):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "optuna":
            yield node.lineno
        if isinstance(node, ast.Import) and any(alias.name.startswith("optuna.") for alias in node.names):
            yield node.lineno
        yield from parts_first(node)


def test_no_component_imports_a_part_of_optuna_first():
    found = {
        str(path.relative_to(HOUSE)): lines
        for path in HOUSE.rglob("*.py")
        if (lines := list(parts_first(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert not found, f"write import optuna and optuna.samplers.X, see suggesters/quiet.py: {found}"


def test_such_an_import_is_seen():
    assert list(parts_first(ast.parse("def f():\n    from optuna.trial import Trial"))) == [2]
    assert not list(parts_first(ast.parse("if TYPE_CHECKING:\n    from optuna.trial import Trial\nimport optuna")))

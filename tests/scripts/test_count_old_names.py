"""The count of old names and their tests, and that docs/clara.md has it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("count_old_names", REPOSITORY / "scripts/count_old_names.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_guide_has_the_figures_of_this_checkout(script: Any) -> None:
    assert f"{script.MARKS[0]}\n{script.table()}\n{script.MARKS[1]}" in script.PAGE.read_text(encoding="utf-8")


def test_a_row_without_a_test_shows(script: Any) -> None:
    rows = [{"do": "drop_arg", "class": ["A", "B"], "arg": "x"}, {"do": "refuse", "class": ["C"]}]
    plain = {"refused": "", "only_config": ""}
    known = {
        ("A", "drop_arg", "x"): SimpleNamespace(**plain),
        ("C", "refuse", ""): SimpleNamespace(**plain | {"refused": "gone"}),
    }
    lines = script.counted(rows, known).splitlines()
    assert "| an arg is gone | 1 | 2 | 1 | 1 |" in lines
    assert "| there is no equivalent: refused, with a remedy | 1 | 1 | 1 | 0 |" in lines
    assert lines[-1] == "| **all** | **2** | **3** | **2** | **1** |"


def test_every_kind_of_row_is_counted(script: Any) -> None:
    import json

    rows = json.loads((REPOSITORY / "config/translations.json").read_text())["rows"]
    assert {row["do"] for row in rows} <= set(script.KINDS)

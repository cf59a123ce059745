"""Loads a benchmark of a search, whose modules import one another by their bare names."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks/search"


@pytest.fixture
def load(monkeypatch):
    """Return a function that imports ``benchmarks/search/NAME.py``; all of them are forgotten after the test."""
    monkeypatch.syspath_prepend(str(FOLDER))
    names = {path.stem for path in FOLDER.glob("*.py")} | {"archive_run"}
    before = {name: sys.modules.pop(name) for name in names & sys.modules.keys()}
    yield importlib.import_module
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(before)

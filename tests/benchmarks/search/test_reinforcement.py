"""The reinforcement benchmark: a table per kind of score, put into the page between its marks."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def benchmark():
    spec = importlib.util.spec_from_file_location(
        "benchmark_reinforcement", ROOT / "benchmarks/search/reinforcement.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_writes_the_table_into_the_page(benchmark, tmp_path, monkeypatch, capsys):
    page = tmp_path / "reinforcement.md"
    page.write_text(f"before\n{benchmark.MARKS[0]}\nold\n{benchmark.MARKS[1]}\nafter\n")
    plotted = []
    monkeypatch.setattr(benchmark, "plot", lambda curves, seeds, target: plotted.append((seeds, target)))
    monkeypatch.setattr(sys, "argv", ["reinforcement.py", "--seeds", "2", "--out", str(tmp_path)])
    benchmark.main()
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert len(re.findall(r"^\| [a-z].*\| [012] \|$", text, re.MULTILINE)) == 15
    assert "| one hill | 200 |" in capsys.readouterr().out
    assert plotted == [(2, tmp_path / "images" / "reinforcement.png")]


def test_the_page_has_all_rows_and_its_picture(benchmark):
    page = (ROOT / "docs" / "reinforcement.md").read_text(encoding="utf-8")
    for shape in benchmark.SHAPES:
        for rounds in benchmark.ROUNDS:
            assert f"| {benchmark.TITLES[shape]} | {rounds} |" in page
    assert (ROOT / "docs" / "images" / "reinforcement.png").stat().st_size > 10_000


def test_a_curve_never_knows_more_than_was_observed(benchmark):
    curve = benchmark.curve(benchmark.CONTROLLERS["random"], "hill", 3, 50)
    assert len(curve) == 50
    assert len(set(curve)) > 3
    assert max(curve) <= 0.9

"""TAO's costs and tables of brackets."""

from __future__ import annotations

import sys


def test_936_epochs_and_the_published_tables(load, tmp_path, monkeypatch, capsys):
    benchmark = load("tao_costs")
    page = tmp_path / "search_benchmarks.md"
    page.write_text("<!-- tao_costs.py -->\n<!-- end of tao_costs.py -->\n")
    monkeypatch.setattr(sys, "argv", ["x", "--docs", str(tmp_path)])
    benchmark.main()
    text = page.read_text()
    for epochs in (80, 100):
        for workers in (1, 4):
            assert f"| {epochs} | {workers} | 61 | 108 | 936 |" in text
    assert "| 0 | 81 × 1 | 27 × 3 | 9 × 9 | 6 × 27 |" in text
    assert "| 1 | 9 × 3 | 3 × 9 | 2 × 27 |" in text

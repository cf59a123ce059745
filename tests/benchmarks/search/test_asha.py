"""How busy asha keeps many workers."""

from __future__ import annotations

import sys

import pytest


def test_the_workers_are_busy_up_to_the_last_new_trial(load, tmp_path, monkeypatch, capsys):
    benchmark = load("asha")
    monkeypatch.setattr(
        sys, "argv", ["x", "--seeds", "1", "--trials", "150", "--workers", "8", "--docs", str(tmp_path)]
    )
    benchmark.main()
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| asha | 0 | 150 |"))
    assert float(row.split("|")[5]) >= 0.95
    monkeypatch.setattr(benchmark, "GOAL", 1.1)
    with pytest.raises(SystemExit, match=r"not 1\.1"):
        benchmark.main()

"""pbt against constant rates."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("matplotlib")


def test_pbt_is_ahead_of_the_best_constant_rate_at_equal_epochs(load, tmp_path, monkeypatch, capsys):
    benchmark = load("pbt")
    monkeypatch.setattr(sys, "argv", ["x", "--seeds", "3", "--docs", str(tmp_path)])
    benchmark.main()
    best, _ = benchmark.best_constant()
    for seed in range(3):
        score, epochs, lived = benchmark.pbt(seed)
        assert epochs == 600
        assert score > best
        assert lived[-1][2] == 60
        assert len({rate for rate, _, _ in lived}) > 1
    assert "| pbt | 600 |" in capsys.readouterr().out
    assert (tmp_path / "images" / "pbt.svg").is_file()

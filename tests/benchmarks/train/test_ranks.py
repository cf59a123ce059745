"""The benchmark of ranks: each way is run in turn, and the table goes between its marks."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_ranks", ROOT / "benchmarks/train/ranks.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_the_page_gets_medians_and_ratios_of_the_same_round(benchmark, tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{benchmark.MARKS[0]}\nold\n{benchmark.MARKS[1]}\nafter\n")
    order: list[str] = []

    def seconds(root, way):
        order.append(way.name)
        return 0.1 * way.threads / way.ranks * len(order)

    monkeypatch.setattr(benchmark, "cores", lambda: 2)
    monkeypatch.setattr(benchmark, "seconds_per_step", seconds)
    monkeypatch.setattr(sys, "argv", ["ranks.py", "--rounds", "2", "--page", str(page)])
    benchmark.main()
    assert order == [way.name for way in benchmark.ways(2)] * 2
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert text.count("| 1 process, 1 thread |") == 1
    assert capsys.readouterr().out.strip() in text


def test_the_archive_is_the_templates_with_another_network(benchmark, tmp_path):
    config = json.loads((benchmark.archive(tmp_path / "a") / "config/config_train.json").read_text())
    assert config["train"]["model"]["args"]["channels"] == benchmark.CHANNELS
    assert config["train"]["dataloader"]["args"]["batch_size"] == benchmark.BATCH


def test_the_page_of_the_docs_has_the_marks(benchmark):
    text = benchmark.PAGE.read_text()
    assert text.count(benchmark.MARKS[0]) == text.count(benchmark.MARKS[1]) == 1

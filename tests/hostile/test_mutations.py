"""A few hundred damaged configs through the check; thousands: benchmarks/faults/mutated_configs.py."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medl.apps.automl import train as search

COUNT = 240
COMMANDS = 4


@pytest.mark.parametrize("config", ["config_train.json", "environment.json"])
def test_a_damaged_config_is_a_list_of_problems(
    config: str, archive: Path, check: Callable[[], list[str]], mutations: Any
) -> None:
    path = archive / "config" / config
    sound = path.read_text(encoding="utf-8")
    started = mutations.started_processes()
    sound_ones = 0
    for number in range(COUNT):
        path.write_bytes(mutations.mutated(sound, number))
        begun = time.process_time()
        found = check()
        assert time.process_time() - begun < 5, number
        assert all("Traceback" not in problem for problem in found), number
        sound_ones += not found
    assert 0 < sound_ones < COUNT
    assert started == []


def test_a_damaged_search_is_refused_before_anything_starts(
    archive: Path, quiet: Callable[..., tuple[int, str]], mutations: Any
) -> None:
    path = archive / "config/config_automl.json"
    sound = path.read_text(encoding="utf-8")
    started = mutations.started_processes()
    codes = set()
    for number in range(60):
        path.write_bytes(mutations.mutated(sound, number))
        code, said = quiet(lambda: search.main(["-m", str(archive), "--dry-run", "--set", "run_id=a"]))
        assert code in (0, 2) and "Traceback" not in said, (number, said)
        codes.add(code)
    assert codes == {0, 2}
    assert started == []
    assert not (archive / "automl").exists()


def test_the_same_by_the_command_line(archive: Path, mutations: Any) -> None:
    path = archive / "config/config_train.json"
    sound = path.read_text(encoding="utf-8")
    for number in range(COMMANDS):
        path.write_bytes(mutations.mutated(sound, number))
        words = [sys.executable, "-m", "medl.apps.automl.train", "-m", str(archive), "--dry-run", "--set", "run_id=a"]
        made = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert made.returncode in (0, 2), made.stderr
        assert "Traceback" not in made.stderr + made.stdout


def test_a_mutation_is_the_same_each_time(mutations: Any) -> None:
    assert mutations.mutated('{"a": [1, 2]}', 7) == mutations.mutated('{"a": [1, 2]}', 7)
    assert len({mutations.mutated('{"a": [1, 2], "b": "c"}', number) for number in range(100)}) > 50

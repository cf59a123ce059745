"""Whether Horovod can be used is told without importing it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from medl.horovod import horovod_fault


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    def make(**metadata: str) -> None:
        (tmp_path / "metadata.json").write_text(json.dumps(metadata))
        spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)

    return make


def test_the_horovod_for_this_torch_can_be_used(installed: Callable[..., None]) -> None:
    installed(pytorch=importlib.metadata.version("torch"))
    assert horovod_fault() is None


def test_one_for_another_torch_names_both(installed: Callable[..., None]) -> None:
    installed(pytorch="1.0.0")
    fault = horovod_fault()
    assert fault is not None and "1.0.0" in fault and importlib.metadata.version("torch") in fault


def test_one_without_torch_cannot_be_used(installed: Callable[..., None]) -> None:
    installed(tensorflow="2.0")
    assert "without torch" in str(horovod_fault())


def test_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert horovod_fault() == "Horovod is not installed"


def test_nothing_heavy_is_imported() -> None:
    program = (
        "import sys; from medl.horovod import horovod_fault; horovod_fault()\n"
        "assert not {'torch', 'horovod', 'numpy'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

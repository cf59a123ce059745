"""The user's own code comes from custom/ and PYTHONPATH, nowhere else, and the log names each of its files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from medl.conf.catalogue import Catalogue
from medl.conf.component import class_of, user_folders
from medl.conf.user_imports import user_imports
from medl.errors import ConfigError


def test_each_file_is_named_before_it_runs_those_it_imports_too(tmp_path: Path, catalogue: Catalogue) -> None:
    custom = tmp_path / "custom"
    (custom / "deep").mkdir(parents=True)
    (custom / "named_net.py").write_text(
        "import deep.named_layers\nclass Net:\n    def late(self):\n        import named_late\n"
    )
    (custom / "deep/__init__.py").write_text("")
    (custom / "deep/named_layers.py").write_text("import json\n")
    (custom / "named_late.py").write_text("")
    said: list[str] = []
    with user_imports([custom], say=said.append):
        made = class_of({"path": "named_net.Net"}, catalogue=catalogue, folders=[custom])()
        assert [Path(line.partition(": ")[2]).relative_to(custom).as_posix() for line in said] == [
            "named_net.py",
            "deep/__init__.py",
            "deep/named_layers.py",
        ]
        made.late()
    assert said[-1] == f"your own code: {custom / 'named_late.py'}"
    count = len(said)
    sys.modules.pop("named_late")
    with pytest.raises(ImportError):
        made.late()
    assert len(said) == count
    for name in ("named_net", "deep", "deep.named_layers"):
        sys.modules.pop(name, None)


def test_code_elsewhere_is_not_imported(tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beside.py").write_text("open('stolen', 'w')\nclass Net: pass\n")
    (tmp_path / "custom").mkdir()
    folders = user_folders(tmp_path / "custom", {})
    for name in ("beside.Net", "..beside.Net"):
        with pytest.raises(ConfigError):
            class_of({"path": name}, catalogue=catalogue, folders=folders)
    assert not (tmp_path / "stolen").exists()
    (tmp_path / "custom/json.py").write_text("open('stolen', 'w')\nclass Net: pass\n")
    with pytest.raises(ConfigError):
        class_of({"path": "json.Net"}, catalogue=catalogue, folders=folders)
    assert not (tmp_path / "stolen").exists()


def test_a_training_names_the_files_in_its_log(archive: Path, attack: Callable[..., list[str]], tmp_path: Path) -> None:
    pytest.importorskip("monai")
    import json

    (archive / "custom").mkdir(exist_ok=True)
    (archive / "custom/refusing_net.py").write_text(
        "class Net:\n    def __init__(self):\n        raise ValueError('seen')\n"
    )
    path = archive / "config/config_train.json"
    config = json.loads(path.read_text())
    config["train"]["model"] = {"path": "refusing_net.Net"}
    config["use_gpu"] = False
    path.write_text(json.dumps(config))
    words = [sys.executable, "-m", "medl.apps.train", "-m", str(archive)]
    made = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path)
    assert made.returncode == 2, made.stderr
    assert f"your own code: {archive / 'custom/refusing_net.py'}" in made.stdout
    assert "seen" in made.stderr and "Traceback" not in made.stderr

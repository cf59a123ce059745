"""The archive as an object: its files, its clones."""

from __future__ import annotations

from pathlib import Path

import pytest

from medl.errors import ConfigError, MedlError
from medl.mmar.archive import MMAR, create


def make(root: Path) -> MMAR:
    for name in (
        "config",
        "commands",
        "custom/__pycache__",
        "resources",
        "models",
        "eval",
        "automl/a/W1_1_J1",
        "dataset",
    ):
        (root / name).mkdir(parents=True)
    (root / "config/config_train.json").write_text("{}")
    (root / "config/environment.json").write_text("{}")
    (root / "commands/train.sh").write_text("#!/bin/sh\n")
    (root / "commands/train.sh").chmod(0o755)
    (root / "custom/mine.py").write_text("")
    (root / "custom/__pycache__/mine.pyc").write_text("")
    (root / "models/model.pt").write_text("weights")
    (root / "dataset/a.nii.gz").write_text("voxels")
    return MMAR(root)


def test_looking_creates_nothing(tmp_path: Path) -> None:
    mmar = MMAR(tmp_path / "none")
    for name in ("config", "train_config", "automl_config", "environment", "models", "log", "record", "runs", "custom"):
        assert str(getattr(mmar, name)).startswith(str(mmar.root))
    assert not mmar.root.exists()


def test_the_root_is_kept_as_given(tmp_path: Path) -> None:
    root = make(tmp_path / "a").commands / ".."
    assert str(MMAR(root).models) == f"{tmp_path}/a/commands/../models"
    assert MMAR(root).name == "a"


@pytest.mark.parametrize("missing", ["no such folder", "a folder without config/"])
def test_a_folder_that_is_no_archive_is_named_with_the_remedy(tmp_path: Path, missing: str) -> None:
    root = tmp_path / "x"
    if missing != "no such folder":
        root.mkdir()
    with pytest.raises(ConfigError, match=missing) as caught:
        MMAR(root).require()
    assert "-m" in str(caught.value) and str(root) in str(caught.value)
    assert (f"medl new {root}" in str(caught.value)) == (missing == "no such folder")


def test_a_clone_takes_configs_and_code_and_never_weights_runs_or_data(tmp_path: Path) -> None:
    mmar = make(tmp_path / "a")
    clone = mmar.clone(mmar.runs / "r" / "W1_1_J1", {"config_train.json": '{"epochs": 1}', "new.json": "{}"})
    found = {str(path.relative_to(clone.root)) for path in clone.root.rglob("*") if path.is_file()}
    assert found == {
        "config/config_train.json",
        "config/environment.json",
        "config/new.json",
        "commands/train.sh",
        "custom/mine.py",
    }
    assert clone.train_config.read_text() == '{"epochs": 1}'
    assert mmar.train_config.read_text() == "{}"
    assert (clone.commands / "train.sh").stat().st_mode & 0o111
    assert clone.models.is_dir() and clone.evaluations.is_dir()


def test_a_clone_never_overwrites_but_replaces_what_a_killed_one_left(tmp_path: Path) -> None:
    mmar = make(tmp_path / "a")
    target = mmar.runs / "r" / "J"
    (target.parent / ".J.partial/config").mkdir(parents=True)
    mmar.clone(target, {})
    assert not (target.parent / ".J.partial").exists()
    with pytest.raises(MedlError, match="never overwrites"):
        mmar.clone(target, {})


def test_a_new_archive_never_overwrites_a_folder(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("mine")
    with pytest.raises(MedlError, match="never overwrites"):
        create(tmp_path / "full")
    assert (tmp_path / "full/file").read_text() == "mine"

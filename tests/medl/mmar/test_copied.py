from __future__ import annotations

from pathlib import Path

import pytest

from medl.errors import ConfigError
from medl.mmar import copied
from medl.mmar.copied import copy_folder, require_inside


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder with a file, a link to it, a dangling link and a cache."""
    folder = tmp_path / "source"
    (folder / "deep/__pycache__").mkdir(parents=True)
    (folder / "deep/__pycache__/x.pyc").touch()
    (folder / "deep/code.py").write_text("x = 1\n")
    (folder / "link.py").symlink_to(folder / "deep/code.py")
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    return folder


def test_links_become_files(source: Path, tmp_path: Path) -> None:
    copy_folder(source, tmp_path / "target", inside=[source])
    names = sorted(path.relative_to(tmp_path / "target").as_posix() for path in (tmp_path / "target").rglob("*"))
    assert names == ["deep", "deep/code.py", "link.py"]
    assert not (tmp_path / "target/link.py").is_symlink()


def test_links_lead_inside_where_they_have_to(source: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("other")
    (source / "out").symlink_to(tmp_path / "other")
    copy_folder(source, tmp_path / "anywhere")
    assert (tmp_path / "anywhere/out").read_text() == "other"
    with pytest.raises(ConfigError, match="same folder"):
        copy_folder(source, tmp_path / "target", inside=[source])
    assert require_inside(source / "out", source, [tmp_path]) == source / "out"


def test_files_are_counted_and_devices_refused(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source / "zero").symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match="plain files"):
        copy_folder(source, tmp_path / "a")
    (source / "zero").unlink()
    monkeypatch.setattr(copied, "MAX_FILES", 1)
    with pytest.raises(ConfigError, match="at most 1 files"):
        copy_folder(source, tmp_path / "b")

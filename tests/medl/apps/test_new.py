from __future__ import annotations

import json

import medl
from medl.apps.new import main


def test_an_archive_that_says_its_version(tmp_path, capsys):
    assert main([str(tmp_path / "a/b")]) == 0
    environment = json.loads((tmp_path / "a/b/config/environment.json").read_text())
    assert environment["MEDL_VERSION"] == medl.__version__ and environment["DATA_ROOT"] == "data"
    assert (tmp_path / "a/b/commands/train.sh").is_file()
    assert f"medl check {tmp_path / 'a/b'}" in capsys.readouterr().out


def test_a_folder_in_the_way(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert main([str(tmp_path)]) == 2
    assert "never overwrites" in capsys.readouterr().err and (tmp_path / "mine.txt").read_text() == "mine"

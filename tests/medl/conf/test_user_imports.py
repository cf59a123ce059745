"""Where user code is found while it runs."""

from __future__ import annotations

import importlib
import sys

import pytest

from medl.compat import CLARA_PATH
from medl.conf.user_imports import user_imports


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a_users_module.py").write_text("VALUE = 3\n")
    yield tmp_path
    sys.modules.pop("a_users_module", None)


def test_the_folders_and_claras_paths_are_there_while_it_is_open(folder):
    before = list(sys.path)
    with user_imports([folder]):
        assert sys.path == [*before, str(folder), CLARA_PATH]
        assert importlib.import_module("a_users_module").VALUE == 3
        with user_imports([folder], first=True):
            assert sys.path[0] == str(folder)
        assert sys.path == [*before, str(folder), CLARA_PATH]
    assert sys.path == before


def test_an_error_leaves_the_path_as_it_was(folder):
    before = list(sys.path)
    for first in (False, True):
        with pytest.raises(OSError), user_imports([folder, folder / "more"], first=first):
            raise OSError
        assert sys.path == before


def test_a_folder_that_is_there_already_stays(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    before = list(sys.path)
    with user_imports([folder]), user_imports([folder], first=True):
        pass
    assert sys.path == before


def test_standing_last_the_folders_hide_nothing(folder):
    (folder / "colorsys.py").write_text("raise ImportError('hidden')\n")
    sys.modules.pop("colorsys", None)
    with user_imports([folder]):
        assert importlib.import_module("colorsys").rgb_to_hsv

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medl.conf.data_list import data_list_problems, read_data_list
from medl.conf.folds import base_key, in_fold
from medl.errors import ConfigError


def test_names():
    assert [base_key(key) for key in ("training", "training:fold=1", "training:fold!=12")] == ["training"] * 3
    assert in_fold("training", {"fold": 3}) and in_fold("training:fold=3", {"fold": 3})
    assert not in_fold("training:fold!=3", {"fold": 3}) and in_fold("training:fold!=3", {"image": "a"})


def test_a_data_lists_folds(tmp_path: Path):
    path = tmp_path / "d.json"
    items = [{"image": f"{i}.nii", "fold": i % 3} for i in range(6)]
    path.write_text(json.dumps({"training": items}))
    kept = read_data_list(path, "training:fold!=0", tmp_path)
    left = read_data_list(path, "training:fold=0", tmp_path)
    assert [item["fold"] for item in kept] == [1, 2, 1, 2] and [item["fold"] for item in left] == [0, 0]
    assert len(read_data_list(path, "training", tmp_path)) == 6
    with pytest.raises(ConfigError, match="the fold has items"):
        read_data_list(path, "training:fold=3", tmp_path)
    assert "trainin" in str(data_list_problems(path, "trainin:fold=3", tmp_path)[0])

"""The data of a config: every file of every list, named by its place."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from medl.mmar.data_hashes import data_lists, data_of


def config(file: str, **more: Any) -> dict[str, Any]:
    dataset = {"name": "Dataset", "data_list_file_path": file, "args": {}, **more}
    return {
        "train": {"dataset": [{**dataset, "data_list_key": "a", "disabled": True}, {**dataset, "data_list_key": "b"}]},
        "validate": {"dataset": {**dataset, "data_list_key": "c"}},
    }


def test_files_are_named_by_their_place(tmp_path: Path):
    for name in ("doe.nii", "roe.nii", "both.nii"):
        (tmp_path / name).write_text(name)
    lists = {
        "b": [{"image": ["doe.nii", "both.nii"], "label": "roe.nii", "kind": "benign"}],
        "c": ["both.nii", "gone.nii"],
    }
    (tmp_path / "list.json").write_text(json.dumps(lists))
    (found,) = data_of(config("list.json"), tmp_path, cache=tmp_path / "cache")
    assert found["list"] == "list.json" and found["keys"] == ["b", "c"]
    places = ["b[0].image[0]", "b[0].image[1]", "b[0].label", "c[0].image", "c[1].image"]
    assert list(found["files"]) == places
    assert found["files"]["c[0].image"] == hashlib.sha256(b"both.nii").hexdigest()
    assert found["files"]["c[1].image"] is None and found["sha256"] is None
    assert "doe" not in json.dumps(found)


def test_lists_and_folders_apart(tmp_path: Path):
    assert data_lists({"train": {"dataset": {"path": "mine.Data"}}}, tmp_path) == {}
    made = config("list.json")
    made["validate"]["dataset"]["data_file_base_dir"] = "images"
    assert data_lists(made, Path("/a")) == {
        ("/a/list.json", "/a"): ("b",),
        ("/a/list.json", "/a/images"): ("c",),
    }
    (found, _) = data_of(made, tmp_path, cache=tmp_path / "cache")
    assert found["list_sha256"] is None and found["files"] == {}

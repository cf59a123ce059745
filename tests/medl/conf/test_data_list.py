"""Data lists: what is read, and what is said of broken ones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from medl.conf.data_list import SHOWN, data_list_problems, read_data_list, read_description
from medl.errors import ConfigError, Problem


def write(folder: Path, value: Any) -> Path:
    path = folder / "dataset.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def one(folder: Path, value: Any, key: str = "training") -> Problem:
    (problem,) = data_list_problems(write(folder, value), key, folder, "data/dataset.json")
    assert problem.file == "data/dataset.json"
    return problem


def test_paths_are_joined_and_other_values_stay(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mask.png").touch()
    items = [
        {"image": "a.nii.gz", "label": "b.nii.gz", "fold": 0, "diagnosis": "n/a", "weight": 0.5},
        {"image": ["t1.nii", "sub/t2"], "label": [[1, 0], [0, 1]]},
        {"image": "/abs/a", "label": 3, "mask": "m/mask.png"},
        "folder_of_dicom",
    ]
    base = str(tmp_path)
    assert read_data_list(write(tmp_path, {"training": items}), "training", tmp_path) == [
        {"image": f"{base}/a.nii.gz", "label": f"{base}/b.nii.gz", "fold": 0, "diagnosis": "n/a", "weight": 0.5},
        {"image": [f"{base}/t1.nii", f"{base}/sub/t2"], "label": [[1, 0], [0, 1]]},
        {"image": "/abs/a", "label": 3, "mask": f"{base}/m/mask.png"},
        {"image": f"{base}/folder_of_dicom"},
    ]


@pytest.mark.parametrize("text", ["benign", "0.5", "v1.0", "Dr. Who", "stage 2.1"])
def test_label_that_is_a_word_is_no_path(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, {"training": [{"image": "a", "label": text}]})
    assert read_data_list(path, "training", tmp_path)[0]["label"] == text


def test_word_that_is_no_file_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    value = {"training": [{"image": "a", "diagnosis": "n/a", "site": "clinic.west"}]}
    assert data_list_problems(write(tmp_path, value), "training", tmp_path) == []


def test_good_list_has_no_problem(tmp_path: Path) -> None:
    (tmp_path / "a.nii").touch()
    (tmp_path / "dicom").mkdir()
    value = {"labels": ["x"], "training": [{"image": "a.nii", "label": 1}, {"image": "dicom"}, "a.nii"]}
    assert data_list_problems(write(tmp_path, value), "training", tmp_path) == []


@pytest.mark.parametrize(
    ("value", "path", "rule", "near"),
    [
        ({"trainning": [1], "labels": ["a"]}, "", 'the data list has no "training"', ("trainning",)),
        ({}, "", 'the data list has no "training"', ()),
        ({"training": []}, "training", "the list has at least one item", ()),
        ({"training": {"image": "a"}}, "training", "the value is a list of items", ()),
        ({"training": [1]}, "training[0]", "an item is an object", ()),
        ({"training": [{}]}, "training[0]", "an item is an object", ()),
        ({"training": [{"image": ""}]}, "training[0].image", "the value is a path", ()),
        ({"training": [{"image": None}]}, "training[0].image", "the value is a path", ()),
        ([], "", "the file has to hold one JSON object", ()),
    ],
)
def test_broken_list(tmp_path: Path, value: Any, path: str, rule: str, near: tuple[str, ...]) -> None:
    problem = one(tmp_path, value)
    assert problem.path == path
    assert rule in problem.rule
    assert problem.near == near
    with pytest.raises(ConfigError):
        read_data_list(tmp_path / "dataset.json", "training", tmp_path)


def test_missing_list_names_those_that_are_there(tmp_path: Path) -> None:
    assert one(tmp_path, {"validation": ["a"], "test": ["b"]}).remedy == 'It has "validation", "test".'


def test_missing_file_is_named_with_its_place(tmp_path: Path) -> None:
    problem = one(tmp_path, {"training": [{"image": ["a.nii"]}]})
    assert problem.path == "training[0].image[0]"
    assert problem.value == os.path.join(tmp_path, "a.nii")
    assert "DATA_ROOT" in problem.remedy


def test_many_missing_files_are_counted(tmp_path: Path) -> None:
    value = {"training": [{"image": f"{i}.nii"} for i in range(30)]}
    problems = data_list_problems(write(tmp_path, value), "training", tmp_path)
    assert len(problems) == SHOWN + 1
    assert problems[-1].rule == "20 more of 30 files do not exist"
    assert "DATA_ROOT" in problems[-1].remedy


def test_many_broken_items_are_counted(tmp_path: Path) -> None:
    problems = data_list_problems(write(tmp_path, {"training": [3] * 25}), "training", tmp_path)
    assert len(problems) == SHOWN + 1
    assert problems[-1].rule.startswith("15 more problems")


def test_file_that_is_named_twice_is_reported_once(tmp_path: Path) -> None:
    assert one(tmp_path, {"training": [{"image": "a.nii"}, {"image": "a.nii"}]}).path == "training[0].image"


def test_missing_folder_is_one_problem(tmp_path: Path) -> None:
    path = write(tmp_path, {"training": [{"image": f"{i}.nii"} for i in range(30)]})
    (problem,) = data_list_problems(path, "training", tmp_path / "nowhere")
    assert problem.rule == "the folder of the data has to exist"
    assert problem.value == str(tmp_path / "nowhere")


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    (problem,) = data_list_problems(tmp_path / "no.json", "training", tmp_path)
    assert problem.rule == "there is no such file"
    with pytest.raises(ConfigError):
        read_data_list(tmp_path / "no.json", "training", tmp_path)


def test_the_description_is_the_lists_own(tmp_path: Path) -> None:
    assert read_description(write(tmp_path, {"description": "Two cats.", "training": []})) == "Two cats."


@pytest.mark.parametrize("value", [{}, {"description": 3}, []])
def test_a_list_that_says_nothing_has_an_empty_description(tmp_path: Path, value: Any) -> None:
    assert read_description(write(tmp_path, value)) == ""


def test_a_list_that_is_not_there_has_an_empty_description(tmp_path: Path) -> None:
    assert read_description(tmp_path / "none.json") == ""

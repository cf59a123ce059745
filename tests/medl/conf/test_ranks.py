"""What several processes cannot share is found in the config alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medl.conf.ranks import rank_problems


@pytest.fixture
def config(tmp_path: Path) -> dict:
    (tmp_path / "list.json").write_text(json.dumps({"training": ["a"] * 4, "validation": ["b"] * 3}))
    dataset = {"name": "Dataset", "data_list_file_path": "list.json"}
    return {
        "train": {
            "dataset": {**dataset, "data_list_key": "training"},
            "dataloader": [
                {"name": "DataLoader", "disabled": True, "args": {"batch_size": 3}},
                {"name": "DataLoader", "args": {"batch_size": 4}},
            ],
        },
        "validate": {
            "dataset": {**dataset, "data_list_key": "validation"},
            "dataloader": {"name": "DataLoader", "args": {"batch_size": 1}},
        },
    }


def test_what_can_be_shared(config: dict, tmp_path: Path) -> None:
    for ranks in (1, 2):
        assert rank_problems(config, ranks, tmp_path, "f") == []


def test_more_ranks_than_cases_and_an_uneven_batch_are_refused_together(config: dict, tmp_path: Path) -> None:
    problems = rank_problems(config, 5, tmp_path, "f")
    assert [problem.path for problem in problems] == [
        "train.dataset",
        "train.dataloader[1].args.batch_size",
        "validate.dataset",
    ]
    assert "batch_size_per_rank" in str(problems[1]) and "Write 5" in str(problems[1])
    assert "at most 3 ids" in str(problems[2])


def test_claras_meaning_needs_no_even_batch(config: dict, tmp_path: Path) -> None:
    config["batch_size_per_rank"] = True
    assert rank_problems(config, 3, tmp_path, "f") == []


def test_a_loader_without_a_batch_size_has_one_item(config: dict, tmp_path: Path) -> None:
    config["train"]["dataloader"] = {"name": "DataLoader"}
    assert "divides by their number" in str(rank_problems(config, 2, tmp_path, "f")[0])

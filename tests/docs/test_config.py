"""What docs/config.md shows is what the check takes and says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from medl.assets import asset
from medl.conf.check import check_training
from medl.conf.validate import schema_problems

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = {"DATA_ROOT": "data", "DATASET_JSON": "data/dataset.json"}


@pytest.fixture(scope="module")
def text() -> str:
    path = REPOSITORY / "docs" / "config.md"
    return path.read_text(encoding="utf-8")


def blocks(text: str) -> list[Any]:
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


def test_example_has_no_problem(text: str, tmp_path: Path) -> None:
    checked = check_training(tmp_path, blocks(text)[0], ENVIRONMENT, {}, check_data=False)
    assert [str(problem) for problem in checked.problems] == []
    assert (checked.notes, checked.warnings) == ([], [])


def test_data_list_keeps_its_schema(text: str) -> None:
    assert schema_problems(blocks(text)[1], "dataset") == []


def test_message_is_what_the_check_says(text: str, tmp_path: Path) -> None:
    config = blocks(text)[0]
    flip = {"name": "RandFlipd", "args": {"keys": "image", "probb": 0.5}}
    config["train"]["pre_transforms"] += [{"name": "EnsureTyped", "args": {"keys": "image"}}, flip]
    (problem,) = check_training(tmp_path, config, ENVIRONMENT, {}, check_data=False).problems
    assert str(problem) in text


def test_files_that_are_named_exist(text: str) -> None:
    for name in re.findall(r"`config/([a-z_.]+\.json)`", text):
        assert (asset("config") / name).is_file(), name
    for name in re.findall(r"\]\(([a-z_]+\.md)\)", text):
        assert (REPOSITORY / "docs" / name).is_file(), name

"""What docs/automl.md says of components, settings and files is what the code has."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from medl.apps.automl.train import parser
from medl.automl.assemble import automl_problems
from medl.automl.parts import CONTROLLER, EXECUTOR, HANDLER, ROLES
from medl.automl.search_config import DEFAULT_EXECUTOR, DEFAULT_HANDLERS, with_defaults
from medl.automl.settings import RUN_SETTINGS
from medl.mmar.run_folder import RunFolder

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "automl.md").read_text(encoding="utf-8")
CONTROLLERS_PAGE = (DOCS / "controllers.md").read_text(encoding="utf-8")
CLASSES = {name: dotted for role in ROLES for name, dotted in role.classes().items()}


def sections() -> dict[str, str]:
    """Return what stands under each heading of the third level."""
    return dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", TEXT + "\n" + CONTROLLERS_PAGE, re.M | re.S))


def rows(text: str) -> list[tuple[str, str]]:
    """Return the first two cells of each table row that begins with code."""
    return re.findall(r"^\| `([^`]*)` \| (?:`([^`]*)`)? ?\|", text, re.M)


def test_every_component_has_a_section_in_the_part_of_its_role() -> None:
    assert set(sections()) == set(CLASSES)
    for role, heading in ((CONTROLLER, "Controllers"), (EXECUTOR, "Executor"), (HANDLER, "Handlers")):
        part = re.search(rf"^## {heading}:.*?(?=^## )", TEXT, re.M | re.S)
        assert part is not None
        found = part.group() + (CONTROLLERS_PAGE if role is CONTROLLER else "")
        assert set(re.findall(r"^### (\w+)", found, re.M)) == set(role.classes())


@pytest.mark.parametrize("name", CLASSES)
def test_args_and_defaults_are_the_codes(name: str) -> None:
    module, _, attribute = CLASSES[name].rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), attribute)).parameters
    shown: list[tuple[str, Any]] = [(arg, json.loads(default)) for arg, default in rows(sections()[name])]
    defaults = {arg: parameter.default for arg, parameter in parameters.items()}
    listed = [(arg, list(value) if isinstance(value, tuple) else value) for arg, value in defaults.items()]
    assert shown == listed
    assert bool(shown) != ("It has no args." in sections()[name])


def test_the_examples_have_no_problem(tmp_path: Path) -> None:
    examples = re.findall(r"```json\n(.*?)```", TEXT, re.S)
    assert len(examples) >= 3
    for example in examples:
        assert automl_problems(json.loads(example), "config/config_automl.json", tmp_path) == []


def test_what_may_be_left_out_is_what_the_page_says() -> None:
    assert (DEFAULT_EXECUTOR, DEFAULT_HANDLERS) == ("MMARExecutor", ("MMARHandler", "StatsHandler"))
    assert with_defaults({"controller": {}, "executor": {}}) == {"controller": {}, "executor": {}}
    assert list(with_defaults({"controller": {}})) == ["controller", "executor", "handlers"]


def test_every_setting_and_option_is_named() -> None:
    part = re.search(r"^## The command.*?(?=^## )", TEXT, re.M | re.S)
    assert part is not None
    shown = [setting.partition("=")[0] for setting, _ in rows(part.group())]
    assert sorted(shown) == sorted([*RUN_SETTINGS, "controller.ARG"])
    options = {word for action in parser()._actions for word in action.option_strings if word.startswith("--")}
    assert [word for word in options - {"--help", "--mmar"} if word not in part.group()] == []


def test_every_file_of_a_run_is_named(tmp_path: Path) -> None:
    part = re.search(r"^## The run's folder.*?(?=^## )", TEXT, re.M | re.S)
    assert part is not None
    folder = RunFolder(tmp_path, "a")
    paths = [getattr(folder, name) for name, value in vars(RunFolder).items() if isinstance(value, property)]
    paths.append(folder.superseded("W1_2_J3", 1))
    assert [path.name for path in paths if f"`{path.name}" not in part.group()] == []


def test_pages_and_sections_that_are_linked_exist() -> None:
    docs = Path(__file__).parents[2] / "docs"
    for name in re.findall(r"\]\(([a-z_]+\.md)\)", TEXT):
        assert (docs / name).is_file(), name
    assert "## What is deleted" in TEXT  # README links it

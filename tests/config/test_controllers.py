"""Every controller's schema and ready config say what its class has."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from medl.assets import asset
from medl.automl.assemble import assemble, automl_problems
from medl.automl.controller_names import controller_name, short_name
from medl.automl.parts import CONTROLLER
from medl.conf.validate import schema

CONFIG = asset("config")
NAMES = sorted(CONTROLLER.classes())
SCHEMAS = sorted(path.name.removesuffix(".schema.json") for path in CONFIG.glob("controller_*.schema.json"))


def defaults(name: str) -> dict[str, Any]:
    module, _, attribute = CONTROLLER.classes()[name].rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), attribute)).parameters
    return {arg: parameter.default for arg, parameter in parameters.items()}


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_has_the_args_and_defaults_of_the_class(name: str) -> None:
    made = schema(f"controller_{short_name(name)}")
    found = {arg: list(value) if isinstance(value, tuple) else value for arg, value in defaults(name).items()}
    assert {arg: part.get("default") for arg, part in made["properties"].items()} == found
    assert all(part.get("description") and part.get("x-rule") for part in made["properties"].values())
    assert made["additionalProperties"] is False


@pytest.mark.parametrize("name", NAMES)
def test_the_ready_config_is_good(name: str, tmp_path: Path) -> None:
    file = f"config_automl_{short_name(name)}.json"
    config = json.loads((CONFIG / file).read_text(encoding="utf-8"))
    assert config["controller"]["name"] == name
    assert [str(problem) for problem in automl_problems(config, file, tmp_path)] == []
    assert type(assemble(config, file, tmp_path).controller).__name__ == name


def test_no_schema_or_ready_config_is_of_no_controller() -> None:
    known = {short_name(name) for name in NAMES}
    assert {name.removeprefix("controller_") for name in SCHEMAS} == known
    ready = {path.stem.removeprefix("config_automl_") for path in CONFIG.glob("config_automl_*.json")}
    assert ready == known
    assert all(controller_name(short, NAMES) in NAMES for short in known)

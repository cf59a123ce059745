"""The catalogue is what the installed MONAI, torch and ignite say; the script that makes it refuses a stale table."""

from __future__ import annotations

import importlib.util
import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from medl.assets import asset
from medl.conf.catalogue import Catalogue
from medl.conf.validate import schema_problems


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "make_catalogue.py"
    spec = importlib.util.spec_from_file_location("make_catalogue", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore")
def test_file_is_what_the_installed_packages_say(script: ModuleType) -> None:
    written = (asset("config") / "catalogue.json").read_text(encoding="utf-8")
    made = script.catalogue_text()
    assert json.loads(written)["versions"] == json.loads(made)["versions"]
    assert written.splitlines() == made.splitlines(), "run python scripts/make_catalogue.py"


def test_file_keeps_its_schema() -> None:
    data = json.loads((asset("config") / "catalogue.json").read_text(encoding="utf-8"))
    assert schema_problems(data, "catalogue") == []
    translations = json.loads((asset("config") / "translations.json").read_text(encoding="utf-8"))
    assert schema_problems(translations, "translations") == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["UNet", "RandFlipd", "DataLoader", "DiceLoss", "SelectItemsd", "SGD", "resnet18"])
def test_entry_can_be_imported_and_takes_what_it_says(name: str) -> None:
    entry = Catalogue.load().find(name)
    assert entry is not None
    thing = getattr(importlib.import_module(entry.module), entry.name)
    function = thing.__init__ if inspect.isclass(thing) else thing
    named = set(inspect.signature(function).parameters) - {"self", "args", "kwargs"}
    assert named == {p.name for p in entry.parameters}


@pytest.mark.filterwarnings("ignore")
def test_every_entry_can_be_imported_from_its_packages() -> None:
    for entry in Catalogue.load():
        home = getattr(importlib.import_module(entry.module), entry.name)
        for package in entry.packages:
            assert getattr(importlib.import_module(package), entry.name) is home, (package, entry.name)


def test_every_class_with_kwargs_that_a_config_names_is_in_the_table() -> None:
    table = json.loads((asset("config") / "open_classes.json").read_text(encoding="utf-8"))["classes"]
    known = {name for name, row in table.items() if "any" in row}
    unsaid = [e.dotted for e in Catalogue.load() if e.open and e.kind != "other" and not {e.name, e.dotted} & known]
    assert unsaid == []


def entry(name: str, parameters: list[list[str]], *, is_open: bool) -> dict[str, Any]:
    return {"name": name, "module": "m", "parameters": parameters, "open": is_open, "packages": ["m"], "kind": "loss"}


def test_table_closes_classes_and_takes_over_what_others_need(script: ModuleType) -> None:
    rows = [
        entry("Inner", [["a"], ["b", "1"], ["block"]], is_open=False),
        entry("Outer", [["c"]], is_open=True),
        entry("Outermost", [["d", "0"]], is_open=True),
    ]
    script.close(
        rows,
        {"Outer": {"like": ["Inner"], "except": ["block"], "accepts": ["x"]}, "Outermost": {"like": ["Outer"]}},
    )
    assert rows[1]["parameters"] == [["c"], ["a"]]
    assert sorted(rows[1]["accepts"]) == ["b", "x"]
    assert rows[1]["open"] is False
    assert rows[2]["parameters"] == [["d", "0"], ["c"], ["a"]]
    assert sorted(rows[2]["accepts"]) == ["b", "x"]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"Gone": {"accepts": []}}, "Gone is no component any more"),
        ({"Closed": {"accepts": []}}, "Closed has no"),
        ({"Open": {"like": ["Gone"]}}, "Gone is unknown"),
        ({"Open": {"like": ["Open"]}}, "Open is unknown, or like itself"),
    ],
)
def test_stale_table_is_refused(script: ModuleType, table: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        script.close([entry("Closed", [], is_open=False), entry("Open", [], is_open=True)], table)


def test_defaults_have_no_addresses(script: ModuleType) -> None:
    assert script.default_text(len) == "builtins.len"
    assert "0x" not in script.default_text(object())
    assert script.default_text("a" * 200) == "..."

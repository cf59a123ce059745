from __future__ import annotations

from typing import Any

import pytest

from medl.automl.geometry import GEOMETRY, geometry_warnings, search_warnings
from medl.conf.catalogue import Catalogue


def item(kind: str, args: Any, targets: Any) -> dict[str, Any]:
    return {"domain": "transform", "type": kind, "args": args, "targets": targets}


PIXDIM = item("enum", ["pixdim"], [[[1, 1, 1]], [[2, 2, 2]]])
OFF = item("enum", ["@disabled"], [[True], [False]])


def config(transform: dict[str, Any], validate: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {**more, "train": {"pre_transforms": [transform]}, "validate": {"pre_transforms": validate}}


def spacing(*search: dict[str, Any], name: str = "Spacingd", **args: Any) -> dict[str, Any]:
    return {"name": name, "args": {"keys": "image", **args}, "search": list(search)}


CHANGED = {
    "arg through ref": config(spacing(PIXDIM), [{"ref": "Spacingd"}]),
    "other spelling": config(spacing(PIXDIM, name="SpacingD"), [{"ref": "SpacingDict"}]),
    "alias": config(spacing(PIXDIM, name="Spacingd#fine"), [{"ref": "fine"}]),
    "path": config({"path": "monai.transforms.Spacingd", "search": [PIXDIM]}, [{"ref": "Spacingd"}]),
    "switch": config(spacing(OFF), [{"ref": "Spacingd"}]),
    "switch of the ref itself": config(spacing(), [{"ref": "Spacingd", "search": [OFF]}]),
    "in validate itself": config(spacing(), [spacing(PIXDIM)]),
    "padding": config(
        {"name": "SpatialPadd", "args": {}, "search": [item("enum", ["spatial_size"], [[8], [16]])]},
        [{"ref": "SpatialPadd"}],
    ),
    "through a first-level value": config(
        spacing(pixdim=["{mm}", "{mm}", 1]), [{"ref": "Spacingd"}], mm=1, search=[item("float", ["mm"], [1, 2])]
    ),
    "through apply": config(
        {**spacing(), "apply": {"pixdim": "p"}}, [{"ref": "Spacingd"}], search=[item("enum", ["p"], [[[1]], [[2]]])]
    ),
}

UNCHANGED = {
    "not taken over": config(spacing(PIXDIM), [{"name": "Spacingd", "args": {"pixdim": [1, 1, 1]}}]),
    "interpolation": config(spacing(item("enum", ["mode"], [["nearest"], ["bilinear"]])), [{"ref": "Spacingd"}]),
    "intensity": config(
        {"name": "ScaleIntensityRanged", "args": {}, "search": [item("float", ["a_max"], [100, 200])]},
        [{"ref": "ScaleIntensityRanged"}],
    ),
    "another one is searched": config(spacing(), [{"ref": "Spacingd"}, {"name": "X", "search": [OFF]}]),
    "first-level value that is used elsewhere": config(
        spacing(mode="{m}"), [{"ref": "Spacingd"}], m="nearest", search=[item("enum", ["m"], [["nearest"]])]
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_searches_that_change_the_validation_images(name: str) -> None:
    found = geometry_warnings(CHANGED[name], "c.json")
    assert len(found) == 1, found
    assert found[0].startswith("c.json: ")
    assert "scores do not compare" in found[0]


@pytest.mark.parametrize("name", UNCHANGED)
def test_searches_that_do_not(name: str) -> None:
    assert geometry_warnings(UNCHANGED[name]) == []


def test_the_line_names_item_arg_and_ref() -> None:
    assert geometry_warnings(CHANGED["arg through ref"]) == [
        "train.pre_transforms[0].search[0]: the search changes pixdim of Spacingd, and validate.pre_transforms[0] "
        "takes it over by ref: jobs are validated on different images, their scores do not compare."
    ]


def test_a_searched_value_that_nothing_refers_to() -> None:
    search = [item("float", ["learning_rate"], [0, 1]), item("enum", ["epochs"], [[1], [2]])]
    optimizer = {"optimizer": {"name": "Adam", "args": {"lr": 0.1}}}
    found = search_warnings({"learning_rate": 0.1, "epochs": 3, "search": search, "train": optimizer}, "c.json")
    assert found == [
        'c.json: search[0]: nothing in the config refers to "{learning_rate}", so searching it changes nothing.'
    ]
    optimizer["optimizer"]["args"]["lr"] = "{learning_rate}"
    assert search_warnings({"learning_rate": 0.1, "epochs": 3, "search": search, "train": optimizer}) == []


@pytest.mark.parametrize("name", GEOMETRY)
def test_the_table_names_classes_and_args_that_exist(name: str) -> None:
    entry = Catalogue.load().find(f"{name}d", "pre_transforms")
    assert entry is not None
    assert set(GEOMETRY[name]) <= {parameter.name for parameter in entry.parameters}

"""Channels are made before the transforms that count them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from medl.conf.catalogue import Catalogue
from medl.conf.channel_first import channel_warnings, channels_first, late_channels
from medl.conf.today import in_todays_words

CATALOGUE = Catalogue.load()
LOAD = {"name": "LoadImaged", "args": {"keys": ["image", "label"]}}
SPACE = {"name": "Spacingd", "args": {"keys": ["image", "label"], "pixdim": [1, 1, 1]}}
TURN = {"name": "Orientationd", "args": {"keys": ["image"], "axcodes": "RAS"}}
FIRST = {"name": "EnsureChannelFirstd", "args": {"keys": ["image", "label"]}}
SCALE = {"name": "ScaleIntensityd", "args": {"keys": ["image"]}}


def config(*specs: Any, validate: list[Any] | None = None) -> dict[str, Any]:
    made = {"train": {"pre_transforms": copy.deepcopy(list(specs))}}
    return {**made, "validate": {"pre_transforms": validate}} if validate else made


def names(config: dict[str, Any], section: str = "train") -> list[str]:
    return [spec.get("name", spec.get("ref")).partition("#")[0] for spec in config[section]["pre_transforms"]]


def test_channels_are_made_before_the_first_transform_that_needs_them() -> None:
    result = channels_first(config(LOAD, SCALE, SPACE, TURN, FIRST), CATALOGUE)
    assert names(result.config) == [
        "LoadImaged",
        "ScaleIntensityd",
        "EnsureChannelFirstd",
        "Spacingd",
        "Orientationd",
    ]
    assert result.before("train.pre_transforms[2].args") == "train.pre_transforms[4].args"
    assert result.before("train.pre_transforms[3]") == "train.pre_transforms[2]"
    assert len(result.notes) == 1 and "Spacingd" in result.notes[0]


def test_validation_of_claras_example_by_ref() -> None:
    refs = [{"ref": name} for name in ("LoadImaged", "Spacingd", "EnsureChannelFirstd")]
    result = channels_first(config(LOAD, FIRST, SPACE, validate=refs), CATALOGUE)
    assert names(result.config) == ["LoadImaged", "EnsureChannelFirstd", "Spacingd"]
    assert names(result.config, "validate") == ["LoadImaged", "EnsureChannelFirstd", "Spacingd"]


@pytest.mark.parametrize(
    "specs",
    [
        (LOAD, FIRST, SPACE),
        (LOAD, SCALE, FIRST),
        (LOAD, {**SPACE, "disabled": True}, FIRST),
        (LOAD, {**SPACE, "args": {"keys": "other"}}, FIRST),
        ({**LOAD, "args": {**LOAD["args"], "ensure_channel_first": True}}, SPACE, FIRST),
        (LOAD, FIRST, SPACE, FIRST),
    ],
)
def test_order_that_is_right_stays(specs: tuple[Any, ...]) -> None:
    given = config(*specs)
    assert list(late_channels(given, CATALOGUE)) == []
    assert channels_first(given, CATALOGUE).config == given


def test_two_keys_that_are_made_by_two() -> None:
    add = {"name": "AddChanneld", "args": {"keys": "label"}}
    image = {"name": "EnsureChannelFirstd", "args": {"keys": "image"}}
    old = config(LOAD, SPACE, image, TURN, add)
    today = in_todays_words(old, {"CLARA_TRAIN_VERSION": "4.0"}, CATALOGUE)
    order = ["LoadImaged", "EnsureChannelFirstd", "EnsureChannelFirstd", "Spacingd", "Orientationd"]
    assert names(today.config) == order
    made = [spec["args"]["keys"] for spec in today.config["train"]["pre_transforms"][1:3]]
    assert sorted(made) == ["image", "label"]
    assert {today.before(f"train.pre_transforms[{index}]") for index in (1, 2)} == {
        "train.pre_transforms[2]",
        "train.pre_transforms[4]",
    }


def test_config_of_today_is_only_warned_of() -> None:
    given = config(LOAD, SPACE, FIRST)
    assert in_todays_words(given, {"MEDL_VERSION": "0.1"}, CATALOGUE).config == given
    (warning,) = channel_warnings(given, CATALOGUE, "c.json")
    assert warning.startswith("c.json: train.pre_transforms[2]: EnsureChannelFirstd stands after Spacingd")

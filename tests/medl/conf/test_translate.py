"""Old names put into today's."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.conf.catalogue import Catalogue
from medl.conf.old_args import FUNCTIONS, CannotTranslate, one_hot, threshold
from medl.conf.sections import components
from medl.conf.translate import Translation, current_arg, table, today_class, translate

CATALOGUE = Catalogue.load()


def post(**args: Any) -> dict[str, Any]:
    return {"validate": {"post_transforms": [{"name": "AsDiscreteD", "args": args}]}}


def translated(config: dict[str, Any], rows: list[dict[str, Any]] | None = None) -> Translation:
    before = copy.deepcopy(config)
    result = translate(config, CATALOGUE, "c.json", rows)
    assert config == before, "the given config must not change"
    return result


@pytest.mark.parametrize("name", ["UNet", "Unet", "BasicUnet", "AutoEncoder", "monai.networks.nets.VarAutoEncoder#v"])
def test_dimensions_is_spatial_dims(name: str) -> None:
    result = translated({"train": {"model": {"name": name, "args": {"dimensions": 3, "in_channels": 1}}}})
    assert list(result.config["train"]["model"]["args"].items()) == [("spatial_dims", 3), ("in_channels", 1)]
    assert len(result.notes) == 1
    assert 'the arg "dimensions" is now "spatial_dims"' in result.notes[0]
    assert result.problems == []


def test_search_and_apply_are_renamed_too() -> None:
    model = {
        "name": "UNet",
        "args": {"dimensions": 3},
        "search": [
            {"domain": "net", "type": "enum", "args": ["dimensions#dims", "act"], "targets": [[2, "relu"]]},
            {"domain": "net", "type": "enum", "args": "dimensions", "targets": [[2]]},
        ],
        "apply": {"dimensions": "other", "act": "third"},
    }
    result = translated({"train": {"model": model}}).config["train"]["model"]
    assert [item["args"] for item in result["search"]] == [["spatial_dims#dims", "act"], "spatial_dims"]
    assert result["apply"] == {"spatial_dims": "other", "act": "third"}


def test_note_is_said_once() -> None:
    net = {"name": "UNet", "args": {"dimensions": 3}}
    assert len(translated({"train": {"model": [net, dict(net)]}}).notes) == 1


def test_old_and_new_name_together_are_a_problem() -> None:
    result = translated({"train": {"model": {"name": "UNet", "args": {"dimensions": 3, "spatial_dims": 2}}}})
    (problem,) = result.problems
    assert problem.rule == '"dimensions" is the old name of "spatial_dims", so only one of them can be given'
    assert (problem.file, problem.path, problem.value) == ("c.json", "train.model.args.dimensions", 3)


@pytest.mark.parametrize("spec", [{"path": "mynets.UNet"}, {"name": "SegResNet"}, {"path": "custom.nets.BasicUNet"}])
def test_other_classes_keep_their_args(spec: dict[str, Any]) -> None:
    config = {"train": {"model": {**spec, "args": {"dimensions": 3}}}}
    assert translated(config) == Translation(config, [], [])


def test_class_attributes_are_args() -> None:
    config = {"train": {"model": {"name": "UNet", "args": {"class_attributes": {"dimensions": 3}}}}}
    assert translated(config).config["train"]["model"]["args"] == {"class_attributes": {"spatial_dims": 3}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"to_onehot": True, "n_classes": 3}, {"to_onehot": 3}),
        ({"to_onehot": True, "num_classes": 3}, {"to_onehot": 3}),
        ({"to_onehot": [True, False], "n_classes": 2}, {"to_onehot": [2, None]}),
        ({"to_onehot": [True, True], "n_classes": [2, 3]}, {"to_onehot": [2, 3]}),
        ({"to_onehot": True, "n_classes": [2, None]}, None),
        ({"to_onehot": [False, False], "n_classes": 2}, {}),
        ({"to_onehot": False}, {}),
        ({"n_classes": 3, "argmax": True}, {"argmax": True}),
        ({"to_onehot": 3, "num_classes": 3}, {"to_onehot": 3}),
        ({"to_onehot": 3}, {"to_onehot": 3}),
        ({"to_onehot": [3, None]}, {"to_onehot": [3, None]}),
        ({"to_onehot": 3, "num_classes": 4}, None),
        ({"to_onehot": True}, None),
        ({"to_onehot": [True, True], "n_classes": [2]}, None),
        ({"n_classes": 2, "num_classes": 3}, None),
        ({"to_onehot": "{flag}", "n_classes": 2}, None),
    ],
)
def test_one_hot(old: dict[str, Any], new: dict[str, Any] | None) -> None:
    if new is None:
        with pytest.raises(CannotTranslate):
            one_hot(old)
    else:
        assert repr(one_hot(dict(old))) == repr(new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"threshold_values": True}, {"threshold": 0.5}),
        ({"threshold_values": True, "logit_thresh": 0.3}, {"threshold": 0.3}),
        ({"threshold_values": [True, False], "logit_thresh": 0.3}, {"threshold": [0.3, None]}),
        ({"threshold_values": [True, True], "logit_thresh": [0.3, 0.4]}, {"threshold": [0.3, 0.4]}),
        ({"threshold_values": False, "argmax": True}, {"argmax": True}),
        ({"logit_thresh": 0.3}, {}),
        ({"threshold_values": [True], "logit_thresh": [0.3, 0.4]}, None),
        ({"threshold_values": True, "threshold": 0.4}, None),
        ({"threshold_values": "@x"}, None),
    ],
)
def test_threshold(old: dict[str, Any], new: dict[str, Any] | None) -> None:
    if new is None:
        with pytest.raises(CannotTranslate):
            threshold(old)
    else:
        assert threshold(dict(old)) == new


@given(st.one_of(st.booleans(), st.lists(st.booleans(), min_size=1, max_size=4)), st.integers(1, 9))
def test_one_hot_keeps_length_and_never_leaves_a_bool(switch: bool | list[bool], count: int) -> None:
    value = one_hot({"to_onehot": switch, "n_classes": count}).get("to_onehot")
    values = value if isinstance(value, list) else [value]
    assert all(v is None or (v == count and not isinstance(v, bool)) for v in values)
    if isinstance(switch, list) and value is not None:
        assert len(values) == len(switch)
        assert [v is not None for v in values] == switch


def test_as_discrete_in_a_config() -> None:
    result = translated(post(keys=["pred", "label"], to_onehot=[True, True], n_classes=3, threshold_values=True))
    args = result.config["validate"]["post_transforms"][0]["args"]
    assert args == {"keys": ["pred", "label"], "to_onehot": [3, 3], "threshold": 0.5}
    assert len(result.notes) == 2
    assert "to_onehot=[true, true], n_classes=3 is now to_onehot=[3, 3]" in result.notes[0]


def test_as_discrete_of_today_is_left_alone() -> None:
    config = post(keys="pred", to_onehot=3, argmax=True)
    assert translated(config) == Translation(config, [], [])


def test_what_cannot_be_translated_is_a_problem() -> None:
    (problem,) = translated(post(keys="pred", to_onehot=True)).problems
    assert problem.path == "validate.post_transforms[0].args.to_onehot"
    assert "true does not say how many" in problem.rule


def test_old_args_of_a_function_cannot_be_searched() -> None:
    config = post(keys="pred", to_onehot=True, n_classes=3)
    config["validate"]["post_transforms"][0]["search"] = [{"args": ["n_classes#n"]}]
    (problem,) = translated(config).problems
    assert problem.rule == 'AsDiscreteD has no arg "n_classes" any more, so it cannot be searched'


ROWS: list[dict[str, Any]] = [
    {
        "class": ["AddChanneld"],
        "do": "rename_class",
        "to": "EnsureChannelFirstd",
        "add": {"channel_dim": "no_channel"},
        "why": "gone in MONAI 1.3",
    },
    {"class": ["EnsureChannelFirstd"], "do": "drop_arg", "arg": "meta_keys"},
    {"class": ["TransformInverter"], "do": "refuse", "remedy": "Use Invertd in post_transforms."},
    {"class": ["StatsHandler"], "do": "refuse", "arg": "logger_handler", "remedy": "Use name."},
    {"class": ["UNet"], "do": "rename_arg", "arg": "dims", "to": "dimensions"},
    {"class": ["UNet"], "do": "rename_arg", "arg": "dimensions", "to": "spatial_dims"},
]


@pytest.mark.parametrize("name", ["AddChanneld", "AddChannelD", "AddChannelDict", "monai.transforms.AddChanneld"])
def test_class_that_is_gone_is_renamed_and_can_still_be_referred_to(name: str) -> None:
    config = {"train": {"pre_transforms": [{"name": name, "args": {"keys": "image", "meta_keys": "x"}}]}}
    result = translated(config, ROWS)
    assert result.config["train"]["pre_transforms"][0] == {
        "name": f"EnsureChannelFirstd#{name.rpartition('.')[2]}",
        "args": {"keys": "image", "channel_dim": "no_channel"},
    }
    assert 'the class is now "EnsureChannelFirstd" (gone in MONAI 1.3)' in result.notes[0]


def test_alias_and_missing_args_survive_a_renamed_class() -> None:
    config = {"train": {"pre_transforms": [{"path": "monai.transforms.AddChanneld#channel"}]}}
    assert translated(config, ROWS).config["train"]["pre_transforms"][0] == {
        "name": "EnsureChannelFirstd#channel",
        "args": {"channel_dim": "no_channel"},
    }


def test_searched_arg_that_is_gone_is_a_problem() -> None:
    spec = {"name": "EnsureChannelFirstd", "args": {"meta_keys": 1}, "apply": {"meta_keys": "a"}}
    (problem,) = translated({"train": {"pre_transforms": [spec]}}, ROWS).problems
    assert problem.path == "train.pre_transforms[0]"
    assert "cannot be searched" in problem.rule


def test_refused_class_and_arg_say_what_to_do() -> None:
    handlers = [{"name": "TransformInverter"}, {"name": "StatsHandler", "args": {"logger_handler": 1}}]
    config = {"train": {"handlers": handlers}}
    gone, arg = translated(config, ROWS).problems
    assert (gone.rule, gone.path) == ('there is no "TransformInverter" any more', "train.handlers[0].name")
    assert gone.remedy == "Use Invertd in post_transforms."
    assert (arg.path, arg.remedy) == ("train.handlers[1].args.logger_handler", "Use name.")


def test_one_row_goes_on_from_another() -> None:
    config = {"train": {"model": {"name": "UNet", "args": {"dims": 2}}}}
    assert translated(config, ROWS).config["train"]["model"]["args"] == {"spatial_dims": 2}
    assert current_arg("UNet", "dims", ROWS) == "spatial_dims"


def test_current_arg() -> None:
    assert current_arg("UNet", "dimensions") == "spatial_dims"
    assert current_arg("UNet", "act") == "act"
    assert current_arg("SegResNet", "dimensions") == "dimensions"


def test_today_class_of_a_ref_and_of_own_code_is_empty() -> None:
    config = {"train": {"model": {"path": "a.B"}}, "validate": {"pre_transforms": [{"ref": "Spacingd"}]}}
    assert [today_class(place, CATALOGUE) for place in components(config)] == ["", ""]


def test_table_names_functions_and_classes_that_exist() -> None:
    for row in table():
        assert row["do"] != "function" or row["function"] in FUNCTIONS
        for name in row["class"] if row["do"] in ("rename_arg", "function", "drop_arg") else []:
            entry = CATALOGUE.find(name)
            assert entry is not None and entry.name == name
            if row["do"] == "rename_arg":
                assert entry.signature.takes(row["to"])
                assert entry.open or not entry.signature.takes(row["arg"])

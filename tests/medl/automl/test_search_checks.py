from __future__ import annotations

from typing import Any

import pytest

from medl.automl.space import find_search_space, own_values, search_problems
from medl.conf.catalogue import Catalogue

CATALOGUE = Catalogue.load()


def item(kind: str, args: Any, targets: Any) -> dict[str, Any]:
    return {"domain": "transform", "type": kind, "args": args, "targets": targets}


def zoom(*search: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "RandZoomd", "args": {"keys": "image", "prob": 0.2}, "search": list(search), **more}


def train(*transforms: dict[str, Any], **first_level: Any) -> dict[str, Any]:
    return {**first_level, "train": {"pre_transforms": list(transforms)}}


def problems_of(config: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem.path, str(problem)) for problem in search_problems(config, CATALOGUE, "c.json")]


SWITCH = item("enum", ["@off"], [[True], [False]])

GOOD: dict[str, dict[str, Any]] = {
    "arg": train(zoom(item("float", ["prob"], [0, 1]))),
    "arg with default, not written down": train(zoom(item("float", ["min_zoom"], [0.5, 1]))),
    "arg taken through **kwargs": train(zoom(item("enum", ["constant_values"], [[0], [1]]))),
    "dictionary form in capitals": train({"name": "RandZoomD", "args": {}, "search": [item("float", "prob", [0, 1])]}),
    "dotted name": train(
        {"name": "monai.transforms.RandZoomd#z", "args": {}, "search": [item("float", "prob", [0, 1])]}
    ),
    "own class": train({"path": "mine.Zoom", "name": "RandZoomd", "search": [item("float", "own", [0, 1])]}),
    "any domain anywhere": {
        "train": {"loss": {"name": "DiceLoss", "search": [item("enum", "batch", [[True], [False]])]}}
    },
    "switch from the first level": train(zoom(apply={"@disabled": "off"}), search=[SWITCH]),
    "first-level value": train(search=[item("float", ["learning_rate"], [0, 1])], learning_rate=0.1),
    "first-level value with an alias": train(
        zoom(apply={"prob": "p"}), search=[item("float", ["rate#p"], [0, 1])], rate=0.1
    ),
    "first-level name that only an alias carries": train(
        zoom(apply={"prob": "p"}), search=[item("float", ["free#p"], [0, 1])]
    ),
    "old name of an arg": {
        "train": {
            "model": {"name": "UNet", "args": {"dimensions": 3}, "search": [item("enum", ["dimensions"], [[2], [3]])]}
        }
    },
    "one class twice": train(zoom(item("float", ["prob"], [0, 1])), zoom(item("float", ["prob"], [0, 1]))),
    "disabled of a ref": {
        "train": {"pre_transforms": [zoom()]},
        "validate": {
            "pre_transforms": [{"ref": "RandZoomd", "search": [item("enum", "@disabled", [[True], [False]])]}]
        },
    },
}


@pytest.mark.parametrize(
    ("config", "path"),
    [
        (train(zoom(item("float", ["keep_size"], [0, 1]), args={"keys": "image", "keep_size": True})), "keep_size"),
        (train(zoom(item("float", ["mode"], [0, 1]), args={"keys": "image", "mode": "area"})), "mode"),
        (train(zoom(item("float", ["allow_missing_keys"], [0, 1]))), "allow_missing_keys"),
        (train(search=[item("float", ["epochs"], [2, 9])], epochs=3), "epochs"),
        (train(search=[item("float", ["amp"], [0, 1])], amp=False), "amp"),
    ],
)
def test_range_of_floats_where_no_number_fits(config: dict[str, Any], path: str) -> None:
    ((_, text),) = problems_of(config)
    assert "take the place of a number" in text and f'"{path}"' in text and '"type": "enum"' in text


def test_range_of_floats_where_a_variable_stands() -> None:
    config = train(zoom(item("float", ["prob"], [0, 1]), args={"keys": "image", "prob": "{p}"}), p=0.5)
    assert problems_of(config) == []


@pytest.mark.parametrize("name", GOOD)
def test_good_sections(name: str) -> None:
    assert problems_of(GOOD[name]) == []


FIRST = "train.pre_transforms[0].search[0]"

BROKEN: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "unknown arg": (
        train(zoom(item("float", ["probb"], [0, 1]))),
        FIRST,
        ['RandZoomd has no arg "probb"', 'Did you mean "prob"?'],
    ),
    "unknown arg without a near one": (
        {"train": {"loss": {"name": "DiceLoss", "search": [item("float", ["zzz"], [0, 1])]}}},
        "train.loss.search[0]",
        ['DiceLoss has no arg "zzz"', "Its args: include_background"],
    ),
    "disabled without @": (
        train(zoom(item("enum", ["disabled"], [[True], [False]]))),
        FIRST,
        ['no arg "disabled"', 'Did you mean "@disabled"?'],
    ),
    "other attribute": (
        train(zoom(item("enum", ["@rank"], [[0], [1]]))),
        FIRST,
        ['the only attribute that can be searched is "@disabled"', '"rank"'],
    ),
    "misspelt attribute": (
        train(zoom(item("enum", ["@disable"], [[True], [False]]))),
        FIRST,
        ['Did you mean "@disabled"?'],
    ),
    "float for @disabled": (
        train(zoom(item("float", ["@disabled"], [0, 1]))),
        FIRST,
        ["true and false, not a range of floats", '"targets": [[true], [false]]'],
    ),
    "text for @disabled": (
        train(zoom(item("enum", ["@disabled"], [[True], ["false"]]))),
        FIRST,
        ["true and false", 'got "false"'],
    ),
    "number for @disabled through apply": (
        train(zoom(apply={"@disabled": "off"}), search=[item("enum", ["off"], [[1], [0]])]),
        "train.pre_transforms[0].apply.@disabled",
        ["true and false, but got 1", "The values stand in search[0]"],
    ),
    "apply of an unknown alias": (
        train(zoom(item("float", ["prob#share"], [0, 1])), zoom(apply={"prob": "shared"})),
        "train.pre_transforms[1].apply.prob",
        ['no search item defines the alias "shared"', 'Did you mean "share"?'],
    ),
    "apply where nothing is defined": (
        train(zoom(apply={"prob": "shared"})),
        "train.pre_transforms[0].apply.prob",
        ['no search item defines the alias "shared"', 'as "arg#alias"'],
    ),
    "apply to an unknown arg": (
        train(zoom(item("float", ["prob#p"], [0, 1])), zoom(apply={"min_zom": "p"})),
        "train.pre_transforms[1].apply.min_zom",
        ['RandZoomd has no arg "min_zom"', 'Did you mean "min_zoom"'],
    ),
    "alias defined twice": (
        train(zoom(item("float", ["prob#p"], [0, 1]), item("float", ["min_zoom#p"], [0, 1]))),
        "train.pre_transforms[0].search[1]",
        ['"p" is also defined at train.pre_transforms[0].search[0]'],
    ),
    "alias that is a searched first-level name": (
        train(zoom(item("float", ["prob#rate"], [0, 1])), search=[item("float", ["rate"], [0, 1])], rate=1),
        FIRST,
        ['"rate" is also defined at search[0]'],
    ),
    "misspelt first-level value": (
        train(search=[item("float", ["learnin_rate"], [0, 1])], learning_rate=0.1),
        "search[0]",
        ['"learnin_rate" is neither', 'Did you mean "learning_rate"?'],
    ),
    "a section is no first-level value": (
        train(search=[item("enum", ["train"], [[1]])]),
        "search[0]",
        ['"train" is neither'],
    ),
    "free alias that nothing uses": (
        train(zoom(), search=[SWITCH]),
        "search[0]",
        ['"@off" is neither', 'use the name in a component\'s "apply"'],
    ),
    "lr_search without learning_rate": (
        train(lr_search=[0.1, 1]),
        "lr_search",
        ['"learning_rate" is neither', '"lr": "{learning_rate}"'],
    ),
    "lr_search beside the same search": (
        train(lr_search=[0.1, 1], learning_rate=1, search=[item("float", ["learning_rate"], [0, 1])]),
        "lr_search",
        ['"learning_rate" is also defined at search[0]'],
    ),
    "two items, one arg": (
        train(zoom(item("float", ["prob"], [0, 1]), item("enum", ["min_zoom", "prob"], [[1, 1]]))),
        "train.pre_transforms[0].search[1]",
        ['"prob" of train.pre_transforms[0] is also set by train.pre_transforms[0].search[0]', "Remove one"],
    ),
    "one item, one arg twice": (
        train(zoom(item("enum", ["prob", "prob"], [[0, 1]]))),
        FIRST,
        ['"prob" of train.pre_transforms[0] is set twice'],
    ),
    "searched and applied": (
        train(zoom(item("float", ["prob#p"], [0, 1])), zoom(item("float", ["prob"], [0, 1]), apply={"prob": "p"})),
        "train.pre_transforms[1].apply.prob",
        ["also set by train.pre_transforms[1].search[0]"],
    ),
    "one arg by its old and its new name": (
        {
            "train": {
                "model": {
                    "name": "UNet",
                    "search": [item("enum", ["dimensions"], [[2]]), item("enum", ["spatial_dims"], [[3]])],
                }
            }
        },
        "train.model.search[1]",
        ['"spatial_dims" of train.model is also set by train.model.search[0]'],
    ),
    "old name searched, new name given": (
        {
            "train": {
                "model": {"name": "UNet", "args": {"spatial_dims": 3}, "search": [item("enum", ["dimensions"], [[2]])]}
            }
        },
        "train.model.search[0]",
        ['"dimensions" is the old name of "spatial_dims"', 'Search "spatial_dims"'],
    ),
    "arg of a ref": (
        {
            "train": {"pre_transforms": [zoom()]},
            "validate": {"pre_transforms": [{"ref": "RandZoomd", "search": [item("float", ["prob"], [0, 1])]}]},
        },
        "validate.pre_transforms[0].search[0]",
        ['takes its args from train, so "prob" cannot be set here', 'where "RandZoomd" is configured'],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_sections(name: str) -> None:
    config, place, words = BROKEN[name]
    found = [(path, text) for path, text in problems_of(config) if words[0] in text]
    assert [path for path, _ in found] == [place], problems_of(config)
    for word in words:
        assert word in found[0][1]


def test_without_a_catalogue_args_are_not_compared() -> None:
    config = train(zoom(item("float", ["probb"], [0, 1])))
    assert search_problems(config) == []


def test_own_value_of_an_arg_that_is_not_written_down_is_the_default() -> None:
    config = train(
        zoom(
            item("float", ["min_zoom"], [0.5, 1]),
            item("enum", ["mode"], [["area"]]),
            item("enum", "@disabled", [[True]]),
        )
    )
    space, _ = find_search_space(config, CATALOGUE)
    assert own_values(config, space, CATALOGUE) == {
        "transform.float.train.pre_transforms.#1$0:min_zoom": [0.9],
        "transform.enum.train.pre_transforms.#1$1:mode": ["area"],
        "transform.enum.train.pre_transforms.#1$2:@disabled": [False],
    }

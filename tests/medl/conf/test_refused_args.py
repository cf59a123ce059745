from __future__ import annotations

import pytest

from medl.conf.refused_args import refused_args, require_args, with_classes
from medl.errors import ConfigError


def test_usual_args_are_let_through() -> None:
    for reader in ("NibabelReader", "numpyreader", ["ITKReader", "PILReader"], "monai.data.NibabelReader", None):
        assert refused_args({"reader": reader, "keys": "image"}) == []
    assert refused_args({"allow_pickle": False, "weights_only": True, "network_type": "alex"}) == []
    assert refused_args({"reader": "@reader", "allow_pickle": "#1 == 1"}) == []


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({"reader": "os.abort"}, "args.reader"),
        ({"reader": ["NibabelReader", "os.abort"]}, "args.reader[1]"),
        ({"writer": "NibabelReader"}, "args.writer"),
        ({"merger_cls": "os.abort"}, "args.merger_cls"),
        ({"allow_pickle": True}, "args.allow_pickle"),
        ({"allow_pickle": 1}, "args.allow_pickle"),
        ({"weights_only": False}, "args.weights_only"),
        ({"network_type": "RadImageNet_resnet50"}, "args.network_type"),
    ],
    ids=str,
)
def test_others_are_problems_with_their_place(args: dict[str, object], path: str) -> None:
    (problem,) = refused_args(args, path="args", file="c.json")
    assert (problem.path, problem.file) == (path, "c.json")
    with pytest.raises(ConfigError):
        require_args(args)


def test_a_near_name_is_offered() -> None:
    (problem,) = refused_args({"reader": "NibabelRaeder"})
    assert problem.near[0] == "NibabelReader"


def test_full_names_become_classes() -> None:
    asked: list[tuple[str, str]] = []

    def find(dotted: str, path: str) -> type:
        asked.append((dotted, path))
        return dict

    made = with_classes({"reader": ["own.Reader", "PILReader"], "writer": "own.Writer", "keys": "a.b"}, find, "args")
    assert made == {"reader": [dict, "PILReader"], "writer": dict, "keys": "a.b"}
    assert asked == [("own.Reader", "args.reader[0]"), ("own.Writer", "args.writer")]

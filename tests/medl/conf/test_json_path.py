from __future__ import annotations

from medl.conf.json_path import child, members, walk


def test_paths_read_as_in_messages() -> None:
    value = {"train": {"pre_transforms": [{"args": {"prob": 0.5}}], "a.b": 1}}
    paths = [path for path, _ in walk(value)]
    assert paths == [
        "",
        "train",
        "train.pre_transforms",
        "train.pre_transforms[0]",
        "train.pre_transforms[0].args",
        "train.pre_transforms[0].args.prob",
        'train["a.b"]',
    ]


def test_scalars_have_no_members() -> None:
    assert list(members("text")) == [] and child("", "a") == "a"

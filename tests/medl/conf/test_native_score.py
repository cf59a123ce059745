from __future__ import annotations

from medl.conf.native_score import is_native, native_problems


def test_a_training_without_validation_has_nothing_to_bring_back() -> None:
    assert is_native({"score_space": "native"}) and not is_native({"score_space": "network"}) and not is_native({})
    assert native_problems({"train": {}}, {"score_space": "native"}) == []


def test_a_disabled_inversion_does_no_harm() -> None:
    invert = {"name": "InvertD", "args": {"keys": ["pred"]}}
    config = {"validate": {"post_transforms": [invert]}}
    (problem,) = native_problems(config, {"score_space": "native"}, "c.json")
    assert (problem.file, problem.path) == ("c.json", "validate.post_transforms[0]")
    config["validate"]["post_transforms"] = [
        {**invert, "disabled": True},
        {"name": "InvertD", "args": {"keys": "image"}},
    ]
    assert native_problems(config, {"score_space": "native"}) == []
    assert native_problems({"validate": {}}, {}) == []

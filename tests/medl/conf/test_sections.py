from __future__ import annotations

from medl.conf.sections import alias, alternative_problems, args_of, class_name, components, full_name, is_disabled


def test_names_of_a_component() -> None:
    assert full_name({"name": "A", "path": "my.B#b"}) == "my.B"
    assert class_name({"path": "my.pkg.B#b"}) == "B"
    assert alias({"name": "A#scale"}) == "scale" and alias({"name": "A"}) == ""


def test_disabled_is_exactly_true() -> None:
    assert [is_disabled({"disabled": value}) for value in (True, 1, "true", False, None)] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_class_attributes_stand_for_args() -> None:
    assert args_of({"args": {"class_attributes": {"a": 1}, "b": 2}}) == ("args.class_attributes", {"a": 1})
    assert args_of({"name": "A"}) == ("args", {})


def test_components_have_their_places() -> None:
    config = {
        "epochs": 1,
        "train": {"model": {"name": "A"}, "handlers": [{"path": "a.B"}, 3], "amp": True},
        "validate": None,
    }
    assert [place.path for place in components(config)] == ["train.model", "train.handlers[0]"]


def test_exactly_one_alternative_is_enabled() -> None:
    on, off = {"name": "A"}, {"name": "B", "disabled": True}
    assert not alternative_problems({"train": {"loss": [on, off], "handlers": [on, on], "model": off}})
    none, both = alternative_problems({"train": {"loss": [off, off]}, "validate": {"inferer": [on, on]}}, "c.json")
    assert (none.path, both.path) == ("train.loss", "validate.inferer")
    assert "0 enabled of 2" in str(none) and "2 enabled of 2" in str(both)

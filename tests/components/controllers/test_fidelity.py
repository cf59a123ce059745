"""What a trial is given more of."""

from __future__ import annotations

import pytest

from medl.components.controllers.fidelity import read_fidelity


def test_epochs_are_the_default():
    assert read_fidelity(None) is None
    assert read_fidelity("epochs") is None


def test_a_variable_is_whole_where_its_bounds_are():
    assert read_fidelity({"variable": "size", "min": 32, "max": 96}).value(32.4) == 32
    share = read_fidelity({"variable": "data_fraction", "min": 0.1, "max": 1.0})
    assert share.value(1 / 3) == 1 / 3
    assert share.value(1.0000001) == 1.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("data", "fidelity must be"),
        ({"variable": "data_fraction"}, "fidelity must be"),
        ({"variable": "data fraction", "min": 0.1, "max": 1}, "no name of a first-level variable"),
        ({"variable": "epochs", "min": 1, "max": 9}, "continued"),
        ({"variable": "share", "min": 0, "max": 1}, "0 < min < max"),
        ({"variable": "share", "min": True, "max": 1}, "from a number to a number"),
    ],
)
def test_what_is_wrong_is_named(given, words):
    with pytest.raises(ValueError, match=words):
        read_fidelity(given)

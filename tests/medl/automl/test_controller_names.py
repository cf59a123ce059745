from __future__ import annotations

import pytest

from medl.automl.controller_names import (
    arg_name,
    controller_name,
    near_controllers,
    renamed_args,
    rounds_arg,
    short_name,
)

KNOWN = ["RandomController", "HyperbandController", "HyperbandEsController", "BfboController"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("hyperband_es", "HyperbandEsController"),
        ("HyperbandEs", "HyperbandEsController"),
        ("HyperbandEsController", "HyperbandEsController"),
        ("hyperband", "HyperbandController"),
        ("BFBO", "BfboController"),
        ("hyperbnd", "hyperbnd"),
        ("mine.Controller", "mine.Controller"),
    ],
)
def test_names(written: str, meant: str):
    assert controller_name(written, KNOWN) == meant


def test_short_names_lead_back():
    assert [short_name(name) for name in KNOWN] == ["random", "hyperband", "hyperband_es", "bfbo"]
    assert [controller_name(short_name(name), KNOWN) for name in KNOWN] == KNOWN


def test_near_names():
    assert near_controllers("Randm", KNOWN) == ("RandomController",)
    assert near_controllers("hyperbnd", KNOWN)[0] == "HyperbandController"


def test_args():
    assert arg_name("automl_R", ["R", "nu"]) == "R"
    assert arg_name("max_recommendations", ["max_rounds"]) == "max_rounds"
    assert arg_name("max_rounds", ["max_recommendations"]) == "max_recommendations"
    assert arg_name("automl_max_rounds", ["max_recommendations"]) == "max_recommendations"
    assert arg_name("automl_x", ["R"]) == "automl_x"
    assert arg_name("automl_x", ["automl_x", "x"]) == "automl_x"
    assert (rounds_arg(["seed"]), rounds_arg(["seed", "max_recommendations"])) == (None, "max_recommendations")
    assert renamed_args({"automl_R": 9, "R": 3, "seed": 1}, ["R", "seed"]) == (
        {"R": 9, "seed": 1},
        {"R": "automl_R", "seed": "seed"},
        ["R"],
    )

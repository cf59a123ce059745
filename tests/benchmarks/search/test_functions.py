"""The functions that searches are compared on: their minima, their fidelities, and their space in medl."""

from __future__ import annotations

from random import Random

import pytest

from medl.automl.unit_cube import draw_point


@pytest.fixture
def functions(load):
    return load("functions")


def test_the_minima_are_where_they_are_known_to_be(functions):
    assert functions.BRANIN.regret({"x": 3.14159265, "y": 2.275}) == pytest.approx(0.0, abs=1e-9)
    best = (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573)
    assert functions.HARTMANN.regret({f"x{n}": x for n, x in enumerate(best)}) == pytest.approx(0.0, abs=1e-6)
    least = {"lr": 1e-3, "wd": 10**-3.5, "momentum": 0.9, "dropout": 0.2, "depth": 6, "optimizer": "adam"}
    assert functions.MIXED.regret(least | {"activation": "prelu"}) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("index", range(6))
def test_no_point_is_below_the_minimum_and_each_has_a_value(functions, index):
    function, random = functions.SINGLE[index], Random(0)
    space = function.space()
    for number in range(200):
        values = function.values(draw_point(space, random))
        assert function.true(values) > function.best - 1e-9
        assert function.observed(values, 1, number) == function.observed(values, 1, number)
        assert (function.observed(values, 1, number) == function.true(values)) is (not function.noise)


def test_a_larger_bias_lowers_the_correlation_and_the_last_epoch_is_the_truth(functions):
    found = [functions.biased_hartmann(bias).correlation(1, 500) for bias in (0.1, 1.0, 1.5, 2.0, 3.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.99
    assert found[3] < 0.6
    point = {f"x{n}": 0.3 for n in range(6)}
    for curve in functions.CURVES:
        assert curve.value(point, curve.epochs) == functions.hartmann(point)
    at_first = next(curve for curve in functions.CURVES if curve.name == "misleading at first")
    assert at_first.correlation(1, 500) < -0.9
    assert at_first.correlation(9, 500) == pytest.approx(1.0)


def test_the_best_rate_falls_while_the_weights_live(functions):
    def ideal(epoch):
        return 10 ** (-1 - 3 * (epoch - 1) / 59)

    changing = functions.moving_rate([(ideal(e), e, e) for e in range(1, 61)], 60)
    assert changing == pytest.approx(-(0.9**60))
    assert all(functions.moving_rate([(rate, 1, 60)], 60) < changing for rate in (1e-4, 1e-3, 3e-3, 1e-2, 1e-1))

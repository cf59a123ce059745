"""The arithmetic of successive halving against the published tables."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.components.controllers.brackets import (
    fitted,
    ladder,
    last_bracket,
    multiplied,
    resources,
    rungs_between,
    shared,
    table,
    tao_multiplier,
    total_epochs,
)

TAO = {
    81: [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(27, 3), (9, 9), (3, 27), (1, 81)],
        [(9, 9), (3, 27), (1, 81)],
        [(6, 27), (2, 81)],
    ],
    27: [[(27, 1), (9, 3), (3, 9), (1, 27)], [(9, 3), (3, 9), (1, 27)], [(6, 9), (2, 27)]],
}


@pytest.mark.parametrize("R", TAO)
def test_taos_published_tables(R):
    assert [list(bracket) for bracket in resources(R, 3, "tao")] == TAO[R]


def test_the_papers_published_table():
    first = [(bracket[0][0], bracket[0][1]) for bracket in resources(81, 3, "paper")]
    assert first == [(81, 1), (34, 3), (15, 9), (8, 27), (5, 81)]
    assert [n for n, _ in resources(81, 3, "paper")[1]] == [34, 11, 3, 1]


@given(nu=st.integers(2, 10), power=st.integers(0, 40))
def test_the_last_bracket_is_exact_at_powers(nu, power):
    assert last_bracket(nu**power, nu) == power
    if power:
        assert last_bracket(nu**power - 1, nu) == power - 1


@pytest.mark.parametrize("max_epoch", [80, 100])
def test_taos_published_cost(max_epoch):
    multiplier, R = tao_multiplier(max_epoch, 27, 3)
    brackets = multiplied(R, 3, "tao", multiplier)
    assert (multiplier, R) == (4, 27)
    assert total_epochs(brackets) == 936
    assert max(rung.budget for bracket in brackets for rung in bracket) == 108  # past max_epoch


def test_taos_example_of_a_multiplier_of_ten():
    assert next(table(multiplied(27, 3, "tao", 10))) == "27 trials to 10, 9 to 30, 3 to 90, 1 to 270"


@given(epochs=st.integers(3, 500), R=st.integers(2, 250), nu=st.integers(2, 5))
def test_taos_multiplier_is_at_least_three_with_the_largest_R_that_allows_it(epochs, R, nu):
    if nu > R:
        return
    multiplier, lowered = tao_multiplier(epochs, R, nu)
    assert multiplier >= 3
    assert nu <= lowered <= R
    if lowered < R:
        assert epochs ** math.log(nu, lowered + 1) < 3


def test_a_training_too_short_for_taos_multiplier_is_refused():
    with pytest.raises(ValueError, match="at least 3 epochs"):
        tao_multiplier(2, 27, 3)


@given(epochs=st.integers(1, 300), R=st.integers(2, 100), nu=st.integers(2, 5), kind=st.sampled_from(["tao", "paper"]))
def test_fitted_brackets_grow_by_nu_up_to_the_epochs(epochs, R, nu, kind):
    if nu > R:
        return
    if epochs < nu ** last_bracket(R, nu):
        with pytest.raises(ValueError, match="shorter than one epoch"):
            fitted(R, nu, kind, epochs)
        return
    for bracket in fitted(R, nu, kind, epochs):
        assert bracket[-1].budget == epochs
        for low, high in pairwise(bracket):
            assert abs(high.budget - nu * low.budget) <= (nu + 1) / 2
            assert high.budget > low.budget >= 1
            assert high.trials <= low.trials / nu
            assert high.trials >= 1


def test_the_refusal_says_what_to_do():
    with pytest.raises(ValueError, match=r"R 27 with nu 3 divides 12 epochs by 27.*Take R 12 or less"):
        fitted(27, 3, "tao", 12)
    with pytest.raises(ValueError, match=r"shorter than one epoch.*larger epoch_multiplier"):
        multiplied(27, 3, "tao", 0.5)


def test_another_fidelity_has_as_many_rungs_as_fit():
    (wide, narrow) = shared(27, 3, "tao", 0.1, 1.0)
    assert [(rung.trials, rung.budget) for rung in wide] == [(9, 1 / 9), (3, 1 / 3), (1, 1.0)]
    assert [(rung.trials, rung.budget) for rung in narrow] == [(3, 1 / 3), (1, 1.0)]
    with pytest.raises(ValueError, match="nothing to promote to"):
        shared(27, 3, "tao", 0.5, 1.0)


@given(low=st.integers(1, 20), high=st.integers(1, 400), nu=st.integers(2, 6))
def test_a_ladder_has_no_rung_below_its_least(low, high, nu):
    if low > high:
        return
    rungs = ladder(nu, rungs_between(low, high, nu), high)
    assert rungs[-1] == high
    assert rungs[0] >= low
    assert list(rungs) == sorted(set(rungs))
    assert high / nu ** len(rungs) < low

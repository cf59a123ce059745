"""The policies' gradients against finite differences, and that they move where the rewards are."""

from __future__ import annotations

import math
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.components.controllers.policy import BoundedGaussian, Softmax


def log_density(mean: float, log_width: float, value: float) -> float:
    """The bounded Gaussian's log density, written from its definition."""
    normal = NormalDist(mean, math.exp(log_width))
    return math.log(normal.pdf(value)) - math.log(normal.cdf(1.0) - normal.cdf(0.0))


@given(st.floats(0.02, 0.98), st.floats(0.05, 0.5), st.floats(0.0, 1.0))
def test_gaussian_gradient_is_that_of_its_log_density(mean, width, value):
    policy = BoundedGaussian(width, 0.02)
    policy.mean = mean
    h = 1e-6
    by_mean, by_log_width = policy.log_gradient(value)
    logw = math.log(width)
    numeric_mean = (log_density(mean + h, logw, value) - log_density(mean - h, logw, value)) / (2 * h)
    numeric_width = (log_density(mean, logw + h, value) - log_density(mean, logw - h, value)) / (2 * h)
    assert by_mean == pytest.approx(numeric_mean, rel=1e-4, abs=1e-4)
    assert by_log_width == pytest.approx(numeric_width, rel=1e-4, abs=1e-4)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6), st.data())
def test_softmax_gradients_are_those_of_log_probability_and_entropy(logits, data):
    policy = Softmax(len(logits))
    policy.logits = list(logits)
    index = data.draw(st.integers(0, len(logits) - 1))
    h = 1e-6

    def of(shift: int, sign: float) -> tuple[float, float]:
        moved = Softmax(len(logits))
        moved.logits = [logit + (sign * h if i == shift else 0.0) for i, logit in enumerate(logits)]
        p = moved.probabilities()
        return math.log(p[index]), -sum(q * math.log(q) for q in p)

    for i in range(len(logits)):
        (log_up, entropy_up), (log_down, entropy_down) = of(i, 1.0), of(i, -1.0)
        assert policy.log_gradient(index)[i] == pytest.approx((log_up - log_down) / (2 * h), abs=1e-4)
        assert policy.entropy_gradient()[i] == pytest.approx((entropy_up - entropy_down) / (2 * h), abs=1e-4)


def test_the_expected_log_gradient_is_zero():
    """What makes the baseline harmless (Williams 1992): a constant reward moves the policy nowhere on average."""
    random = Random(0)
    policy = BoundedGaussian(0.3, 0.02)
    policy.mean = 0.2
    gradients = [policy.log_gradient(policy.draw(random)) for _ in range(20000)]
    assert sum(g[0] for g in gradients) / 20000 == pytest.approx(0.0, abs=0.1)
    assert sum(g[1] for g in gradients) / 20000 == pytest.approx(0.0, abs=0.03)


@given(st.floats(0, 1), st.floats(0.02, 0.5), st.integers(0, 1000))
def test_gaussian_draws_stay_inside(mean, width, seed):
    policy = BoundedGaussian(width, 0.02)
    policy.mean = mean
    random = Random(seed)
    assert all(0.0 <= policy.draw(random) <= 1.0 for _ in range(20))


def test_draws_follow_the_density():
    policy = BoundedGaussian(0.2, 0.02)
    policy.mean = 0.1
    random = Random(1)
    below = sum(policy.draw(random) < 0.1 for _ in range(20000)) / 20000
    normal = NormalDist(0.1, 0.2)
    assert below == pytest.approx((0.5 - normal.cdf(0)) / (normal.cdf(1) - normal.cdf(0)), abs=0.01)


def test_softmax_draws_follow_its_probabilities():
    policy = Softmax(3)
    policy.logits = [0.0, math.log(2), math.log(5)]
    random = Random(2)
    drawn = [policy.draw(random) for _ in range(8000)]
    assert [drawn.count(i) / 8000 for i in range(3)] == pytest.approx([1 / 8, 2 / 8, 5 / 8], abs=0.02)


def test_learning_moves_towards_what_was_rewarded_and_keeps_bounds():
    gaussian, softmax = BoundedGaussian(0.3, 0.02), Softmax(3)
    for _ in range(300):
        gaussian.learn(0.9, 0.3, 0.0)
        softmax.learn(2, 0.3, 0.0)
    assert gaussian.mean == pytest.approx(0.9, abs=0.05)
    assert gaussian.width == pytest.approx(0.02)
    assert softmax.probabilities()[2] > 0.95
    for _ in range(300):
        softmax.learn(0, 3.0, 0.0)
        gaussian.learn(0.0, -3.0, 0.5)
    assert max(map(abs, softmax.logits)) <= 20.0
    assert 0.0 <= gaussian.mean <= 1.0
    assert 0.02 <= gaussian.width <= 0.5 + 1e-12


def test_entropy_widens_both():
    gaussian, softmax = BoundedGaussian(0.1, 0.02), Softmax(2)
    softmax.logits = [3.0, 0.0]
    gaussian.learn(0.5, 0.0, 0.1)
    softmax.learn(0, 0.0, 0.5)
    assert gaussian.width > 0.1
    assert softmax.logits[0] - softmax.logits[1] < 3.0


def test_a_softmax_begins_at_its_weights():
    assert Softmax(3, (0.5, 0.25, 0.25)).probabilities() == pytest.approx([0.5, 0.25, 0.25])

"""A loss or a key metric that is no number."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from ignite.engine import Engine

from medl.errors import TrainingError
from medl.train.finite import FiniteLoss, FiniteMetric, loss_of, number_of


@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ({"loss": torch.tensor(0.5)}, 0.5),
        ([{"loss": torch.tensor(0.5)}, {"loss": torch.tensor(0.5)}], 0.5),
        (0.25, 0.25),
        (torch.tensor([2.0]), 2.0),
        ({"pred": torch.zeros(3)}, None),
        (torch.zeros(3), None),
        (None, None),
        ([], None),
        (True, None),
    ],
)
def test_the_loss_is_found_in_every_form_of_output(output: object, loss: float | None) -> None:
    assert loss_of(output) == loss


def run(losses: list[list[float]]) -> FiniteLoss:
    guard = FiniteLoss()
    flat = iter([loss for epoch in losses for loss in epoch])
    engine = Engine(lambda engine, batch: {"loss": torch.tensor(next(flat))})
    guard.attach(engine)
    engine.run(range(len(losses[0])), max_epochs=len(losses))
    return guard


def test_the_mean_is_that_of_the_last_epoch() -> None:
    assert run([[8.0, 8.0], [1.0, 2.0]]).mean == 1.5


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_no_number_ends_the_training_with_the_epoch_named(bad: float) -> None:
    with pytest.raises(TrainingError, match=r"^epoch 2: the loss is .* at iteration 4"):
        run([[1.0, 1.0], [1.0, bad]])


def test_without_a_loss_there_is_no_mean() -> None:
    assert FiniteLoss().mean is None


def state(name: str | None, **metrics: object) -> Engine:
    return SimpleNamespace(state=SimpleNamespace(key_metric_name=name, metrics=metrics, epoch=3))  # type: ignore[return-value]


def test_only_the_key_metric_has_to_be_a_number() -> None:
    FiniteMetric()(state("dice", dice=torch.tensor(0.5), other=float("nan")))
    FiniteMetric()(state(None, other=float("nan")))
    FiniteMetric()(state("dice", dice=torch.tensor([float("nan"), 1.0])))
    with pytest.raises(TrainingError, match=r"^epoch 3: the key metric dice is nan"):
        FiniteMetric()(state("dice", dice=torch.tensor(float("nan"))))


def test_a_metric_becomes_a_python_float() -> None:
    assert type(number_of(torch.tensor(0.5))) is float
    assert number_of("much") is None
    assert number_of(None) is None

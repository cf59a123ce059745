"""Which handlers are given the trainer once it is built."""

from __future__ import annotations

import pytest

from medl.conf.late import is_late, without_late
from medl.conf.references import find_cycles


@pytest.mark.parametrize(
    ("spec", "late"),
    [
        ({"name": "EarlyStopHandler", "args": {"trainer": "@trainer"}}, True),
        ({"name": "EarlyStopHandler", "args": {"patience": 1}}, True),
        ({"path": "monai.handlers.EarlyStopHandler", "args": {"trainer": "@trainer"}}, True),
        ({"path": "mine.Stop", "args": {"trainer": "@trainer"}}, True),
        ({"path": "mine.Stop", "args": {"trainer": "#@trainer"}}, False),
        ({"path": "mine.Stop"}, False),
        ({"name": "EarlyStopping", "args": {"trainer": "@trainer"}}, False),
    ],
)
def test_late(spec: dict, late: bool) -> None:
    assert is_late("handlers", spec) is late
    assert not is_late("post_transforms", spec)
    kept = without_late("handlers", spec)
    assert "trainer" not in kept.get("args", {}) if late else kept is spec


def test_a_handler_that_takes_the_trainer_later_makes_no_circle() -> None:
    def config(name: str) -> dict:
        stop = {"name": name, "args": {"trainer": "@trainer"}}
        return {
            "train": {
                "handlers": [{"name": "ValidationHandler", "args": {"validator": "@evaluator"}}],
                "trainer": {"name": "T", "args": {"train_handlers": "@handlers"}},
            },
            "validate": {"handlers": [stop], "evaluator": {"name": "E", "args": {"val_handlers": "@handlers"}}},
        }

    assert find_cycles(config("EarlyStopHandler")) == []
    (problem,) = find_cycles(config("EarlyStopping"))
    assert "EarlyStopHandler" in problem.remedy

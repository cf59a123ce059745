"""The validation at the last epoch."""

from __future__ import annotations

import pytest
from ignite.engine import Engine, Events

from medl.train.final_validation import FinalValidation


@pytest.mark.parametrize(("interval", "expected"), [(1, [1, 2, 3]), (2, [2, 3]), (3, [3]), (20, [3])])
def test_the_last_epoch_is_validated_once(interval: int, expected: list[int]) -> None:
    seen: list[int] = []
    evaluator = Engine(lambda engine, batch: None)

    def validate(epoch: int) -> None:
        evaluator.state.epoch = epoch - 1
        Engine.run(evaluator, [0], max_epochs=epoch)
        seen.append(epoch)

    evaluator.run = validate  # type: ignore[method-assign, assignment]
    trainer = Engine(lambda engine, batch: None)
    trainer.add_event_handler(Events.EPOCH_COMPLETED(every=interval), lambda engine: evaluator.run(engine.state.epoch))
    FinalValidation(evaluator, 3).attach(trainer)
    trainer.run([0], max_epochs=3)
    assert seen == expected


def test_a_validation_in_the_middle_of_the_last_epoch_is_not_enough() -> None:
    seen: list[int] = []
    evaluator = Engine(lambda engine, batch: None)
    evaluator.run = lambda epoch: (seen.append(epoch), evaluator.fire_event(Events.COMPLETED))  # type: ignore
    trainer = Engine(lambda engine, batch: None)
    trainer.add_event_handler(Events.ITERATION_COMPLETED(every=3), lambda engine: evaluator.run(engine.state.epoch))
    FinalValidation(evaluator, 2).attach(trainer)
    trainer.run([0, 1], max_epochs=2)
    assert seen == [2, 2]

"""A training that stops at ``until_epoch``, or because it was ended, is validated there, whatever the interval says."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events


class FinalValidation:
    """Validates at the last epoch where the config's own handlers have not done so.

    Attached right after the trainer's handlers of the config, so that what they validated is known.

    Args:
        evaluator: what validates.
        last_epoch: the epoch at which the training stops (1-based); ``None`` where only an earlier end counts.
    """

    def __init__(self, evaluator: Any, last_epoch: int | None):
        self.evaluator = evaluator
        self.last_epoch = last_epoch
        self._validated_at: int | None = None

    def attach(self, engine: Engine) -> None:
        """Listen to a trainer."""
        self.evaluator.add_event_handler(Events.COMPLETED, self._note, engine)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def _note(self, evaluator: Engine, trainer: Engine) -> None:
        self._validated_at = trainer.state.iteration  # one in the middle of the epoch would not do

    def __call__(self, engine: Engine) -> None:
        """Validate where it is due."""
        last = engine.state.epoch == self.last_epoch or engine.should_terminate
        if last and self._validated_at != engine.state.iteration:
            self.evaluator.run(engine.state.epoch)

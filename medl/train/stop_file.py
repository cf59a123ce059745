"""A training that whoever watches it lets end: a file beside the checkpoints asks for it, with the epoch it is in."""

from __future__ import annotations

from pathlib import Path

from ignite.engine import Engine, Events

from medl.mmar.stats import STOP_FILE
from medl.train.distributed import Ranks


class StopFile:
    """Ends a training with the epoch in which the file appears, as if that had been its last.

    The epoch is validated and kept. Rank 0 looks for the file and tells the others. Attached after the config's
    handlers.

    Args:
        folder: of the checkpoints; the file is ``stop_early`` in it.
        ranks: this process.

    Attributes:
        found: whether it ended the training.
    """

    def __init__(self, folder: Path, ranks: Ranks):
        self.path = folder / STOP_FILE
        self.ranks = ranks
        self.found = False

    def attach(self, engine: Engine) -> None:
        """Listen to a trainer."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """End the training where the file is there; it has done its duty then and is removed."""
        if engine.state.epoch >= (engine.state.max_epochs or 0):
            return
        if self.ranks.from_first(self.ranks.writes and self.path.exists()):
            self.found = True
            if self.ranks.writes:
                self.path.unlink(missing_ok=True)
            engine.terminate()

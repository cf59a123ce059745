"""Handlers that write files or lines are rank 0's alone, whether or not the config says ``"rank": 0``."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine
from monai.handlers import CheckpointSaver, MLFlowHandler, StatsHandler, TensorBoardHandler

WRITERS = (CheckpointSaver, StatsHandler, TensorBoardHandler, MLFlowHandler)
"""Not among them: MetricsSaver and ClassificationSaver, for which every rank gathers and one writes."""


def writes_files(cls: Any) -> bool:
    """Return whether a handler's class is one that only rank 0 builds."""
    return isinstance(cls, type) and issubclass(cls, WRITERS)


class Absent:
    """Stands on the other ranks where rank 0 has a handler that writes."""

    def attach(self, engine: Engine) -> None:
        """Do nothing."""

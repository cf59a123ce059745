"""What an earlier training left in the folder of checkpoints, kept before another one writes there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from medl.mmar.record import RECORD_FILE
from medl.mmar.stats import METRICS_FILE, RESUME_FILE, STATS_FILE

EARLIER = "earlier"
"""The folder, inside that of the checkpoints, with one folder a training: 1, 2, …"""

_MOVED = (METRICS_FILE, STATS_FILE, RECORD_FILE, RESUME_FILE)
_START = "start"
"""Checkpoints that begin so were put there for this training."""


def set_aside(folder: Path) -> Path | None:
    """Return where the results of an earlier training now lie, or ``None`` where there were none.

    Weights are copied, for the config may start from them; all else is moved. Weights alone are no results of a
    training here: an archive may have come with them.

    Raises:
        OSError: it cannot be written.
    """
    if not any((folder / name).is_file() for name in (METRICS_FILE, STATS_FILE)):
        return None
    number = 1
    while (target := folder / EARLIER / str(number)).exists():
        number += 1
    target.mkdir(parents=True)
    for weights in sorted(folder.glob("*.pt")):
        if weights.is_file() and not weights.name.startswith(_START) and weights.name != RESUME_FILE:
            shutil.copy2(weights, target / weights.name)
    for name in _MOVED:
        if (folder / name).is_file():
            os.replace(folder / name, target / name)
    return target

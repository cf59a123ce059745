"""How many configurations that break a hard constraint are replaced by other ones."""

from __future__ import annotations

from medl.automl.api import Controller
from medl.automl.defs import Context, JobStatus, Outcome

MAX_REDRAWS = 100
"""So many configurations in a row may break a hard constraint before no more are drawn in their place."""


class Redraws:
    """Counts the rejected configurations that do not count as rounds, for others come in their place.

    Attributes:
        count: how many there are.
    """

    def __init__(self) -> None:
        self.count = 0
        self._in_a_row = 0

    def take(self, outcome: Outcome, controller: Controller, ctx: Context) -> None:
        """Take in an outcome that was awaited; the trace says so where no more are replaced."""
        if outcome.status is JobStatus.OK:
            self._in_a_row = 0
        if outcome.status is not JobStatus.REJECTED:
            return
        self._in_a_row += 1
        if self._in_a_row < MAX_REDRAWS:
            self.count += 1
        elif self._in_a_row == MAX_REDRAWS:
            ctx.trace(
                controller,
                f"{MAX_REDRAWS} configurations in a row broke a hard constraint; no more are drawn in their place",
                print_to_console=True,
            )

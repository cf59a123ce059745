"""A trial that a study takes as it is. Optuna is imported with this module, so import it where a study is made."""

from __future__ import annotations

from typing import Any

import optuna


class GivenTrial(optuna.trial.FrozenTrial):
    """A trial of which a storage makes no copy: it is made for one study, and nobody else has it.

    Copying is most of what it costs to fill a study in memory.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> GivenTrial:
        return self

"""Problems collected over several steps of a check, so that all of them are told at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from medl.errors import ConfigError, Problem


class Findings:
    """Problems of several steps; a step that raises ConfigError adds its own and is left."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Run a step; the problems of a ConfigError that it raises are kept, and it is left there."""
        try:
            yield
        except ConfigError as error:
            self.problems += error.problems

    def add(self, rule: str, file: str, path: str = "", **rest: Any) -> None:
        """Keep one problem; ``rest`` as of :class:`medl.errors.Problem`."""
        self.problems.append(Problem(rule=rule, file=file, path=path, **rest))

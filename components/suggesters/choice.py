"""The suggester that a scheduler is made with: one of ours by its name, or the user's own class."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medl.automl.api import Suggester
from medl.automl.defs import Context, ContextKey, SearchSpace
from medl.conf.component import class_of, user_folders
from medl.errors import near_names

from . import SUGGESTERS

Spec = str | Mapping[str, Any]


class Choice:
    """A suggester as a config names it: checked here, built by :meth:`build`, once the run is known.

    Args:
        spec: a name, or ``{"name": …, "args": {…}}``, or ``{"path": "module.Class", "args": {…}}``.
        seed: given to a class that takes a seed, where the args have none.
        scheduler: whose it is, for messages.

    Raises:
        ValueError: there is no such suggester, or it refuses its args.
    """

    def __init__(self, spec: Spec, seed: int, scheduler: str):
        given: Mapping[str, Any] = {"name": spec} if isinstance(spec, str) else spec
        if not isinstance(given, Mapping) or len({"name", "path"} & set(given)) != 1 or set(given) - _KEYS:
            raise ValueError(
                f'suggester must be a name, or an object with "name" or "path", and "args"; but got {spec!r}'
            )
        args = given.get("args") or {}
        if not isinstance(args, Mapping):
            raise ValueError(f"suggester has args that are no object: {args!r}")
        self._args, self._seed, self._path = dict(args), seed, given.get("path", "")
        self.name = str(given.get("name") or self._path)
        self._made: Suggester | None = None
        if not self._path:
            self._made = self._ours(scheduler)
        elif not isinstance(self._path, str) or "." not in self._path:
            raise ValueError(f'suggester has the path {self._path!r}, which is not "module.Class"')

    def _ours(self, scheduler: str) -> Suggester:
        if self.name not in SUGGESTERS:
            near = near_names(self.name, SUGGESTERS)
            hint = f'; did you mean "{near[0]}"?' if near else "."
            raise ValueError(
                f'suggester "{self.name}" does not go with {scheduler}{hint} It goes with: {", ".join(SUGGESTERS)}. '
                "The other algorithms are whole: take one of them by algorithm=NAME."
            )
        module, _, name = SUGGESTERS[self.name].rpartition(".")
        return self._make(getattr(importlib.import_module(module), name))

    def _make(self, cls: Any) -> Suggester:
        parameters = inspect.signature(cls).parameters
        unknown = [arg for arg in self._args if arg not in parameters]
        if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            known = ", ".join(name for name in parameters)
            raise ValueError(f'suggester "{self.name}" has no arg "{unknown[0]}"; it has: {known}')
        seed = {"seed": self._seed} if "seed" in parameters and "seed" not in self._args else {}
        made = cls(**self._args, **seed)
        if not isinstance(made, Suggester):
            raise ValueError(f'suggester "{self.name}" must be a medl.automl.api.Suggester, but it is {cls!r}')
        return made

    def count(self, space: SearchSpace) -> float:
        """Return how many suggestions there are; ``inf`` where they never end, or a user's own was not built yet."""
        return self._made.count(space) if self._made is not None else math.inf

    def build(self, ctx: Context) -> Suggester:
        """Return the suggester; a user's own class is looked for in the archive's ``custom/`` and on PYTHONPATH.

        Raises:
            ConfigError: there is no such class, or it lies elsewhere.
            ValueError: it is no suggester, or it refuses its args.
        """
        if self._made is None:
            root = ctx.get_prop(ContextKey.MMAR_ROOT)
            folders = user_folders(Path(root) / "custom" if root else None)
            self._made = self._make(
                class_of(
                    {"path": self._path}, catalogue=_NoNames(), folders=folders, packages=("medl",), path="suggester"
                )
            )
        return self._made


_KEYS = {"name", "path", "args"}


class _NoNames:
    """A catalogue for full names only."""

    def find(self, name: str, role: str | None = None) -> None:
        return None

    def near(self, name: str) -> tuple[str, ...]:
        return ()

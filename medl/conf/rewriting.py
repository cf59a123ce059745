"""What became of a config that was rewritten, and where its parts stood before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from medl.errors import Problem


@dataclass
class Rewriting:
    """A config that is being rewritten.

    Attributes:
        config: the config as it is now.
        notes: what was rewritten, each once.
        problems: what cannot be rewritten, by the paths that stood before.
        paths: JSON path now to the path before, of components that moved.
    """

    config: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """Remember what was done, once."""
        if text not in self.notes:
            self.notes.append(text)

    def before(self, path: str) -> str:
        """Return where the thing at a JSON path stood before.

        >>> Rewriting({}, paths={"train.key_metric": "train.metrics[1]"}).before("train.key_metric.args.keys")
        'train.metrics[1].args.keys'
        """
        for now in sorted(self.paths, key=len, reverse=True):
            rest = path.removeprefix(now)
            if path.startswith(now) and rest[:1] in ("", ".", "["):
                return self.paths[now] + rest
        return path

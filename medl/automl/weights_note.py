"""The line of a controller that ignores the weights of choices."""

from __future__ import annotations

from medl.automl.defs import SearchSpace


def weights_note(space: SearchSpace) -> str:
    """Return the sentence that says whose weights are ignored, empty where nothing has any; for ``ctx.trace``."""
    weighted = [parameter.prl for parameter in space.parameters if parameter.weights is not None]
    return f"every choice counts the same here: the weights of {', '.join(weighted)} are ignored" if weighted else ""

"""An image that cannot be loaded in the midst of a training, as an error that names it. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Iterable

from medl.errors import ConfigError, Problem


class UnreadableImage(ConfigError):
    """A file of the data cannot be loaded."""


# what a process of a data loader leaves of an exception is the text of its traceback
_TOLD = re.compile(rf"^{re.escape(__name__)}\.UnreadableImage: (.+?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)


def unreadable_image(errors: Iterable[BaseException]) -> UnreadableImage | None:
    """Return the error of a file that could not be loaded among errors, also where a loader's process met it."""
    for error in errors:
        if isinstance(error, UnreadableImage):
            return error
        if told := _TOLD.search(str(error)):
            place, _, text = told[1].partition("\n")
            return UnreadableImage(Problem(" ".join(text.split()).rstrip("."), place.strip()))
    return None

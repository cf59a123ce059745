"""What went wrong in a training, in one line that says what to do. Imports nothing heavy."""

from __future__ import annotations

import errno
import re

from medl.errors import MedlError, RunError, TrainingError
from medl.raised import user_place
from medl.train.loader_death import loader_death
from medl.train.out_of_memory import is_out_of_memory
from medl.train.remedies import remedy
from medl.train.unreadable_image import unreadable_image

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)
_OBJECT = re.compile(r"<(?:[\w.]+\.)?(\w+) object at 0x[0-9a-f]+>")
"""How Python shows an object that has no text of its own."""


class RankLost(TrainingError):
    """Another rank ended and took the connection with it; what went wrong is for that rank to say."""


def failure(error: BaseException, epoch: int | None = None) -> MedlError:
    """Return the error that the user is shown in place of ``error``.

    Args:
        error: what was raised.
        epoch: the epoch during which it was, or ``None`` before the first.
    """
    if isinstance(error, MedlError):
        return error
    chain = _chain(error)
    for one in chain:
        if isinstance(one, MedlError):
            return one
    if unreadable := unreadable_image(chain):
        return unreadable
    where = f"epoch {epoch}: " if epoch else ""
    if any(type(one).__name__ == "HorovodInternalError" for one in chain):
        return RankLost(f"{where}another rank ended; its own last line says why.")
    if death := loader_death(chain):
        return TrainingError(f"{where}{death}")
    for one in chain:
        if isinstance(one, OSError) and one.errno in _FULL:
            return TrainingError(
                f"{where}no space is left to write {one.filename or 'a file'} ({one.strerror}). "
                "Free some space and start again."
            )
        if isinstance(one, OSError) and one.errno in _CLOSED:
            return RunError(
                f"{where}{one.filename or 'a file'} cannot be written or read ({one.strerror}). "
                "Make the archive writable, or give another folder with --set MMAR_CKPT_DIR=..."
            )
        if is_out_of_memory(one):
            return TrainingError(
                f"{where}out of memory ({_first_line(one)}). A smaller batch, patch, cache or sw_batch_size needs less."
            )
    text = " <- ".join(dict.fromkeys(f"{type(one).__name__}: {_first_line(one)}" for one in chain))
    place = user_place(error)  # first, since a summary shows only the beginning
    at = f"{place}: " if place else ""
    what_to_do = f"{words}. " if (words := remedy(chain)) else ""
    return TrainingError(f"{where}{at}{text}. {what_to_do}Run again with --debug for the traceback.")


def _chain(error: BaseException) -> list[BaseException]:
    """Return the error and what it came from, outermost first."""
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return found


def _first_line(error: BaseException) -> str:
    """Return the first line of an error's text that says something, without its final full stop."""
    lines = str(error).strip().splitlines()
    if len(lines) > 1 and lines[0].startswith("Caught ") and "Traceback" in lines[1]:  # from a loader's process
        lines = [f"{lines[0].rstrip('. ')}: {lines[-1]}"]
    elif len(lines) > 1 and lines[0].rstrip().endswith(":"):
        lines = [f"{lines[0].rstrip()} {lines[1].strip()}"]
    return (_OBJECT.sub(r"\1", lines[0]).rstrip(". ") if lines else "no message")[:300]

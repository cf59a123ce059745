"""What went wrong in a training, in one line that says what to do. Imports nothing heavy."""

from __future__ import annotations

import errno

from medl.errors import MedlError, RunError, TrainingError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)
_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory")


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
    where = f"epoch {epoch}: " if epoch else ""
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
        if isinstance(one, MemoryError) or any(words in str(one).lower() for words in _MEMORY):
            return TrainingError(
                f"{where}out of memory ({_first_line(one)}). A smaller batch, patch, cache or sw_batch_size needs less."
            )
    text = " <- ".join(dict.fromkeys(f"{type(one).__name__}: {_first_line(one)}" for one in chain))
    return TrainingError(f"{where}{text}. Run again with --debug for the traceback.")


def _chain(error: BaseException) -> list[BaseException]:
    """Return the error and what it came from, outermost first."""
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return found


def _first_line(error: BaseException) -> str:
    """Return the first line of an error's text, without its final full stop."""
    lines = str(error).strip().splitlines()
    if len(lines) > 1 and lines[0].startswith("Caught ") and "Traceback" in lines[1]:  # from a loader's process
        lines = [f"{lines[0].rstrip('. ')}: {lines[-1]}"]
    return (lines[0].rstrip(". ") if lines else "no message")[:300]

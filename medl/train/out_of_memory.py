"""Which errors mean that a device or the machine has no memory left. Imports nothing heavy."""

from __future__ import annotations

_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "unable to allocate")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether Python, numpy, torch or the GPU's driver found no memory, or did in what caused the error."""
    return _says_so(error) or (error.__cause__ is not None and _says_so(error.__cause__))


def _says_so(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError | OSError) and any(words in text for words in _WORDS)

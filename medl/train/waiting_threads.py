"""How threads wait for each other: asleep, so that a core that another process needs is not kept busy by waiting."""

from __future__ import annotations

from collections.abc import MutableMapping

_CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
_SPIN = "1000"
"""Turns of a waiting loop before a thread sleeps: about 50 microseconds, longer than a well balanced layer needs."""


def let_waiting_threads_sleep(environ: MutableMapping[str, str]) -> None:
    """Set OpenMP's way of waiting, unless the user has chosen one. Call it before torch is imported.

    By default a thread that waits at the end of a parallel loop spins for milliseconds. Where other processes work on
    the same cores, as a search's jobs do or another user's, it takes away the time that the thread it waits for needs:
    two such trainings on two cores take ten times as long as one after the other. Results do not change.

    Args:
        environ: the environment of this process, which OpenMP reads when it is loaded.
    """
    if not any(name in environ for name in _CHOICES):
        environ["OMP_WAIT_POLICY"] = "passive"
        environ["GOMP_SPINCOUNT"] = _SPIN  # of libgomp, torch's own: passive alone would sleep at once

"""The command line and environment of one job, as pure functions: nothing is started, looked up or changed here."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Launch:
    """How one job is started.

    Attributes:
        argv: the command; never a shell string.
        env: its whole environment.
        launcher: ``python`` or ``horovodrun``.
        ranks: number of training processes.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    launcher: str
    ranks: int

    @property
    def header(self) -> str:
        """First line of the job's log."""
        return f"launcher: {self.launcher}, ranks: {self.ranks}"


def training_argv(
    job: Path, ranks: int, *, settings: Sequence[str] = (), python: str = sys.executable, horovodrun: str = "horovodrun"
) -> tuple[str, ...]:
    """Return the command that trains the archive ``job`` on ``ranks`` processes of this machine.

    Args:
        job: the job's archive.
        ranks: 1 starts Python itself, more start it through ``horovodrun``.
        settings: further words ``key=value`` after ``--set``.
        python: the interpreter.
        horovodrun: the launcher of several ranks.
    """
    training = (
        *(python, "-u", "-m", "medl.apps.train", "-m", os.path.abspath(job)),
        *("-c", "config/config_train.json", "-e", "config/environment.json", "--write_train_stats"),
        *("--set", "print_conf=True", *settings),
    )
    if ranks == 1:
        return training
    # no --verbose: it would print the whole environment, secrets too
    return (horovodrun, "-np", str(ranks), "-H", f"localhost:{ranks}", "--gloo", *training)


def training_env(
    environ: Mapping[str, str], slots: Sequence[int], threads: int, custom: Path | None = None
) -> dict[str, str]:
    """Return a copied environment in which a job sees its own GPUs, its share of the threads and its own ``custom/``.

    Args:
        environ: the engine's environment; not changed.
        slots: the worker's GPU ids, places within CUDA_VISIBLE_DEVICES where that is set. Without a GPU they are CPU
            slots and harmless here.
        threads: threads per rank, at least 1.
        custom: the folder of the job's own Python.
    """
    env = dict(environ)
    outer = environ.get("CUDA_VISIBLE_DEVICES")
    if outer is None:
        env["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, slots))
    else:  # GPUs that are hidden from the engine stay hidden from its jobs
        names = [name.strip() for name in outer.split(",") if name.strip()]
        env["CUDA_VISIBLE_DEVICES"] = ",".join(names[slot] for slot in slots if slot < len(names))
    env.update(dict.fromkeys(THREAD_VARIABLES, str(max(1, threads))))
    if custom is not None:
        env["PYTHONPATH"] = os.pathsep.join([os.path.abspath(custom), *filter(None, [environ.get("PYTHONPATH")])])
    return env


def training_launch(
    job: Path,
    slots: Sequence[int],
    threads: int,
    environ: Mapping[str, str],
    *,
    settings: Sequence[str] = (),
    launcher: str = "auto",
    python: str = sys.executable,
    horovodrun: str = "horovodrun",
) -> Launch:
    """Return how the archive ``job`` is trained on a worker's ``slots``: one rank per slot.

    Args:
        job: the job's archive.
        slots: the worker's GPU ids or CPU slots.
        threads: threads per rank.
        environ: the engine's environment; not changed.
        settings: further words ``key=value`` for ``--set``.
        launcher: ``auto`` (``python`` for one slot, ``horovodrun`` for several), or one of the two; ``python`` is one
            rank whatever the number of slots.
        python: the interpreter.
        horovodrun: the launcher of several ranks.
    """
    if launcher not in ("auto", "python", "horovodrun"):
        raise ValueError(f'the launcher is "auto", "python" or "horovodrun", but got {launcher!r}')
    several = launcher == "horovodrun" or (launcher == "auto" and len(slots) > 1)
    ranks = len(slots) if several else 1
    argv = training_argv(job, ranks, settings=settings, python=python, horovodrun=horovodrun)
    if several and ranks == 1:
        argv = (horovodrun, "-np", "1", "-H", "localhost:1", "--gloo", *argv)
    env = training_env(environ, slots, threads, Path(job) / "custom")
    return Launch(argv, env, "horovodrun" if several else "python", ranks)

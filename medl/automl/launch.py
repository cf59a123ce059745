"""The command line and environment of one job, as pure functions: nothing is started, looked up or changed here."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from medl.horovod import HOST_GPUS
from medl.memory import JOBS

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")

Hosts = Sequence[tuple[str, Sequence[int]]]
"""Each host's name and GPU ids, in the order of the ranks."""

LauncherName = Literal["auto", "python", "horovodrun", "torchrun"]
LAUNCHERS: tuple[str, ...] = get_args(LauncherName)


@dataclass(frozen=True)
class Launch:
    """How one job is started.

    Attributes:
        argv: the command; never a shell string.
        env: its whole environment.
        launcher: ``python``, ``horovodrun`` or ``torchrun``.
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
    job: Path,
    launcher: str,
    ranks: int,
    *,
    hosts: Hosts = (),
    settings: Sequence[str] = (),
    python: str = sys.executable,
    horovodrun: str | None = None,
    configs: str = "config",
) -> tuple[str, ...]:
    """Return the command that trains the archive ``job``.

    Args:
        job: the job's archive.
        launcher: ``python`` starts Python itself; ``horovodrun`` and ``torchrun`` start it ``ranks`` times.
        ranks: number of training processes.
        hosts: where they run; this machine where there is none. Only horovodrun reaches others (by ssh).
        settings: further words ``key=value`` after ``--set``.
        python: the interpreter.
        horovodrun: the launcher; where not given, the one beside the interpreter.
        configs: the folder of the two configs, relative to the archive.
    """
    training = (
        *("-m", "medl.apps.train", "-m", os.path.abspath(job)),
        *("-c", f"{configs}/config_train.json", "-e", f"{configs}/environment.json", "--write_train_stats"),
        *("--set", "print_conf=True", *settings),
    )
    if launcher == "torchrun":
        return (python, "-u", "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}", *training)
    if launcher == "python":
        return (python, "-u", *training)
    placed = ",".join(f"{host}:{len(slots)}" for host, slots in hosts) or f"localhost:{ranks}"
    # no --verbose: it would print the whole environment, secrets too
    command = horovodrun or str(Path(python).with_name("horovodrun"))
    return (command, "-np", str(ranks), "-H", placed, "--gloo", python, "-u", *training)


def training_env(
    environ: Mapping[str, str],
    slots: Sequence[int],
    threads: int,
    custom: Path | None = None,
    hosts: Hosts = (),
    jobs: int = 1,
) -> dict[str, str]:
    """Return a copied environment in which a job sees its own GPUs, its share of the threads and its own ``custom/``.

    Args:
        environ: the engine's environment; not changed.
        slots: the worker's GPU ids, places within CUDA_VISIBLE_DEVICES where that is set. Without a GPU they are CPU
            slots and harmless here.
        threads: threads per rank, at least 1.
        custom: the folder of the job's own Python.
        hosts: each host's own ids, which then count instead of ``slots``.
        jobs: how many run at the same time and share the RAM.
    """
    env = {**environ, JOBS: str(max(1, jobs))}
    outer = environ.get("CUDA_VISIBLE_DEVICES")
    if hosts:
        env[HOST_GPUS] = "+".join(f"{host}/{','.join(map(str, ids))}" for host, ids in hosts)
    elif outer is None:
        env["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, slots))
    else:  # GPUs that are hidden from the engine stay hidden from its jobs
        names = [name.strip() for name in outer.split(",") if name.strip()]
        env["CUDA_VISIBLE_DEVICES"] = ",".join(names[slot] for slot in slots if slot < len(names))
    env.update(dict.fromkeys(THREAD_VARIABLES, str(max(1, threads))))
    env["PYTHONSAFEPATH"] = "1"  # own code comes from custom/ and PYTHONPATH, never from the folder that it runs in
    if custom is not None:
        # a job runs in its own folder, where what was relative for the engine would lead elsewhere
        inherited = [os.path.abspath(entry) for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        env["PYTHONPATH"] = os.pathsep.join([os.path.abspath(custom), *inherited])
    return env


def chosen_launcher(launcher: str, slots: int, hosts: Hosts = ()) -> Literal["python", "horovodrun", "torchrun"]:
    """Return what starts a job: for ``auto`` Python where a worker has one slot on this machine, else horovodrun.

    Raises:
        ValueError: there is no such launcher, or it does not reach other hosts.
    """
    if launcher not in LAUNCHERS:
        raise ValueError(f'the launcher is "auto", "python", "horovodrun" or "torchrun", but got {launcher!r}')
    if hosts and launcher in ("python", "torchrun"):
        raise ValueError(f"the launcher {launcher} does not reach other hosts; horovodrun does")
    if launcher == "torchrun":
        return "torchrun"
    if launcher == "python" or (launcher == "auto" and slots == 1 and not hosts):
        return "python"
    return "horovodrun"


def training_launch(
    job: Path,
    slots: Sequence[int],
    threads: int,
    environ: Mapping[str, str],
    *,
    hosts: Hosts = (),
    settings: Sequence[str] = (),
    launcher: str = "auto",
    python: str = sys.executable,
    horovodrun: str | None = None,
    jobs: int = 1,
) -> Launch:
    """Return how the archive ``job`` is trained on a worker's ``slots``: one rank per slot.

    Args:
        job: the job's archive.
        slots: the worker's GPU ids or CPU slots.
        threads: threads per rank.
        environ: the engine's environment; not changed.
        hosts: where the slots are; this machine where not given.
        settings: further words ``key=value`` for ``--set``.
        launcher: ``auto`` (``python`` for one slot, ``horovodrun`` for several), or one of the three; ``python`` is one
            rank whatever the number of slots.
        python: the interpreter.
        horovodrun: the launcher of several ranks; where not given, the one beside the interpreter.
        jobs: how many run at the same time.

    Raises:
        ValueError: there is no such launcher, or it does not reach other hosts.
    """
    chosen = chosen_launcher(launcher, len(slots), hosts)
    ranks = 1 if chosen == "python" else len(slots)
    argv = training_argv(job, chosen, ranks, hosts=hosts, settings=settings, python=python, horovodrun=horovodrun)
    return Launch(argv, training_env(environ, slots, threads, Path(job) / "custom", hosts, jobs), chosen, ranks)

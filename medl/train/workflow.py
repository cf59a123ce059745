"""One training, from the checked config to the files it leaves."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from monai.handlers import TensorBoardHandler

from medl.conf.sections import SECTIONS
from medl.errors import ConfigError, Problem, RunError
from medl.mmar.archive import MMAR
from medl.mmar.machine import memory_peak
from medl.mmar.stats import RESUME_FILE, TrainStats, clear_stats, models_folder, write_stats
from medl.train.build import Training, build_training
from medl.train.determinism import draw_seed, make_deterministic
from medl.train.device import Device, choose_device, flag
from medl.train.distributed import start_ranks
from medl.train.earlier_results import set_aside
from medl.train.ended_early import end_words
from medl.train.failure import failure
from medl.train.heartbeat import remove_heartbeat
from medl.train.implicit import Parts
from medl.train.launched import Launched, launched
from medl.train.limits import NotTrained, words
from medl.train.printout import Switches, conf_lines
from medl.train.recording import Recording
from medl.train.resume import inexact, read_progress
from medl.train.start_from import Source, read_source, source_words
from medl.train.stopping import Stopped
from medl.train.torch_facts import torch_facts


def train(
    mmar: MMAR,
    config: dict[str, Any],
    variables: Mapping[str, Any],
    *,
    file: str,
    write_train_stats: bool = False,
    import_s: float = 0.0,
    started: float | None = None,
    resume: bool = False,
    recording: Recording | None = None,
) -> None:
    """Train, and leave checkpoints, ``metrics.jsonl`` and, when asked for, ``train_stats.json``.

    Args:
        mmar: the archive.
        config: the checked config in its normal form.
        variables: its resolved first-level values.
        file: the config's name, for messages.
        write_train_stats: whether to write ``train_stats.json``.
        import_s: wall seconds that the imports took.
        started: when the process began, on ``time.monotonic``.
        resume: whether to go on from the last epoch that a training before kept in the same folder.
        recording: what writes the training's record, on rank 0; ``None`` for no record.

    Raises:
        ConfigError: objects cannot be built from the config, or the data break a rule.
        TrainingError: the training cannot go on; the text names the epoch.
        RunError: the archive cannot be written.
        Stopped: a signal asked for the end; the last weights are written.
    """
    started = time.monotonic() if started is None else started
    try:
        _train(mmar, config, variables, file, write_train_stats, import_s, started, resume, recording)
    except BaseException as error:
        if recording is not None:
            recording.end_badly(error)
        raise
    finally:
        if recording is not None:
            recording.give_up()


def _train(
    mmar: MMAR,
    config: dict[str, Any],
    variables: Mapping[str, Any],
    file: str,
    write_train_stats: bool,
    import_s: float,
    started: float,
    resume: bool,
    recording: Recording | None,
) -> None:
    building = time.monotonic()
    ranks = start_ranks(use_gpu=flag(variables, "use_gpu", default=True))
    if flag(variables, "multi_gpu", default=False) and ranks.size == 1:
        _say("multi_gpu: one process was started, so the training uses one device.")
    limit_threads(launched())
    device = choose_device(variables, ranks, _say if ranks.writes else _say_nothing)
    seed = seed_of(variables, file)
    folder = models_folder(mmar.root, variables)
    with _one_line():
        if ranks.writes:
            _make_writable(folder)
        before = read_progress(folder, ranks) if resume else None
        source = None if resume else read_source(variables, mmar.root, ranks)
        if seed is not None:
            make_deterministic(seed, cuda=device.device.type == "cuda")
        parts = Parts(mmar, config, variables, file=file, folder=folder, ranks=ranks, device=device)
        try:
            epoch_seed = _epoch_seed(seed, before, parts, source)
            training = build_training(parts, epoch_seed, before, started, source)
        except NotTrained as limit:
            if ranks.writes:
                _reject(limit, folder, variables, started, import_s if write_train_stats else None)
            ranks.barrier()
            return
    if ranks.writes:
        if training.measured:
            _say(f"the network: {words(training.measured)}.")
        if before is not None:
            _say_where(before, training)
        if source is not None:
            _say(source_words(source, training.built.get("train", "optimizer"), training.last_epoch))
    if ranks.writes and flag(variables, "print_conf", default=False):
        _print_conf(training, variables, device, seed)
    if ranks.writes and not resume:
        with _one_line():
            if (earlier := set_aside(folder)) is not None:
                _say(f"what an earlier training left in {folder} is kept in {earlier}; --resume would have gone on.")
    build_s = time.monotonic() - building

    if recording is not None:
        known = {"resumed_after": None if before is None else before["epoch"]}
        spent = {"import_s": round(import_s, 4), "build_s": round(build_s, 4)}
        recording.start(folder, {**torch_facts(), **known, "timings": spent})
    running = time.monotonic()
    _run(training)
    train_s = time.monotonic() - running
    memory = ranks.gather(memory_peak())  # no rank leaves before: it would take the connection with it
    ranks.barrier()
    if not ranks.writes:
        return
    said = end_words(training.built, training.limit, training.trainer.state.epoch, training.last_epoch)
    if training.stop is not None and training.stop.found:
        said = f"the training ended after epoch {training.trainer.state.epoch} of {training.last_epoch}, as asked."
    if said is not None:
        _say(said)
    with _one_line(training.last_epoch):
        training.keeper.finish()
        timings = _timings(import_s, build_s, train_s, training, started)
        early = training.stop is not None and training.stop.found
        stats = training.lines.stats(
            training.last_epoch, timings, stopped_early=early, measured=dict(training.measured)
        )
        if write_train_stats:
            write_stats(folder, stats)
    if recording is not None:
        recording.end(stats, memory)


def _timings(import_s: float, build_s: float, train_s: float, training: Training, started: float) -> dict[str, float]:
    """Return the wall seconds of each phase; ``train_s`` is given with the validation in it."""
    timings = {
        "import_s": import_s,
        "build_s": build_s,
        "train_s": max(0.0, train_s - training.lines.validate_s),
        "validate_s": training.lines.validate_s,
        "total_s": time.monotonic() - started,
    }
    return {name: round(seconds, 4) for name, seconds in timings.items()}


def _reject(
    limit: NotTrained, folder: Path, variables: Mapping[str, Any], started: float, import_s: float | None
) -> None:
    """Say that the network is not trained, and leave that for programs where they are to read of it."""
    _say(f"not trained: {limit}.")
    clear_stats(folder)
    if import_s is not None:
        spent = {"import_s": import_s, "build_s": time.monotonic() - started - import_s, "train_s": 0.0}
        spent |= {"validate_s": 0.0, "total_s": time.monotonic() - started}
        timings = {name: round(max(0.0, seconds), 4) for name, seconds in spent.items()}
        horizon = int(variables.get("epochs") or 1)
        last = int(variables.get("until_epoch") or horizon)
        stats = TrainStats("rejected", None, last, horizon, timings=timings, measured=limit.measured, reason=str(limit))
        write_stats(folder, stats)


def _run(training: Training) -> None:
    """Run the trainer; its errors come out as one line that names the epoch."""
    try:
        if training.trainer.state.epoch < training.last_epoch:
            training.trainer.run()
        else:  # ignite would begin anew
            training.trainer.fire_event(Events.COMPLETED)
    except Stopped as stop:
        if training.ranks.writes and training.trainer.state.iteration > 0:
            training.keeper.finish_early(training.trainer, stop)
        raise
    except Exception as error:
        raise failure(error, training.trainer.state.epoch) from error
    finally:
        _close_writers(training)
        if training.ranks.writes:
            remove_heartbeat(training.lines.folder)


def _close_writers(training: Training) -> None:
    """Have TensorBoard's writers write what they still hold; they would do so every two minutes."""
    for section in SECTIONS:
        for handler in training.built.get(section, "handlers") or ():
            if isinstance(handler, TensorBoardHandler):
                handler.close()


@contextlib.contextmanager
def _one_line(epoch: int | None = None) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise failure(error, epoch) from error


def _say(line: str) -> None:
    print(f"medl: {line}", flush=True)


def _say_nothing(line: str) -> None:
    """Leave a line to rank 0, which says the same."""


def limit_threads(place: Launched) -> None:
    """Take the number of threads from ``OMP_NUM_THREADS``, also where torch was built without OpenMP.

    Without it the ranks of a machine share its cores: threads beyond the cores only wait for each other.
    """
    text = os.environ.get("OMP_NUM_THREADS", "")
    if text.isdecimal() and int(text) > 0:
        torch.set_num_threads(int(text))
    elif place.local_size > 1:
        torch.set_num_threads(max(1, torch.get_num_threads() // place.local_size))


def seed_of(variables: Mapping[str, Any], file: str) -> int | None:
    """Return the seed of ``determinism``, or ``None`` where the config does not ask for it."""
    if "determinism" not in variables:
        return None
    value = variables["determinism"]
    seed = value.get("random_seed", 0) if isinstance(value, dict) else None
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError(
            Problem(
                rule='"determinism" is an object with a "random_seed" of at least 0',
                file=file,
                path="determinism",
                value=value,
                remedy='Write "determinism": {"random_seed": 0}, or leave it out.',
            )
        )
    return seed


def _epoch_seed(seed: int | None, before: Mapping[str, Any] | None, parts: Parts, source: Source | None = None) -> int:
    """Return the seed of the epochs on every rank: the one that a training began with, the config's, or one drawn."""
    if before is None and source is not None and seed is None:
        return int(source.kept["seed"])
    if before is None:
        return int(parts.ranks.from_first(draw_seed())) if seed is None else seed
    if seed is not None and seed != before["seed"]:
        raise ConfigError(
            Problem(
                rule=f"{RESUME_FILE} was written with the random seed {before['seed']}",
                file=parts.file,
                path="determinism.random_seed",
                value=seed,
                remedy="Go on with that one, or train without --resume to begin anew.",
            )
        )
    return int(before["seed"])


def _say_where(before: Mapping[str, Any], training: Training) -> None:
    _say(f"the training goes on after epoch {before['epoch']} of {training.last_epoch}.")
    get = training.built.get
    length = training.trainer.state.epoch_length
    for reason in inexact(get("train", "dataset"), get("train", "dataloader"), length):
        _say(f"this will not be bit for bit the training without a stop: {reason}.")
    if training.horizon != before["horizon"]:
        _say(f"epochs was {before['horizon']} and is {training.horizon}: a learning rate's schedule stays as it began.")


def _make_writable(folder: Path) -> None:
    """Make the folder of the checkpoints, and find out now whether it can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        there = next(place for place in (folder, *folder.parents) if place.exists())
        raise RunError(
            f"checkpoints go into the folder {folder}, but {there} is a file. "
            "Move it away, or give another folder with --set MMAR_CKPT_DIR=..."
        ) from error
    probe = folder / f".writable.{os.getpid()}"
    probe.touch()
    probe.unlink()


def _print_conf(training: Training, variables: Mapping[str, Any], device: Device, seed: int | None) -> None:
    switches = Switches(
        epochs=training.horizon,
        use_gpu=device.device.type == "cuda",
        multi_gpu=training.ranks.size > 1,
        amp=bool(getattr(training.trainer, "amp", device.amp)),
        determinism=seed is not None,
        cudnn_benchmark=device.cudnn_benchmark and seed is None,
        tf32=device.tf32,
    )
    for line in conf_lines(switches, training.built):
        print(line, flush=True)

"""Runs a recommendation as a training of its own: a clone of the archive, its processes, files as its answer."""

from __future__ import annotations

import dataclasses
import os
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from medl.automl.api import Executor
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, Recommendation, SearchSpace
from medl.automl.hardware import cores, fair_threads
from medl.automl.launch import LAUNCHERS, Launch, training_launch
from medl.automl.process import JobProcess, describe_end, start
from medl.automl.space import apply_values, find_search_space
from medl.automl.watchdog import Watchdog
from medl.conf.load import read_object
from medl.errors import ConfigError, MedlError
from medl.mmar.archive import MMAR
from medl.mmar.record import close_record, file_hash, job_record, write_record
from medl.mmar.run_folder import RunFolder
from medl.mmar.stats import HEARTBEAT_FILE, METRICS_FILE, TrainStats, models_folder, read_metrics, read_stats

from .job_config import first_weights, job_environment, json_text, resolved_config


class MMARExecutor(Executor):
    """Trains a clone of the archive per job.

    ================== ======= ====================================================================================
    arg                default meaning
    ================== ======= ====================================================================================
    poll_interval      1.0     seconds between two looks at a running job
    remove_search_augs true    whether search, apply and lr_search are left out of a job's config
    msg_destination    file    where a job's output goes: ``file`` (log.txt of the job) or ``console``
    launcher           auto    ``python``, ``horovodrun``, ``torchrun``, or ``auto``: horovodrun where a worker has
                               several slots
    stall_timeout_s    1800    a job is ended that for so many seconds wrote no line and completed no iteration;
                               longer than its longest silence, such as filling a cache
    ================== ======= ====================================================================================

    A job's archive is ``<run>/<job>``: ``config/config_train.json`` and ``config/environment.json`` are generated, the
    rest of the configs, commands and custom code are the archive's. The engine runs its own command line, never the
    archive's scripts; ``commands/automl_train_round.sh`` reruns a job by hand.

    Raises:
        ValueError: an argument breaks its rule.
    """

    def __init__(
        self,
        poll_interval: float = 1.0,
        remove_search_augs: bool = True,
        msg_destination: Literal["file", "console"] = "file",
        launcher: Literal["auto", "python", "horovodrun", "torchrun"] = "auto",
        stall_timeout_s: float = 1800.0,
    ):
        seconds = poll_interval
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 3600:
            raise ValueError(f"poll_interval must be a number of seconds above 0 and under 3600, but got {seconds!r}")
        if not isinstance(remove_search_augs, bool):
            raise ValueError(f"remove_search_augs must be true or false, but got {remove_search_augs!r}")
        if msg_destination not in ("file", "console"):
            raise ValueError(f'msg_destination must be "file" or "console", but got {msg_destination!r}')
        if launcher not in LAUNCHERS:
            raise ValueError(f'launcher must be "auto", "python", "horovodrun" or "torchrun", but got {launcher!r}')
        seconds = stall_timeout_s
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
            raise ValueError(f"stall_timeout_s must be a number of seconds above 0, but got {seconds!r}")
        self.poll_interval = poll_interval
        self.remove_search_augs = remove_search_augs
        self.msg_destination = msg_destination
        self.launcher = launcher
        self.stall_timeout_s = stall_timeout_s
        self._config: dict[str, Any] | None = None
        self._environment: dict[str, Any] = {}
        # jobs run in threads of their own, abort comes from the main thread
        self._lock = threading.Lock()
        self._processes: dict[str, JobProcess] = {}
        self._aborted: set[str] = set()

    def determine_search_space(self, ctx: Context) -> SearchSpace:
        """Return what the ``search`` sections of the train config span.

        Raises:
            ConfigError: they break a rule.
        """
        config, _ = self._configs(ctx)
        space, problems = find_search_space(config, None, f"config/{_train_config(ctx)}")
        if problems:
            raise ConfigError(problems)
        return space

    def execute(self, recommendation: Recommendation, ctx: Context) -> Outcome:
        """Train one clone to its end and return what its files say."""
        name = ctx.get_prop(ContextKey.JOB_NAME)
        if recommendation.resume_from or recommendation.inherit_from:
            reason = "MMARExecutor does not start a job from another one's weights yet"
            return Outcome(recommendation.id, JobStatus.FAILED, reason=reason)
        began = time.monotonic()
        job, config, environment = self._clone(recommendation, ctx)
        ctx.set_prop(ContextKey.JOB_MMAR_ROOT, str(job.root))
        launch = self.launch(job.root, ctx)
        record = job_record(
            job=name,
            attempt=int(ctx.get_prop(ContextKey.ATTEMPT, 1)),
            worker=str(ctx.get_prop(ContextKey.WORKER_NAME, "")),
            recommendation={
                "id": recommendation.id,
                "until_epoch": recommendation.until_epoch,
                "resume_from": recommendation.resume_from,
                "inherit_from": recommendation.inherit_from,
            },
            values=ctx.get_prop(ContextKey.CONCRETE_SEARCH_VALUE) or recommendation.result.concrete(),
            config=config,
            resolved_config=resolved_config(config, environment, job.root),
            environment=environment,
            argv=launch.argv,
            slots=ctx.get_prop(ContextKey.GPUS, ()),
            threads=_threads(ctx),
            data_list=_data_list(job, {**config, **environment}),
        )
        write_record(job, record)
        log = job.log if self.msg_destination == "file" else None
        folder = models_folder(job.root, {**config, **environment})
        watchdog = Watchdog([job.log, folder / METRICS_FILE, folder / HEARTBEAT_FILE], self.stall_timeout_s)
        code, stalled = self._run(name, job, launch, log, watchdog)
        ctx.set_prop(ContextKey.PROCESS_EXIT_STATUS, code)
        cost = time.monotonic() - began
        with self._lock:
            aborted = name in self._aborted
            self._aborted.discard(name)
        if aborted:
            outcome, stats = Outcome(recommendation.id, JobStatus.STOPPED, reason="it was aborted", cost_s=cost), None
        else:
            outcome, stats = _outcome(recommendation.id, code, cost, folder, job)
            if stalled:
                outcome = dataclasses.replace(outcome, status=JobStatus.FAILED, values={}, reason=self._stall())
        weights = folder / "model.pt"
        write_record(
            job,
            close_record(
                record,
                outcome={
                    "status": str(outcome.status),
                    "values": dict(outcome.values),
                    "epoch": outcome.epoch,
                    "reason": outcome.reason,
                    "exit_code": code,
                },
                wall_s=cost,
                checkpoint=os.path.relpath(weights, job.root) if weights.is_file() else None,
                timings=stats.timings if stats is not None else {},
            ),
        )
        return outcome

    def launch(self, job: Path, ctx: Context) -> Launch:
        """Return how a job's archive is trained on this context's worker; starts nothing."""
        slots = tuple(ctx.get_prop(ContextKey.GPUS, (0,))) or (0,)
        hosts = ctx.get_prop(ContextKey.HOSTS, ())
        return training_launch(job, slots, _threads(ctx), os.environ, hosts=hosts, launcher=self.launcher)

    def abort(self, ctx: Context) -> None:
        """End the job's processes; its outcome is then ``stopped``."""
        name = ctx.get_prop(ContextKey.JOB_NAME)
        with self._lock:
            self._aborted.add(name)
            process = self._processes.get(name)
        if process is not None:
            process.stop()

    def shutdown(self, ctx: Context) -> None:
        """End what still runs; nothing does after an orderly end."""
        with self._lock:
            left = list(self._processes.values())
        for process in left:
            process.stop()

    def _configs(self, ctx: Context) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the archive's train config and environment as they are in the files, read once per run."""
        if self._config is None:
            mmar = MMAR(ctx.get_prop(ContextKey.MMAR_ROOT))
            name = _train_config(ctx)
            config = read_object(mmar.config / name, f"config/{name}")
            if mmar.environment.exists():
                self._environment = read_object(mmar.environment, "config/environment.json")
            self._config = config
        return self._config, self._environment

    def _clone(self, recommendation: Recommendation, ctx: Context) -> tuple[MMAR, dict[str, Any], dict[str, Any]]:
        source = MMAR(ctx.get_prop(ContextKey.MMAR_ROOT))
        run = Path(ctx.get_prop(ContextKey.RUN_ROOT))
        folder = RunFolder(run.parent, run.name)
        name, attempt = ctx.get_prop(ContextKey.JOB_NAME), int(ctx.get_prop(ContextKey.ATTEMPT, 1))
        target = folder.job(name).root
        if target.exists():  # of an attempt that was interrupted; it may hold what its user wants to see
            _set_aside(target, folder, name, attempt - 1)
        config, archive_environment = self._configs(ctx)
        config = apply_values(config, recommendation.result.values, remove_search=self.remove_search_augs)
        environment = job_environment(
            source=source.root,
            job=target,
            config=config,
            environment=archive_environment,
            settings=ctx.get_prop(ContextKey.SETTINGS, {}),
            until_epoch=recommendation.until_epoch,
        )
        files = {"config_train.json": json_text(config), "environment.json": json_text(environment)}
        job = source.clone(target, files)
        # weights stay behind, but for those that this config starts from
        if (weights := first_weights(config, environment, source.root.absolute())) is not None:
            (job.root / weights).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source.root / weights, job.root / weights)
        return job, config, environment

    def _stall(self) -> str:
        return (
            f"the job was ended: in {self.stall_timeout_s:g} s it wrote no line and completed no iteration. One of its "
            "processes was stuck, or stall_timeout_s of the executor is shorter than what the job does in silence"
        )

    def _run(self, name: str, job: MMAR, launch: Launch, log: Path | None, watchdog: Watchdog) -> tuple[int, bool]:
        """Start the job and wait for its end; return its exit code, and whether it was ended for standing still."""
        if log is None:
            print(f"{name}: {launch.header}", flush=True)
        process = start(launch.argv, env=launch.env, cwd=job.root, log=log, header=launch.header)
        with self._lock:
            self._processes[name] = process
            aborted = name in self._aborted
        if aborted:  # asked for while the clone was made
            process.stop()
        try:
            stalled = False
            while (code := process.wait(self.poll_interval)) is None:
                if not stalled and not process.stopped and watchdog.stalled():
                    stalled = True
                    process.stop()
            return code, stalled
        finally:
            with self._lock:
                self._processes.pop(name, None)


def _train_config(ctx: Context) -> str:
    return str(ctx.get_prop(ContextKey.TRAIN_CONFIG, "config_train.json"))


def _data_list(job: MMAR, variables: Mapping[str, Any]) -> dict[str, Any]:
    place = variables.get("DATASET_JSON")
    return {"file": place, "sha256": file_hash(job.root / place) if isinstance(place, str) else None}


def _threads(ctx: Context) -> int:
    given = ctx.get_prop(ContextKey.THREADS)
    ranks = int(ctx.get_prop(ContextKey.NUM_WORKERS, 1)) * max(1, len(ctx.get_prop(ContextKey.GPUS, (0,))))
    return int(given) if given else fair_threads(cores(), ranks)


def _set_aside(target: Path, folder: RunFolder, name: str, attempt: int) -> None:
    place = folder.superseded(name, max(attempt, 0))
    number = 1
    while place.exists():
        place = place.with_name(f"{folder.superseded(name, max(attempt, 0)).name}-{number}")
        number += 1
    shutil.move(target, place)


def _outcome(id: str, code: int, cost: float, folder: Path, job: MMAR) -> tuple[Outcome, TrainStats | None]:
    """Return what an ended training's exit code and files say."""
    try:
        stats = read_stats(folder)
        epochs = read_metrics(folder)
    except MedlError as error:
        return Outcome(id, JobStatus.FAILED, reason=str(error), cost_s=cost), None
    last = stats.epochs[1] if stats is not None else next((line.get("epoch") for line in reversed(epochs)), None)
    info: Mapping[str, Any] = {}
    if stats is not None:
        info = {"best_epoch": stats.best_epoch, "epochs": list(stats.epochs), "key_metric": stats.key_metric}
    if code:
        reason = describe_end(code, job.log)
        return Outcome(id, JobStatus.FAILED, reason=reason, epoch=last, cost_s=cost, info=info), stats
    if stats is None:
        reason = "the training ended with exit code 0 but wrote no train_stats.json"
        return Outcome(id, JobStatus.FAILED, reason=reason, epoch=last, cost_s=cost), None
    if stats.status != "ok" or stats.best_metric is None:
        reason = (
            f"nothing was validated with a key metric in the epochs {stats.epochs[0]} to {stats.epochs[1]}: "
            f"set num_interval_per_valid (the interval of ValidationHandler) to {stats.epochs[1]} or less, "
            "and give validate a key_metric"
        )
        return Outcome(id, JobStatus.NO_SCORE, reason=reason, epoch=last, cost_s=cost, info=info), stats
    values = {stats.key_metric or "score": float(stats.best_metric)}
    return Outcome(id, JobStatus.OK, values=values, epoch=last, cost_s=cost, info=info), stats

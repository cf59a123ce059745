"""Runs a recommendation as a training of its own: a clone of the archive, its processes, files as its answer."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from medl.automl import faults
from medl.automl.api import Executor
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, Recommendation, SearchSpace
from medl.automl.goals import Goals
from medl.automl.hardware import cores, fair_threads
from medl.automl.launch import LAUNCHERS, Launch, training_launch
from medl.automl.left_behind import first_weights, resolved_config
from medl.automl.process import start
from medl.automl.space import apply_values, find_search_space
from medl.automl.space_changes import changed_config
from medl.automl.watchdog import Watchdog
from medl.conf.load import read_object
from medl.errors import ConfigError, RunError
from medl.mmar.archive import MMAR
from medl.mmar.record import close_record, file_hash, job_record, take_training_record, write_record
from medl.mmar.run_folder import RunFolder
from medl.mmar.stats import HEARTBEAT_FILE, METRICS_FILE, RESUME_FILE, STOP_FILE, clear_stats, models_folder

from .going_on import Origin, lineage_of, origin_of, same_network
from .halved_batch import halved_batch
from .interrupted import left_by, set_aside, take_over, torn
from .job_config import job_environment, json_text, size_limits
from .judgement import judged
from .running_jobs import RunningJobs


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
    halve_batch_on_oom false   whether a job that runs out of memory is trained again, from its beginning, with half
                               its ``batch_size``; the record has the change
    ================== ======= ====================================================================================

    A job's archive is ``<run>/<job>``: ``config/config_train.json`` and ``config/environment.json`` are generated, the
    rest of the configs, commands and custom code are the archive's. The engine runs its own command line, never the
    archive's scripts; ``commands/automl_train_round.sh`` reruns a job by hand.

    A job whose attempt before did not come to its end goes on after the last epoch that that one kept (``resume.pt``),
    bit for bit as if nothing had happened; where nothing was kept, or it cannot be read, it begins anew.

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
        halve_batch_on_oom: bool = False,
    ):
        seconds = poll_interval
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 3600:
            raise ValueError(f"poll_interval must be a number of seconds above 0 and under 3600, but got {seconds!r}")
        if not isinstance(remove_search_augs, bool):
            raise ValueError(f"remove_search_augs must be true or false, but got {remove_search_augs!r}")
        if not isinstance(halve_batch_on_oom, bool):
            raise ValueError(f"halve_batch_on_oom must be true or false, but got {halve_batch_on_oom!r}")
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
        self.halve_batch_on_oom = halve_batch_on_oom
        self._config: dict[str, Any] | None = None
        self._environment: dict[str, Any] = {}
        self._jobs = RunningJobs()

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
        self._jobs.begin(name)
        try:
            return self._execute(name, recommendation, ctx)
        except RunError as error:  # the job that it goes on from does not serve
            info = {"fault": str(faults.Fault.CONFIG)}
            return Outcome(recommendation.id, JobStatus.FAILED, reason=str(error), info=info)
        finally:
            self._jobs.end(name)

    def _execute(self, name: str, recommendation: Recommendation, ctx: Context) -> Outcome:
        began = time.monotonic()
        origin = origin_of(recommendation, _run_folder(ctx))
        job, config, environment, halved = self._clone(recommendation, ctx, origin)
        ctx.set_prop(ContextKey.JOB_MMAR_ROOT, str(job.root))
        resolved = resolved_config(config, environment, job.root)
        folder = models_folder(job.root, {**config, **environment})
        if origin is not None:
            same_network(origin, resolved)
            origin.give(job, folder)
        launch = self.launch(job.root, ctx)
        anew = launch
        if halved is None and self._goes_on(name, job, folder, ctx):
            launch = dataclasses.replace(launch, argv=(*launch.argv, "--resume"))
        record = job_record(
            job=name,
            attempt=int(ctx.get_prop(ContextKey.ATTEMPT, 1)),
            worker=str(ctx.get_prop(ContextKey.WORKER_NAME, "")),
            recommendation={
                "id": recommendation.id,
                "until_epoch": recommendation.until_epoch,
                "resume_from": recommendation.resume_from,
                "inherit_from": recommendation.inherit_from,
                **({} if recommendation.horizon is None else {"horizon": recommendation.horizon}),
                **({"variables": dict(recommendation.variables)} if recommendation.variables else {}),
            },
            values=ctx.get_prop(ContextKey.CONCRETE_SEARCH_VALUE) or recommendation.result.concrete(),
            config=config,
            resolved_config=resolved,
            environment=environment,
            argv=launch.argv,
            slots=ctx.get_prop(ContextKey.GPUS, ()),
            threads=_threads(ctx),
            data_list=_data_list(job, {**config, **environment}),
            lineage=lineage_of(origin),
            launcher=launch.launcher,
            ranks=launch.ranks,
        )
        write_record(job, record)
        log = job.log if self.msg_destination == "file" else None
        self._jobs.has_archive(name, folder / STOP_FILE)
        watchdog = Watchdog([job.log, folder / METRICS_FILE, folder / HEARTBEAT_FILE], self.stall_timeout_s)
        kills = faults.oom_kills()
        code, stalled = self._run(name, job, launch, log, watchdog)
        if code == ConfigError.exit_code and launch is not anew and not self._jobs.aborted(name):
            ctx.trace(self, f"{name}: its last checkpoint is refused, so it begins anew", print_to_console=True)
            (folder / RESUME_FILE).unlink(missing_ok=True)
            clear_stats(folder)
            code, stalled = self._run(name, job, anew, log, watchdog)
        ctx.set_prop(ContextKey.PROCESS_EXIT_STATUS, code)
        cost = time.monotonic() - began
        if self._jobs.aborted(name):
            outcome, stats = Outcome(recommendation.id, JobStatus.STOPPED, reason="it was aborted", cost_s=cost), None
        else:
            goals: Goals = ctx.get_prop(ContextKey.GOALS) or Goals()
            rung = recommendation.until_epoch is not None
            outcome, stats = judged(recommendation.id, code, cost, folder, job, goals, rung=rung)
            if stalled:
                outcome = dataclasses.replace(outcome, status=JobStatus.FAILED, values={}, reason=self._stall())
            info = dict(outcome.info)
            if halved is not None:
                info["batch_size"] = {"asked": halved[0], "trained": halved[1]}
            if outcome.status is JobStatus.FAILED:
                kills = faults.oom_kills() - kills
                hosts = bool(ctx.get_prop(ContextKey.HOSTS, ()))
                fault = faults.Fault.STALL if stalled else faults.fault_of(code, log, oom_kills=kills, hosts=hosts)
                info["fault"] = str(fault)
                if fault is faults.Fault.OUT_OF_MEMORY and self.halve_batch_on_oom:
                    info[faults.RUNS_AGAIN] = halved_batch(config, resolved, 1) is not None
            elif outcome.status is JobStatus.REJECTED:
                info["fault"] = str(faults.Fault.REJECTED)
            outcome = dataclasses.replace(outcome, info=info)
        write_record(
            job,
            close_record(
                record,
                outcome={
                    "status": str(outcome.status),
                    "values": dict(outcome.values),
                    "epoch": outcome.epoch,
                    "epochs": outcome.info.get("epochs"),
                    "constraints": dict(outcome.constraints),
                    "reason": outcome.reason,
                    "exit_code": code,
                },
                wall_s=cost,
                root=job.root,
                folder=folder,
                stats=stats,
                training=take_training_record(folder),
            ),
        )
        return outcome

    def launch(self, job: Path, ctx: Context) -> Launch:
        """Return how a job's archive is trained on this context's worker; starts nothing."""
        slots = tuple(ctx.get_prop(ContextKey.GPUS, (0,))) or (0,)
        hosts = ctx.get_prop(ContextKey.HOSTS, ())
        jobs = int(ctx.get_prop(ContextKey.NUM_WORKERS, 1))
        return training_launch(job, slots, _threads(ctx), os.environ, hosts=hosts, launcher=self.launcher, jobs=jobs)

    def stop_early(self, ctx: Context) -> None:
        """Let the job end with the epoch that it is in, validated and with its checkpoint; it then counts as it is.

        A file beside its checkpoints asks for it, which the training finds at the end of the epoch.
        """
        self._jobs.stop_early(ctx.get_prop(ContextKey.JOB_NAME))

    def abort(self, ctx: Context) -> None:
        """End the job's processes; its outcome is then ``stopped``."""
        self._jobs.abort(ctx.get_prop(ContextKey.JOB_NAME))

    def shutdown(self, ctx: Context) -> None:
        """End what still runs; nothing does after an orderly end."""
        self._jobs.stop_all()

    def _configs(self, ctx: Context) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the archive's train config and environment as they are in the files, read once per run."""
        if self._config is None:
            mmar = MMAR(ctx.get_prop(ContextKey.MMAR_ROOT))
            name = _train_config(ctx)
            config = read_object(mmar.config / name, f"config/{name}")
            config, problems = changed_config(config, ctx.get_prop(ContextKey.SPACE_CHANGES))
            if problems:
                raise ConfigError(problems)
            if mmar.environment.exists():
                self._environment = read_object(mmar.environment, "config/environment.json")
            self._config = config
        return self._config, self._environment

    def _clone(
        self, recommendation: Recommendation, ctx: Context, origin: Origin | None
    ) -> tuple[MMAR, dict[str, Any], dict[str, Any], tuple[int, int] | None]:
        """Return the job's archive, its two configs, and the batch sizes that were asked for and are trained."""
        source = MMAR(ctx.get_prop(ContextKey.MMAR_ROOT))
        folder = _run_folder(ctx)
        name, attempt = ctx.get_prop(ContextKey.JOB_NAME), int(ctx.get_prop(ContextKey.ATTEMPT, 1))
        target = folder.job(name).root
        if target.exists():  # of an attempt that was interrupted; it may hold what its user wants to see
            set_aside(target, folder, name, attempt - 1)
        config, archive_environment = self._configs(ctx)
        config = apply_values(config, recommendation.result.values, remove_search=self.remove_search_augs)
        own = recommendation.variables
        config |= {key: value for key, value in own.items() if isinstance(value, dict | list)}  # no variables of a text
        environment = job_environment(
            source=source.root,
            job=target,
            config=config,
            environment=archive_environment,
            settings=ctx.get_prop(ContextKey.SETTINGS, {}),
            until_epoch=recommendation.until_epoch,
            horizon=recommendation.horizon,
            variables={key: value for key, value in own.items() if not isinstance(value, dict | list)},
        )
        if limits := size_limits(ctx.get_prop(ContextKey.GOALS) or Goals()):
            environment["constraints"] = limits
        if origin is not None:
            environment |= origin.environment(str({**config, **environment}.get("MMAR_CKPT_DIR") or "models"))
        halved = None
        if times := list(ctx.get_prop(ContextKey.FAULTS, ())).count(faults.Fault.OUT_OF_MEMORY):
            halved = halved_batch(config, resolved_config(config, environment, source.root), times)
        if halved is not None:
            config, asked, trained = halved
            ctx.trace(self, f"{name} ran out of memory: batch_size {asked} becomes {trained}", print_to_console=True)
        files = {"config_train.json": json_text(config), "environment.json": json_text(environment)}
        job = source.clone(target, files)
        # weights stay behind, but for those that this config starts from
        if (weights := first_weights(config, environment, source.root.absolute())) is not None:
            (job.root / weights).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source.root / weights, job.root / weights)
        return job, config, environment, None if halved is None else halved[1:]

    def _goes_on(self, name: str, job: MMAR, folder: Path, ctx: Context) -> bool:
        """Give a job what its attempt before kept, and return whether it goes on from there."""
        attempt = int(ctx.get_prop(ContextKey.ATTEMPT, 1))
        if attempt < 2 or not folder.is_relative_to(job.root):
            return False
        for before in left_by(_run_folder(ctx), name, folder.relative_to(job.root)):
            path = before / RESUME_FILE
            if why := torn(path):
                said = f"{path} cannot be read ({why}), so it is not gone on from"
                ctx.trace(self, f"{name}: {said}", print_to_console=True)
                continue
            take_over(before, folder)
            ctx.trace(self, f"{name}: attempt {attempt} goes on from the last epoch that {before} kept")
            return True
        return False

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
        self._jobs.has_process(name, process)
        try:
            stalled = False
            while (code := process.wait(self.poll_interval)) is None:
                if not stalled and not process.stopped and watchdog.stalled():
                    stalled = True
                    process.stop()
            return code, stalled
        finally:
            self._jobs.has_no_process(name)


def _run_folder(ctx: Context) -> RunFolder:
    run = Path(ctx.get_prop(ContextKey.RUN_ROOT))
    return RunFolder(run.parent, run.name)


def _train_config(ctx: Context) -> str:
    return str(ctx.get_prop(ContextKey.TRAIN_CONFIG, "config_train.json"))


def _data_list(job: MMAR, variables: Mapping[str, Any]) -> dict[str, Any]:
    place = variables.get("DATASET_JSON")
    return {"file": place, "sha256": file_hash(job.root / place) if isinstance(place, str) else None}


def _threads(ctx: Context) -> int:
    given = ctx.get_prop(ContextKey.THREADS)
    ranks = int(ctx.get_prop(ContextKey.NUM_WORKERS, 1)) * max(1, len(ctx.get_prop(ContextKey.GPUS, (0,))))
    return int(given) if given else fair_threads(cores(), ranks)

"""MMARExecutor: the clone, the process, the outcome read from files, the end from outside."""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, Recommendation, SearchResult
from medl.automl.goals import Constraint, Goals, Objective
from medl.automl.launch import Launch
from medl.components.executors.mmar_executor import MMARExecutor
from medl.conf.validate import schema_problems
from medl.testing.executors import ExecutorContract

CONFIG = {
    "epochs": 4,
    "learning_rate": 0.1,
    "search": [{"domain": "lr", "type": "float", "args": ["learning_rate"], "targets": [0.0, 1.0]}],
    "train": {"model": {"name": "UNet", "args": {"dimensions": 3, "act": "{MY_ACT}"}}},
}
STATS = {"status": "ok", "key_metric": "dice", "best_metric": 0.75, "best_epoch": 2, "epochs": [1, 4]}
STATS |= {"max_epoch": 4, "horizon": 4, "history": {"dice": {"2": 0.75}}, "timings": {"train_s": 1.5}}


class Scripted(MMARExecutor):
    """Runs a few lines of Python in place of the training; ``job`` is the archive."""

    def __init__(self, program: str, **args: Any):
        super().__init__(poll_interval=0.02, **args)
        self.program = f"import json, sys, os, time, pathlib\njob = pathlib.Path(sys.argv[1])\n{program}"

    def launch(self, job: Path, ctx: Context) -> Launch:
        return dataclasses.replace(super().launch(job, ctx), argv=(sys.executable, "-S", "-c", self.program, str(job)))


def stats(**changes: Any) -> str:
    return f"(job / 'models/train_stats.json').write_text({json.dumps({**STATS, **changes})!r})\n"


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    archive = tmp_path / "archive"
    for folder in ("config", "models", "data", "commands", "custom"):
        (archive / folder).mkdir(parents=True)
    (archive / "config/config_train.json").write_text(json.dumps({"epochs": 1}))
    (archive / "config/config_mine.json").write_text(json.dumps(CONFIG))
    (archive / "config/environment.json").write_text(
        json.dumps({"DATA_ROOT": "data", "DATASET_JSON": "data/list.json", "MY_ACT": "relu"})
    )
    (archive / "data/list.json").write_text("{}")
    (archive / "models/model.pt").write_text("old weights")
    ctx = Context()
    ctx.set_prop(ContextKey.MMAR_ROOT, str(archive))
    ctx.set_prop(ContextKey.RUN_ROOT, str(archive / "automl/a"))
    ctx.set_prop(ContextKey.TRAIN_CONFIG, "config_mine.json")
    ctx.set_prop(ContextKey.SETTINGS, {"MINE": 3})
    return ctx


def execute(executor: MMARExecutor, ctx: Context, attempt: int = 1, **more: Any) -> tuple[Outcome, Path]:
    space = executor.determine_search_space(ctx)
    values = {space.parameters[0].prl: 0.5}
    job = Context(ctx)
    job.set_prop(ContextKey.JOB_NAME, "W1_1_J1")
    job.set_prop(ContextKey.GPUS, [0])
    job.set_prop(ContextKey.ATTEMPT, attempt)
    outcome = executor.execute(Recommendation("T1", SearchResult(space, values), **more), job)
    return outcome, Path(ctx.get_prop(ContextKey.RUN_ROOT)) / "W1_1_J1"


def test_the_space_is_the_train_configs(ctx: Context):
    assert [p.prl for p in MMARExecutor().determine_search_space(ctx).parameters] == ["lr.float.$0:learning_rate"]


def test_the_score_is_the_best_validation(ctx: Context):
    outcome, job = execute(Scripted(stats() + "(job / 'models/model.pt').touch()"), ctx, until_epoch=2)
    assert outcome.status is JobStatus.OK
    assert outcome.values == {"dice": 0.75}
    assert outcome.epoch == 4
    assert outcome.info["best_epoch"] == 2
    assert outcome.cost_s is not None and outcome.cost_s > 0
    config = json.loads((job / "config/config_train.json").read_text())
    assert config == {"epochs": 4, "learning_rate": 0.5, "train": CONFIG["train"]}
    environment = json.loads((job / "config/environment.json").read_text())
    assert environment["MINE"] == 3
    assert environment["until_epoch"] == 2
    assert (job / environment["DATASET_JSON"]).is_file()
    record = json.loads((job / "record.json").read_text())
    assert record["recommendation"] == {"id": "T1", "until_epoch": 2, "resume_from": None, "inherit_from": None}
    assert not schema_problems(record, "record")
    assert record["config"]["train"]["model"]["args"] == {"dimensions": 3, "act": "{MY_ACT}"}
    assert record["resolved_config"]["train"]["model"]["args"] == {"spatial_dims": 3, "act": "relu"}
    assert record["resolved_config"]["learning_rate"] == 0.5
    assert record["outcome"]["exit_code"] == 0
    assert record["timings"] == {"train_s": 1.5}
    assert record["checkpoint"] == "models/model.pt"


def test_the_archives_weights_stay_behind(ctx: Context):
    _, job = execute(Scripted(stats()), ctx)
    assert not (job / "models/model.pt").exists()


def test_the_search_sections_stay_where_asked(ctx: Context):
    _, job = execute(Scripted(stats(), remove_search_augs=False), ctx)
    assert "search" in json.loads((job / "config/config_train.json").read_text())


@pytest.mark.parametrize(
    ("program", "status", "said"),
    [
        ("sys.exit('label 7 is more than out_channels')", JobStatus.FAILED, "exit code 1: label 7 is more"),
        ("os.kill(os.getpid(), 9)", JobStatus.FAILED, "probably out of memory"),
        ("", JobStatus.FAILED, "wrote no train_stats.json"),
        ("(job / 'models/train_stats.json').write_text('{')", JobStatus.FAILED, "is not JSON"),
        (stats(status="no_score", best_metric=None, key_metric=None), JobStatus.NO_SCORE, "num_interval_per_valid"),
        (stats() + "sys.exit(3)", JobStatus.FAILED, "exit code 3"),
    ],
)
def test_what_ended_without_a_score_says_why(ctx: Context, program: str, status: JobStatus, said: str):
    outcome, job = execute(Scripted(program), ctx)
    assert outcome.status is status
    assert not outcome.values
    assert said in outcome.reason
    assert json.loads((job / "record.json").read_text())["outcome"]["reason"] == outcome.reason


def test_the_log_has_the_launcher_then_both_streams(ctx: Context):
    _, job = execute(Scripted("print('out', flush=True); print('err', file=sys.stderr)\n" + stats()), ctx)
    assert (job / "log.txt").read_text().splitlines() == ["launcher: python, ranks: 1", "out", "err"]


def test_output_may_go_to_the_console(ctx: Context, capfd: pytest.CaptureFixture[str]):
    _, job = execute(Scripted("print('to the console')\n" + stats(), msg_destination="console"), ctx)
    assert "to the console" in capfd.readouterr().out
    assert not (job / "log.txt").exists()


def test_the_folder_of_an_interrupted_attempt_is_set_aside(ctx: Context):
    _, job = execute(Scripted("(job / 'models/first.pt').touch()\n" + stats()), ctx)
    outcome, job = execute(Scripted(stats()), ctx, attempt=2)
    assert outcome.status is JobStatus.OK
    assert not (job / "models/first.pt").exists()
    assert (job.with_name("W1_1_J1.attempt1") / "models/first.pt").exists()
    execute(Scripted(stats()), ctx, attempt=2)
    assert job.with_name("W1_1_J1.attempt1-1").is_dir()


def test_abort_ends_a_running_job(ctx: Context):
    executor = Scripted("(job / 'models/started').touch()\ntime.sleep(60)\n")
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(execute(executor, ctx)[0]))
    began = time.monotonic()
    thread.start()
    started = Path(ctx.get_prop(ContextKey.RUN_ROOT)) / "W1_1_J1/models/started"
    while not started.exists() and time.monotonic() - began < 30:
        time.sleep(0.01)
    job = Context(ctx)
    job.set_prop(ContextKey.JOB_NAME, "W1_1_J1")
    executor.abort(job)
    executor.abort(job)
    thread.join(30)
    assert found[0].status is JobStatus.STOPPED
    assert time.monotonic() - began < 30


def test_a_job_stops_early_where_it_is_asked_to(ctx: Context):
    program = """
(job / 'models/started').touch()
until = time.monotonic() + 60
while not (job / 'models/stop_early').exists() and time.monotonic() < until:
    time.sleep(0.01)
"""
    executor = Scripted(program + stats(stopped_early=True))
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(execute(executor, ctx)[0]))
    job = Context(ctx)
    job.set_prop(ContextKey.JOB_NAME, "W1_1_J1")
    executor.stop_early(job)  # nothing runs: nothing is remembered
    thread.start()
    models = Path(ctx.get_prop(ContextKey.RUN_ROOT)) / "W1_1_J1/models"
    began = time.monotonic()
    while not (models / "started").exists() and time.monotonic() - began < 30:
        time.sleep(0.01)
    executor.stop_early(job)
    executor.stop_early(job)
    thread.join(60)
    assert found[0].status is JobStatus.OK
    assert found[0].info["stopped_early"] is True
    assert not (models / "stop_early").exists(), "a job that is run again by hand goes to its end"
    executor.stop_early(job)
    assert not (models / "stop_early").exists()


def test_what_holds_for_one_job_alone_is_in_its_environment(ctx: Context):
    ctx.set_prop(
        ContextKey.GOALS,
        Goals(
            constraints=(Constraint("params_m", max=5), Constraint("gflops", min=1, penalty=0.5), Constraint("dice"))
        ),
    )
    own = {"data_fraction": 0.25, "determinism": {"random_seed": 5}}
    _, job = execute(Scripted(stats()), ctx, until_epoch=2, horizon=9, variables=own)
    assert json.loads((job / "config/config_train.json").read_text())["determinism"] == {"random_seed": 5}
    environment = json.loads((job / "config/environment.json").read_text())
    assert environment["epochs"] == 9 and environment["until_epoch"] == 2
    assert environment["data_fraction"] == 0.25
    assert environment["constraints"] == {"params_m": {"max": 5}, "gflops": {"min": 1, "penalty": 0.5}}
    assert not schema_problems(environment, "environment")
    record = json.loads((job / "record.json").read_text())
    assert not schema_problems(record, "record")
    assert record["recommendation"]["horizon"] == 9
    assert record["recommendation"]["variables"] == own
    assert record["lineage"] == []


def test_a_network_that_is_too_large_is_rejected(ctx: Context):
    goals = Goals((Objective("dice"),), (Constraint("params_m", max=1),))
    ctx.set_prop(ContextKey.GOALS, goals)
    said = {"measured": {"params_m": 1.5}, "reason": "params_m is 1.5, and at most 1 is allowed", "epochs": None}
    rejected = stats(status="rejected", **said, best_metric=None, key_metric=None, best_epoch=None, history={})
    outcome, job = execute(Scripted(rejected), ctx)
    assert outcome.status is JobStatus.REJECTED
    assert outcome.constraints == {"params_m": 1.5} and outcome.violations == {"params_m": 0.5}
    assert outcome.reason == said["reason"] and outcome.epoch is None
    record = json.loads((job / "record.json").read_text())
    assert not schema_problems(record, "record") and record["outcome"]["constraints"] == {"params_m": 1.5}


@pytest.mark.parametrize(
    "args", [{"poll_interval": 0}, {"remove_search_augs": 1}, {"msg_destination": "files"}, {"launcher": "slurm"}]
)
def test_wrong_arguments_are_named(args: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(args))):
        MMARExecutor(**args)


class TestContract(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return Scripted("time.sleep(0.2)\n" + stats())

    @pytest.fixture
    def run(self, ctx):
        return ctx

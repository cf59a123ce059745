"""MMARHandler: what stays, what goes, and that nothing outside the run is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medl.automl.defs import Context, ContextKey, JobStatus, Outcome
from medl.components.handlers.mmar_handler import MMARHandler
from medl.testing.handlers import HandlerContract


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    (tmp_path / "run").mkdir()
    ctx = Context()
    ctx.set_prop(ContextKey.RUN_ROOT, str(tmp_path / "run"))
    ctx.set_trace("file", tmp_path / "trace.txt")
    return ctx


def make_job(ctx: Context, name: str) -> Path:
    root = Path(ctx.get_prop(ContextKey.RUN_ROOT)) / name
    for file in (
        "config/config_train.json",
        "commands/automl_train_round.sh",
        "models/model.pt",
        "log.txt",
        "eval/a.csv",
    ):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(name)
    (root / "record.json").write_text(json.dumps({"job": name}))
    return root


def end(handler: MMARHandler, ctx: Context, name: str, score: float | None, recorded: bool = True) -> Path:
    root = make_job(ctx, name)
    job = Context(ctx)
    job.set_prop(ContextKey.JOB_NAME, name)
    outcome = Outcome(name, JobStatus.OK, {"dice": score}) if score is not None else Outcome(name, JobStatus.FAILED)
    job.set_prop(ContextKey.OUTCOME, outcome)
    job.set_prop(ContextKey.SCORE, outcome.score)
    handler.end_job(job)
    if recorded:
        handler.outcome_recorded(job)
    return root


def names(ctx: Context) -> set[str]:
    return {path.name for path in Path(ctx.get_prop(ContextKey.RUN_ROOT)).iterdir()}


def best(ctx: Context) -> str:
    return (Path(ctx.get_prop(ContextKey.RUN_ROOT)) / "best" / "models" / "model.pt").read_text()


def test_the_best_stay_and_each_removal_is_traced(ctx: Context, tmp_path: Path):
    handler = MMARHandler(num_mmars_to_keep=2)
    handler.start_automl(ctx)
    for name, score in (("W1_1_J1", 0.5), ("W1_2_J2", 0.7), ("W1_3_J3", 0.6), ("W1_4_J4", 0.1)):
        end(handler, ctx, name, score)
    assert names(ctx) == {"W1_2_J2", "W1_3_J3", "best"}
    assert best(ctx) == "W1_2_J2"
    trace = (tmp_path / "trace.txt").read_text()
    assert "removed W1_1_J1" in trace
    assert "removed W1_4_J4" in trace


def test_jobs_without_a_score_stay_whole_and_are_not_counted(ctx: Context):
    handler = MMARHandler(num_mmars_to_keep=1, key_mmar_content_only=True)
    handler.start_automl(ctx)
    failed = end(handler, ctx, "W1_1_J1", None)
    end(handler, ctx, "W1_2_J2", -2.0)
    end(handler, ctx, "W1_3_J3", -3.0)
    assert names(ctx) == {"W1_1_J1", "W1_2_J2", "best"}
    assert (failed / "commands").is_dir()


def test_what_the_controller_needs_stays_until_it_does_not(ctx: Context):
    handler = MMARHandler(num_mmars_to_keep=1)
    handler.start_automl(ctx)
    ctx.set_prop(ContextKey.NEEDED_JOBS, frozenset({"W1_1_J1"}))
    end(handler, ctx, "W1_1_J1", 0.1)
    end(handler, ctx, "W1_2_J2", 0.9)
    assert "W1_1_J1" in names(ctx)
    ctx.set_prop(ContextKey.NEEDED_JOBS, frozenset())
    end(handler, ctx, "W1_3_J3", 0.2)
    assert names(ctx) == {"W1_2_J2", "best"}


def test_what_a_job_kept_to_go_on_from_stays_as_long_as_the_controller_needs_it(ctx: Context):
    def kept(name: str) -> bool:
        return (Path(ctx.get_prop(ContextKey.RUN_ROOT)) / name / "models/resume.pt").exists()

    def end_with(name: str, score: float | None) -> None:
        root = make_job(ctx, name)
        (root / "models/resume.pt").write_text("moments")
        end(handler, ctx, name, score)

    handler = MMARHandler()
    handler.start_automl(ctx)
    ctx.set_prop(ContextKey.NEEDED_JOBS, frozenset({"W1_1_J1"}))
    end_with("W1_1_J1", 0.7)
    end_with("W1_2_J2", 0.5)
    end_with("W1_3_J3", None)
    assert [kept(name) for name in ("W1_1_J1", "W1_2_J2", "W1_3_J3", "best")] == [True, False, False, False]
    assert best(ctx) == "W1_1_J1"
    ctx.set_prop(ContextKey.NEEDED_JOBS, frozenset())
    end_with("W1_4_J4", 0.1)
    assert not kept("W1_1_J1")


def test_a_job_that_the_controller_has_not_seen_yet_stays(ctx: Context):
    handler = MMARHandler(num_mmars_to_keep=1)
    handler.start_automl(ctx)
    end(handler, ctx, "W1_1_J1", 0.1, recorded=False)
    end(handler, ctx, "W2_1_J2", 0.9)
    assert "W1_1_J1" in names(ctx)


def test_key_content_only(ctx: Context):
    handler = MMARHandler(key_mmar_content_only=True)
    handler.start_automl(ctx)
    root = end(handler, ctx, "W1_1_J1", 0.5)
    assert {path.name for path in root.iterdir()} == {"config", "log.txt", "models", "record.json"}
    assert (root.parent / "best" / "commands").is_dir()


def test_best_is_a_copy_that_a_rerun_does_not_change(ctx: Context):
    handler = MMARHandler()
    handler.start_automl(ctx)
    root = end(handler, ctx, "W1_1_J1", 0.5)
    with (root / "models" / "model.pt").open("r+") as stream:
        stream.write("rerun!!")
    assert best(ctx) == "W1_1_J1"


def test_equal_scores_leave_the_first_best(ctx: Context):
    handler = MMARHandler(num_mmars_to_keep=1)
    handler.start_automl(ctx)
    end(handler, ctx, "W1_1_J2", 0.5)
    end(handler, ctx, "W1_2_J10", 0.5)
    assert best(ctx) == "W1_1_J2"
    assert names(ctx) == {"W1_1_J2", "best"}


def test_the_threshold_stops_the_run(ctx: Context):
    handler = MMARHandler(stop_threshold=0.8)
    handler.start_automl(ctx)
    end(handler, ctx, "W1_1_J1", 0.79)
    assert not ctx.stop_work_asked()
    end(handler, ctx, "W1_2_J2", 0.8)
    assert "W1_2_J2 reached 0.8000" in str(ctx.get_stop_message())


def test_it_goes_on_from_the_record(ctx: Context):
    end(MMARHandler(), ctx, "W1_1_J1", 0.4)
    make_job(ctx, "W1_2_J2")
    root = Path(ctx.get_prop(ContextKey.RUN_ROOT))
    (root / ".W1_9_J9.removing").mkdir()
    (root / "best").rename(root / ".best.old")  # killed between the two renames of a swap
    ctx.set_prop(ContextKey.RECORDED_SCORES, {"W1_1_J1": 0.4, "W1_2_J2": 0.6})
    handler = MMARHandler(num_mmars_to_keep=1)
    handler.start_automl(ctx)
    assert names(ctx) == {"W1_2_J2", "best"}
    assert best(ctx) == "W1_2_J2"


def test_nothing_outside_the_run_is_deleted(ctx: Context, tmp_path: Path):
    outside = tmp_path / "outside"
    (outside / "models").mkdir(parents=True)
    (outside / "precious").write_text("x")
    handler = MMARHandler(num_mmars_to_keep=1, key_mmar_content_only=True)
    handler.start_automl(ctx)
    end(handler, ctx, "W1_1_J1", 0.9)
    (Path(ctx.get_prop(ContextKey.RUN_ROOT)) / "W1_2_J2").symlink_to(outside)
    ctx.set_prop(ContextKey.RECORDED_SCORES, {"W1_1_J1": 0.9, "W1_2_J2": 0.1, "../outside": 0.05})
    handler.start_automl(ctx)
    ctx.set_prop(ContextKey.RECORDED_SCORES, {"W1_1_J1": 0.9, "W1_2_J2": 0.95})
    MMARHandler(num_mmars_to_keep=2, key_mmar_content_only=True).start_automl(ctx)
    assert (outside / "precious").read_text() == "x"


def test_folders_that_are_no_jobs_of_the_run_stay(ctx: Context):
    (Path(ctx.get_prop(ContextKey.RUN_ROOT)) / "notes").mkdir()
    handler = MMARHandler(num_mmars_to_keep=1)
    handler.start_automl(ctx)
    end(handler, ctx, "W1_1_J1", 0.9)
    end(handler, ctx, "W1_2_J2", 0.8)
    assert "notes" in names(ctx)


@pytest.mark.parametrize(
    "args",
    [
        {"num_mmars_to_keep": 0},
        {"num_mmars_to_keep": True},
        {"stop_threshold": "0.9"},
        {"work_dir": ""},
        {"key_mmar_content_only": 1},
    ],
)
def test_wrong_arguments_are_named(args):
    with pytest.raises(ValueError, match=next(iter(args))):
        MMARHandler(**args)


class TestContract(HandlerContract):
    @pytest.fixture
    def handler(self):
        return MMARHandler(num_mmars_to_keep=1, key_mmar_content_only=True)

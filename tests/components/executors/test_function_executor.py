"""FunctionExecutor: forms of functions, curves that go on, early stops, and a search of an archive with user code."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from medl.automl.defs import Context, ContextKey, JobStatus, Recommendation, SearchResult
from medl.automl.goals import Goals, Objective
from medl.components.executors.function_executor import FunctionExecutor, by_name
from medl.errors import ConfigError, RunError
from medl.mmar.stats import read_metrics
from medl.testing.contexts import job_context, run_context
from medl.testing.executors import ExecutorContract

SEARCH = [
    {"domain": "lr", "type": "float", "args": ["x"], "targets": [0.0, 1.0]},
    {"domain": "net", "type": "enum", "args": ["act"], "targets": [["relu"], ["elu"]]},
]


def number(values):
    return 1.0 - values["x"]


def generator(values):
    for epoch in range(1, 100):
        yield {"dice": values["x"] * epoch, "loss": 1.0 / epoch}


def curve(values, epoch):
    return values["x"] + epoch


def with_past(values, epoch, past):
    return sum(segment[0]["x"] * (segment[2] - segment[1] + 1) for segment in past) + values["x"] * 100


class TestContract(ExecutorContract):
    @pytest.fixture(params=[number, generator, curve, with_past])
    def executor(self, request):
        return FunctionExecutor(request.param, epochs=3, search=SEARCH)


@pytest.fixture
def ctx(tmp_path):
    return run_context(tmp_path)


def job(executor, ctx, name, x=0.5, **more):
    recommendation = Recommendation(
        name, SearchResult(executor.determine_search_space(ctx), point(executor, ctx, x)), **more
    )
    made = job_context(ctx, recommendation, 1)
    made.set_prop(ContextKey.JOB_NAME, name)
    return recommendation, made


def point(executor, ctx, x):
    return dict(zip([p.prl for p in executor.determine_search_space(ctx).parameters], (x, 1), strict=True))


def models(ctx, name):
    return Path(ctx.get_prop(ContextKey.RUN_ROOT)) / name / "models"


def test_a_plain_number_is_the_score(ctx):
    outcome = (executor := FunctionExecutor(number, search=SEARCH)).execute(*job(executor, ctx, "a", 0.25))
    assert (outcome.status, dict(outcome.values), outcome.epoch) == (JobStatus.OK, {"score": 0.75}, 1)


def test_a_job_goes_on_where_the_other_ended_also_in_another_process(ctx):
    executor = FunctionExecutor(with_past, epochs=27, search=SEARCH)
    first = executor.execute(*job(executor, ctx, "a", 0.25, until_epoch=3))
    assert (first.epoch, first.info["epochs"]) == (3, [1, 3])
    for again in (executor, FunctionExecutor(with_past, epochs=27, search=SEARCH)):
        outcome = again.execute(*job(again, ctx, "b", 0.5, until_epoch=9, resume_from="a"))
        assert outcome.info["epochs"] == [4, 9]
        assert outcome.score == pytest.approx(0.25 * 3 + 50)
        third = again.execute(*job(again, ctx, "c", 0.5, until_epoch=10, inherit_from="b"))
        assert third.score == pytest.approx(0.25 * 3 + 0.5 * 6 + 50)
    assert [line["epoch"] for line in read_metrics(models(ctx, "b"))] == [4, 5, 6, 7, 8, 9]


def test_going_on_from_nothing_known_is_said(ctx):
    executor = FunctionExecutor(curve, epochs=3, search=SEARCH)
    with pytest.raises(RunError, match=r"no lived\.json"):
        executor.execute(*job(executor, ctx, "b", resume_from="a"))


def test_a_generator_yields_epochs_and_its_metrics_are_named(ctx):
    ctx.set_prop(ContextKey.GOALS, Goals((Objective("loss", "min"),)))
    executor = FunctionExecutor(generator, epochs=4, search=SEARCH)
    outcome = executor.execute(*job(executor, ctx, "a"))
    assert (dict(outcome.values), outcome.minimize, outcome.score) == ({"loss": 0.25}, {"loss"}, -0.25)
    assert read_metrics(models(ctx, "a"))[1]["metrics"] == {"loss": 0.5, "dice": 1.0}


def test_the_best_counts_without_until_epoch_and_the_last_with_it(ctx):
    def falls(values, epoch):
        return -epoch

    executor = FunctionExecutor(falls, epochs=4, search=SEARCH)
    assert executor.execute(*job(executor, ctx, "a")).score == -1
    assert executor.execute(*job(executor, ctx, "b", until_epoch=4)).score == -4


def test_an_early_stop_keeps_what_was_reached(ctx):
    reached, go = threading.Event(), threading.Event()

    def slow(values, epoch):
        if epoch == 2:
            reached.set()
            assert go.wait(10)
        return epoch

    executor = FunctionExecutor(slow, epochs=9, search=SEARCH)
    recommendation, made = job(executor, ctx, "a")
    ended = []
    thread = threading.Thread(target=lambda: ended.append(executor.execute(recommendation, made)))
    thread.start()
    assert reached.wait(10)
    executor.stop_early(made)
    go.set()
    thread.join(10)
    assert (ended[0].status, ended[0].score, ended[0].info["epochs"]) == (JobStatus.OK, 2.0, [1, 2])


def test_nan_fails_and_a_missing_objective_is_said(ctx):
    executor = FunctionExecutor(lambda values, epoch: float("nan"), epochs=2, search=SEARCH)
    outcome = executor.execute(*job(executor, ctx, "a"))
    assert (outcome.status, outcome.epoch) == (JobStatus.FAILED, 1)
    ctx.set_prop(ContextKey.GOALS, Goals((Objective("hausdorff", "min"),)))
    executor = FunctionExecutor(generator, epochs=2, search=SEARCH)
    with pytest.raises(RunError, match="not the objective hausdorff"):
        executor.execute(*job(executor, ctx, "b"))


def test_names_that_two_components_share_have_their_path(ctx):
    executor = FunctionExecutor(number, search=[SEARCH[0]])
    space = executor.determine_search_space(ctx)
    assert by_name(space, {space.parameters[0].prl: [0.5]}) == {"x": 0.5}
    twice = type(space)(
        tuple(
            type(p)(f"transform.float.train.pre_transforms.#{n}$0:x", p.domain, p.kind, p.args, p.targets)
            for n, p in enumerate(space.parameters * 2, start=1)
        )
    )
    concrete = {p.prl: [float(n)] for n, p in enumerate(twice.parameters)}
    assert by_name(twice, concrete) == {"train.pre_transforms.#1.x": 0.0, "train.pre_transforms.#2.x": 1.0}


@pytest.mark.parametrize(
    "args",
    [{"path": "function"}, {"path": 3}, {"epochs": 0}, {"epochs": True}, {"validate_every": 0}, {"search": "x"}],
)
def test_wrong_args_are_refused(args):
    with pytest.raises(ValueError, match=next(iter(args))):
        FunctionExecutor(**{"path": "a.b", **args})


def test_a_function_that_is_not_there_is_a_problem_before_anything_starts(ctx):
    custom = Path(ctx.get_prop(ContextKey.MMAR_ROOT)) / "custom"
    custom.mkdir()
    (custom / "curves_of_mine.py").write_text("def good(values):\n    return values['x']\n")
    with pytest.raises(ConfigError, match="bad"):
        FunctionExecutor("curves_of_mine.bad", search=SEARCH).determine_search_space(ctx)
    assert FunctionExecutor("curves_of_mine.good", search=SEARCH).determine_search_space(ctx).size > 2
    with pytest.raises(ConfigError):
        FunctionExecutor("subprocess.run", search=SEARCH).determine_search_space(Context(ctx))


def test_the_space_is_the_archives_where_no_other_is_given(ctx):
    config = Path(ctx.get_prop(ContextKey.MMAR_ROOT)) / "config" / "config_train.json"
    config.write_text(json.dumps({"x": 0.1, "search": SEARCH[:1]}))
    assert [p.args for p in FunctionExecutor(number).determine_search_space(ctx).parameters] == [("x",)]

"""Objectives, constraints and stopping rules: read, and what is refused before anything starts."""

from __future__ import annotations

from typing import Any

import pytest

from medl.automl.goal_settings import (
    goal_problems,
    logged_metrics,
    metric_problems,
    read_goals,
    read_stopping,
    weights_warning,
    with_goal_settings,
)
from medl.automl.goals import Constraint, Goals, Objective
from medl.conf.validate import schema_problems

TRAIN = {
    "train": {"key_metric": {"name": "MeanDice", "log_label": "train_mean_dice"}, "trainer": {"name": "X"}},
    "validate": {
        "key_metric": {"name": "MeanDice", "log_label": "val_mean_dice"},
        "additional_metrics": [
            {"name": "SurfaceDistance"},
            {"name": "Accuracy", "log_label": "val_acc", "disabled": True},
        ],
    },
}


def problems(**config: Any) -> list[tuple[str, str]]:
    value = {"controller": {"name": "GridController"}, **config}
    found = schema_problems(value, "config_automl", "a.json")
    found += goal_problems(value, lambda key: ("a.json", key))
    found += metric_problems(value, TRAIN, "config_train.json", lambda key: ("a.json", key))
    return [(problem.path, str(problem)) for problem in found]


def test_goals_are_read():
    goals = read_goals(
        {
            "objectives": [{"metric": "a"}, {"metric": "b", "mode": "min", "reference": 3}],
            "constraints": {"params_m": {"max": 5}, "memory_mb": {"min": 1, "max": 2, "penalty": 0.01}},
        }
    )
    constraints = (Constraint("params_m", max=5), Constraint("memory_mb", max=2, min=1, penalty=0.01))
    assert goals == Goals((Objective("a"), Objective("b", "min", 3)), constraints)
    assert read_goals({"metric": "a", "mode": "min"}).objectives == (Objective("a", "min"),)
    assert read_goals({}) == Goals()


def test_the_stopping_rule_is_read():
    assert read_stopping({}) is None
    assert read_stopping({"stopping": {"name": "median", "disabled": True}}) is None
    assert read_stopping({"stopping": {"name": "median"}}) == {"name": "median", "args": {}}


def test_the_command_line_replaces_objectives():
    config = {"metric": "a", "mode": "min", "stopping": {"name": "median"}}
    assert with_goal_settings(config, {"metric": "b"}) == {"metric": "b", "stopping": {"name": "median"}}
    assert with_goal_settings(config, {"mode": "max"})["mode"] == "max"
    assert with_goal_settings({}, {"stopping": "threshold"}) == {"stopping": {"name": "threshold"}}


def test_metrics_that_are_logged():
    assert logged_metrics(TRAIN) == ("val_mean_dice", "SurfaceDistance", "train_mean_dice", "train_loss")
    own = {"validate": {"evaluator": {"path": "mine.Evaluator"}}}
    assert logged_metrics(own) is None
    assert metric_problems({"metric": "x"}, own, "c.json", lambda key: ("a.json", key)) == []


def test_good_goals():
    assert problems(metric="val_mean_dice", mode="min") == []
    assert problems(objectives=[{"metric": "val_mean_dice"}, {"metric": "train_loss", "mode": "min"}]) == []
    assert problems(constraints={"params_m": {"max": 5}, "gflops": {"min": 1, "penalty": 0.5}}) == []
    assert problems(stopping={"name": "median", "args": {"min_trials": 3}}) == []


def test_it_is_said_where_the_weights_follow_another_metric():
    def said(saver: dict[str, Any] | None = None, **goals: Any) -> str | None:
        handlers = [] if saver is None else [{"name": "CheckpointSaver", "args": {"save_key_metric": True, **saver}}]
        config = {**TRAIN, "validate": {**TRAIN["validate"], "handlers": handlers}}
        return weights_warning(read_goals(goals), config, "t.json")

    assert said() is None
    assert said(metric="val_mean_dice") is None
    loss = said(metric="train_loss", mode="min") or ""
    assert "the largest val_mean_dice, but the search looks for the smallest train_loss" in loss
    distance = said(metric="SurfaceDistance", mode="min") or ""
    assert '"key_metric_name": "SurfaceDistance", "key_metric_negative_sign": true' in distance
    follows = {"key_metric_name": "SurfaceDistance", "key_metric_negative_sign": True}
    assert said(follows, metric="SurfaceDistance", mode="min") is None
    assert said({}, metric="val_mean_dice", mode="min") is not None
    assert said(follows, objectives=[{"metric": "val_mean_dice"}, {"metric": "train_loss", "mode": "min"}]) is not None


@pytest.mark.parametrize(
    ("config", "path", "words"),
    [
        ({"metric": "val_mean_dic"}, "metric", ["no training logs", 'Did you mean "val_mean_dice"', '"log_label"']),
        ({"objectives": [{"metric": "val_acc"}]}, "objectives[0].metric", ["no training logs"]),
        ({"objectives": []}, "objectives", ["is a list such as"]),
        ({"objectives": [{"metric": "train_loss"}] * 2}, "objectives[1]", ["there twice"]),
        ({"objectives": [{"metric": "train_loss", "mode": "low"}]}, "objectives[0].mode", ['"max" or "min"']),
        ({"objectives": [{"mode": "min"}]}, "objectives[0]", ['"metric" is needed']),
        ({"metric": "train_loss", "objectives": [{"metric": "train_loss"}]}, "metric", ["said once"]),
        ({"mode": "min"}, "mode", ["goes with"]),
        ({"constraints": {"parms_m": {"max": 5}}}, "constraints.parms_m", ['mean "params_m"', "params_m, gflops"]),
        ({"constraints": {"params_m": {}}}, "constraints.params_m", ['"max"', '"min"']),
        ({"constraints": {"params_m": {"max": 1, "min": 2}}}, "constraints.params_m", ["min <= max"]),
        ({"constraints": {"params_m": {"max": 1, "penalty": 0}}}, "constraints.params_m.penalty", ["above 0"]),
        ({"constraints": {"params_m": 3}}, "constraints.params_m", ['such as {"max": 5}']),
        ({"stopping": {"name": "medan"}}, "stopping.name", ['Did you mean "median"']),
        ({"stopping": {"name": "median", "args": {"min_trial": 3}}}, "stopping.args.min_trial", ["no arg"]),
        ({"stopping": {"name": "median", "args": {"min_trials": 0}}}, "stopping.args.min_trials", ["at least 1"]),
        ({"stopping": {"name": "threshold"}}, "stopping.args", ["value is missing"]),
    ],
)
def test_wrong_goals(config: dict[str, Any], path: str, words: list[str]):
    found = problems(**config)
    assert [place for place, _ in found] == [path], found
    assert [word for word in words if word not in found[0][1]] == [], found[0][1]

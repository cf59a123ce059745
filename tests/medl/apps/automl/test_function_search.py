"""Searches of a user's function by config alone: curves, objectives, a stopping rule, a scheduler, a dry run."""

from __future__ import annotations

import json
import sys

import pytest

from medl.apps.automl import train

FUNCTIONS = """
import time


def parabola(values):
    return 1.0 - (values["x"] - 0.25) ** 2


def curve(values, epoch):
    return {"loss": (values["x"] - 0.25) ** 2 + 1.0 / epoch, "size": values["x"]}


def slow(values, epoch):
    time.sleep(0.05)
    return {"loss": 1.0 - values["x"], "size": values["x"]}


def lived(values, epoch, past):
    assert not past or past[-1][2] < epoch
    return values["x"] + epoch / 100
"""
SEARCH = [{"domain": "net", "type": "float", "args": ["x"], "targets": [0.0, 1.0]}]


def search(archive, function, *words, options=(), args=None, **config):
    sys.modules.pop("functions", None)
    (archive.root / "custom/functions.py").write_text(FUNCTIONS)
    executor = {"name": "FunctionExecutor", "args": {"path": f"functions.{function}", "search": SEARCH, **(args or {})}}
    controller = config.pop("controller", {"name": "RandomController", "args": {"max_rounds": 8}})
    archive.write("automl", {"controller": controller, "executor": executor, **config})
    return train.main(["-m", str(archive.root), *options, "--set", "run_id=a", "workers=0:1", *words])


def summary(archive):
    return json.loads((archive.run("a") / "summary.json").read_text())


def test_a_plain_function(archive, capsys):
    assert search(archive, "parabola") == 0
    value = summary(archive)
    assert len(value["jobs"]) == 8
    assert max(row["score"] for row in value["jobs"]) > 0.9
    assert "score" in capsys.readouterr().out


def test_two_objectives_of_a_curve(archive, capsys):
    objectives = [{"metric": "loss", "mode": "min"}, {"metric": "size", "mode": "min"}]
    assert search(archive, "curve", args={"epochs": 3}, objectives=objectives) == 0
    value = summary(archive)
    assert value["objectives"] == objectives
    assert value["pareto"]["front"]
    assert value["pareto"]["hypervolume"] > 0
    best = next(row for row in value["jobs"] if row["job"] == value["best"])
    assert best["objectives"]["loss"] == min(row["objectives"]["loss"] for row in value["jobs"])
    out = capsys.readouterr().out
    assert "Pareto front: " in out
    assert "loss" in out


def test_a_stopping_rule_by_config(archive, capsys):
    stopping = {"name": "threshold", "args": {"value": -1.0, "epoch": 1}}  # no loss is as small
    config = {"metric": "loss", "mode": "min", "stopping": stopping}
    controller = {"name": "RandomController", "args": {"max_rounds": 2}}
    assert search(archive, "slow", args={"epochs": 400}, controller=controller, **config) == 0
    rows = summary(archive)["jobs"]
    assert all(row["status"] == "ok" and row["epoch"] < 400 for row in rows)
    assert all(row["reason"].startswith("stopped early after epoch ") for row in rows)
    assert "is stopped early after epoch" in capsys.readouterr().out


def test_a_scheduler_continues_its_trials(archive, capsys):
    controller = {"name": "HyperbandController", "args": {"R": 9, "nu": 3}}
    assert search(archive, "lived", args={"epochs": 9}, controller=controller) == 0
    rows = summary(archive)["jobs"]
    going_on = [row for row in rows if row["epochs"][0] > 1]
    assert going_on
    assert max(row["epochs"][1] for row in rows) == 9
    trained = sum(last - first + 1 for first, last in (row["epochs"] for row in rows))
    assert search(archive, "lived", "run_id=b", options=["--dry-run"], args={"epochs": 9}, controller=controller) == 0
    assert f"epochs: about {trained} in all" in capsys.readouterr().out


def test_a_function_that_is_not_there_is_said_before_anything_starts(archive, capsys):
    with_wrong = search(archive, "paraboal")
    assert with_wrong == 2
    assert 'has no "paraboal"' in capsys.readouterr().err
    assert not list(archive.run("a").glob("W*"))


@pytest.mark.parametrize("word", ["parabola", "curve"])
def test_a_dry_run_shows_the_functions_space(archive, capsys, word):
    assert search(archive, word, options=["--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "net.float.$0:x" in out
    assert "learning_rate" not in out.partition("The first jobs")[0].partition("The search space")[2]

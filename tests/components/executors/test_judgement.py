"""What a training's files come to, measured against the goals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medl.automl.defs import JobStatus, Outcome
from medl.automl.goals import Constraint, Goals, Objective
from medl.components.executors.judgement import judged
from medl.mmar.archive import MMAR
from medl.mmar.stats import TrainStats, append_metrics, write_stats

DICE = {1: 0.5, 2: 0.8, 3: 0.7}
NO_GOALS = Goals()
LOSS = {1: 0.9, 2: 0.6, 3: 0.4}


def outcome(tmp_path: Path, goals: Goals = NO_GOALS, *, rung: bool = False, code: int = 0, **more: Any) -> Outcome:
    for epoch, loss in LOSS.items():
        line: dict[str, Any] = {"epoch": epoch, "max_epoch": 3, "time_s": 1.0, "losses": {"train_loss": loss}, "lr": []}
        if epoch != 1:
            line["metrics"] = {"dice": DICE[epoch], "distance": 10.0 * epoch}
        append_metrics(tmp_path, line)
    history = {"dice": {str(epoch): value for epoch, value in DICE.items() if epoch != 1}}
    found: dict[str, Any] = {"status": "ok", "epochs": (1, 3), "max_epoch": 3, "horizon": 9, "key_metric": "dice"}
    write_stats(tmp_path, TrainStats(**{**found, "best_metric": 0.8, "best_epoch": 2, "history": history, **more}))
    return judged("T", code, 1.0, tmp_path, MMAR(tmp_path), goals, rung=rung)[0]


def test_without_goals_it_is_the_key_metrics_best_and_of_a_rung_its_last(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    whole, rung = outcome(tmp_path / "a"), outcome(tmp_path / "b", rung=True)
    assert whole.status is rung.status is JobStatus.OK
    assert whole.values == {"dice": 0.8} and rung.values == {"dice": 0.7}
    assert whole.epoch == rung.epoch == 3
    assert whole.info == {"best_epoch": 2, "epochs": [1, 3], "key_metric": "dice"}


@pytest.mark.parametrize(
    ("objectives", "rung", "values", "epoch", "score"),
    [
        ((Objective("dice"),), False, {"dice": 0.8}, 2, 0.8),
        ((Objective("dice"),), True, {"dice": 0.7}, 3, 0.7),
        ((Objective("train_loss", "min"),), False, {"train_loss": 0.4}, 3, -0.4),
        ((Objective("train_loss", "max"),), False, {"train_loss": 0.9}, 1, 0.9),
        # several are of one epoch, the first one's best: one checkpoint has them all
        ((Objective("dice"), Objective("distance", "min")), False, {"dice": 0.8, "distance": 20.0}, 2, 0.8),
        (
            (Objective("distance", "max"), Objective("train_loss", "min")),
            False,
            {"distance": 30.0, "train_loss": 0.4},
            3,
            30.0,
        ),
    ],
)
def test_any_logged_name_is_an_objective(
    tmp_path: Path, objectives: tuple[Objective, ...], rung: bool, values: dict[str, float], epoch: int, score: float
) -> None:
    found = outcome(tmp_path, Goals(objectives), rung=rung)
    assert dict(found.values) == values
    assert found.info["judged_epoch"] == epoch
    assert found.score == score
    assert found.minimize == {objective.metric for objective in objectives if objective.mode == "min"}


def test_an_objective_that_was_never_logged_is_named(tmp_path: Path) -> None:
    found = outcome(tmp_path, Goals((Objective("dise"),)))
    assert found.status is JobStatus.NO_SCORE and not found.values
    assert '"dise" was never logged' in found.reason and 'did you mean "dice"' in found.reason


def test_a_penalty_is_taken_off_and_the_own_value_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir(), (tmp_path / "c").mkdir()
    soft = (Constraint("params_m", max=1.0, penalty=0.1), Constraint("distance", max=15.0, penalty=0.01))
    measured = {"measured": {"params_m": 3.0}}
    found = outcome(tmp_path / "a", Goals((Objective("dice"),), soft), **measured)
    assert found.values["dice"] == pytest.approx(0.8 - 0.1 * 2.0 - 0.01 * 5.0)
    assert found.constraints == {"params_m": 3.0, "distance": 20.0}
    assert found.violations == {"params_m": 2.0, "distance": 5.0}
    assert found.info["without_penalty"] == {"dice": 0.8}
    found = outcome(tmp_path / "b", Goals((Objective("train_loss", "min"),), soft[:1]), **measured)
    assert found.values["train_loss"] == pytest.approx(0.4 + 0.2)
    assert found.score == pytest.approx(-0.6)
    kept = outcome(tmp_path / "c", Goals((), (Constraint("params_m", max=5.0, penalty=0.1),)), **measured)
    assert kept.values == {"dice": 0.8} and kept.violations == {"params_m": -2.0} and "without_penalty" not in kept.info


def test_a_failure_tells_what_was_measured_too(tmp_path: Path) -> None:
    goals = Goals((), (Constraint("params_m", max=5.0),))
    found = outcome(tmp_path, goals, code=1, measured={"params_m": 3.0})
    assert found.status is JobStatus.FAILED and not found.values
    assert found.constraints == {"params_m": 3.0}

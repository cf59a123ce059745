"""The forecast: jobs, epochs, disk and busy workers, before anything starts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from medl.automl.api import Controller
from medl.automl.defs import Context, FloatRange, Outcome, ParameterRange, Recommendation, SearchResult, SearchSpace
from medl.automl.forecast import Forecast, forecast, show_bytes, show_plan
from medl.automl.launch import Launch
from medl.components.controllers.grid import GridController
from medl.components.controllers.random import RandomController
from medl.components.controllers.reinforcement import ReinforcementController
from medl.mmar.archive import MMAR
from medl.mmar.run_folder import RunFolder

RATE = ParameterRange("lr.float.$0:lr", "lr", "float", ("lr",), (FloatRange(0.1, 0.2),))
ACT = ParameterRange("net.enum.train.model$0:act", "net", "enum", ("act",), (("relu",), ("prelu",)))


class OneByOne(Controller):
    """Waits for every outcome."""

    def set_search_space(self, space: SearchSpace, ctx: Context) -> None: ...

    def initial_recommendation(self, ctx: Context) -> list[Recommendation]:
        return []

    def refine_recommendation(self, outcome: Outcome, ctx: Context) -> list[Recommendation]:
        return []

    def parallelism(self, space: SearchSpace) -> float:
        return 1


def made(root: Path, controller: Controller, space: SearchSpace, **changes: Any) -> Forecast:
    args: dict[str, Any] = {"workers": 4, "baseline": True, "epochs": 10, "max_rounds": None, "kept": None}
    return forecast(mmar=MMAR(root), space=space, controller=controller, **{**args, **changes})


def test_a_grid_is_counted(tmp_path: Path):
    numbers = made(tmp_path, GridController(points=3), SearchSpace((RATE, ACT)))
    assert (numbers.points, numbers.jobs, numbers.all_jobs, numbers.busy) == (math.inf, 6, 7, 4)
    assert "epochs: 10 a job, 70 in all" in numbers.lines()


def test_max_rounds_of_controller_and_run_both_cap(tmp_path: Path):
    space = SearchSpace((RATE,))
    assert made(tmp_path, RandomController(20), space, max_rounds=20).jobs == 20
    assert made(tmp_path, GridController(points=30), space, max_rounds=5).jobs == 5


@pytest.mark.parametrize("controller", [RandomController(), ReinforcementController()])
def test_a_controllers_own_rounds_are_known_where_nothing_else_is_said(tmp_path: Path, controller: Any):
    numbers = made(tmp_path, controller, SearchSpace((RATE,)))
    assert numbers.jobs == controller.max_rounds
    assert f"jobs: at most {controller.max_rounds} recommended, 1 baseline" in numbers.lines()


def test_idle_workers_are_told(tmp_path: Path):
    numbers = made(tmp_path, OneByOne(), SearchSpace((RATE,)), max_rounds=8)
    assert numbers.busy == 1
    assert "workers: 4, but this controller keeps only 1 busy" in numbers.lines()
    assert made(tmp_path, RandomController(2), SearchSpace((RATE,)), max_rounds=2, baseline=False).busy == 2


def test_what_is_not_known_is_not_invented(tmp_path: Path):
    numbers = made(tmp_path, OneByOne(), SearchSpace((RATE,)), epochs=None)
    text = "\n".join(numbers.lines())
    assert "no known number of recommended" in text
    assert "epochs" not in text
    assert "models/ has none" in text


def test_disk_is_judged_by_the_archive(tmp_path: Path):
    for name, size in (("config/a.json", 1000), ("custom/b.py", 500), ("models/model.pt", 2_000_000), ("data/x", 9)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * size)
    numbers = made(tmp_path, GridController(points=10), SearchSpace((RATE,)), kept=2)
    assert (numbers.clone_bytes, numbers.weights_bytes) == (1500, 2_000_000)
    assert numbers.disk_bytes == (2 + 4 + 1) * 2_001_500 + 4 * 3_000_000
    assert "about 26.0 MB at most; of the archives the best 2 stay" in "\n".join(numbers.lines())
    assert made(tmp_path, GridController(points=10), SearchSpace((RATE,))).disk_bytes == 12 * 2_001_500 + 4 * 3_000_000


def test_the_plan_shows_space_first_jobs_and_the_exact_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNCHANGED", "1")
    space = SearchSpace((RATE, ACT))
    first = [Recommendation(f"T{n}", SearchResult(space, {RATE.prl: 0.1, ACT.prl: 1})) for n in range(9)]
    launch = Launch(
        ("python", "-m", "medl.apps.train", "-m", "a folder"), {"UNCHANGED": "1", "NEW": "x y"}, "python", 1
    )
    text = show_plan(
        numbers=made(tmp_path, GridController(), space),
        space=space,
        own={RATE.prl: [0.15], ACT.prl: ["elu"]},
        first=first,
        launch=launch,
    )
    assert "python -m medl.apps.train -m 'a folder'" in text
    assert "with NEW='x y'" in text
    assert "UNCHANGED" not in text
    assert "lr.float.$0:lr   0.1 to 0.2" in text
    assert "2 choices: ['relu'], ['prelu']" in text
    assert "baseline: the archive's own values (lr 0.15, act elu)" in text or "lr 0.15, act elu" in text
    assert "T4: lr 0.1, act prelu" in text
    assert "T5" not in text
    one = SearchSpace((ParameterRange("net.enum.train.model$0:act", "net", "enum", ("act",), (("relu",),)),))
    text = show_plan(numbers=made(tmp_path, GridController(), one), space=one, own={}, first=[], launch=launch)
    assert "1 choice: ['relu']" in text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (123_456_789, "123 MB"), (5e12, "5.0 TB")]
)
def test_sizes_for_people(count: float, text: str):
    assert show_bytes(count) == text


class Shared(OneByOne):
    """Gives each job epochs of its own."""

    def epochs(self, space: SearchSpace) -> float:
        return 936

    def count(self, space: SearchSpace) -> float:
        return 76


def test_epochs_of_a_controller_that_shares_them_out(tmp_path: Path):
    lines = made(tmp_path, Shared(), SearchSpace((RATE,)), epochs=27, baseline=False).lines()
    assert "jobs: at most 76 recommended" in lines
    assert "epochs: about 936 in all; each job is given a number of its own" in lines
    lines = made(tmp_path, Shared(), SearchSpace((RATE,)), epochs=27).lines()
    assert "epochs: about 963 in all, 27 of them the baseline's; each job is given a number of its own" in lines


def test_a_disk_that_will_be_full_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/model.pt").write_bytes(b"0" * 1000)
    space, run = SearchSpace((ACT,)), RunFolder(tmp_path / "automl", "a")
    lines = made(tmp_path, GridController(), space, folder=run).lines()
    assert any(line.startswith("free on that disk: ") for line in lines)
    monkeypatch.setattr("medl.automl.forecast.free_bytes", lambda folder: 5000)
    lines = made(tmp_path, GridController(), space, folder=run).lines()
    assert any(line.startswith("warning: 5.0 kB are free on that disk: it will be full") for line in lines)

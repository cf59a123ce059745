"""config_automl.json to objects: what is built, and every kind of mistake with its place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from medl.automl.assemble import assemble, automl_problems
from medl.components.controllers.grid import GridController
from medl.components.executors.mmar_executor import MMARExecutor
from medl.components.handlers.mmar_handler import MMARHandler
from medl.components.handlers.stats_handler import StatsHandler
from medl.errors import ConfigError

FILE = "config/config_automl.json"


def config(**changes: Any) -> dict[str, Any]:
    return {
        "handlers": [{"name": "MMARHandler", "args": {"num_mmars_to_keep": 3}}, {"name": "StatsHandler"}],
        "executor": {"name": "MMARExecutor"},
        "controller": {"name": "GridController", "args": {"points": 2}},
        **changes,
    }


def problems(value: dict[str, Any], custom: Path = Path("/nonexistent")) -> list[str]:
    return [str(problem) for problem in automl_problems(value, FILE, custom)]


def only(value: dict[str, Any], custom: Path = Path("/nonexistent")) -> str:
    found = problems(value, custom)
    assert len(found) == 1, found
    return found[0]


def test_everything_is_built_in_the_order_of_the_config(tmp_path: Path):
    made = assemble(config(baseline=True, my_variable=3), FILE, tmp_path)
    assert isinstance(made.controller, GridController)
    assert made.controller.per_float == 2
    assert isinstance(made.executor, MMARExecutor)
    assert [type(handler) for handler in made.handlers] == [MMARHandler, StatsHandler]
    assert made.baseline is True
    assert made.storage is None


def test_disabled_handlers_are_left_out_and_aliases_stripped(tmp_path: Path):
    value = config(handlers=[{"name": "StatsHandler#s"}, {"name": "MMARHandler", "disabled": True}])
    assert [type(handler) for handler in assemble(value, FILE, tmp_path).handlers] == [StatsHandler]


def test_an_unknown_name_offers_near_ones_and_the_way_to_ones_own():
    text = only(config(controller={"name": "RandomControler"}))
    assert "controller.name" in text
    assert 'Did you mean "RandomController"' in text
    assert "Known: " in text
    assert '"path": "my_module.RandomControler"' in text
    assert 'Did you mean "RandomController"' in only(config(controller={"name": "Randm"}))


def test_a_part_of_another_role_is_named_as_such():
    assert '"MMARExecutor" is an executor, not a controller' in only(config(controller={"name": "MMARExecutor"}))
    assert "handlers[0].name" in only(config(handlers=[{"name": "GridController"}]))


def test_unknown_and_wrong_args_are_placed():
    text = only(config(controller={"name": "GridController", "args": {"point": 3}}))
    assert "controller.args.point" in text
    assert '"points"' in text
    text = only(config(controller={"name": "GridController", "args": {"points": 0}}))
    assert f"{FILE}: controller.args.points" in text
    assert "at least 1" in text


def test_all_problems_come_at_once():
    found = problems(
        {
            "controller": {"name": "GridControler"},
            "executor": {"name": "MMARExecutor", "args": {"poll_interval": -1, "remove_search_augs": "no"}},
            "handlers": [
                {"name": "MMARHandler", "argz": {}},
                {"name": "StatsHandler", "args": {"x": 1}},
                "MMARHandler",
            ],
            "handlrs": [],
        }
    )
    text = "\n".join(found)
    for word in (
        "controller.name",
        "executor.args",
        "handlers[0].argz",
        "handlers[1].args.x",
        "handlers[2]",
        "handlrs",
    ):
        assert word in text, (word, text)


def test_missing_parts_are_asked_for():
    text = "\n".join(problems({"handlers": []}))
    assert "controller" in text
    assert "cannot be disabled" in only(config(executor={"name": "MMARExecutor", "disabled": True}))


@pytest.mark.parametrize("path", ["subprocess.Popen", "os.path.join", "torch.optim.Adam"])
def test_a_path_outside_the_allowed_places_is_refused(path: str):
    text = only(config(controller={"path": path}))
    assert "controller.path" in text
    assert "custom/" in text


OWN = """
from medl.automl.api import Controller, Handler

print("imported")

class Mine(Controller):
    def __init__(self, size, seed=0):
        if size > 5:
            raise ValueError("size is too large")
        self.size = size
    def set_search_space(self, space, ctx): pass
    def initial_recommendation(self, ctx): return []
    def refine_recommendation(self, outcome, ctx): return []

class Listener(Handler):
    pass

class Nothing:
    pass
"""


@pytest.fixture
def own(tmp_path: Path):
    (tmp_path / "own_search_part.py").write_text(OWN)
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    sys.modules.pop("own_search_part", None)


def test_own_code_is_checked_without_importing_it(own: Path, capsys):
    assert problems(config(controller={"path": "own_search_part.Mine", "args": {"size": 1}}), own) == []
    assert 'has no arg "siz"' in "\n".join(
        problems(config(controller={"path": "own_search_part.Mine", "args": {"siz": 1}}), own)
    )
    assert 'has no "Min"' in only(config(controller={"path": "own_search_part.Min"}), own)
    assert "imported" not in capsys.readouterr().out


def test_own_code_is_built(own: Path):
    made = assemble(
        config(controller={"path": "own_search_part.Mine", "args": {"size": 1}, "name": "whatever"}), FILE, own
    )
    assert made.controller.size == 1  # type: ignore[attr-defined]
    assert str(own) not in sys.path


@pytest.mark.parametrize(
    ("spec", "place", "said"),
    [
        ({"path": "own_search_part.Mine", "args": {"size": 9}}, "controller.args.size", "size is too large"),
        ({"path": "own_search_part.Listener"}, "controller.path", "has to be a controller, but it is a handler"),
        ({"path": "own_search_part.Nothing"}, "controller.path", "no subclass of medl.automl.api.Controller"),
    ],
)
def test_own_code_that_does_not_fit_is_placed(own: Path, spec: dict[str, Any], place: str, said: str):
    with pytest.raises(ConfigError) as raised:
        assemble(config(controller=spec), FILE, own)
    assert place in str(raised.value)
    assert said in str(raised.value)


def test_own_code_that_cannot_be_imported_is_one_message(own: Path):
    (own / "own_search_part.py").write_text("class Mine:\n    pass\nimport no_such_module_at_all\n")
    with pytest.raises(ConfigError, match="own_search_part cannot be imported: ModuleNotFoundError"):
        assemble(config(controller={"path": "own_search_part.Mine"}), FILE, own)


@pytest.mark.parametrize("name", ["grid", "Grid", "GridController", "GRID"])
def test_a_controller_has_a_short_name(name: str, tmp_path: Path):
    assert isinstance(assemble({"controller": {"name": name}}, FILE, tmp_path).controller, GridController)


def test_other_spellings_of_args(tmp_path: Path):
    args = {"automl_max_recommendations": 7, "automl_points": 2}
    made = assemble(config(controller={"name": "grid", "args": args}), FILE, tmp_path).controller
    assert (made.max_rounds, made.per_float) == (7, 2)
    text = only(config(controller={"name": "grid", "args": {"automl_points": 0}}))
    assert "controller.args.automl_points" in text
    text = only(config(controller={"name": "grid", "args": {"max_recommendations": "x"}}))
    assert "controller.args.max_recommendations" in text
    text = only(config(controller={"name": "grid", "args": {"max_rounds": 3, "max_recommendations": 3}}))
    assert '"max_recommendations" is another name of "max_rounds"' in text


def test_args_are_held_against_their_schema():
    text = only(config(controller={"name": "ReinforcementController", "args": {"width": 0.9}}))
    assert "controller.args.width" in text
    assert "between 0.02 and 0.5, but got 0.9" in text


def test_goals_and_stopping_are_read(tmp_path: Path):
    made = assemble(config(metric="val_mean_dice", stopping={"name": "median"}), FILE, tmp_path)
    assert [objective.metric for objective in made.goals.objectives] == ["val_mean_dice"]
    assert made.stopping == {"name": "median", "args": {}}
    assert assemble(config(), FILE, tmp_path).stopping is None
    assert "mode goes" in only(config(mode="min")).replace('"', "")

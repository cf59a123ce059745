"""A search's config with its defaults and the command line's settings in."""

from __future__ import annotations

from typing import Any

from medl.automl.search_config import SETTING, place_of, with_settings


def config(**changes: Any) -> dict[str, Any]:
    return {
        "handlers": [{"name": "StatsHandler"}],
        "executor": {"name": "MMARExecutor"},
        "controller": {"name": "GridController", "args": {"points": 2}},
        **changes,
    }


def args(settings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = with_settings(config(**changes), settings)["controller"].get("args", {})
    return made


def test_settings_change_the_controller():
    made = with_settings(config(), {"max_rounds": 4, "controller.points": 5, "run_id": "a"})
    assert made["controller"] == {"name": "GridController", "args": {"points": 5, "max_rounds": 4}}
    made = with_settings(config(), {"algorithm": "RandomController", "controller.seed": 3})
    assert made["controller"] == {"name": "RandomController", "args": {"seed": 3}}
    assert with_settings(config(), {}) == config()
    assert with_settings(config(baseline=True), {"baseline": False, "storage": "sqlite:///x.db"}) == config(
        baseline=False, storage="sqlite:///x.db"
    )
    assert config()["controller"]["args"] == {"points": 2}


def test_an_algorithm_keeps_the_args_of_the_same_controller_only():
    assert with_settings(config(), {"algorithm": "grid"})["controller"] == config()["controller"]
    assert with_settings(config(), {"algorithm": "random"})["controller"] == {"name": "random"}
    short = {"name": "grid", "args": {"points": 7}}
    assert with_settings(config(controller=short), {"algorithm": "GridController"})["controller"] == short


def test_a_setting_replaces_every_spelling_of_an_arg():
    written = {"name": "grid", "args": {"automl_points": 2, "max_recommendations": 9, "seed": 1}}
    assert args({"controller.points": 4}, controller=written) == {"max_recommendations": 9, "seed": 1, "points": 4}
    assert args({"max_rounds": 3}, controller=written) == {"automl_points": 2, "seed": 1, "max_rounds": 3}
    assert args({"max_recommendations": 3}, controller=written)["max_rounds"] == 3
    assert args({"controller.automl_points": 4, "max_rounds": 3})["points"] == 4


def test_rounds_go_to_a_controller_that_has_such_an_arg_only():
    assert args({"max_rounds": 3}, controller={"path": "nowhere.Mine"}) == {}


def test_lists_and_objects_of_the_command_line():
    locator = "net.enum.train.model$0:act,norm"
    made = with_settings(
        config(),
        {
            "domains": "lr,net",
            "additional_automl_parameters": locator,
            "remove_default_automl_parameters": f'["{locator}", "a"]',
            "custom_automl_ranges": '{"a": {"valid_min": 1}}',
        },
    )
    assert made["domains"] == ["lr", "net"]
    assert made["additional_automl_parameters"] == [locator]
    assert made["remove_default_automl_parameters"] == [locator, "a"]
    assert made["custom_automl_ranges"] == {"a": {"valid_min": 1}}
    assert with_settings(config(), {"custom_automl_ranges": "{a"})["custom_automl_ranges"] == "{a"


def test_an_arg_of_the_controller_may_be_a_list_or_an_object():
    own = {"path": "nowhere.Mine"}
    fidelity = '{"variable": "data_fraction", "min": 0.1, "max": 1}'
    given = args({"controller.fidelity": fidelity, "controller.perturbation": "[0.5, 2]"}, controller=own)
    assert given == {"fidelity": {"variable": "data_fraction", "min": 0.1, "max": 1}, "perturbation": [0.5, 2]}
    assert args({"controller.fidelity": "{no JSON"}, controller=own) == {"fidelity": "{no JSON"}


def test_a_key_is_placed_where_it_is_written():
    where = place_of({"metric": "a"}, "config/config_automl.json")
    assert where("metric") == (SETTING, "metric")
    assert where("constraints") == ("config/config_automl.json", "constraints")

"""A search before it starts: what is found wrong, where it is placed, and what makes a run that run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medl.automl.defs import Context, ContextKey
from medl.automl.plan import Plan, make_plan
from medl.errors import ConfigError

AUTOML: dict[str, Any] = {
    "handlers": [{"name": "MMARHandler", "args": {"train_config_file": "{trainconf}"}}],
    "executor": {"name": "MMARExecutor"},
    "controller": {"name": "GridController", "args": {"max_rounds": 4}},
}


@pytest.fixture
def config(tiny_config: dict[str, Any]) -> dict[str, Any]:
    """Return a train config with a search; a test changes it before it makes the archive."""
    search = [{"domain": "lr", "type": "float", "args": ["learning_rate"], "targets": [0.001, 0.05]}]
    return {**tiny_config, "search": search}


@pytest.fixture
def make(make_archive: Callable[..., Path], config: dict[str, Any]) -> Callable[..., Path]:
    """Return a function that makes an archive of ``config``; its arguments are put into config_automl.json."""

    def made(**changes: Any) -> Path:
        root = make_archive(config)
        (root / "config/config_automl.json").write_text(json.dumps({**AUTOML, **changes}))
        return root

    return made


def plan(root: Path, *words: str) -> Plan:
    return make_plan(root, "config_automl.json", ["run_id=a", *words])


def problems(root: Path, *words: str) -> str:
    with pytest.raises(ConfigError) as raised:
        plan(root, *words)
    return str(raised.value)


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_good_search(make):
    root = make(baseline=True)
    made = plan(root, "workers=0:1", "epochs=3", "traceout=both", "stray")
    assert [worker.name for worker in made.workers] == ["W1", "W2"]
    assert made.folder.root == root / "automl/a"
    assert made.settings == {"epochs": 3}
    assert made.epochs == 3
    assert (made.max_rounds, made.kept, made.traceout) == (4, 5, "both")
    assert made.parts.baseline
    assert made.own == {"lr.float.$0:learning_rate": [0.01]}
    assert not (root / "automl").exists()


def test_trainconf_and_the_handlers_own_file(make):
    root = make()
    shutil.move(root / "config/config_train.json", root / "config/mine.json")
    assert plan(root, "trainconf=mine.json").train_file == "mine.json"
    assert plan(root, "trainconf=config/mine.json").train_file == "mine.json"
    assert "config/config_train.json" in problems(root)
    automl = {**AUTOML, "handlers": [{"name": "MMARHandler", "args": {"train_config_file": "mine.json"}}]}
    (root / "config/config_automl.json").write_text(json.dumps(automl))
    assert plan(root).train_file == "mine.json"


def test_a_searched_value_may_not_be_set(make):
    root = make()
    assert "learning_rate is searched" in problems(root, "learning_rate=0.1")
    change(root / "config/environment.json", learning_rate=0.1)
    text = problems(root)
    assert "config/environment.json: learning_rate" in text
    assert "Take it out of environment.json" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run_id="], "a search needs a run_id"),
        (["run_id=../x"], "run_id is a name"),
        (["workers=-1"], "whole numbers from 0"),
        (["traceout=consol"], 'Did you mean "console"'),
        (["max_rounds=some"], "--set: max_rounds"),
        (["trainconf=other.json"], "config/other.json"),
        (["controller.pionts=3"], "--set: controller.pionts"),
        (["algorithm=GridControler"], "--set: algorithm"),
        (["algorithm=Randm"], 'Did you mean "RandomController"'),
        (["run_id=" + "a" * 101], "at most 100 letters"),
        (["MMAR_CKPT_DIR=/tmp/x"], "its own MMAR_CKPT_DIR"),
    ],
)
def test_wrong_settings_are_placed(make, words: list[str], said: str):
    assert said in problems(make(), *words)


@pytest.mark.parametrize("controller", [{}, {"controller": {"path": "mine.Mine"}}])
def test_a_wrong_max_rounds_is_said_once_and_where_it_was_written(make, controller):
    root = make(**controller)
    (root / "custom").mkdir()
    (root / "custom/mine.py").write_text("class Mine:\n    def __init__(self, max_rounds=1): ...\n")
    with pytest.raises(ConfigError) as raised:
        plan(root, "max_rounds=-1")
    assert [(p.file, p.path) for p in raised.value.problems] == [("--set", "max_rounds")]


def test_what_needs_an_unreadable_environment_is_not_said_to_be_wrong(make, config):
    config["search"][0]["targets"] = [2.0, 1.0]
    root = make(handlers=[{"name": "MMARHandler", "args": {"train_config_file": "{trainconf}", "work_dir": "{RUNS}"}}])
    (root / "config/environment.json").write_text('{"RUNS": "runs", ')
    with pytest.raises(ConfigError) as raised:
        plan(root)
    places = [(p.file, p.path) for p in raised.value.problems]
    assert places == [("config/environment.json", ""), ("config/config_train.json", "search[0].targets")]


@pytest.mark.parametrize("yes", [True, 1])
def test_a_baseline_needs_one_alternative_also_where_the_search_chooses(make, config, yes):
    loss = config["train"]["loss"]
    config["train"]["loss"] = [{**loss, "apply": {"@disabled": name}} for name in ("first", "second")]
    choices = {"args": ["first", "second"], "targets": [[True, False], [False, True]]}
    config["search"].append({"domain": "net", "type": "enum", **choices})
    root = make(baseline=yes)
    text = problems(root)
    assert "train.loss" in text and "2 enabled of 2" in text
    assert "Disable all but one" in text and '"baseline": false' in text
    change(root / "config/config_automl.json", baseline=False)
    assert plan(root).space.parameters


def test_every_file_is_looked_at_before_anything_is_said(make, config):
    config["train"]["model"]["args"]["chanels"] = 1
    root = make(controller={"name": "Nothing"})
    change(root / "config/environment.json", DATASET_JSON="nowhere.json")
    text = problems(root, "workers=x")
    for word in ("chanels", "Nothing", "nowhere.json", "workers"):
        assert word in text


def test_an_unknown_variable_of_the_search_config(make):
    handlers = [{"name": "MMARHandler", "args": {"train_config_file": "{trainconfig}"}}]
    assert "trainconf" in problems(make(handlers=handlers))


def test_a_config_without_a_search_is_told_how_to_write_one(make, config):
    del config["search"]
    assert 'Put a "search" list beside the args' in problems(make())


def test_several_ids_a_worker_need_horovod(make, monkeypatch):
    root = make()
    monkeypatch.setattr("medl.automl.setting_checks.horovod_fault", lambda: "Horovod is not installed")
    assert "scripts/install_horovod.sh" in problems(root, "workers=0,1")
    assert plan(root, "workers=0:1")


def test_what_several_ranks_cannot_share_is_said_before_a_job_starts(make, monkeypatch):
    root = make()
    monkeypatch.setattr("medl.automl.setting_checks.horovod_fault", lambda: None)
    assert "divides by their number" in problems(root, "workers=" + ",".join(map(str, range(97))))
    assert plan(root, "workers=0,1:0")


def test_only_horovodrun_reaches_other_hosts(make, monkeypatch):
    root = make()
    monkeypatch.setattr("medl.automl.setting_checks.horovod_fault", lambda: None)
    config = json.loads((root / "config/config_automl.json").read_text())
    config["executor"] = {"name": "MMARExecutor", "args": {"launcher": "torchrun"}}
    (root / "config/config_automl.json").write_text(json.dumps(config))
    assert "does not reach other hosts" in problems(root, "workers=localhost/0,1")
    assert plan(root, "workers=0,1")


def test_a_folder_in_the_way_is_named(make):
    root = make()
    (root / "automl").write_text("a file")
    assert "has to be writable" in problems(root)


def test_a_script_that_differs_and_a_likely_slip_are_warned_of(make):
    root = make()
    (root / "commands").mkdir()
    (root / "commands/automl_train_round.sh").write_text("#!/bin/sh\nrm -R eval\n")
    text = "\n".join(plan(root, "work=0:1").warnings)
    assert "commands/automl_train_round.sh differs" in text
    assert 'did you mean "workers"?' in text


def test_a_misspelt_setting_is_wrong_unless_a_config_has_it(make):
    root = make()
    text = problems(root, "worker=0:1", "max_round=3", "my_own=3")
    assert "--set: worker\n" in text
    assert 'Did you mean "workers"?' in text
    assert 'Did you mean "max_rounds"?' in text
    assert "my_own" not in text
    change(root / "config/config_train.json", worker=1)
    assert "worker" not in "\n".join(plan(root, "worker=2").warnings)


def test_a_search_that_only_says_its_controller(make):
    root = make()
    path = root / "config/config_automl.json"
    path.write_text(json.dumps({"controller": AUTOML["controller"]}))
    made = plan(root)
    assert [type(part).__name__ for part in (made.parts.executor, *made.parts.handlers)] == [
        "MMARExecutor",
        "MMARHandler",
        "StatsHandler",
    ]
    assert [note for note in made.notes if "MMARExecutor" in note and "StatsHandler" in note]
    path.write_text(json.dumps({"controller": AUTOML["controller"], "executor": AUTOML["executor"]}))
    assert plan(root).parts.handlers == ()
    assert not [note for note in plan(root).notes if "MMARExecutor" in note]


def test_the_fingerprint_is_of_what_is_trained_not_of_where(make, tmp_path, monkeypatch):
    root = make()
    first = plan(root).fingerprint
    assert plan(root, "workers=0:1:2", "run_id=b", "traceout=console").fingerprint == first
    assert plan(root, "epochs=9").fingerprint != first
    assert plan(root, "controller.points=9").fingerprint != first
    monkeypatch.chdir(tmp_path)
    assert plan(Path(root.name)).fingerprint == first
    moved = root.rename(tmp_path / "moved")
    assert plan(moved).fingerprint == first
    data = json.loads((moved / "config/environment.json").read_text())["DATASET_JSON"]
    items = json.loads(Path(data).read_text())
    (moved / "list.json").write_text(json.dumps({**items, "training": items["training"][:2]}))
    change(moved / "config/environment.json", DATASET_JSON="list.json")
    changed = plan(moved).fingerprint
    assert changed != first
    assert [a.split("=")[0] for a, b in zip(first.split(), changed.split(), strict=True) if a != b] == ["data_list"]


def test_cpu_slots_share_the_cores(make, monkeypatch):
    monkeypatch.setattr("medl.automl.plan.cores", lambda: 4)
    monkeypatch.setattr("medl.automl.setting_checks.visible_gpus", lambda: ())
    root = make()
    assert "CPU slots, each with 2 threads of 4 cores" in plan(root, "workers=0:1").cpu_line()
    assert "each with 1 thread of 4 cores" in plan(root, "workers=0:1:2:3:4:5").cpu_line()
    monkeypatch.setattr("medl.automl.setting_checks.visible_gpus", lambda: ("0", "1"))
    assert plan(root, "workers=0:1").cpu_line() == ""
    assert "ids 0 to 1" in problems(root, "workers=0:2")


def test_another_spelling_is_the_same_run(make):
    root = make()
    first = plan(root, "algorithm=random", "controller.automl_max_recommendations=3")
    assert first.max_rounds == 3
    assert first.fingerprint == plan(root, "algorithm=RandomController", "max_rounds=3").fingerprint
    assert first.fingerprint == plan(root, "algorithm=random", "max_recommendations=3").fingerprint
    assert first.fingerprint != plan(root, "algorithm=random", "max_rounds=4").fingerprint


def test_settings_are_placed_as_they_are_written(make):
    root = make()
    assert "--set: controller.automl_points" in problems(root, "controller.automl_points=0")
    assert "--set: algorithm" in problems(root, "algorithm=grod")
    assert 'Did you mean "GridController"' in problems(root, "algorithm=grod")
    assert "--set: max_recommendations" in problems(root, "max_recommendations=0")
    assert "--set: metric\n    no training logs" in problems(root, "metric=val_dice")
    assert "--set: mode" in problems(root, "metric=train_loss", "mode=low")
    assert "--set: stopping\n" in problems(root, "stopping=medan")
    assert "--set: domains[0]" in problems(root, "domains=learning")
    assert "--set: additional_automl_parameters[0]" in problems(root, "additional_automl_parameters=lerning_rate")


def test_goals_of_the_command_line(make):
    root = make()
    made = plan(root, "metric=train_loss", "mode=min", "stopping=median")
    assert made.parts.goals.minimize == {"train_loss"}
    assert made.parts.stopping == {"name": "median", "args": {}}
    assert made.settings == {}
    assert len({made.fingerprint, plan(root, "metric=train_loss").fingerprint, plan(root).fingerprint}) == 3


def test_no_stopping_rule_goes_with_a_scheduler(make):
    root = make()
    said = problems(root, "stopping=median", "algorithm=pbt")
    assert "--set: stopping\n    no stopping rule goes with PbtController" in said
    assert plan(root, "stopping=median", "algorithm=tpe").parts.stopping is not None
    change(root / "config/config_automl.json", stopping={"name": "median"})
    assert problems(root, "algorithm=asha").startswith("config/config_automl.json: stopping\n")
    change(root / "config/config_automl.json", stopping={"name": "median", "disabled": True})
    assert plan(root, "algorithm=asha").parts.stopping is None


def test_a_budget_that_makes_no_difference(make):
    root = make()
    fidelity = '{"variable": "%s", "min": 0.1, "max": 1}'
    said = problems(root, "algorithm=asha", f"controller.fidelity={fidelity % 'share'}")
    assert said.startswith('--set: controller.fidelity\n    nothing in config/config_train.json refers to "{share}"')
    assert "learning_rate is searched" in problems(
        root, "algorithm=asha", f"controller.fidelity={fidelity % 'learning_rate'}"
    )
    made = plan(root, "algorithm=asha", f"controller.fidelity={fidelity % 'data_fraction'}")
    assert made.parts.controller.fidelity.variable == "data_fraction"


def test_the_space_of_the_run(make, config):
    config["epochs_more"] = 1
    config["search"].append(
        {"domain": "net", "type": "int", "args": ["epochs_more"], "targets": [1, 9], "enabled": False}
    )
    root = make()
    assert [p.args for p in plan(root).space.parameters] == [("learning_rate",)]
    assert [p.args for p in plan(root, "additional_automl_parameters=epochs_more").space.parameters] == [
        *(("learning_rate",), ("epochs_more",))
    ]
    words = ("additional_automl_parameters=epochs_more", "domains=net")
    made = plan(root, *words, 'custom_automl_ranges={"epochs_more": {"valid_max": 3}}')
    assert [(p.prl, p.targets[0].max) for p in made.space.parameters] == [("net.int.$1:epochs_more", 3)]
    assert made.own == {"net.int.$1:epochs_more": [1]}
    assert made.fingerprint != plan(root, *words).fingerprint
    ctx = Context()
    ctx.set_prop(ContextKey.MMAR_ROOT, str(root))
    ctx.set_prop(ContextKey.SPACE_CHANGES, made.changes)
    assert made.parts.executor.determine_search_space(ctx) == made.space


def test_a_ready_config_is_taken_from_medl(make):
    root = make()
    made = make_plan(root, "config_automl_reinforcement.json", ["run_id=a"])
    assert type(made.parts.controller).__name__ == "ReinforcementController"
    with pytest.raises(ConfigError, match=r"config_automl_reinforced\.json"):
        make_plan(root, "config_automl_reinforced.json", ["run_id=a"])


def test_fewer_workers_than_trials_side_by_side_are_a_note(make):
    root = make(controller={"path": "mine.Mine"})
    (root / "custom").mkdir(exist_ok=True)
    (root / "custom/mine.py").write_text(
        "from medl.components.controllers.random import RandomController\n"
        "class Mine(RandomController):\n    trains_together = 5\n"
    )
    assert (
        "5 trials go on side by side, with 2 workers: they take turns, 3 waves a round"
        in plan(root, "workers=0:1").notes
    )
    assert not [note for note in plan(root, "workers=0:1:2:3:4").notes if "side by side" in note]

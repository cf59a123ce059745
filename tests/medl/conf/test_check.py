"""The check of a whole training config: every kind of slip has its message, and all of them come at once."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medl.assets import asset
from medl.conf.catalogue import Catalogue
from medl.conf.check import Checked, check_training
from medl.errors import ConfigError, Problem

CATALOGUE = Catalogue.load()
FILE = "config/config_train.json"
ENVIRONMENT = {"DATA_ROOT": "data", "DATASET_JSON": "data/dataset.json", "MMAR_CKPT_DIR": "models"}
DATASET = {
    "name": "Dataset",
    "data_list_file_path": "{DATASET_JSON}",
    "data_file_base_dir": "{DATA_ROOT}",
    "data_list_key": "training",
    "args": {"transform": "@pre_transforms"},
}
CONFIG: dict[str, Any] = {
    "epochs": 3,
    "learning_rate": 0.001,
    "num_interval_per_valid": 1,
    "use_gpu": False,
    "skip": False,
    "determinism": {"random_seed": 7},
    "train": {
        "model": {
            "name": "UNet",
            "args": {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2]},
        },
        "loss": {"name": "DiceLoss", "args": {"to_onehot_y": True, "softmax": True}},
        "optimizer": {"name": "Adam", "args": {"params": "#@model.parameters()", "lr": "{learning_rate}"}},
        "lr_scheduler": {"name": "StepLR", "args": {"optimizer": "@optimizer", "step_size": 10}},
        "pre_transforms": [
            {"name": "LoadImaged", "args": {"keys": ["image", "label"]}},
            {"name": "EnsureChannelFirstd", "args": {"keys": ["image", "label"]}},
            {"name": "RandFlipd", "disabled": "{skip}", "args": {"keys": "image", "prob": 0.5}},
        ],
        "dataset": DATASET,
        "dataloader": {"name": "DataLoader", "args": {"dataset": "@dataset", "batch_size": 1}},
        "inferer": {"name": "SimpleInferer"},
        "handlers": [
            {
                "name": "ValidationHandler",
                "args": {"validator": "@evaluator", "interval": "{num_interval_per_valid}", "epoch_level": True},
            },
            {"name": "StatsHandler", "args": {"output_transform": "lambda x: x[0]['loss']"}},
        ],
        "trainer": {
            "name": "SupervisedTrainer",
            "args": {
                "max_epochs": "{epochs}",
                "train_data_loader": "@dataloader",
                "network": "@model",
                "loss_function": "@loss",
                "optimizer": "@optimizer",
                "inferer": "@inferer",
                "train_handlers": "@handlers",
                "amp": "{amp}",
            },
        },
    },
    "validate": {
        "pre_transforms": [{"ref": "LoadImaged"}, {"ref": "EnsureChannelFirstd"}],
        "dataset": {**DATASET, "data_list_key": "validation"},
        "dataloader": {"name": "DataLoader", "args": {"dataset": "@dataset", "batch_size": 1}},
        "inferer": {"name": "SlidingWindowInferer", "args": {"roi_size": [32, 32, 32], "sw_batch_size": 2}},
        "post_transforms": [{"name": "AsDiscreted", "args": {"keys": "pred", "argmax": True}}],
        "handlers": [
            {
                "name": "CheckpointSaver",
                "rank": 0,
                "args": {"save_dir": "{MMAR_CKPT_DIR}", "save_dict": {"model": "@model", "train_conf": "@conf"}},
            }
        ],
        "key_metric": {
            "name": "MeanDice",
            "log_label": "val_mean_dice",
            "args": {"output_transform": "#monai.handlers.from_engine(['pred', 'label'])"},
        },
        "evaluator": {
            "name": "SupervisedEvaluator",
            "args": {
                "val_data_loader": "@dataloader",
                "network": "@model",
                "inferer": "@inferer",
                "postprocessing": "@post_transforms",
                "key_val_metric": {"val_mean_dice": "@key_metric"},
                "val_handlers": "@handlers",
            },
        },
    },
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("archive")
    (root / "data").mkdir()
    for name in ("a", "b"):
        (root / "data" / f"{name}.nii").touch()
    item = {"image": "a.nii", "label": "b.nii"}
    text = json.dumps(
        {"training": [item, item], "validation": [item], "broken": [{"image": "no.nii", "label": "b.nii"}], "none": []}
    )
    (root / "data" / "dataset.json").write_text(text, encoding="utf-8")
    (root / "custom").mkdir()
    (root / "custom" / "mynets.py").write_text(
        "raise SystemExit('user code was run')\nclass Net:\n    def __init__(self, width): ...\n", encoding="utf-8"
    )
    return root


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the good config with one value set; ``None`` takes the key out."""
    config = copy.deepcopy(CONFIG)
    node: Any = config
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    for step in steps:
        node = node[step]
    if value is None and (isinstance(node, list) or last in node):
        del node[last]
    else:
        node[last] = value
    return config


def check(root: Path, config: dict[str, Any], **more: Any) -> Checked:
    environment, words = more.pop("environment", ENVIRONMENT), more.pop("words", {})
    return check_training(root, config, environment, words, FILE, CATALOGUE, **more)


def one(root: Path, config: dict[str, Any], **more: Any) -> Problem:
    (problem,) = check(root, config, **more).problems
    return problem


def test_good_config_has_nothing_wrong_and_a_normal_form(root: Path) -> None:
    before = copy.deepcopy(CONFIG)
    checked = check(root, CONFIG)
    assert (checked.problems, checked.notes, checked.warnings) == ([], [], [])
    assert before == CONFIG
    assert checked.config["train"]["trainer"]["args"]["max_epochs"] == 3
    assert checked.config["train"]["dataset"]["data_list_file_path"] == str(root / "data/dataset.json")
    assert checked.config["validate"]["pre_transforms"][0] == CONFIG["train"]["pre_transforms"][0]
    assert checked.resolved is not None and checked.resolved.variables["epochs"] == 3
    assert checked.require() is checked


def test_template_has_nothing_wrong() -> None:
    root = asset("mmar_template")
    config = json.loads((root / FILE).read_text(encoding="utf-8"))
    environment = json.loads((root / "config" / "environment.json").read_text(encoding="utf-8"))
    checked = check_training(root, config, environment, {}, check_data=(root / "data").is_dir())
    assert [str(problem) for problem in checked.problems] == []
    assert checked.warnings == []


@pytest.mark.parametrize(
    ("place", "value", "path", "rule", "near"),
    [
        # names and args
        ("train/loss/name", "DiceLos", "train.loss.name", 'there is no component "DiceLos"', "DiceLoss"),
        ("train/loss/args/softmx", 1, "train.loss.args.softmx", 'DiceLoss has no arg "softmx"', "softmax"),
        (
            "validate/post_transforms/0/args/treshold",
            1,
            "validate.post_transforms[0].args.treshold",
            "has no arg",
            "threshold",
        ),
        ("train/dataloader/args/bach_size", 1, "train.dataloader.args.bach_size", "has no arg", "batch_size"),
        ("train/optimizer/args/params", None, "train.optimizer.args", 'Adam needs the arg "params"', ""),
        ("train/loss/name", "UNet", "train.loss.name", "loss needs a loss, but UNet is a network", ""),
        ("validate/key_metric/name", "DiceMetric", "validate.key_metric.name", "key_metric needs a metric", "MeanDice"),
        # classes by path
        ("train/model", {"path": "subprocess.Popen"}, "train.model.path", "a component is from monai", ""),
        (
            "train/model",
            {"path": "mynet.Net", "args": {}},
            "train.model.path",
            "a component is from monai",
            "mynets.Net",
        ),
        (
            "train/model",
            {"path": "mynets.Net", "args": {"widht": 1, "width": 1}},
            "train.model.args.widht",
            "has no arg",
            "width",
        ),
        # references
        ("train/trainer/args/network", "@modell", "train.trainer.args.network", '"@modell" names a key', "model"),
        ("validate/handlers/0/args/save_dict/model", "@net", "validate.handlers[0].args.save_dict.model", '"@net"', ""),
        (
            "validate/pre_transforms/0",
            {"ref": "LoadImages"},
            "validate.pre_transforms[0].ref",
            '"ref" is the class name',
            "LoadImaged",
        ),
        ("train/model/args/act", "#@modle.name", "train.model.args.act", "", ""),
        ("train/lr_scheduler/args/optimizer", "@lr_scheduler", "train.lr_scheduler", "references form no circle", ""),
        # code
        ("train/optimizer/args/params", "#__import__('os')", "train.optimizer.args.params", "code in a config", ""),
        (
            "train/handlers/1/args/output_transform",
            "lambda x: x[",
            "train.handlers[1].args.output_transform",
            "not Python",
            "",
        ),
        # variables
        (
            "train/optimizer/args/lr",
            "{learning_rat}",
            "train.optimizer.args.lr",
            'the variable "learning_rat"',
            "learning_rate",
        ),
        (
            "train/optimizer/args/lr",
            "{learning_rate:.1f}",
            "train.optimizer.args.lr",
            "between braces stands the name",
            "",
        ),
        # shape
        ("train/loss/disable", True, "train.loss.disable", 'there is no key "disable"', "disabled"),
        ("train/loss/args", [], "train.loss.args", "args is an object", ""),
        ("epochs", "three", "epochs", "a whole number, at least 1", ""),
        ("train/modle", {"name": "Identity"}, "train.modle", 'train has no key "modle"', "model"),
        ("train/trainer", None, "train", 'the key "trainer" is needed', ""),
        ("train", None, "", 'the key "train" is needed', ""),
        ("until_epoch", 4, "until_epoch", "until_epoch is at most epochs (3)", ""),
        # alternatives
        ("train/loss", [{"name": "DiceLoss"}, {"name": "DiceCELoss"}], "train.loss", "exactly one is enabled", ""),
        ("train/loss", [{"name": "DiceLoss", "disabled": True}], "train.loss", "exactly one is enabled", ""),
        # old names
        ("train/model/args/dimensions", 3, "train.model.args.dimensions", 'the old name of "spatial_dims"', ""),
        (
            "validate/post_transforms/0/args/to_onehot",
            True,
            "validate.post_transforms[0].args.to_onehot",
            "how many",
            "",
        ),
        # data
        ("train/dataset/data_list_key", None, "train.dataset", 'a data list needs "data_list_key"', ""),
        (
            "train/dataset/data_list_file_path",
            "no.json",
            "train.dataset.data_list_file_path",
            "the data list has to exist",
            "",
        ),
        ("train/dataset/data_file_base_dir", "no", "train.dataset.data_file_base_dir", "the folder of the data", ""),
    ],
)
def test_slip_in_the_config_has_its_message(
    root: Path, place: str, value: Any, path: str, rule: str, near: str
) -> None:
    problems = check(root, changed(place, value)).problems
    assert [problem.path for problem in problems] == [path] * len(problems), problems
    assert problems, "the slip was not seen"
    assert problems[0].file == FILE
    assert rule in problems[0].rule
    assert (near in problems[0].near) if near else True


@pytest.mark.parametrize(
    ("key", "path", "rule", "near"),
    [
        ("trainning", "", 'the data list has no "trainning"', ("training",)),
        ("none", "none", "the list has at least one item", ()),
        ("broken", "broken[0].image", "the file has to exist", ()),
    ],
)
def test_slip_in_the_data_list(root: Path, key: str, path: str, rule: str, near: tuple[str, ...]) -> None:
    problem = one(root, changed("train/dataset/data_list_key", key))
    assert (problem.file, problem.path, problem.rule, problem.near) == ("data/dataset.json", path, rule, near)


def test_data_are_not_looked_at_when_not_wanted(root: Path) -> None:
    assert check(root, changed("train/dataset/data_list_key", "none"), check_data=False).problems == []


def test_disabled_dataset_is_not_looked_at(root: Path) -> None:
    config = changed("train/dataset/data_list_key", "none")
    config["train"]["dataset"]["disabled"] = True
    assert one(root, config).path == "train.dataloader.args.dataset"


def test_data_list_may_lie_anywhere(root: Path, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text('{"training": []}')
    problem = one(root, changed("train/dataset/data_list_file_path", str(tmp_path / "list.json")))
    assert problem.file == str(tmp_path / "list.json")


def test_base_folder_is_the_data_lists_own_without_one(root: Path) -> None:
    assert check(root, changed("train/dataset/data_file_base_dir", None)).problems == []


def test_slip_in_the_environment_is_placed_there(root: Path) -> None:
    problem = check(root, CONFIG, environment={**ENVIRONMENT, "own": [1]}).problems[0]
    assert (problem.file, problem.path) == ("config/environment.json", "own")
    problem = one(root, CONFIG, environment={**ENVIRONMENT, "epochs": "x"})
    assert (problem.file, problem.path) == ("config/environment.json", "epochs")


def test_slip_in_the_settings_is_placed_there(root: Path) -> None:
    problem = one(root, CONFIG, words={"epochs": "x"})
    assert (problem.file, problem.path) == ("--set", "epochs")
    assert one(root, CONFIG, words={"until_epoch": 9}).path == "until_epoch"
    assert check(root, CONFIG, words={"amp": 1, "0": "", "until_epoch": 2}).problems == []


def test_further_packages_are_allowed_by_config_or_environment(root: Path) -> None:
    config = changed("train/model", {"path": "json.JSONDecoder"})
    assert len(check(root, config).problems) == 1
    assert check(root, {**config, "allowed_packages": ["json"]}).problems == []
    assert check(root, config, environment={**ENVIRONMENT, "allowed_packages": ["json"]}).problems == []


def test_all_problems_come_at_once_in_the_order_of_the_files(root: Path) -> None:
    config = changed("train/loss/name", "DiceLos")
    config["validate"]["dataset"]["data_list_key"] = "none"
    config["train"]["optimizer"]["args"]["lr"] = "{lr}"
    config["train"]["trainer"]["args"]["network"] = "@net"
    config["epochs"] = 0
    checked = check(root, config, environment={**ENVIRONMENT, "own": []})
    assert [(problem.file, problem.path) for problem in checked.problems] == [
        ("config/environment.json", "own"),
        (FILE, "epochs"),
        (FILE, "train.loss.name"),
        (FILE, "train.optimizer.args.lr"),
        (FILE, "train.trainer.args.network"),
        ("data/dataset.json", "none"),
    ]
    with pytest.raises(ConfigError) as caught:
        checked.require()
    assert str(caught.value).count("\n    ") == 6
    assert checked.resolved is None


def test_data_list_named_by_an_unknown_variable_is_not_looked_for(root: Path) -> None:
    problem = one(root, changed("train/dataset/data_list_file_path", "{NO_SUCH}"))
    assert problem.path == "train.dataset.data_list_file_path" and "NO_SUCH" in problem.rule


def test_item_without_what_the_loading_transform_reads(root: Path, tmp_path: Path) -> None:
    items = [{"image": "a.nii", "label": "b.nii"}, {"image": "a.nii", "lable": "b.nii"}]
    path = tmp_path / "items.json"
    path.write_text(json.dumps({"training": items}))
    problem = one(root, changed("train/dataset/data_list_file_path", str(path)))
    assert (problem.file, problem.path, problem.near) == (str(path), "training[1]", ("lable",))


def test_unknown_list_says_where_it_is_asked_for(root: Path) -> None:
    problem = one(root, changed("train/dataset/data_list_key", "trainning"))
    assert problem.remedy.endswith(f"{FILE}: train.dataset.data_list_key.")


def test_alternatives_that_a_search_decides_are_counted_where_the_config_is_trained_as_it_is(root: Path) -> None:
    one_loss = CONFIG["train"]["loss"]
    config = changed(
        "train/loss", [{**one_loss, "apply": {"@disabled": "a"}}, {**one_loss, "apply": {"@disabled": "b"}}]
    )
    assert check(root, config).problems == []
    assert one(root, config, own_values=True).path == "train.loss"


def test_search_section_of_a_wrong_shape_is_said_once(root: Path) -> None:
    config = {**CONFIG, "search": {"domain": "lr"}}
    checked = check(root, config, search_problems=lambda *_: [Problem("its rule", FILE, "search")])
    assert [problem.rule for problem in checked.problems] == ["its rule"]


def test_checkpoint_that_is_loaded_exists(root: Path, tmp_path: Path) -> None:
    handler = {"name": "CheckpointLoader", "args": {"load_path": str(tmp_path / "m.pt"), "load_dict": {"m": "@model"}}}
    config = changed("train/handlers", [*CONFIG["train"]["handlers"], handler])
    problem = one(root, config)
    assert problem.path == f"train.handlers[{len(CONFIG['train']['handlers'])}].args.load_path"
    assert problem.rule == "the checkpoint that is loaded has to exist"
    (tmp_path / "m.pt").touch()
    assert check(root, config).problems == []
    handler["disabled"] = True
    handler["args"] = {"load_path": str(tmp_path / "no.pt"), "load_dict": {"m": "@model"}}
    assert check(root, config).problems == []


def test_unknown_variable_hides_nothing_and_adds_nothing(root: Path) -> None:
    config = changed("train/pre_transforms/2/disabled", "{skipp}")
    config["train"]["loss"]["name"] = "DiceLos"
    paths = [problem.path for problem in check(root, config).problems]
    assert paths == ["train.loss.name", "train.pre_transforms[2].disabled"]


def test_alternatives_that_a_search_switches_are_left_to_it(root: Path) -> None:
    switched = {"name": "DiceLoss", "apply": {"@disabled": "a"}}
    searched = {"name": "DiceCELoss", "search": [{"args": ["@disabled#a"]}]}
    assert check(root, changed("train/loss", [switched, {"name": "DiceCELoss"}])).problems == []
    assert check(root, changed("train/loss", [{"name": "DiceLoss"}, searched])).problems == []


def test_problems_of_the_search_are_taken_over(root: Path) -> None:
    seen: list[Any] = []

    def search_problems(config: dict[str, Any], catalogue: Catalogue, file: str) -> list[Problem]:
        seen.append((config["train"]["optimizer"]["args"]["lr"], file))
        return [Problem("searched wrongly", file, "search[0]")]

    problem = one(root, {**CONFIG, "search": [{}]}, search_problems=search_problems)
    assert problem.rule == "searched wrongly"
    assert seen == [("{learning_rate}", FILE)], "the search is checked in the config as it is in the file"


def test_own_key_of_a_section_is_fine_when_something_refers_to_it(root: Path) -> None:
    config = changed("train/sampler", {"name": "DistributedSampler", "args": {"dataset": "@dataset"}})
    assert one(root, config).path == "train.sampler"
    config["train"]["dataloader"]["args"]["sampler"] = "@sampler"
    assert check(root, config).problems == []


def test_comments_are_let_through(root: Path) -> None:
    config = {**CONFIG, "_comment": ["{x}"], "//": 1, "train": {"_loss": {"name": "Nothing"}, **CONFIG["train"]}}
    checked = check(root, config)
    assert (checked.problems, checked.warnings) == ([], [])
    assert "_loss" not in checked.config["train"]


def test_old_names_are_noted_once_and_translated(root: Path) -> None:
    config = changed("train/model/args/spatial_dims", None)
    config["train"]["model"]["args"]["dimensions"] = 3
    config["validate"]["post_transforms"][0]["args"].update(to_onehot=True, n_classes=2)
    checked = check(root, config)
    assert checked.problems == []
    assert len(checked.notes) == 2
    assert checked.config["train"]["model"]["args"]["spatial_dims"] == 3
    assert checked.config["validate"]["post_transforms"][0]["args"]["to_onehot"] == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(epoch=5), 'nothing uses "epoch"; did you mean "epochs"?'),
        (lambda c: c["train"]["loss"].update(disabled=1), "disabled is 1, not true: the component stays"),
        (lambda c: c.update(num_interval_per_valid=4), "a validation every 4 epochs never comes in 3 epochs"),
        (lambda c: c["train"]["handlers"].pop(0), "train.handlers has no ValidationHandler"),
    ],
)
def test_what_may_not_be_meant_is_a_warning(root: Path, change: Callable[[dict[str, Any]], Any], words: str) -> None:
    config = copy.deepcopy(CONFIG)
    change(config)
    checked = check(root, config)
    assert checked.problems == []
    (warning,) = checked.warnings
    assert words in warning


def test_no_warning_where_a_validation_comes_after_all(root: Path) -> None:
    config = {**CONFIG, "num_interval_per_valid": 4}
    assert check(root, config, words={"until_epoch": 2}).warnings == []
    own = changed("train/handlers/0", {"path": "mynets.Net", "args": {"width": 1}})
    assert check(root, own).warnings == []
    alone = changed("train/handlers/0", {"name": "GarbageCollector"})
    del alone["validate"]
    assert check(root, alone).warnings == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.sampled_from(["", "@x", "#x", "lambda", "{x}", "{", "UNet", "a.B"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "path", "args", "ref", "disabled", "search", "apply", "train"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
PLACES = (
    "epochs search determinism train validate train/model train/model/args train/loss train/handlers train/dataset "
    "train/pre_transforms/0 train/dataset/data_list_file_path train/dataset/args train/optimizer/search "
    "train/optimizer/apply validate/pre_transforms validate/pre_transforms/0/ref validate/evaluator/args/network"
).split()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PLACES), JSON)
def test_no_config_makes_the_check_fail(root: Path, place: str, value: Any) -> None:
    config = changed(place, value)
    checked = check(root, config)
    assert all(problem.rule and problem.file for problem in checked.problems)


def test_check_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import json, sys, time\n"
        "from pathlib import Path\n"
        "from medl.conf.check import check_training\n"
        "from medl.conf.load import read_object\n"
        f"root = Path({str(asset('mmar_template'))!r})\n"
        "config = read_object(root / 'config/config_train.json')\n"
        "environment = read_object(root / 'config/environment.json')\n"
        "check_training(root, config, environment, {}, check_data=(root / 'data').is_dir()).require()\n"
        "heavy = [m for m in ('torch', 'monai', 'ignite', 'numpy', 'optuna') if m in sys.modules]\n"
        "print(json.dumps([time.process_time(), heavy]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, heavy = json.loads(done.stdout)
    assert heavy == []
    assert seconds < 2, "CPU seconds of the whole process"


def test_a_name_that_is_gone_is_one_problem_with_its_remedy(root):
    problem = one(root, changed("train/pre_transforms/2", {"name": "InverseKeys"}))
    assert (problem.path, problem.near) == ("train.pre_transforms[2].name", ())
    assert "any more" in problem.rule and "TraceKeys" in problem.remedy

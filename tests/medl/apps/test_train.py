"""``python -m medl.apps.train`` from the command line to the files it leaves."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from medl.assets import asset
from medl.mmar.stats import read_metrics, read_stats

Config = dict[str, Any]
Make = Callable[..., Path]
Run = Callable[..., int]


@pytest.fixture
def run() -> Iterator[Run]:
    """Return a function that runs the app in this process, which is left as it was."""
    from medl.apps.train import main

    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handlers, level = logging.root.handlers[:], logging.root.level

    def go(root: Path, *words: str) -> int:
        with warnings.catch_warnings():
            return main(["-m", str(root), "--write_train_stats", *words])

    yield go
    for number, handler in signals.items():
        signal.signal(number, handler)
    logging.root.handlers[:], logging.root.level = handlers, level


def in_process(root: Path, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-u", "-m", "medl.apps.train", "-m", str(root), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        **more,
    )


def load(path: Path) -> Any:
    import torch

    return torch.load(path, weights_only=True)


def named(config: Config, section: str, key: str, name: str) -> Config:
    return next(spec for spec in config[section][key] if spec.get("name", "").split("#")[0] == name)


# ---- what a training leaves


def test_a_training_leaves_checkpoints_lines_and_statistics(make_archive: Make, tiny_config: Config, run: Run) -> None:
    root = make_archive(tiny_config)
    assert run(root) == 0
    models = root / "models"
    assert {path.name for path in models.iterdir()} == {
        "model.pt",
        "final_model.pt",
        "resume.pt",
        "metrics.jsonl",
        "train_stats.json",
        "record.json",
    }
    for name in ("model.pt", "final_model.pt"):
        checkpoint = load(models / name)
        assert type(checkpoint["train_conf"]) is dict
        assert checkpoint["train_conf"]["train"]["model"]["name"] == "UNet"
    lines = read_metrics(models)
    for line in lines:
        jsonschema.validate(line, json.loads((asset("config") / "metrics.schema.json").read_text()))
    assert [(line["epoch"], line["max_epoch"], line["lr"]) for line in lines] == [(1, 2, [0.01]), (2, 2, [0.005])]
    stats = read_stats(models)
    jsonschema.validate(
        json.loads((models / "train_stats.json").read_text()),
        json.loads((asset("config") / "train_stats.schema.json").read_text()),
    )
    assert stats is not None and stats.status == "ok" and stats.key_metric == "val_mean_dice" and stats.epochs == (1, 2)
    values = {str(line["epoch"]): line["metrics"]["val_mean_dice"] for line in lines}
    assert stats.history["val_mean_dice"] == values
    assert stats.best_metric == max(values.values()) and values[str(stats.best_epoch)] == stats.best_metric


def test_monai_rebuilds_the_network_from_the_checkpoint(
    make_archive: Make, tiny_config: Config, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monai.apps.mmars import load_from_mmar, mmars

    net = tiny_config["train"]["model"]
    net["args"]["dimensions"] = net["args"].pop("spatial_dims")
    tiny_config["train"]["model"] = [{"name": "VNet", "disabled": True}, {**net, "name": "UNet#net"}]
    root = make_archive(tiny_config)
    assert run(root) == 0
    monkeypatch.setattr(mmars, "download_mmar", lambda **words: root)
    network = load_from_mmar({"name": "any"}, mmar_dir=root.parent, api=False, map_location="cpu")
    assert {name: value.shape for name, value in network.state_dict().items()} == {
        name: value.shape for name, value in load(root / "models/model.pt")["model"].items()
    }


def test_the_same_seed_gives_the_same_training_and_another_seed_another(
    make_archive: Make, tiny_config: Config, run: Run
) -> None:
    losses = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        tiny_config["determinism"] = {"random_seed": seed}
        root = make_archive(tiny_config, name)
        assert run(root) == 0
        losses.append([line["losses"] for line in read_metrics(root / "models")])
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_validation_in_between_does_not_change_the_training(make_archive: Make, tiny_config: Config, run: Run) -> None:
    losses = []
    for interval in (1, 2):
        root = make_archive(tiny_config, f"every{interval}")
        assert run(root, "--set", f"num_interval_per_valid={interval}", "epochs=4") == 0
        losses.append([line["losses"] for line in read_metrics(root / "models")])
    assert losses[0] == losses[1]


def test_what_never_validates_has_no_score_and_still_a_model(make_archive: Make, tiny_config: Config, run: Run) -> None:
    root = make_archive(tiny_config)
    assert run(root, "--set", "num_interval_per_valid=20") == 0
    stats = read_stats(root / "models")
    assert stats is not None and stats.status == "no_score" and stats.best_metric is None and stats.history == {}
    assert load(root / "models/model.pt").keys() == {"model", "train_conf"}


@pytest.mark.parametrize("interval", [1, 2, 20])
def test_until_epoch_stops_before_the_horizon_with_a_validation(
    make_archive: Make, tiny_config: Config, run: Run, interval: int
) -> None:
    tiny_config["train"]["lr_scheduler"] = {
        "name": "CosineAnnealingLR",
        "args": {"optimizer": "@optimizer", "T_max": "{epochs}"},
    }
    root = make_archive(tiny_config)
    assert run(root, "--set", "epochs=8", "until_epoch=3", f"num_interval_per_valid={interval}") == 0
    lines = read_metrics(root / "models")
    assert [line["epoch"] for line in lines] == [1, 2, 3] and "metrics" in lines[-1]
    assert lines[-1]["lr"][0] > 0.008  # of a schedule over 8 epochs; over 3 it would be 0.0025
    stats = read_stats(root / "models")
    assert stats is not None and (stats.max_epoch, stats.horizon, stats.epochs) == (3, 8, (1, 3))


def test_no_handler_asks_and_the_files_are_there(make_archive: Make, tiny_config: Config, run: Run) -> None:
    tiny_config["validate"]["handlers"] = []
    root = make_archive(tiny_config)
    assert run(root) == 0
    for name in ("model.pt", "final_model.pt"):
        assert load(root / "models" / name).keys() == {"model", "train_conf"}


def test_a_users_names_win(make_archive: Make, tiny_config: Config, run: Run) -> None:
    named(tiny_config, "validate", "handlers", "CheckpointSaver")["args"] |= {"key_metric_filename": "best.pt"}
    tiny_config["train"]["handlers"].append(
        {
            "name": "CheckpointSaver",
            "args": {
                "save_dir": "models/mine",
                "save_dict": {"model": "@model"},
                "save_final": True,
                "final_filename": "last.pt",
            },
        }
    )
    root = make_archive(tiny_config)
    assert run(root) == 0
    found = {str(path.relative_to(root / "models")) for path in (root / "models").rglob("*.pt")}
    assert found == {"best.pt", "mine/last.pt", "resume.pt"}
    load(root / "models/best.pt")


def test_tensorboard_writes_into_the_archive(
    make_archive: Make, tiny_config: Config, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_config["validate"]["handlers"].append({"name": "TensorBoardStatsHandler", "args": {"iteration_log": False}})
    root = make_archive(tiny_config)
    assert run(root) == 0
    events = list((root / "models").glob("events.out.tfevents*"))
    assert len(events) == 1 and b"val_mean_dice" in events[0].read_bytes()
    assert not (tmp_path / "runs").exists()


def test_a_relative_root_and_relative_data_mean_the_same(
    make_archive: Make, tiny_config: Config, run: Run, tiny_volumes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_archive(tiny_config, DATA_ROOT="data", DATASET_JSON="data/dataset.json")
    (root / "data").symlink_to(tiny_volumes)
    monkeypatch.chdir(root.parent)
    assert run(Path(root.name)) == 0
    assert (root / "models/model.pt").is_file() and not (root / root.name).exists()


# ---- what a config may say


def test_what_is_disabled_is_not_there_and_alternatives_leave_one(
    make_archive: Make, tiny_config: Config, run: Run
) -> None:
    tiny_config["train"]["pre_transforms"].append({"name": "RandFlipd", "disabled": True, "args": {"keys": "image"}})
    tiny_config["validate"]["pre_transforms"].append({"ref": "RandFlipd"})
    loss = tiny_config["train"]["loss"]
    tiny_config["train"]["loss"] = [{"name": "FocalLoss", "disabled": True}, loss]
    lr = named(tiny_config, "train", "handlers", "LrScheduleHandler")
    tiny_config["train"]["lr_scheduler"]["disabled"] = lr["disabled"] = True
    root = make_archive(tiny_config)
    assert run(root) == 0
    assert [line["lr"] for line in read_metrics(root / "models")] == [[0.01], [0.01]]
    assert load(root / "models/model.pt")["train_conf"]["train"]["loss"] == loss


def test_more_metrics_are_kept_beside_the_key_metric(make_archive: Make, tiny_config: Config, run: Run) -> None:
    key = tiny_config["validate"]["key_metric"]
    tiny_config["validate"]["additional_metrics"] = [
        {**key, "log_label": "other_dice"},
        {**key, "log_label": "gone", "disabled": True},
    ]
    tiny_config["validate"]["evaluator"]["args"]["additional_metrics"] = "@additional_metrics"
    tiny_config["train"]["key_metric"] = {
        "name": "MeanDice",
        "log_label": "train_dice",
        "args": {"output_transform": "#monai.handlers.from_engine(['pred', 'label'])"},
    }
    tiny_config["train"]["post_transforms"] = tiny_config["validate"]["post_transforms"]
    tiny_config["train"]["trainer"]["args"] |= {"key_train_metric": "@key_metric", "postprocessing": "@post_transforms"}
    root = make_archive(tiny_config)
    assert run(root) == 0
    line = read_metrics(root / "models")[-1]
    assert line["metrics"].keys() == {"val_mean_dice", "other_dice"} and line["train_metrics"].keys() == {"train_dice"}


def test_old_names_and_args_are_translated_and_the_checkpoint_has_the_new_ones(
    make_archive: Make, tiny_config: Config, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    args = tiny_config["train"]["model"]["args"]
    args["dimensions"] = args.pop("spatial_dims")
    root = make_archive(tiny_config)
    assert run(root) == 0
    assert "dimensions" in capsys.readouterr().out
    assert load(root / "models/model.pt")["train_conf"]["train"]["model"]["args"]["spatial_dims"] == 3


def test_weights_can_be_loaded_first(make_archive: Make, tiny_config: Config, run: Run) -> None:
    assert run(make_archive(tiny_config, "first")) == 0
    tiny_config["train"]["handlers"].insert(
        0, {"name": "CheckpointLoader", "args": {"load_path": "{MMAR_CKPT}", "load_dict": {"model": "@model"}}}
    )
    second = make_archive(tiny_config, "second")
    start = second.parent / "first/models/model.pt"
    assert run(second, "--set", f"MMAR_CKPT={start}") == 0
    first, after = (
        read_metrics(second.parent / name / "models")[0]["losses"]["train_loss"] for name in ("first", "second")
    )
    assert after < first


def test_code_in_custom_is_used(make_archive: Make, tiny_config: Config, run: Run) -> None:
    tiny_config["train"]["loss"] = {"path": "tiny_loss_of_a_test.Half", "args": {"to_onehot_y": True, "softmax": True}}
    root = make_archive(tiny_config)
    (root / "custom").mkdir()
    (root / "custom/tiny_loss_of_a_test.py").write_text(
        "from monai.losses import DiceLoss\n\n\nclass Half(DiceLoss):\n"
        "    def forward(self, input, target):\n        return super().forward(input, target) / 1000\n"
    )
    before = list(sys.path)
    assert run(root) == 0
    assert read_metrics(root / "models")[0]["losses"]["train_loss"] < 0.01
    assert sys.path == before


# ---- what is printed


def test_the_printout_the_switches_and_stray_words(
    make_archive: Make, tiny_config: Config, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_archive(tiny_config)
    assert run(root, "--set", "0", "print_conf=True", "use_gpu=True", "amp=true") == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    start = lines.index("========== Train Config Result ===========")
    assert lines[start + 1] == "Num Epochs:  2"
    assert "Model:  <class 'monai.networks.nets.unet.UNet'>" in lines
    assert "Train Transform #1: <class 'monai.transforms.io.dictionary.LoadImaged'>" in lines
    assert "========== End of Train Config Result ===========" in lines
    import torch

    if not torch.cuda.is_available():
        assert lines[start + 2] == "Use GPU:  False"
        assert out.count("use_gpu: no GPU is visible") == 1 and out.count("amp: mixed precision needs a GPU") == 1


# ---- what goes wrong: one line, and what to do


def failing(run: Run, root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = run(root, *words)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, err


def test_a_loss_that_is_no_number_ends_the_training_with_its_epoch(
    make_archive: Make, tiny_config: Config, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_config["train"]["trainer"]["args"]["max_epochs"] = 30
    root = make_archive(tiny_config)
    code, err = failing(run, root, capsys, "--set", "learning_rate=1e30", "num_interval_per_valid=100")
    assert code == 1 and len(err.splitlines()) == 1
    assert err.startswith("medl: epoch ") and "the loss is nan" in err
    assert not (root / "models/train_stats.json").exists() and not (root / "models/final_model.pt").exists()


def test_a_key_metric_that_is_no_number_ends_it_too_and_is_never_the_best(
    make_archive: Make, tiny_config: Config, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_config["validate"]["key_metric"] = {
        "path": "tiny_metric_of_a_test.NoNumber",
        "log_label": "bad",
        "args": {"output_transform": "#monai.handlers.from_engine(['pred', 'label'])"},
    }
    root = make_archive(tiny_config)
    (root / "custom").mkdir()
    (root / "custom/tiny_metric_of_a_test.py").write_text(
        "from monai.handlers import MeanDice\n\n\nclass NoNumber(MeanDice):\n"
        "    def compute(self):\n        return float('nan')\n"
    )
    code, err = failing(run, root, capsys)
    assert code == 1 and err.startswith("medl: epoch 1: the key metric bad is nan")
    assert not (root / "models/model.pt").exists()


def test_labels_beyond_the_channels_are_said_with_the_file(
    make_archive: Make,
    tiny_config: Config,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    tiny_volumes: Path,
) -> None:
    import nibabel
    import numpy as np

    image = nibabel.load(tiny_volumes / "label_0.nii")
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj) * 4, np.eye(4)), tmp_path / "high.nii")
    items = [{"image": str(tiny_volumes / "image_0.nii"), "label": str(tmp_path / "high.nii")}]
    (tmp_path / "high.json").write_text(json.dumps({"training": items, "validation": items}))
    code, err = failing(run, make_archive(tiny_config), capsys, "--set", f"DATASET_JSON={tmp_path / 'high.json'}")
    assert code == 2 and "high.nii" in err and "but got 4" in err and "out_channels" in err


def test_an_empty_list_and_a_batch_that_never_fills_are_named(
    make_archive: Make, tiny_config: Config, run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "empty.json").write_text(json.dumps({"training": [], "validation": []}))
    code, err = failing(run, make_archive(tiny_config, "a"), capsys, "--set", f"DATASET_JSON={tmp_path / 'empty.json'}")
    assert code == 2 and "training" in err and "at least one item" in err
    tiny_config["train"]["dataloader"]["args"] |= {"batch_size": 5, "drop_last": True}
    code, err = failing(run, make_archive(tiny_config, "b"), capsys)
    assert code == 2 and "at least one batch" in err and "batch_size" in err


def test_every_problem_of_a_config_is_said_before_anything_is_imported(make_archive: Make, tiny_config: Config) -> None:
    tiny_config["train"]["loss"]["name"] = "DiceLos"
    tiny_config["train"]["pre_transforms"][2]["args"]["probe"] = 1
    code = (
        "import sys\nfrom medl.apps.train import main\ncode = main(sys.argv[1:])\n"
        "print(code, sorted({'torch', 'monai', 'numpy', 'ignite'} & set(sys.modules)))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "-m", str(make_archive(tiny_config))], capture_output=True, text=True, check=False
    )
    assert ended.stdout.splitlines()[-1] == "2 []"
    assert "DiceLoss" in ended.stderr and "probe" in ended.stderr


def test_a_folder_that_cannot_be_written_is_said_before_the_training(
    make_archive: Make,
    tiny_config: Config,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: Path, *args: Any, **kwargs: Any) -> None:
        raise OSError(30, "Read-only file system", str(self))

    root = make_archive(tiny_config)
    monkeypatch.setattr(Path, "touch", refuse)
    code, err = failing(run, root, capsys)
    assert (
        code == 2
        and "Read-only file system" in err
        and "Make the archive writable" in err
        and len(err.splitlines()) == 1
    )


def test_a_full_disk_is_one_line(make_archive: Make, tiny_config: Config) -> None:
    tiny_config["train"]["model"]["args"]["channels"] = [16, 32]

    def small_files() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    root = make_archive(tiny_config)
    ended = in_process(root, preexec_fn=small_files)
    assert ended.returncode == 1 and "no space is left" in ended.stderr and "model.pt" in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    assert not [path for path in (root / "models").iterdir() if path.suffix in (".pt", ".tmp")]


def test_a_broken_image_is_one_line_and_debug_shows_the_traceback(
    make_archive: Make,
    tiny_config: Config,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    tiny_volumes: Path,
) -> None:
    (tmp_path / "broken.nii").write_text("no image")
    items = [{"image": str(tmp_path / "broken.nii"), "label": str(tiny_volumes / "label_0.nii")}]
    (tmp_path / "broken.json").write_text(json.dumps({"training": items, "validation": items}))
    words = ("--set", f"DATASET_JSON={tmp_path / 'broken.json'}")
    code, err = failing(run, make_archive(tiny_config, "a"), capsys, *words)
    assert code == 2 and "broken.nii\n" in err and "a NIfTI file begins with a header" in err
    assert "Traceback" not in err
    code, err = failing_with_traceback(run, make_archive(tiny_config, "b"), capsys, *words)
    assert code == 2 and "Traceback (most recent call last)" in err and "broken.nii" in err


def failing_with_traceback(run: Run, root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = run(root, "--debug", *words)
    return code, capsys.readouterr().err


def test_debug_keeps_the_exit_code_of_a_config_error(
    make_archive: Make, tiny_config: Config, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_config["train"]["loss"]["name"] = "DiceLos"
    code, err = failing_with_traceback(run, make_archive(tiny_config), capsys)
    assert code == 2 and "Traceback (most recent call last)" in err and err.count('DiceLos"') == 1


def test_alternatives_that_a_search_would_choose_are_caught_by_the_check(
    make_archive: Make, tiny_config: Config, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    loss = tiny_config["train"]["loss"]
    tiny_config["train"]["loss"] = [{**loss, "apply": {"@disabled": name}} for name in ("first", "second")]
    choices = {"args": ["first", "second"], "targets": [[True, False], [False, True]]}
    tiny_config["search"] = [{"domain": "net", "type": "enum", **choices}]
    monkeypatch.setattr("medl.train.quiet.quiet_imports", lambda: pytest.fail("torch would have been imported"))
    code, err = failing(run, make_archive(tiny_config), capsys)
    assert code == 2 and "train.loss" in err and "2 enabled of 2" in err


def test_a_log_config_that_is_not_there_is_said_before_anything_is_imported(
    make_archive: Make, tiny_config: Config, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr("medl.train.quiet.quiet_imports", lambda: pytest.fail("torch would have been imported"))
    code, err = failing(run, make_archive(tiny_config), capsys, "-l", "resources/none.config")
    assert code == 2 and "resources/none.config" in err


def test_a_file_in_place_of_the_checkpoints_folder_is_said_with_the_remedy(
    make_archive: Make, tiny_config: Config, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_archive(tiny_config)
    (root / "a_file").touch()
    for place in ("a_file", "a_file/below"):
        code, err = failing(run, root, capsys, "--set", f"MMAR_CKPT_DIR={place}")
        assert code == 2 and f"{root / 'a_file'} is a file" in err and "--set MMAR_CKPT_DIR=" in err


def test_a_checkpoint_that_is_none_is_said_with_its_place(
    make_archive: Make, tiny_config: Config, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    args = {"load_path": "{MMAR_CKPT}", "load_dict": {"model": "@model"}}
    tiny_config["train"]["handlers"].insert(0, {"name": "CheckpointLoader", "args": args})
    root = make_archive(tiny_config)
    (root / "junk.pt").write_text("junk")
    code, err = failing(run, root, capsys, "--set", "MMAR_CKPT=junk.pt")
    assert code == 2 and f"{root / 'junk.pt'} is no checkpoint" in err and "train.handlers" in err


@pytest.mark.parametrize(("name", "value"), [("use_gpu", "maybe"), ("until_epoch", "0"), ("until_epoch", "9")])
def test_values_without_a_meaning_are_named(
    make_archive: Make, tiny_config: Config, run: Run, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    code, err = failing(run, make_archive(tiny_config), capsys, "--set", f"{name}={value}")
    assert code == 2 and name in err


def test_no_archive_is_said_with_the_remedy(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    code, err = failing(run, tmp_path / "none", capsys)
    assert code == 2 and "no such folder" in err and "-m" in err


# ---- a process of its own


def test_a_process_says_nothing_but_what_matters(make_archive: Make, tiny_config: Config) -> None:
    root = make_archive(tiny_config)
    ended = in_process(root, "-c", "config/config_train.json", "-e", "config/environment.json", "--write_train_stats")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    for noise in ("Deprecat", "nvImageCodec", "FutureWarning", "UserWarning"):
        assert noise not in ended.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_with_whole_files(make_archive: Make, tiny_config: Config, number: int, code: int) -> None:
    root = make_archive(tiny_config)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "medl.apps.train", "-m", str(root), "--set", "epochs=100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "Epoch: 3/" in line:
            break
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert err.startswith("medl: stopped by SIG") and "Traceback" not in err
    names = {path.name for path in (root / "models").iterdir()}
    assert names == {"model.pt", "final_model.pt", "resume.pt", "metrics.jsonl", "record.json"}
    for name in ("model.pt", "final_model.pt"):
        load(root / "models" / name)
    assert len(read_metrics(root / "models")) >= 2


def test_a_signal_while_it_starts_ends_it_as_well(make_archive: Make, tiny_config: Config) -> None:
    root = make_archive(tiny_config)
    code = (
        "import os, signal, sys, threading\n"
        "from medl.apps import train\n"
        "from medl.train import log_config\n"
        "log_config.start_logging = lambda path: os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.exit(train.main(sys.argv[1:]))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, "-m", str(root)], capture_output=True, text=True, check=False)
    assert ended.returncode == 143 and ended.stderr == "medl: stopped by SIGTERM\n"
    assert not list(root.rglob("*.pt"))


# ---- real images

HIPPOCAMPUS = Path(__file__).parents[4] / "shared/data/hippocampus"


@pytest.mark.skipif(not HIPPOCAMPUS.is_dir(), reason="the shared hippocampus images are not here")
def test_three_classes_of_a_real_organ(make_archive: Make, tiny_config: Config, run: Run, tmp_path: Path) -> None:
    lists = json.loads((HIPPOCAMPUS / "dataset.json").read_text())
    (tmp_path / "few.json").write_text(
        json.dumps({"training": lists["training"][:4], "validation": lists["validation"][:2]})
    )
    for section in ("train", "validate"):
        tiny_config[section]["pre_transforms"][2:] = [
            {"name": "ScaleIntensityd", "args": {"keys": "image"}},
            {"name": "ResizeWithPadOrCropd", "args": {"keys": ["image", "label"], "spatial_size": [32, 48, 32]}},
        ]
    tiny_config["train"]["model"]["args"]["out_channels"] = 3
    tiny_config["validate"]["post_transforms"][1]["args"]["to_onehot"] = 3
    root = make_archive(tiny_config)
    words = ("--set", f"DATA_ROOT={HIPPOCAMPUS}", f"DATASET_JSON={tmp_path / 'few.json'}", "learning_rate=0.001")
    assert run(root, *words) == 0
    stats = read_stats(root / "models")
    assert stats is not None and stats.best_metric is not None and 0 < stats.best_metric < 1

"""A job's environment: data are found from the clone, settings outrank the archive, weights come along where needed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from medl.automl.left_behind import first_weights, moved, resolved_config
from medl.components.executors.job_config import job_environment


def environment(source: Path, job: Path, given: dict[str, Any], **more: Any) -> dict[str, Any]:
    args: dict[str, Any] = {"config": {}, "settings": {}, **more}
    return job_environment(source=source, job=job, environment=given, **args)


def test_relative_data_are_found_from_a_job_inside_the_archive(tmp_path: Path):
    archive = tmp_path / "archive"
    job = archive / "automl/a/W1_1_J1"
    job.mkdir(parents=True)
    (archive / "data").mkdir()
    made = environment(archive, job, {"DATA_ROOT": "data", "DATASET_JSON": "data/list.json", "OTHER": "data"})
    assert made == {"DATA_ROOT": "../../../data", "DATASET_JSON": "../../../data/list.json", "OTHER": "data"}
    shutil.move(archive, tmp_path / "moved")
    assert (tmp_path / "moved/automl/a/W1_1_J1" / made["DATA_ROOT"]).resolve() == tmp_path / "moved/data"


def test_what_an_archive_starts_from_is_found_from_its_jobs(tmp_path: Path):
    made = environment(tmp_path, tmp_path / "automl/a/J", {"start_from": "models/start.pt"})
    assert made == {"start_from": "../../../models/start.pt"}


def test_a_job_elsewhere_gets_absolute_places(tmp_path: Path):
    made = environment(tmp_path / "archive", tmp_path / "runs/a/W1_1_J1", {"DATA_ROOT": "../shared"})
    assert made["DATA_ROOT"] == str(tmp_path / "archive/../shared")


def test_absolute_places_and_urls_of_the_config_stay(tmp_path: Path):
    given = {"DATA_ROOT": "/data", "DATASET_JSON": "{LIST}/x.json"}
    assert environment(tmp_path, tmp_path / "automl/a/J", given) == given


def test_places_of_the_config_itself_move_too(tmp_path: Path):
    made = environment(tmp_path, tmp_path / "automl/a/J", {}, config={"DATASET_JSON": "list.json"})
    assert made == {"DATASET_JSON": "../../../list.json"}


def test_settings_and_the_stop_come_last(tmp_path: Path):
    made = environment(tmp_path, tmp_path / "automl/a/J", {"epochs": 9}, settings={"epochs": 3}, until_epoch=2)
    assert made == {"epochs": 3, "until_epoch": 2}


def test_a_linked_archive_is_the_same_archive(tmp_path: Path):
    (tmp_path / "archive/automl/a/J").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "archive")
    assert moved("data", tmp_path / "link", tmp_path / "archive/automl/a/J") == "../../../data"


LOADER: dict[str, Any] = {
    "dont_load": True,
    "train": {
        "handlers": [{"name": "CheckpointLoader", "disabled": "{dont_load}", "args": {"load_path": "{MMAR_CKPT}"}}]
    },
}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({}, None), ({"dont_load": False}, "models/model.pt"), ({"dont_load": False, "MMAR_CKPT": "other.pt"}, None)],
)
def test_weights_come_along_only_where_they_are_loaded(tmp_path: Path, settings: dict[str, Any], expected: str | None):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/model.pt").touch()
    assert first_weights(LOADER, {"MMAR_CKPT": "models/model.pt", **settings}, tmp_path) == expected


def test_a_resolved_config_has_the_values_the_new_names_and_what_refs_refer_to(tmp_path: Path):
    config = {
        "MEDL_VERSION": "0.1.0",
        "epochs": 3,
        "train": {
            "model": {"name": "UNet", "args": {"dimensions": 3}},
            "pre_transforms": [{"name": "LoadImaged", "args": {"keys": "{KEY}"}}],
            "trainer": {"name": "SupervisedTrainer", "args": {"max_epochs": "{epochs}"}},
        },
        "validate": {"pre_transforms": [{"ref": "LoadImaged"}]},
    }
    made = resolved_config(config, {"KEY": "image", "epochs": 4}, tmp_path)
    assert made is not None
    assert made["epochs"] == made["train"]["trainer"]["args"]["max_epochs"] == 4
    assert made["train"]["model"]["args"] == {"spatial_dims": 3}
    assert made["validate"]["pre_transforms"] == made["train"]["pre_transforms"]
    assert made["train"]["pre_transforms"][0]["args"] == {"keys": "image"}
    assert resolved_config(config, {}, tmp_path) is None, "KEY has no value"

"""Archives made of bundles that were not made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medl.errors import ConfigError, MedlError
from medl.mmar.bundle_import import archive_from_bundle

NET = {
    "_target_": "UNet",
    "spatial_dims": "@dims",
    "in_channels": 1,
    "out_channels": "$@classes",
    "channels": [4, 8],
    "strides": [2],
    "norm": "batch",
}


def bundle(folder: Path, name: str = "inference.json", **more: Any) -> Path:
    config = {
        "imports": ["$import glob"],
        "dims": 3,
        "classes": "$4",
        "device": "$torch.device('cuda:0')",
        "image_key": "image",
        "network_def": NET,
        "network": "$@network_def.to(@device)",
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "LoadImaged", "keys": "@image_key"},
                {"_target_": "EnsureChannelFirstd", "keys": "image"},
                {"_target_": "monai.transforms.Spacingd", "keys": "image", "pixdim": [1, 1, 1], "mode": "bilinear"},
                {"_target_": "ScaleIntensityd", "keys": "image"},
                {"_target_": "EnsureTyped", "keys": "image", "device": "@device"},
            ],
        },
        "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [32, 32, 32], "overlap": 0.5, "device": "@device"},
        **more,
    }
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "configs" / name).write_text(json.dumps(config))
    return folder


def trained(target: Path) -> dict[str, Any]:
    return json.loads((target / "config/config_train.json").read_text())


def test_network_transforms_inferer_and_weights(tmp_path):
    source = bundle(tmp_path / "b")
    (source / "models/model.pt").write_bytes(b"weights")
    notes = archive_from_bundle(source, tmp_path / "a")
    config = trained(tmp_path / "a")
    args = config["train"]["model"]["args"]
    assert config["train"]["model"]["name"] == "UNet" and args["spatial_dims"] == 3 and args["out_channels"] == 4
    by_name = {one["name"]: one["args"] for one in config["train"]["pre_transforms"]}
    assert by_name["LoadImaged"]["keys"] == by_name["Spacingd"]["keys"] == ["image", "label"]
    assert by_name["Spacingd"]["mode"] == ["bilinear", "nearest"]
    assert by_name["ScaleIntensityd"]["keys"] == "image" and "device" not in by_name["EnsureTyped"]
    assert by_name["RandSpatialCropd"]["roi_size"] == [32, 32, 32]
    assert "RandSpatialCropd" not in str(config["validate"])
    assert config["validate"]["inferer"]["args"] == {"roi_size": [32, 32, 32], "overlap": 0.5}
    assert config["validate"]["post_transforms"][1]["args"]["to_onehot"] == 4
    assert config["dont_load_ckpt_model"] is False and any("begins with the bundle's weights" in one for one in notes)
    assert (tmp_path / "a/models/model.pt").read_bytes() == b"weights"
    assert list((tmp_path / "a/data").iterdir()) == []  # not the template's
    assert (tmp_path / "a/commands/train.sh").is_file()


def test_no_weights(tmp_path):
    notes = archive_from_bundle(bundle(tmp_path / "b"), tmp_path / "a")
    assert any("no weights" in one for one in notes) and trained(tmp_path / "a")["dont_load_ckpt_model"] is True


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"network_def": {**NET, "in_channels": "$__import__('os').system('true')"}}, "a config is data"),
        ({"network_def": {**NET, "in_channels": "@nothing"}}, '"@nothing" names nothing'),
        ({"network_def": {**NET, "_target_": "UNett"}}, "UNet"),
        ({"network_def": {**NET, "in_chanels": 1}}, "in_chanels"),
        ({"network_def": {"_target_": "subprocess.Popen", "args": ["true"]}}, "subprocess"),
        ({"dims": "@dims"}, "references have to end"),
    ],
)
def test_what_cannot_be_taken_over_is_said_and_leaves_nothing(tmp_path, more, said):
    with pytest.raises(ConfigError, match=said):
        archive_from_bundle(bundle(tmp_path / "b", **more), tmp_path / "a")
    assert [one.name for one in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize("ending", ["yaml", "yml"])
def test_a_bundle_in_yaml_is_as_good(tmp_path, ending):
    import yaml

    source = bundle(tmp_path / "b")
    archive_from_bundle(source, tmp_path / "a")
    written = source / "configs/inference.json"
    (source / f"configs/inference.{ending}").write_text(yaml.safe_dump(json.loads(written.read_text())))
    written.unlink()
    notes = archive_from_bundle(source, tmp_path / "of_yaml")
    assert trained(tmp_path / "of_yaml") == trained(tmp_path / "a")
    assert f"configs/inference.{ending}" in notes[0]


def test_no_bundle_and_one_without_a_network(tmp_path):
    with pytest.raises(ConfigError, match="a folder with configs/ in it"):
        archive_from_bundle(tmp_path, tmp_path / "a")
    source = bundle(tmp_path / "b", "other.yaml")
    with pytest.raises(ConfigError, match=r"network_def, but configs/ has other\.yaml"):
        archive_from_bundle(source, tmp_path / "a")


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/mine").touch()
    with pytest.raises(MedlError, match="never overwrites"):
        archive_from_bundle(bundle(tmp_path / "b"), tmp_path / "a")
    assert [one.name for one in (tmp_path / "a").iterdir()] == ["mine"]

"""Bundles as MONAI's own command line takes them, and back again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from medl.apps.export import main
from medl.apps.new import main as new
from medl.mmar.archive import create
from medl.train.checkpoints import save_checkpoint

CLASSES = """
import torch

class Mean(torch.nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.last = torch.nn.Linear(1, classes)

    def forward(self, x):
        return self.last(x.mean(dim=(2, 3, 4)))
"""


def monai(folder: Path, *words: str, **environment: str) -> str:
    """Run one of MONAI's bundle commands in a bundle."""
    pytest.importorskip("fire")
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "monai.bundle", *words],
        cwd=folder,
        env={**env, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


def archive(folder: Path, model: dict[str, Any] | None = None) -> Path:
    """Return an archive of the template with random weights."""
    mmar = create(folder)
    config = json.loads(mmar.train_config.read_text())
    if model is not None:
        config["train"]["model"] = model
        (mmar.custom / "my_net.py").write_text(CLASSES)
        mmar.train_config.write_text(json.dumps(config))
    torch.manual_seed(0)
    args = config["train"]["model"]["args"]
    if model is None:
        from monai.networks.nets import UNet

        network: torch.nn.Module = UNet(**args)
    else:
        space: dict[str, Any] = {}
        exec(CLASSES, space)  # noqa: S102 - the test's own text
        network = space["Mean"](**args)
    save_checkpoint(mmar.models / "model.pt", {"model": network.state_dict(), "train_conf": config})
    return mmar.root


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    affine = np.diag([2.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = 5
    for name in ("a", "b"):
        data = np.random.default_rng(0).standard_normal((20, 36, 33)).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(data, affine), folder / f"{name}.nii.gz")
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = archive(tmp_path_factory.mktemp("one") / "my archive")
    target = root.parent / "bundle"
    assert main(["-m", str(root), "--format", "bundle", "--output_path", str(target)]) == 0
    yield target


def test_monai_runs_it(bundle, images, tmp_path):
    words = ["--config_file", "configs/inference.json", "--dataset_dir", str(images), "--output_dir", str(tmp_path)]
    monai(bundle, "run", *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_seg.nii.gz", "b_seg.nii.gz"]
    image, label = nibabel.load(images / "a.nii.gz"), nibabel.load(tmp_path / "a_seg.nii.gz")
    assert label.shape == image.shape and np.allclose(label.affine, image.affine)
    assert set(np.unique(label.get_fdata())) <= {0, 1, 2}


def test_monai_verifies_what_goes_in_and_out(bundle):
    words = ["--meta_file", "configs/metadata.json", "--config_file", "configs/inference.json"]
    assert "verified with no error" in monai(bundle, "verify_net_in_out", "network_def", *words)


def test_monai_trains_it_alone(bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "b")
    data = bundle.parent / "my archive/data"
    words = ["--config_file", "configs/train.json", "--dataset_dir", str(data), "--epochs", "1"]
    said = monai(tmp_path / "b", "run", *words)
    assert "Epoch: 1/1, Iter: 1/" in said and "Key metric: val_mean_dice best value" in said
    assert list((tmp_path / "b/models").glob("model_key_metric=*.pt"))
    assert "configs/train.json" in (bundle / "docs/README.md").read_text()


def test_monai_exports_it_again(bundle, tmp_path):
    words = ["--meta_file", "configs/metadata.json", "--config_file", "configs/inference.json"]
    files = ["--filepath", str(tmp_path / "again.ts"), "--ckpt_file", "models/model.pt"]
    monai(bundle, "ckpt_export", "network_def", *files, *words)
    given = torch.randn(2, 1, 32, 32, 32)
    with torch.no_grad():
        ours, theirs = (torch.jit.load(path).eval() for path in (bundle / "models/model.ts", tmp_path / "again.ts"))
        torch.testing.assert_close(ours(given), theirs(given))


def test_it_says_what_the_schema_asks_for_and_no_place_of_this_machine(bundle):
    described = json.loads((bundle / "configs/metadata.json").read_text())
    needed = {"version", "monai_version", "pytorch_version", "numpy_version", "required_packages_version", "task"}
    assert needed <= described.keys() and described["network_data_format"]["outputs"]["pred"]["num_channels"] == 3
    texts = "".join(path.read_text() for path in bundle.rglob("*") if path.suffix in (".json", ".md"))
    assert str(bundle.parent) not in texts


def test_an_archive_of_it_is_the_archive(bundle, tmp_path, capsys):
    assert new([str(tmp_path / "back"), "--from-bundle", str(bundle)]) == 0
    assert "dont_load_ckpt_model" not in capsys.readouterr().err
    back = json.loads((tmp_path / "back/config/config_train.json").read_text())
    template = json.loads((bundle.parent / "my archive/config/config_train.json").read_text())
    assert {**back, **template} == back
    assert main(["-m", str(tmp_path / "back")]) == 2  # it has a model.ts already
    assert main(["-m", str(tmp_path / "back"), "--output_path", str(tmp_path / "m.ts")]) == 0


def test_a_classifier_with_a_class_of_the_users_own(images, tmp_path, capsys):
    root = archive(tmp_path / "a", {"path": "my_net.Mean", "args": {"classes": 2}})
    config = json.loads((root / "config/config_train.json").read_text())
    config["validate"]["post_transforms"] = [{"name": "Activationsd", "args": {"keys": "pred", "softmax": True}}]
    config["validate"]["inferer"] = {"name": "SimpleInferer"}
    (root / "config/config_train.json").write_text(json.dumps(config))
    target = tmp_path / "b"
    assert main(["-m", str(root), "--format", "bundle", "--output_path", str(target)]) == 2
    assert '--input_shape "[1,1,160,160,160]"' in capsys.readouterr().err
    words = ["--format", "bundle", "--output_path", str(target), "--input_shape", "[1,1,8,8,8]"]
    assert main(["-m", str(root), *words]) == 0
    run = ["--config_file", "configs/inference.json", "--dataset_dir", str(images)]
    monai(target, "run", *run, PYTHONPATH="custom")
    rows = (target / "eval/predictions.csv").read_text().splitlines()
    assert len(rows) == 2 and rows[0].split(",")[0].endswith("a.nii.gz")
    assert sum(map(float, rows[0].split(",")[1:])) == pytest.approx(1, abs=1e-4)
    shutil.rmtree(root)  # it stands alone
    monai(
        target,
        "verify_net_in_out",
        "network_def",
        "--meta_file",
        "configs/metadata.json",
        *run[:2],
        PYTHONPATH="custom",
    )

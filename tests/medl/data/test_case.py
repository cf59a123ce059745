from __future__ import annotations

import numpy as np
import pytest

from medl.data.case import look

from .conftest import voxels


def seen(item, tmp_path, **more):
    return look(item, "training", "training[0]", tmp_path, "dataset.json", **more)


def label(*values) -> np.ndarray:
    array = np.zeros((4, 5, 3), np.float32)
    array.flat[: len(values)] = values
    return array


def test_a_sound_case(nifti, tmp_path):
    nifti("images/a.nii.gz")
    nifti("labels/a.nii.gz", label(1, 2))
    case = seen({"image": "images/a.nii.gz", "label": "labels/a.nii.gz"}, tmp_path)
    assert case.problems == () and case.notes == ()
    assert (case.name, case.shape, case.orientation, case.labels) == ("images/a.nii.gz", (4, 5, 3), "RAS", (0, 1, 2))
    assert case.span == (voxels().min(), voxels().max())


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.full((4, 5, 3), 7, np.int16), 'not constant, but got "7 everywhere"'),
        (np.where(np.arange(60).reshape(4, 5, 3) == 5, np.nan, 1.0), "1 of 60 NaN or infinite"),
    ],
)
def test_images_that_teach_nothing(nifti, tmp_path, array, says):
    nifti("a.nii.gz", array)
    case = seen({"image": "a.nii.gz"}, tmp_path)
    assert says in str(case.problems[0]) and "training[0].image" in str(case.problems[0])


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (label(0.5, 1), "whole numbers"),
        (label(-1), "not negative"),
        (label(np.nan), "whole numbers"),
        (np.arange(100, dtype=np.int16).reshape(4, 5, 5)[:, :, :3] * 1, None),
        (np.zeros((4, 5, 4), np.int16), "shape 4x5x3, label 4x5x4"),
    ],
)
def test_labels_that_are_none(nifti, tmp_path, array, says):
    nifti("a.nii.gz")
    nifti("l.nii.gz", array)
    case = seen({"image": "a.nii.gz", "label": "l.nii.gz"}, tmp_path)
    assert (says in "".join(map(str, case.problems))) if says else case.problems == ()


def test_an_image_in_place_of_a_label(nifti, tmp_path):
    nifti("a.nii.gz", np.arange(125).reshape(5, 5, 5).astype(np.int16))
    case = seen({"image": "a.nii.gz", "label": "a.nii.gz"}, tmp_path)
    assert "at most 64 values" in str(case.problems[0])


def test_an_empty_label_is_a_note(nifti, tmp_path):
    nifti("a.nii.gz")
    nifti("l.nii.gz", label())
    assert seen({"image": "a.nii.gz", "label": "l.nii.gz"}, tmp_path).notes == ("empty label",)


def test_geometry_with_a_tolerance(nifti, tmp_path):
    nifti("a.nii.gz")
    shifted = np.diag([1.0, 1.0, 2.0, 1.0])
    shifted[0, 3] = 0.3
    nifti("l.nii.gz", label(1), shifted)
    item = {"image": "a.nii.gz", "label": "l.nii.gz"}
    assert "0.3 mm away" in str(seen(item, tmp_path).problems[0])
    assert seen(item, tmp_path, tolerance=0.5).problems == ()


def test_truncated_and_missing_files_by_their_paths(nifti, tmp_path):
    path = nifti("sub/a.nii.gz")
    path.write_bytes(path.read_bytes()[:-20])
    case = seen({"image": "sub/a.nii.gz", "label": "sub/none.nii.gz"}, tmp_path)
    assert [problem.path for problem in case.problems] == ["training[0].image", "training[0].label"]
    assert "sub/a.nii.gz" in case.problems[0].rule and "truncated" in str(case.problems[0])
    assert "sub/none.nii.gz: the file has to exist" in str(case.problems[1])
    assert str(tmp_path) not in "".join(map(str, case.problems))


def test_several_images_lie_on_one_grid(nifti, tmp_path):
    nifti("a.nii.gz")
    nifti("b.nii.gz", seed=1)
    nifti("c.nii.gz", voxels((4, 5, 4)))
    case = seen({"image": ["a.nii.gz", "b.nii.gz", "c.nii.gz"]}, tmp_path)
    assert case.channels == 3 and len(case.problems) == 1
    assert "shape 4x5x3, image 2 4x5x4" in str(case.problems[0])


@pytest.mark.parametrize("value", [1, "benign", [0, 1, 1], 0.5])
def test_classes(nifti, tmp_path, value):
    nifti("a.nii.gz")
    case = seen({"image": "a.nii.gz", "label": value}, tmp_path)
    assert case.problems == () and case.labels == (tuple(value) if isinstance(value, list) else (value,))


def test_the_same_voxels_are_the_same_however_stored(nifti, tmp_path):
    nifti("a.nii.gz")
    nifti("b.nii", voxels().astype(np.float64))
    nifti("c.nii", voxels(seed=1))
    contents = [seen({"image": name}, tmp_path).content for name in ("a.nii.gz", "b.nii", "c.nii")]
    assert contents[0] == contents[1] != contents[2]


def test_a_path_outside_of_the_datas_folder_is_not_said_whole(nifti, tmp_path):
    nifti("secret/images/a.nii.gz")
    (tmp_path / "data").mkdir()
    case = seen({"image": str(tmp_path / "secret/images/a.nii.gz")}, tmp_path / "data")
    assert case.name == "…/images/a.nii.gz"


def test_kinds_of_files_that_are_not_looked_into(tmp_path):
    (tmp_path / "a.nrrd").write_text("NRRD0004")
    case = seen({"image": "a.nrrd"}, tmp_path)
    assert case.problems == () and "not looked into" in case.notes[0]


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.npy", "a.npz", "a.png", "a.dcm"])
def test_damage_is_a_problem_and_no_crash(name, nifti, dicom, tmp_path):
    from PIL import Image

    for made in ("a.nii", "a.nii.gz"):
        nifti(made)
    (dicom("series") / "0.dcm").rename(tmp_path / "a.dcm")
    np.save(tmp_path / "a.npy", voxels())
    np.savez(tmp_path / "a.npz", voxels())
    Image.fromarray(voxels((8, 8)).astype(np.uint8)).save(tmp_path / "a.png")
    whole = (tmp_path / name).read_bytes()
    random = np.random.default_rng(0)
    for turn in range(60):
        data = bytearray(whole[: random.integers(1, len(whole))] if turn % 2 else whole)
        for place in random.integers(0, min(len(data), 700), 4):
            data[place] = random.integers(0, 256)
        (tmp_path / name).write_bytes(bytes(data))
        case = seen({"image": name, "label": name}, tmp_path)
        assert str(tmp_path) not in str(case.problems) and "SECRET" not in str(case.problems)

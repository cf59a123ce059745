from __future__ import annotations

import json

import numpy as np
import pytest

from medl.data.survey import list_names, read_part, survey
from medl.data.table import as_json, text
from medl.errors import ConfigError

from .conftest import voxels


@pytest.fixture
def listed(tmp_path, nifti):
    for name in "abcd":
        nifti(f"{name}.nii.gz", seed=ord(name))
        nifti(f"{name}_l.nii.gz", (voxels(seed=ord(name)) > 100).astype(np.uint8))

    def make(**lists):
        path = tmp_path / "dataset.json"
        path.write_text(json.dumps({"labels": {"0": "x"}, **lists}))
        return [read_part(path, name, tmp_path, "dataset.json") for name in list_names(path, "dataset.json")]

    return make


def case(name: str, **more):
    return {"image": f"{name}.nii.gz", "label": f"{name}_l.nii.gz", **more}


def test_sound_data(listed):
    found = survey(listed(training=[case("a"), case("b")], validation=[case("c")], test=["d.nii.gz"]))
    assert found.all_problems == [] and found.notes == ()
    assert [c.part for c in found.cases] == ["training", "training", "validation", "test"]


def test_one_image_under_two_names_in_two_parts(listed, nifti):
    nifti("copy.nii", voxels(seed=ord("a")).astype(np.float32))
    parts = listed(training=[case("a")], test=["copy.nii"])
    found = survey(parts)
    assert "the same image is in 2 parts: a.nii.gz (training), copy.nii (test)" in str(found.problems[0])
    allowed = survey(parts, allow_shared=True)
    assert allowed.problems == () and "same image" in allowed.notes[0]


def test_one_patient_in_two_parts_without_a_name(listed):
    parts = listed(training=[case("a", patient="Doe^Jane")], validation=[case("b", patient="Doe^Jane")])
    problems = survey(parts).problems
    assert "the same patient is in 2 parts: a.nii.gz (training), b.nii.gz (validation)" in str(problems[0])
    assert "Doe" not in str(problems) and "Doe" not in str(as_json(survey(parts)))
    assert survey(parts, patients={"a.nii.gz": "1", "b.nii.gz": "2"}).problems == ()


def test_dicom_patients_are_compared_and_never_printed(tmp_path, dicom):
    dicom("one", uid="1.2.1")
    dicom("two", uid="1.2.2", array=voxels((4, 5, 3), 9))
    path = tmp_path / "d.json"
    path.write_text(json.dumps({"training": [{"image": "one"}], "validation": [{"image": "two"}]}))
    found = survey([read_part(path, name, tmp_path, "d.json") for name in ("training", "validation")])
    assert len(found.problems) == 1 and "the same patient" in found.problems[0].rule
    everything = text(found) + str(found.problems) + json.dumps(as_json(found))
    assert "SECRET" not in everything and "Doe" not in everything and found.cases[0].patient not in everything


def test_the_same_twice_in_one_part_is_a_note(listed):
    found = survey(listed(training=[case("a"), case("a")]))
    assert found.problems == () and "1 images more than once" in found.notes[0]


def test_labels_beyond_the_network_and_missing_ones(listed, nifti):
    nifti("b_l.nii.gz", voxels(seed=3) % 5)
    found = survey(listed(training=[case("a")], validation=[case("b")]), classes=2)
    assert "labels go up to 4, but the network gives 2 channels: 0 to 1" in found.notes
    assert "training: no case has label 2, 3, 4" in found.notes


def test_folds(listed, tmp_path):
    listed(training=[case("a", fold=0), case("b", fold=1), case("c", fold=1)])
    path = tmp_path / "dataset.json"
    parts = [read_part(path, f"training:fold{sign}0", tmp_path, "dataset.json") for sign in ("!=", "=")]
    found = survey(parts)
    assert [c.name[0] for c in found.cases] == ["b", "c", "a"] and found.all_problems == []


def test_no_such_list(listed, tmp_path):
    listed(training=[case("a")])
    with pytest.raises(ConfigError, match="test"):
        read_part(tmp_path / "dataset.json", "test", tmp_path, "dataset.json")


def test_the_table(listed, nifti, tmp_path):
    (tmp_path / "b.nii.gz").write_bytes(b"x")
    found = survey(listed(training=[case("a"), case("b")], validation=[case("c")]))
    lines = text(found).splitlines()
    assert lines[0].split()[:4] == ["PART", "CASE", "SHAPE", "SPACING"]
    assert lines[1].split()[:6] == ["training", "a.nii.gz", "4x5x3", "1x1x2", "RAS", str(voxels(seed=97).min())]
    assert "! a .nii.gz is compressed with gzip" in text(found, 400)
    assert lines[-1] == "3 cases (2 training, 1 validation); 1 with problems"
    short = text(found, rows=1).splitlines()
    assert "b.nii.gz" in short[1] and short[-2] == "… 2 more cases without problems"

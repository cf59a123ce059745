from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medl.apps import check
from medl.apps.data import main
from medl.assets import asset

SHARED = Path(__file__).parents[4] / "shared/data"
CROPS = asset("mmar_template") / "data"


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def test_two_folders(tmp_path, capsys):
    out = tmp_path / "d.json"
    words = ["folders", str(CROPS / "images"), str(CROPS / "labels"), "-o", str(out), "--patient", "(x[0-9]+_y[0-9]+)"]
    assert main([*words, "--test", "0.2", "--seed", "3"]) == 0
    said, lists = capsys.readouterr().out, read(out)
    assert "training:" in said and "patients" in said and f"its paths start from {CROPS}" in said
    assert {name: bool(lists[name]) for name in ("training", "validation", "test")} == dict.fromkeys(
        ("training", "validation", "test"), True
    )
    assert check.main([str(out), "--data-root", str(CROPS)]) == 0  # patients are kept apart
    assert "seed 3" in lists["description"] and "by patient" in lists["description"]
    capsys.readouterr()
    assert main([*words, "--test", "0.2", "--seed", "3"]) == 2
    assert "overwritten" in capsys.readouterr().err
    out.rename(tmp_path / "first.json")
    assert main([*words, "--test", "0.2", "--seed", "3"]) == 0 and read(out) == read(tmp_path / "first.json")


def test_an_archive_is_told_of_its_list(tmp_path, capsys):
    root = tmp_path / "archive"
    (root / "config").mkdir(parents=True)
    words = ["-m", str(root), "folders", str(CROPS / "images"), "-o", str(root / "data/mine.json")]
    (root / "data").mkdir()
    assert main(words) == 0
    said = capsys.readouterr().out
    assert f'archive/config/environment.json:  "DATA_ROOT": "{CROPS}"' in said
    assert 'archive/config/environment.json:  "DATASET_JSON": "data/mine.json"' in said
    assert not (root / "config/environment.json").exists()


def test_empty_splits_are_refused_by_name(tmp_path, capsys):
    words = ["folders", str(CROPS / "images"), str(CROPS / "labels"), "-o", str(tmp_path / "d.json")]
    assert main([*words, "--patient", "crop"]) == 2
    assert '"validation" is not empty' in capsys.readouterr().err
    assert main([*words, "--folds", "100"]) == 2
    assert '"fold 36" is not empty' in capsys.readouterr().err
    assert main([*words, "--folds", "3", "--validation", "0.2"]) == 2
    assert "take the place" in capsys.readouterr().err
    assert not (tmp_path / "d.json").exists()


def test_a_list_is_folded_and_its_others_stay(tmp_path, capsys):
    listed = CROPS / "dataset.json"
    words = ["list", str(listed), "--base", str(CROPS), "-o", str(tmp_path / "f.json")]
    assert main(words) == 2
    assert "--key training validation" in capsys.readouterr().err
    assert main([*words, "--key", "training", "validation", "--folds", "5"]) == 0
    made = read(tmp_path / "f.json")
    assert len(made["training"]) == 30 and made["test"] == read(listed)["test"]
    assert {item["fold"] for item in made["training"]} == set(range(5))
    assert main([*words[:-1], str(tmp_path / "g.json"), "--key", "trainin"]) == 2
    assert '"training"' in capsys.readouterr().err


def test_lists_of_paths_and_tables(tmp_path, capsys):
    (tmp_path / "paths.txt").write_text("\n".join(f"i/{i}.nii" for i in range(10)))
    assert main(["list", str(tmp_path / "paths.txt"), "-o", str(tmp_path / "a.json")]) == 0
    assert len(read(tmp_path / "a.json")["training"]) == 8
    rows = "".join(f"i/{i}.png,{i % 2}\n" for i in range(10))
    (tmp_path / "t.csv").write_text("image,label\n" + rows)
    assert main(["list", str(tmp_path / "t.csv"), "-o", str(tmp_path / "b.json")]) == 0
    assert sorted(item["label"] for item in read(tmp_path / "b.json")["validation"]) == [0, 1]
    assert main(["list", str(tmp_path / "t.csv")]) == 2
    assert "-o FILE" in capsys.readouterr().err


def test_classes(tmp_path):
    from PIL import Image

    for kind in ("sick", "well"):
        (tmp_path / kind).mkdir()
        for index in range(6):
            Image.fromarray(np.full((4, 4), index, np.uint8)).save(tmp_path / kind / f"{index}.png")
    assert main(["classes", str(tmp_path), "--folds", "3"]) == 0
    made = read(tmp_path / "dataset.json")
    assert made["labels"] == {"0": "sick", "1": "well"}
    for fold in range(3):
        inside = [item["label"] for item in made["training"] if item["fold"] == fold]
        assert sorted(inside) == [0, 0, 1, 1]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared images are not here")
def test_a_real_dicom_tree(tmp_path, capsys):
    pytest.importorskip("pydicom")
    words = ["dicom", str(SHARED / "dicom"), "--to", str(tmp_path / "made")]
    assert main(words) == 2  # one patient cannot be parted; said before anything is written
    assert '"validation" is not empty' in capsys.readouterr().err and not (tmp_path / "made").exists()
    assert main([*words, "--validation", "0"]) == 0
    assert "case_001.nii.gz: 35x51x32, 32 files" in capsys.readouterr().out
    assert read(tmp_path / "made/dataset.json")["training"] == [{"image": "images/case_001.nii.gz", "patient": "p001"}]
    assert check.main([str(tmp_path / "made/dataset.json")]) == 0


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared images are not here")
def test_a_real_medmnist_set(tmp_path, capsys):
    file = SHARED / "pneumoniamnist/pneumoniamnist.npz"
    assert main(["medmnist", str(file), "--to", str(tmp_path)]) == 0
    assert "training: 3882 cases\nvalidation: 524 cases\ntest: 624 cases" in capsys.readouterr().out
    assert check.main([str(tmp_path / "dataset.json"), "--rows", "1"]) == 2  # eight pictures are in two parts of it
    assert capsys.readouterr().out.count("the same image is in 2 parts") == 8


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared images are not here")
def test_a_real_task(tmp_path):
    folder = SHARED / "hippocampus"
    out = str(tmp_path / "d.json")
    assert main(["folders", str(folder / "images"), str(folder / "labels"), "-o", out, "--validation", "0.25"]) == 0
    assert {k: len(v) for k, v in read(tmp_path / "d.json").items() if isinstance(v, list)} == {
        "training": 72,
        "validation": 24,
    }

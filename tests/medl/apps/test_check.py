from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from medl.apps.check import main
from medl.mmar.archive import create

DICOM = Path(__file__).parents[4] / "shared/data/dicom/13_HCropVolume"
HIPPOCAMPUS = Path(__file__).parents[4] / "shared/data/hippocampus"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return create(tmp_path / "archive").root


def images(archive: Path) -> list[dict]:
    return json.loads((archive / "data/dataset.json").read_text())["training"]


def test_the_template_may_be_trained(archive, capsys):
    assert main([str(archive)]) == 0
    said = capsys.readouterr().out
    assert "36 cases (24 training, 6 validation, 6 test); 0 with problems" in said
    assert said.splitlines()[-1] == "No problems: training may start."


def test_every_case_with_a_problem_is_named(archive, capsys):
    first, second = images(archive)[:2]
    path = archive / "data" / first["image"]
    path.write_bytes(path.read_bytes()[:-40])
    (archive / "data" / second["label"]).unlink()
    assert main([str(archive), "--rows", "3"]) == 2
    said = capsys.readouterr().out
    assert "33 more cases without problems" in said and "6 test); 2 with problems" in said
    assert f"{first['image']}: a .nii.gz is a whole gzip file" in said
    unwrapped = "".join(said.split())  # how the table wraps depends on the console
    assert unwrapped.count(f"{second['label']}:thefilehastoexist") == 2  # in the table and with its place
    assert "data/dataset.json: training[0].image" in said
    assert str(archive) not in said
    assert said.splitlines()[-1].startswith("2 problems")


def test_an_image_in_two_parts(archive, capsys):
    path = archive / "data/dataset.json"
    lists = json.loads(path.read_text())
    lists["test"].append(lists["training"][0])
    path.write_text(json.dumps(lists))
    assert main([str(archive)]) == 2
    assert "the same image is in 2 parts" in capsys.readouterr().out
    assert main([str(archive), "--allow-shared"]) == 0


def test_patients_by_an_expression(archive, capsys):
    assert main([str(archive), "--patient", "crop_(x[0-9]+)_"]) == 2
    assert "the same patient is in" in capsys.readouterr().out
    assert main([str(archive), "--patient", "crop_(x[0-9]+"]) == 2
    assert "regular expression" in capsys.readouterr().err


def test_the_configs_problems_and_the_cases(archive, capsys):
    path = archive / "config/config_train.json"
    config = json.loads(path.read_text())
    config["train"]["loss"]["name"] = "DiceLos"
    config["train"]["model"]["args"]["out_channels"] = 2
    path.write_text(json.dumps(config))
    assert main([str(archive)]) == 2
    said = capsys.readouterr().out
    assert "DiceLos" in said and "36 cases" in said
    assert "labels go up to 2, but the network gives 2 channels" in said


def test_folds_of_a_config(archive, capsys):
    lists = json.loads((archive / "data/dataset.json").read_text())
    items = [{**item, "fold": index % 3} for index, item in enumerate(lists["training"])]
    (archive / "data/dataset.json").write_text(json.dumps({"training": items, "test": lists["test"]}))
    config = json.loads((archive / "config/config_train.json").read_text())
    config["fold"] = 1
    config["train"]["dataset"]["data_list_key"] = "training:fold!={fold}"
    config["validate"]["dataset"]["data_list_key"] = "training:fold={fold}"
    (archive / "config/config_train.json").write_text(json.dumps(config))
    assert main([str(archive)]) == 0
    assert "(16 training:fold!=1, 8 training:fold=1, 6 test)" in capsys.readouterr().out
    assert main([str(archive), "--set", "fold=7"]) == 2
    assert "the fold has items" in capsys.readouterr().out


def test_json(archive, capsys):
    assert main([str(archive), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["may_train"] and len(found["cases"]) == 36 and found["cases"][0]["spacing"] == [1, 1, 1]


def test_a_data_list_alone_and_other_paths(archive, tmp_path, capsys):
    assert main([str(archive / "data/dataset.json")]) == 0
    assert main([str(archive / "data" / images(archive)[0]["image"])]) == 0
    (tmp_path / "far.json").write_text(json.dumps({"training": images(archive)}))
    assert main([str(tmp_path / "far.json"), "--data-root", str(archive / "data")]) == 0
    capsys.readouterr()
    assert main([str(tmp_path / "none")]) == 2
    assert "none" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 2  # a folder without images


def test_neither_torch_nor_monai_is_imported(archive):
    code = (
        "import sys; from medl.apps.check import main; main(sys.argv[1:]); "
        "sys.exit(' '.join({'torch', 'monai', 'ignite'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(archive)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not DICOM.is_dir(), reason="the shared DICOM series is not here")
def test_a_real_series(capsys):
    pytest.importorskip("pydicom")
    assert main([str(DICOM)]) == 0
    assert "35x51x32  1x1x1         LPS" in capsys.readouterr().out


@pytest.mark.skipif(not HIPPOCAMPUS.is_dir(), reason="the shared hippocampus images are not here")
def test_a_real_task(capsys):
    assert main([str(HIPPOCAMPUS / "dataset.json"), "--rows", "2"]) == 0
    assert "96 cases (64 training, 16 validation, 16 test); 0 with problems" in capsys.readouterr().out

"""A real DICOM series through the check and an inference of the template's archive."""

from __future__ import annotations

import gzip
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from medl.apps import check, evaluate
from medl.mmar.archive import MMAR, create

pydicom = pytest.importorskip("pydicom")
SERIES = Path(__file__).parents[4] / "shared/data/dicom/13_HCropVolume"
WORDS = [f"DATA_ROOT={SERIES.parent}", "DATASET_JSON=config/dicom.json", "MMAR_EVAL_OUTPUT_PATH=eval/dicom"]

pytestmark = pytest.mark.skipif(not SERIES.is_dir(), reason=f"the real series is not here: {SERIES}")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[MMAR]:
    """The template with a small untrained network and a list that names the folder of the series."""
    from medl.train.checkpoints import save_checkpoint
    from medl.train.trained_network import built_network

    mmar = create(tmp_path / "archive")
    torch.manual_seed(0)
    args = {"spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [4, 8], "strides": [2]}
    conf = {"train": {"model": {"name": "UNet", "args": args}}}
    network = built_network(mmar, conf, {}, file="test")
    save_checkpoint(mmar.models / "model.pt", {"model": network.state_dict(), "train_conf": conf})
    (mmar.config / "dicom.json").write_text(json.dumps({"test": [{"image": SERIES.name}]}))
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield mmar
    for number, handler in kept.items():
        signal.signal(number, handler)


def geometry() -> tuple[tuple[int, int, int], np.ndarray]:
    """Return the shape and the affine (to RAS+, in mm) of the series, from its tags alone.

    Source: DICOM PS3.3 C.7.6.2.1.1.
    """
    slices = [pydicom.dcmread(path, stop_before_pixels=True) for path in SERIES.glob("*.dcm")]
    along_row, along_column = np.array(slices[0].ImageOrientationPatient, float).reshape(2, 3)
    normal = np.cross(along_row, along_column)
    slices.sort(key=lambda one: float(normal @ np.array(one.ImagePositionPatient, float)))
    first, last = (np.array(one.ImagePositionPatient, float) for one in (slices[0], slices[-1]))
    between_rows, between_columns = map(float, slices[0].PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = along_row * between_columns, along_column * between_rows
    affine[:3, 2], affine[:3, 3] = (last - first) / (len(slices) - 1), first
    return (slices[0].Columns, slices[0].Rows, len(slices)), np.diag([-1, -1, 1, 1]) @ affine


def test_the_check_shows_the_series(archive: MMAR, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(archive.root), "-c", "config/config_inference.json", "--set", *WORDS]
    assert check.main(words) == 0
    said = capsys.readouterr().out
    assert "test  13_HCropVolume  35x51x32  1x1x1         LPS" in said
    assert "No problems: evaluation may start." in said


def test_the_prediction_has_the_place_and_the_name_of_the_series(archive: MMAR) -> None:
    assert evaluate.main(["-m", str(archive.root), "-c", "config/config_inference.json", "--set", *WORDS]) == 0
    made = [path for path in (archive.root / "eval").rglob("*") if path.is_file() and path.name != ".gitkeep"]
    assert [path.name for path in made] == ["13_HCropVolume_trans.nii.gz"]
    image = nibabel.load(made[0])
    shape, affine = geometry()
    assert image.shape == shape and np.allclose(image.affine, affine, atol=1e-4)
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    assert set(np.unique(image.dataobj)) <= {0, 1, 2}
    header = pydicom.dcmread(next(SERIES.glob("*.dcm")), stop_before_pixels=True)
    content = gzip.decompress(made[0].read_bytes())
    for tag in ("PatientName", "PatientID"):
        assert not (said := str(header.get(tag, ""))) or said.encode() not in content


def test_a_slice_less_is_told_before_an_inference(archive: MMAR, capsys: pytest.CaptureFixture[str]) -> None:
    folder = archive.root / "data" / SERIES.name
    folder.mkdir()
    for path in SERIES.glob("*.dcm"):
        if path.name != "13.dcm":
            (folder / path.name).write_bytes(path.read_bytes())
    words = [str(archive.root), "-c", "config/config_inference.json", "--set", *WORDS[1:], "DATA_ROOT=data"]
    assert check.main(words) == 2
    said = capsys.readouterr().out
    assert "1 missing" in said and "1 problem: mend before evaluation." in said

from __future__ import annotations

import gzip

import numpy as np
import pytest

from medl.data.dicom_tree import choose, convert, find_tree
from medl.data.nifti import read_nifti
from medl.data.series import read_dicom
from medl.errors import ConfigError

from .conftest import voxels

pytest.importorskip("pydicom")


def test_series_become_images_without_tags(dicom, tmp_path):
    dicom("tree/one", uid="1.2.1", array=voxels((4, 5, 3)), RescaleSlope=1, RescaleIntercept=-1000)
    dicom("tree/two", uid="1.2.2", PatientID="OTHER-7")
    found = find_tree(tmp_path / "tree")
    said = []
    done, names = convert(found, choose(found, [], tmp_path), tmp_path / "out", say=said.append)
    assert [one.image.name for one in done] == ["case_001.nii.gz", "case_002.nii.gz"] and names == {}
    read, original = read_nifti(done[0].image), read_dicom(tmp_path / "tree/one")
    assert np.array_equal(read.array, original.array) and np.allclose(read.affine, original.affine, atol=1e-4)
    content = gzip.decompress(done[0].image.read_bytes())
    assert b"SECRET" not in content and b"Doe" not in content and "SECRET" not in "".join(said)
    assert done[0].patient != done[1].patient


def test_segmentations_become_labels(dicom, tmp_path):
    pytest.importorskip("highdicom")
    from .test_segmentation import label_of, write_segmentation

    series = dicom("tree/one", (0, 1, 2, 3))
    (tmp_path / "tree/seg").mkdir()
    write_segmentation(tmp_path / "tree/seg/s.dcm", series, label_of((4, 5, 4)))
    found = find_tree(tmp_path / "tree")
    done, names = convert(found, choose(found, [], tmp_path), tmp_path / "out", say=lambda line: None)
    assert names == {"0": "background", "1": "Liver", "2": "Spleen"}
    assert done[0].label is not None and np.array_equal(read_nifti(done[0].label).array, label_of((4, 5, 4)))
    (tmp_path / "tree/seg/t.dcm").write_bytes((tmp_path / "tree/seg/s.dcm").read_bytes())
    again = find_tree(tmp_path / "tree")
    with pytest.raises(ConfigError, match="one segmentation"):
        convert(again, choose(again, [], tmp_path), tmp_path / "out2")


def test_several_series_of_a_folder_are_chosen(dicom, tmp_path):
    dicom("tree/one", uid="1.2.1")
    dicom("tree/one", uid="1.2.2", prefix="x")
    found = find_tree(tmp_path / "tree")
    with pytest.raises(ConfigError, match=r"1\.2\.1 \(3 files\), 1\.2\.2 \(3 files\)"):
        choose(found, [], tmp_path / "tree")
    assert [series.uid for series in choose(found, ["1.2.2"], tmp_path)] == ["1.2.2"]
    with pytest.raises(ConfigError, match="no image series of that UID"):
        choose(found, ["1.2.7"], tmp_path)


def test_what_is_broken_leaves_nothing_behind_or_is_left_out(dicom, tmp_path):
    dicom("tree/one", uid="1.2.1")
    dicom("tree/two", (0, 1, 5, 6), uid="1.2.2")
    found = find_tree(tmp_path / "tree")
    chosen = choose(found, [], tmp_path)
    with pytest.raises(ConfigError, match=r"series 1\.2\.2\n.*3 missing"):
        convert(found, chosen, tmp_path / "out", say=lambda line: None)
    assert list((tmp_path / "out").rglob("*.nii.gz")) == []
    said = []
    done, _ = convert(found, chosen, tmp_path / "out", skip_broken=True, say=said.append)
    assert len(done) == 1 and "left out" in said[-1]
    with pytest.raises(ConfigError, match="overwritten"):
        convert(found, chosen, tmp_path / "out")


def test_nothing_to_find(tmp_path):
    with pytest.raises(ConfigError, match="exist"):
        find_tree(tmp_path / "none")
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ConfigError, match="1 files, no image"):
        find_tree(tmp_path)

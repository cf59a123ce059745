from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medl.data.segmentation import read_segmentation, segment_names
from medl.data.series import find_series, read_dicom
from medl.data.volume import Unreadable

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")


def write_segmentation(
    path: Path, series: Path, label: np.ndarray, names: tuple[str, ...] = ("Liver", "Spleen")
) -> None:
    """Write a SEG of a label (column, row, slice) drawn on a series."""
    from highdicom.sr.coding import CodedConcept

    slices = [pydicom.dcmread(file) for file in sorted(series.glob("*.dcm"))]
    slices.sort(key=lambda one: one.ImagePositionPatient[2])
    organ = CodedConcept("10200004", "SCT", "Liver")
    described = [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=CodedConcept("123037004", "SCT", "Anatomical Structure"),
            segmented_property_type=organ,
            algorithm_type="MANUAL",
        )
        for number, name in enumerate(names, start=1)
    ]
    made = highdicom.seg.Segmentation(
        slices,
        np.ascontiguousarray(label.transpose(2, 1, 0)),
        "BINARY",
        described,
        series_instance_uid="1.2.77",
        series_number=9,
        sop_instance_uid="1.2.78",
        instance_number=1,
        manufacturer="medl",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
    )
    made.save_as(path)


def label_of(shape: tuple[int, ...]) -> np.ndarray:
    label = np.zeros(shape, np.uint8)
    label[1:3, 1:4, 1:3], label[0, 0, 1] = 1, 2
    return label


def test_segments_come_onto_the_images_grid(dicom, tmp_path):
    series = dicom("a", (0, 1, 2, 3))
    label = label_of((4, 5, 4))  # two of the four slices are empty and so not in the file
    write_segmentation(tmp_path / "seg.dcm", series, label)
    image = read_dicom(series)
    read = read_segmentation(tmp_path / "seg.dcm", image)
    assert np.array_equal(read.array, label) and np.array_equal(read.affine, image.affine)
    assert segment_names(tmp_path / "seg.dcm") == {1: "Liver", 2: "Spleen"}
    found = find_series([tmp_path / "seg.dcm"])
    assert found[0].segmentation and found[0].refers_to == ("1.2.3",)


def test_another_grid_is_refused(dicom, tmp_path):
    series = dicom("a", (0, 1, 2, 3))
    write_segmentation(tmp_path / "seg.dcm", series, label_of((4, 5, 4)))
    other = read_dicom(dicom("b", (0, 1, 2, 3), uid="1.2.5", PixelSpacing=[1, 1]))
    with pytest.raises(Unreadable, match="image's grid"):
        read_segmentation(tmp_path / "seg.dcm", other)
    apart = read_dicom(dicom("c", (7, 8), uid="1.2.6"))
    with pytest.raises(Unreadable, match="inside its image"):
        read_segmentation(tmp_path / "seg.dcm", apart)


def test_a_segmentation_is_no_image(dicom, tmp_path):
    series = dicom("a", (0, 1, 2, 3))
    write_segmentation(tmp_path / "seg.dcm", series, label_of((4, 5, 4)))
    with pytest.raises(Unreadable, match="SEG"):
        read_dicom(tmp_path / "seg.dcm")

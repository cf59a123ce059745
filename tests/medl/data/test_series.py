from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medl.data.series import find_series, read_dicom
from medl.data.volume import Unreadable, read_volume

from .conftest import voxels

pytest.importorskip("pydicom")
SERIES = Path(__file__).parents[4] / "shared/data/dicom/13_HCropVolume"


def test_slices_are_ordered_by_place_not_by_name(dicom):
    array = voxels((4, 5, 3))
    volume = read_dicom(dicom("a", (2, 0, 1), array=array, numbers=[3, 1, 2]))
    assert np.array_equal(volume.array, array[:, :, [1, 2, 0]])
    assert volume.shape == (4, 5, 3) and volume.spacing == pytest.approx((0.25, 0.5, 2))
    assert volume.orientation == "LPS" and np.allclose(volume.affine[:3, 3], [-10, -20, 30])
    assert volume.misread == "" and volume.notes == ()


def test_rescale(dicom):
    array = voxels((4, 5, 3))
    whole = read_dicom(dicom("a", array=array, RescaleSlope="2", RescaleIntercept="-1000"))
    assert np.array_equal(whole.array, array.astype(int) * 2 - 1000) and whole.array.dtype.kind == "i"
    part = read_dicom(dicom("b", array=array, RescaleSlope="0.5", RescaleIntercept="0"))
    assert np.allclose(part.array, array / 2)


def test_missing_double_and_uneven_slices_are_refused(dicom):
    with pytest.raises(Unreadable, match=r"about 2 missing, between 1.dcm and 2.dcm \(6 mm apart, others 2\)"):
        read_dicom(dicom("a", (0, 1, 4, 5, 6)))
    dicom("b", (0, 1, 2))
    with pytest.raises(Unreadable, match="places with more than one") as caught:
        read_dicom(dicom("b", (1,), prefix="x", array=voxels((4, 5, 1))))
    assert "echoes" in caught.value.remedy
    with pytest.raises(Unreadable, match="evenly spaced"):
        read_dicom(dicom("c", (0, 1, 2.3, 3.3)))


def test_a_copied_slice_is_told_from_a_second_echo(dicom):
    folder = dicom("a")
    (folder / "copy.dcm").write_bytes((folder / "1.dcm").read_bytes())
    with pytest.raises(Unreadable) as caught:
        read_dicom(folder)
    assert "copies" in caught.value.remedy


def test_several_series_are_named_or_chosen(dicom):
    dicom("a", uid="1.2.3")
    folder = dicom("a", uid="1.2.4", prefix="second", array=voxels(seed=5))
    with pytest.raises(Unreadable, match=r"2: 1\.2\.3 \(3 files\), 1\.2\.4 \(3 files\)"):
        read_dicom(folder)
    assert np.array_equal(read_dicom(folder, "1.2.4").array, voxels(seed=5))
    with pytest.raises(Unreadable, match="asked for"):
        read_dicom(folder, "9")


def test_oblique_and_tilted_are_noted_and_placed(dicom):
    angle = np.radians(20)
    axes = (np.cos(angle), 0, np.sin(angle), 0, 1, 0)
    volume = read_dicom(dicom("a", axes=axes))
    assert any("oblique by 20.0°" in note for note in volume.notes)
    assert np.allclose(volume.affine[:3, 0], np.array([-1, -1, 1]) * 0.25 * np.array(axes[:3]))
    folder = dicom("b", (0,), array=voxels((4, 5, 1)))
    for index, y in enumerate((20, 21, 22), start=1):
        dicom("b", (index,), array=voxels((4, 5, 1)), prefix="x" * index, ImagePositionPatient=[10, y, 30 + 2 * index])
    assert any("tilted gantry" in note for note in read_dicom(folder).notes)


def test_instance_numbers_against_the_places_would_be_misread(dicom):
    volume = read_dicom(dicom("a", numbers=[2, 1, 3]))
    assert "InstanceNumber" in volume.misread
    assert read_dicom(dicom("b", numbers=[3, 2, 1])).misread == ""


def test_slices_of_several_kinds_are_refused(dicom):
    dicom("a")
    with pytest.raises(Unreadable, match="one orientation"):
        read_dicom(dicom("a", (7,), array=voxels((4, 5, 1)), prefix="x", axes=(0, 1, 0, 0, 0, -1)))
    dicom("b")
    with pytest.raises(Unreadable, match="one size"):
        read_dicom(dicom("b", (3,), array=voxels((6, 5, 1)), prefix="x"))


def test_a_picture_without_a_place(dicom):
    folder = dicom(
        "a",
        (0,),
        array=voxels((4, 5, 1)),
        Modality="DX",
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        PhotometricInterpretation="MONOCHROME1",
    )
    volume = read_volume(folder / "0.dcm")
    assert volume is not None and volume.shape == (4, 5) and not volume.located
    assert volume.spacing == pytest.approx((0.25, 0.5)) and "MONOCHROME1" in volume.notes[0]


def test_a_damaged_file_is_named_without_its_tags(dicom):
    folder = dicom("a")
    data = (folder / "1.dcm").read_bytes()
    (folder / "1.dcm").write_bytes(data[:-10])
    with pytest.raises(Unreadable, match=r"1\.dcm has whole pixels.*truncated") as caught:
        read_dicom(folder)
    assert "SECRET" not in str(caught.value) and "Doe" not in str(caught.value)
    (folder / "1.dcm").write_bytes(data[:300])
    with pytest.raises(Unreadable, match=r"1\.dcm is a whole DICOM file, but got an end"):
        read_dicom(folder)


def test_what_pydicom_itself_decompresses_is_read(dicom):
    from pydicom import dcmread
    from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

    plain = read_dicom(dicom("a")).array
    for name, syntax in (("rle", RLELossless), ("deflated", DeflatedExplicitVRLittleEndian)):
        for path in dicom(name).iterdir():
            one = dcmread(path)
            if syntax == RLELossless:
                one.compress(syntax)
            one.file_meta.TransferSyntaxUID = syntax
            one.save_as(path)
        assert np.array_equal(read_dicom(path.parent).array, plain)


@pytest.mark.parametrize(
    ("syntax", "value", "remedy"),
    [
        ("JPEGLosslessSV1", "JPEG Lossless.*, for which no decoder is installed", "pip install pylibjpeg"),
        ("HTJ2KLossless", "High-Throughput JPEG 2000.*, for which no decoder", "pylibjpeg-openjpeg"),
        ("MPEG2MPML", "MPEG2.*, which is no compression of single images", "gdcmconv --raw"),
        ("RLELossless", r"damaged or truncated pixels \(RLE Lossless\)", "Fetch the file again"),
    ],
)
def test_pixels_that_cannot_be_decoded_are_refused_by_their_compression(dicom, syntax, value, remedy, monkeypatch):
    import pydicom

    path = dicom("a") / "0.dcm"
    one = pydicom.dcmread(path)
    one.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xc3" + bytes(60)])
    one["PixelData"].VR = "OB"
    one["PixelData"].is_undefined_length = True
    one.file_meta.TransferSyntaxUID = getattr(pydicom.uid, syntax)
    one.save_as(path)
    decoder = pydicom.pixels.decoders
    for name in ("JPEGLosslessSV1Decoder", "HTJ2KLosslessDecoder"):  # as where no plugin is installed
        monkeypatch.setattr(getattr(decoder, name), "_available", {})
        monkeypatch.setattr(getattr(decoder, name), "_unavailable", {"pylibjpeg": ("pylibjpeg>=2.0",)})
    with pytest.raises(Unreadable, match=f"the pixels of 0.dcm can be decoded, but got {value}") as caught:
        read_dicom(path.parent)
    assert remedy in caught.value.remedy and "SECRET" not in str(caught.value)


def test_the_patient_is_a_token(dicom):
    first, second = read_dicom(dicom("a")), read_dicom(dicom("b", PatientID="OTHER"))
    again = find_series((dicom("c", uid="7")).iterdir())[0]
    assert first.patient == again.patient != second.patient
    assert "SECRET" not in first.patient and len(first.patient) == 32


def test_folders_without_dicom(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(Unreadable, match="none of them DICOM"):
        read_dicom(tmp_path)


def multi_frame(path: Path, places: list[float], array: np.ndarray, *, described: bool = True) -> None:
    import pydicom
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    image = pydicom.dcmread(path)
    image.NumberOfFrames = len(places)
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        delattr(image, name)
    if described:
        measures, plane, scale, shared = Dataset(), Dataset(), Dataset(), Dataset()
        measures.PixelSpacing, measures.SliceThickness = [0.5, 0.25], 2
        plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        scale.RescaleSlope, scale.RescaleIntercept = 1, -5
        shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([plane])
        shared.PixelValueTransformationSequence = Sequence([scale])
        image.SharedFunctionalGroupsSequence = Sequence([shared])
        each = []
        for place in places:
            position, own = Dataset(), Dataset()
            position.ImagePositionPatient = [0, 0, place]
            own.PlanePositionSequence = Sequence([position])
            each.append(own)
        image.PerFrameFunctionalGroupsSequence = Sequence(each)
    image.PixelData = np.ascontiguousarray(array.transpose(2, 1, 0)).tobytes()
    image.save_as(path)


def test_multi_frame_files(dicom):
    array = voxels((4, 5, 3))
    path = dicom("a", (0,), array=voxels((4, 5, 1))) / "0.dcm"
    multi_frame(path, [4, 0, 2], array)
    volume = read_dicom(path)
    assert np.array_equal(volume.array, array[:, :, [1, 2, 0]].astype(int) - 5)
    assert volume.spacing == pytest.approx((0.25, 0.5, 2)) and "multi-frame" in volume.misread
    bare = dicom("b", (0,), array=voxels((4, 5, 1))) / "0.dcm"
    multi_frame(bare, [0, 1, 2], array, described=False)
    with pytest.raises(Unreadable, match="3 of 3 without a position"):
        read_dicom(bare)


@pytest.mark.skipif(not SERIES.is_dir(), reason="the shared DICOM series is not here")
def test_a_real_series_is_what_a_training_reads():
    from monai.transforms import LoadImage

    volume, loaded = read_dicom(SERIES), LoadImage(image_only=True)(SERIES)
    assert volume.shape == (35, 51, 32) and volume.misread == ""
    assert np.array_equal(volume.array, loaded.numpy())
    assert np.allclose(volume.affine, loaded.affine.numpy())

from __future__ import annotations

from pathlib import Path

import pytest

from medl.data.pairing import classes, image_files, pair, paths_in
from medl.errors import ConfigError


@pytest.fixture
def folders(tmp_path: Path):
    def make(images: str, labels: str) -> tuple[Path, Path]:
        for folder, names in (("images", images), ("labels", labels)):
            for name in names.split():
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("")
        return tmp_path / "images", tmp_path / "labels"

    return make


def names(items):
    return [
        ([p.name for p in item["image"]] if isinstance(item["image"], list) else item["image"].name, item["label"].name)
        for item in items
    ]


def test_by_name(folders):
    made = folders("b.nii.gz a.nii.gz sub/a.nii notes.txt .hidden.nii", "a.nii.gz b_seg.nii.gz sub/a_mask.nii")
    assert names(pair(*made)) == [
        ("a.nii.gz", "a.nii.gz"),
        ("b.nii.gz", "b_seg.nii.gz"),
        ("a.nii", "a_mask.nii"),
    ]


def test_channels_as_nnunet_names_them(folders):
    made = folders("c1_0000.nii.gz c1_0001.nii.gz c2_0000.nii.gz c2_0001.nii.gz", "c1.nii.gz c2.nii.gz")
    assert names(pair(*made))[0] == (["c1_0000.nii.gz", "c1_0001.nii.gz"], "c1.nii.gz")
    (made[0] / "c2_0001.nii.gz").unlink()
    with pytest.raises(ConfigError, match="same number of channels"):
        pair(*made)


def test_what_has_no_partner_is_named(folders):
    made = folders("a.nii case_1.nii", "a.nii case-1.nii")
    with pytest.raises(ConfigError, match=r'case_1\.nii\n.*no label of that name.*Did you mean "case-1"'):
        pair(*made)
    (made[0] / "case_1.nii").unlink()
    with pytest.raises(ConfigError, match="1 without"):
        pair(*made)


def test_two_files_of_one_name(folders):
    with pytest.raises(ConfigError, match=r"a\.nii and a\.nii\.gz"):
        pair(*folders("a.nii a.nii.gz", "a.nii"))


def test_a_folder_of_slices_is_one_image(folders, tmp_path):
    images, _ = folders("p1/1.dcm p1/2.dcm p2/1.dcm p2/2.dcm x.nii", "a.nii")
    assert [path.name for path in image_files(images)] == ["p1", "p2", "x.nii"]
    with pytest.raises(ConfigError, match="has images"):
        image_files(_empty(tmp_path))


def _empty(tmp_path: Path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def test_classes_by_folder(folders, tmp_path):
    images, _ = folders("sick/a.png well/b.png well/c.png", "a.nii")
    items, by_number = classes(images)
    assert [(item["image"].name, item["label"]) for item in items] == [("a.png", 0), ("b.png", 1), ("c.png", 1)]
    assert by_number == {"0": "sick", "1": "well"}
    with pytest.raises(ConfigError, match="two or more classes"):
        classes(images / "sick")


def test_paths_of_a_text(tmp_path):
    (tmp_path / "a.txt").write_text("# of the first scanner\na.nii\n\nb.nii\n")
    assert paths_in(tmp_path / "a.txt") == ["a.nii", "b.nii"]
    (tmp_path / "b.txt").write_text("\n")
    with pytest.raises(ConfigError):
        paths_in(tmp_path / "b.txt")

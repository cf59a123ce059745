from __future__ import annotations

from pathlib import Path

import torch
from monai.data import MetaTensor

from medl.train.case_names import CaseNames


def case(path: str) -> dict[str, object]:
    return {"label": 3, "image": MetaTensor(torch.zeros(1, 2), meta={"filename_or_obj": path})}


def test_a_case_is_named_by_its_place_in_the_data_folder(tmp_path: Path) -> None:
    names = CaseNames(tmp_path / "data")
    batch = [case(str(tmp_path / "data/a/1.nii")), case("/elsewhere/2.nii"), {"image": torch.zeros(1)}]
    assert [row["filename_or_obj"] for row in names(batch)] == ["a/1.nii", "/elsewhere/2.nii", ""]

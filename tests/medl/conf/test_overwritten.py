from __future__ import annotations

import json
from pathlib import Path

from medl.conf.overwritten import overwritten


def test_only_what_would_be_written_again(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps({"test": ["images/liver_1.nii.gz", {"image": ["liver_3.nii"]}]}))
    names = (
        "eval/liver_1/liver_1_trans.nii.gz",
        "eval/liver_1/liver_1_seg.nii.gz",
        "eval/liver_10/liver_10_trans.nii.gz",
        "eval/liver_3_trans.nii",
        "eval/metrics.csv",
        "eval/dice_raw.csv",
        "eval/mine.csv",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    save = {"name": "SaveImageD", "args": {"keys": "pred", "output_dir": "eval"}}
    tables = {"name": "MetricsSaver", "args": {"save_dir": "eval"}}
    section = {
        "dataset": {"name": "Dataset", "data_list_file_path": "list.json", "data_list_key": "test"},
        "post_transforms": [save],
        "handlers": [tables, {"name": "ClassificationSaver", "args": {"output_dir": "eval"}}],
    }
    found = {str(path.relative_to(tmp_path)) for path in overwritten({"validate": section}, tmp_path)}
    assert found == {names[0], names[3], names[4], names[5]}
    section["post_transforms"], section["handlers"] = [{**save, "disabled": True}], []
    assert overwritten({"validate": section}, tmp_path) == []

"""What the environment holds of secrets is in no file of a run and in nothing that is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from medl.apps.automl import train as search

PLANTED = {
    "WANDB_API_KEY": "planted-wandb-0001",
    "HF_TOKEN": "planted-hf-0002",
    "AWS_SECRET_ACCESS_KEY": "planted/aws+0003",
    "AWS_ACCESS_KEY_ID": "PLANTEDAKIA0004",
    "DB_PASSWORD": "planted-db-0005",
    "GOOGLE_CREDENTIALS_JSON": '{"planted": "0006-google"}',
    "my_secret": "planted-lower-0007",
}
PASSWORD = "planted-url-0008"


def test_no_file_of_a_run_and_no_line_has_a_planted_secret(
    quick_archive: Any, monkeypatch: pytest.MonkeyPatch, quiet: Callable[..., tuple[int, str]]
) -> None:
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    archive = quick_archive
    executor = archive.root / "custom/quick_executor.py"
    first = "        made = super().launch(job, ctx)\n"  # code of the user's says and raises what it should not
    leaking = (
        "        import os\n"
        "        ctx.trace(self, 'key ' + os.environ['WANDB_API_KEY'])\n"
        "        if job.name.endswith('J2'):\n"
        "            raise RuntimeError('cannot log in with ' + os.environ['HF_TOKEN'])\n"
    )
    executor.write_text(executor.read_text().replace(first, leaking + first))
    storage = f"storage=postgresql://me:{PASSWORD}@127.0.0.1:1/none"
    words = ["-m", str(archive.root), "--set", "run_id=a", "workers=0", storage]
    said = []
    for options in (["--dry-run"], [], []):
        sys.modules.pop("quick_executor", None)
        code, text = quiet(lambda options=options: search.main([*options, *words]))
        assert code == 0, text
        said.append(text)
    code, text = quiet(lambda: search.main([*words, "MY_TOKEN=planted-set-0009", "storage=" + PASSWORD, "metric=none"]))
    said.append(text)
    values = [*PLANTED.values(), PASSWORD]
    for text in said:
        assert not [value for value in values if value in text]
    run = archive.run("a")
    files = [path for path in run.rglob("*") if path.is_file()]
    assert {"events.jsonl", "config.json", "summary.json", "record.json", "trace.txt"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert not [value for value in values if value.encode() in content], path
        assert not [value for value in values if json.dumps(value).encode() in content], path
    assert "cannot log in with ***" in (run / "events.jsonl").read_text()

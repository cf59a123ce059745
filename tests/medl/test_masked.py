from __future__ import annotations

from pathlib import Path

import pytest

from medl.masked import MASK, masked, masked_value, secrets_of

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


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"postgresql://me:{PASSWORD}@host:5432/db", "postgresql://me:***@host:5432/db"),
        (f"postgresql+psycopg2://me:p/w@{PASSWORD}@host/db", "postgresql+psycopg2://me:***@host/db"),
        (f"https://:{PASSWORD}@host", "https://:***@host"),
        (f"mysql://host/db?user=a&password={PASSWORD}&x=1", "mysql://host/db?user=a&password=***&x=1"),
        (f"--set MY_TOKEN={PASSWORD} epochs=3", "--set MY_TOKEN=*** epochs=3"),
        (f"MLFLOW_TRACKING_PASSWORD='{PASSWORD} x'", "MLFLOW_TRACKING_PASSWORD=***"),
        ("sqlite:///runs.db at 12:30 to me@host", "sqlite:///runs.db at 12:30 to me@host"),
        ("key_metric=val_mean_dice data_list_key=training", "key_metric=val_mean_dice data_list_key=training"),
    ],
)
def test_what_is_masked_in_a_text(text: str, left: str) -> None:
    assert masked(text, {}) == left
    assert masked(left, {}) == left


def test_what_counts_as_a_secret_of_the_environment(tmp_path: Path) -> None:
    kept = {
        "TOKENIZERS_PARALLELISM": "false",
        "SSH_KEY_FILE": str(tmp_path),
        "KEYBOARD": "english",
        "PATH": "/usr/bin",
        "EMPTY_TOKEN": "",
    }
    assert secrets_of(kept) == []
    assert sorted(secrets_of(PLANTED)) == sorted(PLANTED.values())
    for value in PLANTED.values():
        assert masked(f"failed with {value}!", PLANTED) == f"failed with {MASK}!"
    record = {"environment": {"API_TOKEN": "x", "epochs": 3}, "argv": ["a", "S_TOKEN=b"], "seed": None, "lr": 0.1}
    assert masked_value(record, {}) == {
        "environment": {"API_TOKEN": MASK, "epochs": 3},
        "argv": ["a", f"S_TOKEN={MASK}"],
        "seed": None,
        "lr": 0.1,
    }

"""The words after ``--set`` of a search."""

from __future__ import annotations

import pytest

from medl.automl.settings import job_settings, read_settings
from medl.errors import ConfigError


@pytest.mark.parametrize("name", ["y", "on", "007", "1e3", "true"])
def test_a_run_id_is_a_text(name: str):
    assert read_settings([f"run_id={name}", "workers=0"]) == {"run_id": name, "workers": "0"}


def test_the_last_wins_and_stray_words_mean_nothing():
    assert read_settings(["run_id=a", "test1", "run_id=b", "epochs=3", "amp=no"]) == {
        "run_id": "b",
        "epochs": 3,
        "amp": False,
    }


def test_only_variables_go_to_the_jobs():
    words = [
        "run_id=a",
        "workers=0:1",
        "trainconf=x.json",
        "traceout=both",
        "max_rounds=3",
        "controller.seed=1",
        "lr=0.1",
    ]
    assert job_settings(read_settings(words)) == {"lr": 0.1}


def test_a_word_without_a_name_is_refused():
    with pytest.raises(ConfigError, match="name=value"):
        read_settings(["=3"])

"""commands/automl.sh: what reaches medl.apps.automl.train."""

from __future__ import annotations

import pytest


@pytest.fixture
def words(shell, archive):
    """Give what follows ``-m <archive>`` for words typed after the command."""

    def run(*typed: str, **env: str) -> list[str]:
        call = shell.run(archive / "commands" / "automl.sh", *typed, **env)
        assert call.exit_code == 0, call.output
        assert call.argv[:5] == ["-u", "-m", "medl.apps.automl.train", "-m", str(archive)]
        return call.argv[5:]

    return run


@pytest.mark.parametrize(
    "typed",
    [
        [],
        ["run_id=test1", "workers=0:1"],
        ["--set", "run_id=a", "workers=0:1"],
        ["--automlconf", "my.json", "--dry-run"],
        ["test1", "run_id=test1", "note=two words"],
    ],
)
def test_words_reach_the_app_behind_set_as_they_are(words, typed):
    assert words(*typed) == ["--set", *typed]


def test_the_exit_code_is_the_apps(shell, archive):
    assert shell.run(archive / "commands" / "automl.sh", FAKE_EXIT="3").exit_code == 3


def test_it_does_not_touch_the_visible_gpus(archive):
    text = (archive / "commands" / "automl.sh").read_text() + (archive / "commands" / "set_env.sh").read_text()
    assert "CUDA_VISIBLE_DEVICES" not in text

"""commands/automl_admin.sh: what reaches medl.apps.automl.admin."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "typed", [[], ["run_id=a"], ["--host", "localhost", "--port", "33330", "--prompt", "AutoML> "]]
)
def test_words_reach_the_app_as_they_are(shell, archive, typed):
    call = shell.run(archive / "commands" / "automl_admin.sh", *typed)
    assert call.exit_code == 0, call.output
    assert call.argv == ["-u", "-m", "medl.apps.automl.admin", "-m", str(archive), *typed]


def test_the_exit_code_is_the_apps(shell, archive):
    assert shell.run(archive / "commands" / "automl_admin.sh", FAKE_EXIT="2").exit_code == 2

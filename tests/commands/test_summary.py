"""commands/summary.sh: what reaches medl.apps.automl.summary."""

from __future__ import annotations

import os
import subprocess

import pytest


@pytest.mark.parametrize("typed", [["run_id=a"], ["run_id=a", "--json"], ["--set", "run_id=a"], []])
def test_words_reach_the_app_as_they_are(shell, archive, typed):
    call = shell.run(archive / "commands" / "summary.sh", *typed)
    assert call.exit_code == 0, call.output
    assert call.argv == ["-u", "-m", "medl.apps.automl.summary", "-m", str(archive), *typed]


def test_the_exit_code_is_the_apps(shell, archive):
    assert shell.run(archive / "commands" / "summary.sh", "run_id=b", FAKE_EXIT="2").exit_code == 2


def test_from_the_checkout_mmar_root_decides(shell, checkout, archive):
    call = shell.run(checkout / "commands" / "summary.sh", "run_id=a", MMAR_ROOT=str(archive))
    assert call.argv[4] == str(archive)


def test_standard_output_is_left_to_the_app(shell, archive):
    script, env = archive / "commands" / "summary.sh", {**os.environ, **shell.env}
    done = subprocess.run([str(script), "run_id=a", "--json"], env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout == ""
    assert f"MMAR_ROOT set to {archive}" in done.stderr

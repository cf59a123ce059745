"""commands/train.sh and automl_train_round.sh: what reaches medl.apps.train."""

from __future__ import annotations

from medl.automl.launch import training_argv


def test_train_passes_settings_and_options(shell, archive):
    call = shell.run(archive / "commands" / "train.sh", "0", "epochs=5", "-c", "config/other.json")
    head = ["-u", "-m", "medl.apps.train", "-m", str(archive), "--write_train_stats", "--set", "print_conf=True"]
    assert call.argv == [*head, "0", "epochs=5", "-c", "config/other.json"]


def test_a_job_by_hand_is_what_the_engine_starts(shell, archive):
    call = shell.run(archive / "commands" / "automl_train_round.sh")
    assert call.argv == list(training_argv(archive, ranks=1)[1:])

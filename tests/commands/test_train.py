"""commands/train.sh, train_multi_gpu.sh and automl_train_round.sh: what reaches medl.apps.train."""

from __future__ import annotations

from medl.automl.launch import training_argv


def test_train_passes_settings_and_options(shell, archive):
    call = shell.run(archive / "commands" / "train.sh", "0", "epochs=5", "-c", "config/other.json")
    head = ["-u", "-m", "medl.apps.train", "-m", str(archive), "--write_train_stats", "--set", "print_conf=True"]
    assert call.argv == [*head, "0", "epochs=5", "-c", "config/other.json"]


def test_a_job_by_hand_is_what_the_engine_starts(shell, archive):
    call = shell.run(archive / "commands" / "automl_train_round.sh")
    assert call.argv == list(training_argv(archive, "python", 1)[1:])


def test_several_gpus_are_ranks_of_horovod(shell, archive):
    call = shell.run(archive / "commands" / "train_multi_gpu.sh", "epochs=5", NGPU="1,2,5")
    head = ["-m", "horovod.runner.launch", "-np", "3", "-H", "localhost:3", "--gloo", "python3"]
    training = ["-u", "-m", "medl.apps.train", "-m", str(archive), "--write_train_stats", "--set", "print_conf=True"]
    assert call.argv == [*head, *training, "multi_gpu=True", "epochs=5"]


def test_without_horovod_nothing_starts(shell, archive):
    call = shell.run(archive / "commands" / "train_multi_gpu.sh", HAS_HOROVOD="")
    assert (call.exit_code, call.argv) == (2, [])

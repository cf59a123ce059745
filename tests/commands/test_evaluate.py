"""commands/validate*.sh, infer.sh and finetune.sh: what reaches the apps."""

from __future__ import annotations

import pytest

CONFIGS = {
    "validate": "config/config_validation.json",
    "validate_ckpt": "config/config_validation_ckpt.json",
    "infer": "config/config_inference.json",
}


@pytest.mark.parametrize("verb", CONFIGS)
def test_a_verb_passes_settings_and_options(shell, archive, verb):
    call = shell.run(archive / "commands" / f"{verb}.sh", "amp=true", "--overwrite")
    head = ["-u", "-m", "medl.apps.evaluate", "-m", str(archive), "-c", CONFIGS[verb], "--set", "print_conf=True"]
    assert call.argv == [*head, "amp=true", "--overwrite"]


def test_finetune_leaves_the_weights_that_it_starts_from(shell, archive):
    call = shell.run(archive / "commands" / "finetune.sh", "epochs=5")
    head = ["-u", "-m", "medl.apps.train", "-m", str(archive), "-c", "config/config_finetune.json"]
    assert call.argv == [
        *head,
        "--write_train_stats",
        "--set",
        "print_conf=True",
        "MMAR_CKPT_DIR=models/finetuned",
        "epochs=5",
    ]


@pytest.mark.parametrize("ending", ["", "_ckpt"])
def test_several_gpus_are_ranks_of_horovod(shell, archive, ending):
    call = shell.run(archive / "commands" / f"validate_multi_gpu{ending}.sh", NGPU="1,2,5")
    head = ["-m", "horovod.runner.launch", "-np", "3", "-H", "localhost:3", "--gloo", "python3"]
    evaluation = ["-u", "-m", "medl.apps.evaluate", "-m", str(archive), "-c", f"config/config_validation{ending}.json"]
    assert call.argv == [*head, *evaluation, "--set", "print_conf=True", "multi_gpu=True"]
    assert shell.run(archive / "commands" / "validate_multi_gpu.sh", HAS_HOROVOD="").exit_code == 2

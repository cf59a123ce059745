"""Which archive and which Python a command works with."""

from __future__ import annotations

from medl.mmar.archive import create
from medl.mmar.files import write_json


def mmar(call):
    return call.argv[call.argv.index("-m", call.argv.index("-m") + 1) + 1]


def test_an_archives_own_command_works_on_that_archive(shell, archive):
    call = shell.run(archive / "commands" / "automl.sh", "run_id=a")
    assert mmar(call) == str(archive)
    assert call.output.splitlines()[0] == f"MMAR_ROOT set to {archive}"


def test_an_archives_own_command_ignores_another_mmar_root(shell, archive, tmp_path):
    # A job that is run again by hand must never train in the archive that a shell has set for its searches.
    call = shell.run(archive / "commands" / "automl_train_round.sh", MMAR_ROOT=str(tmp_path / "other"))
    assert mmar(call) == str(archive)


def test_from_the_checkout_mmar_root_decides(shell, checkout, archive):
    call = shell.run(checkout / "commands" / "automl.sh", "run_id=a", MMAR_ROOT=str(archive))
    assert mmar(call) == str(archive)
    assert call.created == []


def test_from_the_checkout_inside_an_archive_that_archive(shell, checkout, archive):
    assert mmar(shell.run(checkout / "commands" / "automl.sh", "run_id=a", cwd=archive)) == str(archive)


def test_from_the_checkout_the_demo_is_made_once(shell, checkout):
    script = checkout / "commands" / "automl.sh"
    first = shell.run(script, "run_id=a", cwd=checkout)
    assert mmar(first) == str(checkout / "demo")
    again = shell.run(script, "run_id=a", cwd=checkout)
    assert mmar(again) == str(checkout / "demo")
    assert again.created == [str(checkout / "demo")]


def test_python_on_the_path_is_used_where_it_has_medl(shell, checkout):
    call = shell.run(checkout / "commands" / "automl.sh", "run_id=a")
    assert call.python == str(shell.python)
    assert call.set_ups == 0


def test_a_checkout_without_medl_is_set_up(shell, checkout):
    call = shell.run(checkout / "commands" / "automl.sh", "run_id=a", HAS_MEDL="")
    assert call.exit_code == 0, call.output
    assert call.python == str(checkout / ".venv" / "bin" / "python")
    assert call.set_ups == 1


def test_a_failed_set_up_starts_nothing(shell, checkout):
    (checkout / "scripts" / "setup.sh").write_text("#!/bin/sh\necho no venv >&2\nexit 2\n")
    call = shell.run(checkout / "commands" / "automl.sh", "run_id=a", HAS_MEDL="")
    assert call.exit_code == 2
    assert call.argv == []


def test_an_archive_in_the_checkout_uses_its_venv(shell, checkout):
    job = create(checkout / "demo").clone(checkout / "demo" / "automl" / "a" / "W1_1_J1", {})
    shell.run(checkout / "commands" / "train.sh", HAS_MEDL="")  # makes .venv
    call = shell.run(job.round_script, HAS_MEDL="")
    assert call.exit_code == 0, call.output
    assert call.python == str(checkout / ".venv" / "bin" / "python")
    assert mmar(call) == str(job.root)


def test_without_medl_anywhere_it_says_what_to_do(shell, archive):
    call = shell.run(archive / "commands" / "automl.sh", "run_id=a", HAS_MEDL="")
    assert call.exit_code == 2
    assert "MEDL_PYTHON" in call.output
    assert call.argv == []


def test_medl_python_is_used(shell, archive, tmp_path):
    other = tmp_path / "other python"
    other.write_bytes(shell.python.read_bytes())
    other.chmod(0o755)
    assert shell.run(archive / "commands" / "train.sh", MEDL_PYTHON=str(other)).python == str(other)


def test_custom_is_on_the_python_path_before_the_users(shell, archive):
    assert shell.run(archive / "commands" / "train.sh").python_path == [str(archive / "custom")]
    call = shell.run(archive / "commands" / "train.sh", PYTHONPATH="/mine")
    assert call.python_path == [str(archive / "custom"), "/mine"]


def test_a_job_by_hand_uses_the_python_that_ran_it(shell, archive, tmp_path):
    other = tmp_path / "other python"
    other.write_bytes(shell.python.read_bytes())
    other.chmod(0o755)
    write_json(
        archive / "record.json", {"argv": [str(shell.python)], "python": str(other), "versions": {"python": "3"}}
    )
    assert shell.run(archive / "commands" / "automl_train_round.sh").python == str(other)


def test_a_job_whose_python_is_gone_uses_the_active_one(shell, archive, tmp_path):
    write_json(archive / "record.json", {"argv": [], "python": str(tmp_path / "gone"), "versions": {}})
    assert shell.run(archive / "commands" / "automl_train_round.sh").python == str(shell.python)


def test_a_wrong_medl_python_is_not_passed_over(shell, checkout):
    call = shell.run(checkout / "commands" / "train.sh", MEDL_PYTHON="/no/such/python")
    assert call.exit_code == 2
    assert (call.argv, call.set_ups) == ([], 0)

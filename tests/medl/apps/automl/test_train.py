"""``medl.apps.automl.train``: the check, a search, going on, stopping, dry-run; real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from medl.apps.automl import train
from medl.automl.gpu_leases import FOLDER, lease
from medl.conf.validate import schema_problems


def search(archive: Any, *words: str, options: tuple[str, ...] = ()) -> int:
    sys.modules.pop("quick_executor", None)  # each call stands for a new process
    return train.main(["-m", str(archive.root), *options, "--set", "run_id=a", "workers=0:1", *words])


def test_a_search_ends_with_its_table_the_best_archive_and_what_is_next(archive, capsys):
    assert search(archive) == 0
    said = capsys.readouterr().out
    run = archive.run("a")
    summary = json.loads((run / "summary.json").read_text())
    assert not schema_problems(summary, "summary")
    assert summary["status"] == "finished"
    assert len(summary["jobs"]) == 5  # the baseline, and two ends of a float times two choices
    best = next(row for row in summary["jobs"] if row["job"] == summary["best"])
    assert best["score"] == pytest.approx(0.5 + 0.05 + 0.2)
    assert (run / "best/models/model.pt").read_text() == best["job"]
    assert f"best: {best['job']}, score 0.7500, +0.2400 over the baseline" in said
    assert f"best archive: '{run / 'best'}'" in said
    assert "run_id=b workers=0:1" in said
    assert "no GPU: the ids of W1, W2 are CPU slots" in said
    assert "config/config_automl.json" in said
    kept = {path.name for path in run.iterdir() if path.name.startswith("W")}
    assert len(kept) == 2
    assert best["job"] in kept


def test_a_job_is_a_clone_with_its_values_and_its_record(archive):
    archive.write("automl", {**archive.read("automl"), "handlers": []})
    assert search(archive, "epochs=3", "MY_OWN=7") == 0
    run = archive.run("a")
    row = next(row for row in json.loads((run / "summary.json").read_text())["jobs"] if row["trial"] == "T2")
    job = run / row["job"]
    config = json.loads((job / "config/config_train.json").read_text())
    assert config["learning_rate"] == row["values"]["lr.float.$0:learning_rate"][0] == 0.05
    assert "search" not in config
    assert "search" not in config["train"]["model"]
    assert list(config) == [key for key in archive.read("train") if key != "search"]
    assert config["train"]["optimizer"]["args"]["lr"] == "{learning_rate}"
    environment = json.loads((job / "config/environment.json").read_text())
    assert environment["epochs"] == 3
    assert environment["MY_OWN"] == 7
    assert (job / environment["DATASET_JSON"]).resolve() == (archive.root / "data/dataset.json").resolve()
    assert not os.path.isabs(environment["DATA_ROOT"])
    assert (job / "log.txt").read_text().startswith("launcher: python, ranks: 1\n")
    record = json.loads((job / "record.json").read_text())
    assert record["job"] == row["job"]
    assert record["values"] == row["values"]
    assert record["seed"] == 3
    assert record["outcome"]["status"] == "ok"
    assert record["outcome"]["values"] == {"val_mean_dice": row["score"]}
    assert record["checkpoint"] == "models/model.pt"
    assert len(record["data_list"]["sha256"]) == 64
    assert record["packages"]["torch"]
    assert not (job / "automl").exists()
    assert not (job / "data").exists()


def test_a_finished_run_is_only_shown(archive, capsys):
    assert search(archive) == 0
    events = (archive.run("a") / "events.jsonl").read_bytes()
    capsys.readouterr()
    assert search(archive) == 0
    said = capsys.readouterr().out
    assert "nothing was trained" in said
    assert "run_id=b" in said
    assert "W1_1_J0" in said
    assert (archive.run("a") / "events.jsonl").read_bytes() == events


def test_another_configuration_is_refused_with_the_remedy(archive, capsys):
    assert search(archive) == 0
    archive.write("train", {**archive.read("train"), "epochs": 5})
    kept = (archive.run("a") / "config.json").read_bytes()
    assert search(archive) == 2
    assert (archive.run("a") / "config.json").read_bytes() == kept
    error = capsys.readouterr().err
    assert "another config" in error
    assert "run_id=a2" in error


def test_a_moved_archive_goes_on(archive, tmp_path, capsys):
    assert search(archive) == 0
    archive.root = archive.root.rename(tmp_path / "moved")
    assert search(archive) == 0
    assert "nothing was trained" in capsys.readouterr().out


def test_failed_jobs_do_not_end_the_search(archive, capsys):
    assert search(archive, "FAIL=relu") == 0
    rows = json.loads((archive.run("a") / "summary.json").read_text())["jobs"]
    assert sorted(row["status"] for row in rows) == ["failed"] * 6 + ["ok", "ok"]  # two attempts of each of three jobs
    failed = next(row for row in rows if row["status"] == "failed")
    assert failed["reason"] == "exit code 1: no such luck"
    assert str(archive.run("a") / failed["job"] / "log.txt") in capsys.readouterr().out


def test_without_any_score_the_exit_code_is_3(archive, capsys):
    assert search(archive, "SCORE=no") == 3
    said = capsys.readouterr().out
    assert "no_score" in said
    assert "num_interval_per_valid" in said
    assert "no job has a score" in said


def test_a_search_that_is_killed_goes_on(archive, capsys):
    words = [
        sys.executable,
        "-m",
        "medl.apps.automl.train",
        "-m",
        str(archive.root),
        "--set",
        "run_id=a",
        "workers=0:1",
    ]
    engine = subprocess.Popen([*words, "SLEEP=0.4"], stdout=subprocess.DEVNULL)
    events = archive.run("a") / "events.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (events.exists() and b"job_ended" in events.read_bytes()):
        time.sleep(0.02)
    engine.kill()
    assert engine.wait() == -signal.SIGKILL
    ended = [line for line in events.read_text().splitlines() if '"job_ended"' in line]
    assert 0 < len(ended) < 5
    begun = {path.name for path in archive.run("a").iterdir()}  # the last job may not have had its clone yet
    assert search(archive, "SLEEP=0.4") == 0
    assert "goes on" in capsys.readouterr().out
    rows = json.loads((archive.run("a") / "summary.json").read_text())["jobs"]
    scored = [row["job"] for row in rows if row["status"] == "ok"]
    assert len(scored) == len(set(scored)) == 5
    for row in rows:
        if row["status"] == "interrupted" and row["job"] in begun:
            assert (archive.run("a") / f"{row['job']}.attempt1").is_dir()


def test_sigterm_stops_and_exits_143(archive):
    words = [sys.executable, "-m", "medl.apps.automl.train", "-m", str(archive.root), "--set", "run_id=a", "SLEEP=60"]
    engine = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    log = archive.run("a") / "W1_1_J0" / "log.txt"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (log.exists() and "training" in log.read_text()):
        time.sleep(0.02)
    engine.terminate()
    said, _ = engine.communicate(timeout=60)
    assert engine.returncode == 143
    assert "go on with this run" in said


def test_the_threshold_ends_the_run_and_is_a_success(archive):
    automl = archive.read("automl")
    automl["handlers"][0]["args"]["stop_threshold"] = 0.505
    archive.write("automl", automl)
    assert train.main(["-m", str(archive.root), "--set", "run_id=a"]) == 0
    summary = json.loads((archive.run("a") / "summary.json").read_text())
    assert summary["status"] == "stopped"
    assert len([row for row in summary["jobs"] if row["job"]]) == 1


def test_a_work_dir_takes_the_run(archive, tmp_path, capsys):
    automl = archive.read("automl")
    automl["handlers"][0]["args"]["work_dir"] = str(tmp_path / "elsewhere")
    archive.write("automl", automl)
    assert search(archive, "max_rounds=1") == 0
    job = tmp_path / "elsewhere/a/W1_1_J0"
    environment = json.loads((job / "config/environment.json").read_text())
    assert environment["DATA_ROOT"] == str(archive.root.resolve() / "data")
    assert not (archive.root / "automl").exists()


def test_dry_run_says_everything_and_starts_nothing(archive, capsys):
    assert search(archive, options=("--dry-run",)) == 0
    said = capsys.readouterr().out
    assert "lr.float.$0:learning_rate   0.001 to 0.05" in said
    assert "at most 4 recommended, 1 baseline" in said
    assert "quick_training.py" in said
    assert "W1_1_J0" in said
    assert "workers: 2, all of them busy" in said
    assert "Nothing was started." in said
    assert not (archive.root / "automl").exists()


def test_dry_run_of_a_run_that_ended(archive, capsys):
    assert search(archive) == 0
    capsys.readouterr()
    assert search(archive, options=("--dry-run",)) == 0
    said = capsys.readouterr().out
    assert 'the run "a" has ended: nothing would be trained' in said
    assert "The first jobs" not in said
    events = archive.run("a") / "events.jsonl"
    lines = events.read_text().splitlines(keepends=True)
    started = [number for number, line in enumerate(lines) if '"job_started"' in line]
    events.write_text("".join(lines[: started[2] + 1]))  # as if the engine had been killed then
    before = events.read_bytes()
    assert search(archive, options=("--dry-run",)) == 0
    said = capsys.readouterr().out
    assert 'the run "a" goes on: ' in said
    assert "attempt 2" in said
    assert events.read_bytes() == before


def test_a_dry_run_is_refused_as_the_run_would_be_with_the_changed_value(archive, capsys):
    archive.write("automl", {**archive.read("automl"), "controller": {"name": "GridController", "args": {"points": 2}}})
    assert search(archive) == 0
    for options in ((), ("--dry-run",)):
        capsys.readouterr()
        assert search(archive, "controller.points=3", "epochs=9", options=options) == 2
        error = capsys.readouterr().err
        assert "made with another config and controller" in error
        assert error.count("\n  epochs: 2 → 9\n") == 1
        assert "controller.args.points: 2 → 3" in error


def test_the_forecast_is_judged_by_a_job_that_ended(archive, capsys):
    (archive.root / "models/model.pt").write_bytes(bytes(500_000))
    assert search(archive) == 0
    for child in (archive.root / "automl/a").glob("*_J*/models/model.pt"):
        child.write_bytes(bytes(5_000_000))
    capsys.readouterr()
    words = ["-m", str(archive.root), "--dry-run", "--set", "run_id=b", "workers=0:1"]
    assert train.main(words) == 0
    said = capsys.readouterr().out
    assert "disk: 5.0 MB a job (its weights judged by those of a/W" in said


def test_a_dry_run_without_a_gpu_names_no_gpu(archive, capsys, monkeypatch):
    monkeypatch.setattr("medl.automl.setting_checks.visible_gpus", lambda: ())
    assert search(archive, options=("--dry-run",)) == 0
    assert "CUDA_VISIBLE_DEVICES" not in capsys.readouterr().out


def test_settings_after_an_option_count_and_the_last_wins(archive, capsys):
    words = [
        "--set",
        "run_id=x",
        "stray",
        "--dry-run",
        "--automlconf",
        "config_automl.json",
        "run_id=y",
        "max_rounds=2",
    ]
    assert train.main(["-m", str(archive.root), *words]) == 0
    said = capsys.readouterr().out
    assert "/y/W1_1_J0" in said
    assert "at most 2 recommended" in said


def test_a_reader_that_left_ends_no_search(archive):
    command = [sys.executable, "-m", "medl.apps.automl.train", "-m", str(archive.root)]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as nobody:
        words = ["--set", "run_id=a", "max_rounds=1"]
        ended = subprocess.run([*command, *words], stdout=nobody, stderr=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads((archive.run("a") / "summary.json").read_text())["status"] == "finished"


def test_unknown_options_are_refused(archive, capsys):
    with pytest.raises(SystemExit) as raised:
        train.main(["-m", str(archive.root), "--dryrun"])
    assert raised.value.code == 2


def test_all_problems_come_at_once_and_nothing_is_started(archive, capsys):
    train_config = archive.read("train")
    train_config["search"][0]["targets"] = [0.5, 0.1]
    train_config["train"]["model"]["args"]["chanels"] = 3
    archive.write("train", train_config)
    archive.write("automl", {**archive.read("automl"), "controller": {"name": "GridControler"}})
    (archive.root / "data/label1.nii.gz").unlink()
    code = train.main(["-m", str(archive.root), "--set", "run_id=a", "workers=0:x", "traceout=nowhere", "max_rounds=0"])
    assert code == 2
    error = capsys.readouterr().err
    for word in ("search[0].targets", "chanels", "GridControler", "label1.nii.gz", "workers", "traceout", "max_rounds"):
        assert word in error, word
    assert "nothing was started" in error
    assert "Traceback" not in error
    assert not (archive.root / "automl").exists()


def test_an_archive_that_is_none_is_one_message(tmp_path: Path, capsys):
    assert train.main(["-m", str(tmp_path / "nowhere"), "--set", "run_id=a"]) == 2
    assert "no such folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (
            OSError(28, "No space left on device", "/x/config.json"),
            "No space left on device (/x/config.json). Make room",
            2,
        ),
        (KeyError("x"), "Give the same command with --debug", 1),
    ],
)
def test_what_nobody_expected_is_one_line(archive, monkeypatch, capsys, error: Exception, said: str, code: int):
    def fail(*args: Any, **more: Any) -> None:
        raise error

    monkeypatch.setattr(train, "make_plan", fail)
    assert search(archive) == code
    printed = capsys.readouterr().err
    assert said in printed
    assert len(printed.splitlines()) == 1
    assert search(archive, options=("--debug",)) == code
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_debug_keeps_the_exit_code_of_a_config_error(archive, capsys):
    assert search(archive, "traceout=nowhere", options=("--debug",)) == 2
    error = capsys.readouterr().err
    assert "Traceback (most recent call last)" in error and "traceout is" in error


def test_the_check_is_quick_and_imports_neither_torch_nor_user_code(archive):
    (archive.root / "custom/quick_executor.py").open("a").write("\nraise SystemExit('imported')\n")
    archive.write("automl", {**archive.read("automl"), "controller": {"name": "Nothing"}})
    program = (
        "import sys, time\n"
        "from medl.apps.automl import train\n"
        f"code = train.main(['-m', {str(archive.root)!r}, '--set', 'run_id=a'])\n"
        "heavy = {'torch', 'monai', 'ignite', 'optuna', 'numpy', 'quick_executor'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert time.process_time() < 2, time.process_time()\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert 'no controller has the name "Nothing"' in done.stderr


@pytest.mark.slow
def test_a_real_search(archive, tiny_volumes):
    places = {"DATA_ROOT": str(tiny_volumes), "DATASET_JSON": str(tiny_volumes / "dataset.json")}
    (archive.root / "config/environment.json").write_text(json.dumps(places))
    archive.write("automl", {**archive.read("automl"), "executor": {"name": "MMARExecutor"}})
    assert search(archive, "max_rounds=1") == 0
    rows = json.loads((archive.run("a") / "summary.json").read_text())["jobs"]
    assert [row["status"] for row in rows] == ["ok", "ok"]
    job = archive.run("a") / rows[0]["job"]
    assert (job / "models/model.pt").is_file()
    assert (job / "models/final_model.pt").is_file()
    assert rows[0]["epochs"] == [1, 2]


def test_gpus_of_another_search_are_refused_unless_they_may_be_shared(archive, capsys, monkeypatch, tmp_path):
    """The GPUs are pretended; so are trainings."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "gpus"))
    for module in ("hardware", "setting_checks"):
        monkeypatch.setattr(f"medl.automl.{module}.visible_gpus", lambda *_: ("0", "1"))
    with lease(["1"], tmp_path / "other"):
        assert search(archive) == 2
        said = capsys.readouterr().err
        assert f"GPU 1 by process {os.getpid()}" in said and str(tmp_path / "other") in said
        assert not (archive.run("a") / "W1_1_J0").exists()
        assert search(archive, "share_gpus=true", "max_rounds=1") == 0
    assert [path.name for path in (tmp_path / "gpus").iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("word", "said"),
    [("max_attempts=0", "max_attempts is a whole number"), ("max_job_run_time=-1", "max_job_run_time is a number")],
)
def test_limits_that_mean_nothing_are_refused(archive, capsys, word, said):
    assert search(archive, word) == 2
    assert said in capsys.readouterr().err

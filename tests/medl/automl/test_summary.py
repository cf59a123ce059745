"""The table of a run, from its events alone."""

from __future__ import annotations

import json

import pytest

from medl.automl.defs import FloatRange, ParameterRange, SearchSpace
from medl.automl.events import goals_to_json, space_to_json
from medl.automl.goals import Goals, Objective
from medl.automl.summary import Progress, Rows, best_lines, gain, read_progress, read_validations, summarise, text

LR, NET = "lr.float.$0:lr", "net.enum.train.model$0:act,norm"
SPACE = SearchSpace(
    (
        ParameterRange(LR, "lr", "float", ("lr",), (FloatRange(0.0, 1.0),)),
        ParameterRange(NET, "net", "enum", ("act", "norm"), (("relu", "batch"), ("prelu", "instance"))),
    )
)
KEYS = {
    *("job", "trial", "attempt", "worker", "status", "score", "start", "end", "epochs", "epoch", "max_epoch"),
    *("time_per_epoch_s", "eta_s", "values", "reason", "objectives", "violations"),
}


def item(name, **more):
    return {"id": name, "values": {LR: 0.5, NET: 1}, **more}


def outcome(score=None, status="ok", **more):
    return {"status": status, "values": {} if score is None else {"dice": score}, "epoch": 2, "reason": "", **more}


def log(*events):
    first = [
        {"type": "run_started", "baseline": True, "space": space_to_json(SPACE)},
        {
            "type": "recommended",
            "after": None,
            "recommendations": [item("a"), item("b", resume_from="W2_1_J1"), item("c"), item(4)],
        },
    ]
    made = []
    for number, event in enumerate((*first, *events)):
        made.append({"n": number + 1, "time": f"2026-01-02T03:04:{number:02}.000+01:00", **event})
    return made


def started(job, trial, attempt=1, worker="W1"):
    return {
        "type": "job_started",
        "job": job,
        "trial": trial,
        "attempt": attempt,
        "worker": worker,
        "values": {LR: [0.5]},
    }


def ended(job, result, attempt=1):
    return {"type": "job_ended", "job": job, "attempt": attempt, "outcome": result}


RUN = log(
    started("W1_1_J0", "baseline"),
    started("W2_1_J1", "a", worker="W2"),
    ended("W1_1_J0", outcome(0.5)),
    ended("W2_1_J1", outcome(0.625)),
    started("W1_2_J2", "b"),
    started("W2_2_J3", "c", worker="W2"),
    {"type": "job_interrupted", "job": "W2_2_J3", "attempt": 1, "reason": "the engine ended while it ran"},
    ended("W1_2_J2", outcome(status="failed", reason="exit code 1", epoch=None)),
    started("W2_2_J3", "c", attempt=2),
    {"type": "stop_asked", "reason": "x: enough"},
    {"type": "queue_dropped", "trials": [4], "reason": "x: enough"},
)


def test_rows_of_every_kind():
    summary = summarise("a", RUN, alive=True)
    assert list(summary) == ["run_id", "status", "best", "objectives", "pareto", "warnings", "jobs"]
    assert (summary["objectives"], summary["pareto"]) == ([], None)
    assert (summary["status"], summary["best"]) == ("running", "W2_1_J1")
    assert all(set(row) == KEYS for row in summary["jobs"])
    assert [(row["job"], row["attempt"], row["status"]) for row in summary["jobs"]] == [
        ("W1_1_J0", 1, "ok"),
        ("W2_1_J1", 1, "ok"),
        ("W1_2_J2", 1, "failed"),
        ("W2_2_J3", 1, "interrupted"),
        ("W2_2_J3", 2, "running"),
        (None, 0, "stopped"),
    ]
    baseline, best, failed, _, running, dropped = summary["jobs"]
    assert (baseline["epochs"], best["score"], best["worker"]) == ([1, 2], 0.625, "W2")
    assert best["start"] < best["end"]
    assert (failed["reason"], failed["score"], failed["epochs"]) == ("exit code 1", None, None)
    assert running["end"] is None
    assert (dropped["trial"], dropped["reason"]) == ("4", "x: enough")
    assert dropped["values"] == {LR: [0.5], NET: ["prelu", "instance"]}
    assert gain(summary) == 0.125
    assert json.loads(json.dumps(summary)) == summary


def test_a_run_whose_engine_is_gone_is_interrupted():
    summary = summarise("a", RUN, alive=False)
    assert summary["status"] == "interrupted"
    assert {row["status"] for row in summary["jobs"]} == {"ok", "failed", "interrupted", "stopped"}


def test_a_resumed_segment_counts_its_epochs_from_its_source():
    rows = Rows("a", log(started("W2_1_J1", "a"), ended("W2_1_J1", outcome(0.5)), started("W1_1_J2", "b")))
    rows.take({"n": 9, "time": "2026-01-02T03:05:00.000+01:00", **ended("W1_1_J2", outcome(0.5, epoch=6))})
    assert [row["epochs"] for row in rows.value()["jobs"]] == [[1, 2], [3, 6]]
    assert rows.value()["best"] == "W2_1_J1", "the earlier of two equal scores"


def test_progress_of_a_running_job(tmp_path):
    assert read_progress(tmp_path) is None
    lines = [{"epoch": n, "max_epoch": 5, "time_s": n} for n in (1, 2, 3)]
    lines[1]["metrics"] = {"dice": 0.5}
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"epoch": 4, "ma')
    progress = read_progress(tmp_path)
    assert progress == Progress(3, 5, 2.0)
    assert read_validations(tmp_path, "dice") == {2: 0.5}
    summary = Rows("a", RUN).value({"W2_2_J3": progress})
    row = summary["jobs"][4]
    assert (row["epoch"], row["max_epoch"], row["time_per_epoch_s"], row["eta_s"]) == (3, 5, 2.0, 4.0)
    assert "running 3/5, 4 s left" in text(summary)
    (tmp_path / "metrics.jsonl").write_text("[]\n[]\n")
    assert read_progress(tmp_path) is None


def test_an_ended_job_keeps_how_far_it_came():
    progress = {"epoch": 3, "max_epoch": 5, "time_per_epoch_s": 2.0}
    stop = {"type": "job_interrupted", "job": "W1_1_J1", "attempt": 1, "reason": "x", "progress": progress}
    events = [started("W1_1_J1", "a"), stop, started("W1_1_J1", "a", attempt=2)]
    events.append({**ended("W1_1_J1", outcome(0.5, epoch=5), attempt=2), "progress": {**progress, "epoch": 5}})
    events += [started("W1_2_J2", "b"), ended("W1_2_J2", outcome(0.5, epoch=2))]
    rows = summarise("a", log(*events))["jobs"]
    kept = [tuple(row[key] for key in ("epoch", "max_epoch", "time_per_epoch_s", "eta_s")) for row in rows]
    assert kept == [(3, 5, 2.0, None), (5, 5, 2.0, None), (2, None, None, None)]


def test_text_has_the_columns_and_the_reasons():
    shown = text(summarise("a", RUN, alive=True))
    assert [word for word in shown.splitlines()[1].split() if word != "|"] == [
        "START",
        "END",
        "ROOT",
        "SCORE",
        "WORKER",
        "STATUS",
    ]
    assert "W2_1_J1 *" in shown
    assert "2026-01-02 03:04:04" in shown
    assert "W1_2_J2: failed: exit code 1" in shown
    assert "1 recommendations were dropped" in shown


@pytest.mark.parametrize("scores", [[], [0.5]])
def test_no_gain_without_both(scores):
    events = log(started("W1_1_J1", "a"), *(ended("W1_1_J1", outcome(score)) for score in scores))
    assert gain(summarise("a", events)) is None


def test_the_summary_is_valid_against_its_schema():
    import jsonschema

    from medl.assets import asset

    schema = json.loads((asset("config") / "summary.schema.json").read_text())
    for alive in (True, False):
        jsonschema.validate(summarise("a", RUN, alive=alive), schema)
    jsonschema.validate(Rows("a", RUN).value({"W2_2_J3": Progress(3, 5, 2.0)}), schema)


def test_the_best_job_may_have_an_attempt_without_a_score():
    stop = {"type": "job_interrupted", "job": "W1_1_J1", "attempt": 1, "reason": "x"}
    again = [started("W1_1_J1", "a", attempt=2), ended("W1_1_J1", outcome(0.5), attempt=2)]
    summary = summarise("r", log(started("W1_1_J1", "a"), stop, *again))
    assert best_lines(summary)[0] == "best: W1_1_J1, score 0.5000, no baseline to compare with"


def test_the_best_jobs_lines():
    row = {
        "job": "W1_1_J1",
        "status": "ok",
        "score": 0.75,
        "values": {"net.enum.train.model$0:act,deep": ["relu", True]},
    }
    lines = best_lines({"best": "W1_1_J1", "jobs": [row]})
    assert lines[0] == "best: W1_1_J1, score 0.7500, no baseline to compare with"
    assert lines[1].strip() == "with act relu, deep true"
    assert best_lines({"best": None, "jobs": [{**row, "score": None}]}) == []


def goals_run(*objectives, outcomes):
    first, asked, *_ = log()
    goals = goals_to_json(Goals(objectives))
    events = [{**first, "goals": goals}, asked]
    for number, (trial, more) in enumerate(outcomes):
        job = f"W1_{number + 1}_J{number}"
        values = more.get("values", {})
        minimize = [o.metric for o in objectives if o.mode == "min" and o.metric in values]
        result = {"status": "ok", "epoch": 2, "reason": "", "values": {}, "minimize": minimize, **more}
        events += [started(job, trial), ended(job, result)]
    return [{"time": f"2026-01-02T03:04:{n:02}.000+01:00", **event} for n, event in enumerate(events)]


def test_the_best_of_an_objective_that_is_to_be_small():
    outcomes = [
        ("baseline", {"values": {"hd95": 4.0}}),
        ("a", {"values": {"hd95": 2.5}}),
        ("b", {"values": {"hd95": 3.0}}),
    ]
    summary = summarise("a", goals_run(Objective("hd95", "min"), outcomes=outcomes))
    assert (summary["best"], summary["jobs"][1]["score"], summary["jobs"][1]["objectives"]) == (
        "W1_2_J1",
        -2.5,
        {"hd95": 2.5},
    )
    assert gain(summary) == 1.5
    assert best_lines(summary)[0] == "best: W1_2_J1, hd95 2.5000, -1.5000 against the baseline"
    shown = text(summary)
    assert "hd95" in shown.splitlines()[1]
    assert "SCORE" not in shown
    assert " 2.5000 " in shown


def test_several_objectives_have_a_front_and_a_volume_and_rejected_rows_say_why():
    objectives = Objective("dice", reference=0.5), Objective("hd95", "min")
    outcomes = [
        ("baseline", {"values": {"dice": 0.6, "hd95": 5.0}}),
        ("a", {"values": {"dice": 0.9, "hd95": 4.0}}),
        ("b", {"values": {"dice": 0.7, "hd95": 2.0}}),
        ("c", {"status": "rejected", "reason": "params_m is 7", "violations": {"params_m": 2.0}, "epoch": None}),
    ]
    summary = summarise("a", goals_run(*objectives, outcomes=outcomes))
    assert summary["objectives"] == [{"metric": "dice", "mode": "max"}, {"metric": "hd95", "mode": "min"}]
    assert summary["pareto"]["front"] == ["W1_2_J1", "W1_3_J2"]
    assert summary["pareto"]["reference"] == {"dice": 0.5, "hd95": 5.0}
    assert summary["pareto"]["hypervolume"] == pytest.approx(0.4 * 1 + 0.2 * 2)
    assert summary["best"] == "W1_2_J1"
    rejected = summary["jobs"][3]
    assert (rejected["status"], rejected["violations"], rejected["score"]) == ("rejected", {"params_m": 2.0}, None)
    shown = text(summary)
    assert "W1_2_J1 *" in shown
    assert "W1_3_J2 *" in shown
    assert "W1_4_J3: rejected: params_m is 7" in shown
    assert "Pareto front: W1_2_J1, W1_3_J2; hypervolume 0.8 from dice 0.5, hd95 5" in "\n".join(best_lines(summary))
    import jsonschema

    from medl.assets import asset

    jsonschema.validate(summary, json.loads((asset("config") / "summary.schema.json").read_text()))


def test_an_early_stop_is_told_in_its_row():
    report = {"type": "job_reported", "job": "W1_1_J1", "attempt": 1, "epoch": 3, "values": {"dice": 0.1}}
    stop = {**report, "decision": "stop", "reason": "its best is poor"}
    summary = Rows("a", log(started("W1_1_J1", "a"), stop, ended("W1_1_J1", outcome(0.1, epoch=3)))).value()
    [row] = summary["jobs"]
    assert (row["status"], row["reason"]) == ("ok", "stopped early after epoch 3: its best is poor")
    assert "W1_1_J1: ok: stopped early after epoch 3: its best is poor" in text(summary)


def test_warnings_of_the_beginning_stand_below_the_table() -> None:
    started = {"type": "run_started", "n": 1, "time": "2026-01-01T00:00:00+00:00", "space": [], "warnings": ["mind it"]}
    value = Rows("a", [started]).value()
    assert value["warnings"] == ["mind it"]
    assert text(value).splitlines()[-1] == "note: mind it"
    assert Rows("a", [{**started, "warnings": []}]).value()["warnings"] == []

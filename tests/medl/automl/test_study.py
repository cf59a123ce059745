"""The mirror opens in Optuna and shows what happened."""

from __future__ import annotations

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from medl.automl.defs import FloatRange, ParameterRange, SearchSpace
from medl.automl.events import space_to_json
from medl.automl.study import AnothersStudy, DamagedJournal, rebuild

LR, NET = "lr.float.$0:lr", "net.enum.train.model$0:act"
SPACE = SearchSpace(
    (
        ParameterRange(LR, "lr", "float", ("lr",), (FloatRange(0.0, 1.0),)),
        ParameterRange(NET, "net", "enum", ("act",), (([1, 2],), ("prelu",))),
    )
)


def started(job, trial, attempt=1):
    return {
        "type": "job_started",
        "job": job,
        "trial": trial,
        "attempt": attempt,
        "worker": "W1",
        "values": {LR: [0.5]},
    }


def ended(job, status="ok", **values):
    return {"type": "job_ended", "job": job, "outcome": {"status": status, "values": values, "epoch": 2, "reason": ""}}


EVENTS = [
    {"n": number, "time": f"2026-01-02T03:04:{number:02}.000+00:00", **event}
    for number, event in enumerate(
        [
            {"type": "run_started", "space": space_to_json(SPACE), "baseline": True},
            {
                "type": "recommended",
                "after": None,
                "recommendations": [{"id": name, "values": {LR: 0.25, NET: 1}} for name in ("a", 2, "c", "d")],
            },
            started("W1_1_J0", "baseline"),
            ended("W1_1_J0", dice=0.5),
            started("W1_2_J1", "a"),
            ended("W1_2_J1", dice=0.75),
            started("W1_3_J2", 2),
            ended("W1_3_J2", "failed"),
            started("W1_4_J3", "c"),
            {"type": "job_interrupted", "job": "W1_4_J3", "attempt": 1},
            {"type": "run_resumed"},
            started("W1_4_J3", "c", 2),
            ended("W1_4_J3", dice=0.25),
            started("W1_5_J4", "d"),
        ]
    )
]


def validations(job, metric):
    return {1: 0.1, 2: 0.75} if (job, metric) == ("W1_2_J1", "dice") else {}


def shown(storage):
    study = optuna.load_study(study_name="a", storage=storage)
    return study, [(t.user_attrs["job"], t.state, t.value, t.params) for t in study.trials]


POINT = {LR: 0.25, NET: 1}
EXPECTED = [
    ("W1_1_J0", TrialState.COMPLETE, 0.5, {}),
    ("W1_2_J1", TrialState.COMPLETE, 0.75, POINT),
    ("W1_3_J2", TrialState.FAIL, None, POINT),
    ("W1_4_J3", TrialState.COMPLETE, 0.25, POINT),
    ("W1_5_J4", TrialState.RUNNING, None, POINT),
]


@pytest.mark.parametrize("cut", [0, 2, 5, 9, 12, len(EVENTS)])
def test_rebuilt_live_or_a_part_of_each_is_the_same_study(tmp_path, cut):
    journal = tmp_path / "study.journal"
    mirror = rebuild(EVENTS[:cut], journal, "a", validations=validations)
    for event in EVENTS[cut:]:
        mirror.take(event)
    study, trials = shown(JournalStorage(JournalFileBackend(str(journal))))
    assert trials == EXPECTED
    assert study.best_trial.intermediate_values == {1: 0.1, 2: 0.75}
    assert study.trials[3].user_attrs["attempt"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["study.journal"]


def test_a_rebuilt_study_has_the_times_of_the_run(tmp_path):
    journal = tmp_path / "study.journal"
    rebuild(EVENTS, journal, "a")
    study, _ = shown(JournalStorage(JournalFileBackend(str(journal))))
    assert study.trials[1].duration.total_seconds() == 1.0


def test_a_torn_journal_with_a_stale_lock_is_made_anew(tmp_path):
    journal = tmp_path / "study.journal"
    rebuild(EVENTS[:6], journal, "a")
    journal.write_bytes(journal.read_bytes()[:-5])
    (tmp_path / "study.journal.lock").symlink_to(journal)
    rebuild(EVENTS, journal, "a")
    assert shown(JournalStorage(JournalFileBackend(str(journal))))[1] == EXPECTED


def test_a_storage_url_takes_the_study_and_keeps_those_of_other_runs(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    for _ in range(2):
        rebuild(EVENTS, tmp_path / "run" / "study.journal", "a", storage=url)
    assert shown(url)[1] == EXPECTED
    assert len(optuna.get_all_study_summaries(url)) == 1
    with pytest.raises(AnothersStudy, match="of another run"):
        rebuild(EVENTS, tmp_path / "other" / "study.journal", "a", storage=url)
    assert shown(url)[1] == EXPECTED


def test_a_study_that_somebody_was_killed_while_making_is_made_anew(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    optuna.create_study(study_name="a", storage=url)  # the mark that says whose it is has not come
    rebuild(EVENTS, tmp_path / "run" / "study.journal", "a", storage=url)
    assert shown(url)[1] == EXPECTED


def test_a_study_of_another_run_is_replaced_when_asked(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    rebuild(EVENTS[:6], tmp_path / "run" / "study.journal", "a", storage=url)
    rebuild(EVENTS, tmp_path / "other" / "study.journal", "a", storage=url, replace=True)
    assert shown(url)[1] == EXPECTED


@pytest.mark.parametrize("harm", ["delete", "cut", "replace"])
def test_a_journal_that_is_damaged_meanwhile_is_noticed(tmp_path, harm):
    journal = tmp_path / "study.journal"
    mirror = rebuild(EVENTS[:6], journal, "a")
    if harm == "delete":
        journal.unlink()
    elif harm == "cut":
        journal.write_bytes(journal.read_bytes()[:-20])
    else:
        (tmp_path / "other").write_bytes(journal.read_bytes())
        (tmp_path / "other").rename(journal)
    with pytest.raises(DamagedJournal):
        mirror.take(EVENTS[6])


def test_others_may_add_to_the_journal(tmp_path):
    journal = tmp_path / "study.journal"
    mirror = rebuild(EVENTS[:6], journal, "a")
    storage = JournalStorage(JournalFileBackend(str(journal)))
    optuna.load_study(study_name="a", storage=storage).set_user_attr("note", "of a dashboard")
    for event in EVENTS[6:]:
        mirror.take(event)
    assert shown(JournalStorage(JournalFileBackend(str(journal))))[1] == EXPECTED

"""Validations are found once each, as a training writes them."""

from __future__ import annotations

from medl.automl.defs import Context, Recommendation, SearchResult, SearchSpace
from medl.automl.reporting import Reporting
from medl.automl.worker import Order
from medl.mmar.run_folder import RunFolder
from medl.mmar.stats import METRICS_FILE, append_metrics, clear_stats


def test_new_validations_come_once(tmp_path):
    folder = RunFolder(tmp_path, "a")
    models = folder.job("W1_1_J1").models
    reporting = Reporting(folder)
    order = Order("W1_1_J1", 2, Recommendation("a", SearchResult(SearchSpace(()), {})), Context())
    assert reporting.look(order) == []
    models.mkdir(parents=True)

    def line(epoch, **more):
        append_metrics(models, {"epoch": epoch, "max_epoch": 9, "time_s": 1.0, "losses": {"train_loss": 2.0}, **more})

    line(1)
    line(2, metrics={"dice": 0.25, "hd": 3})
    assert [(r.job, r.attempt, r.epoch, r.values) for r in reporting.look(order)] == [
        ("W1_1_J1", 2, 2, {"dice": 0.25, "hd": 3.0, "train_loss": 2.0})
    ]
    assert reporting.look(order) == []
    with (models / METRICS_FILE).open("a") as stream:
        stream.write('{"epoch": 4, "metrics": {"di')
    assert reporting.look(order) == [], "a line that is being written is not one yet"
    with (models / METRICS_FILE).open("a") as stream:
        stream.write('ce": 0.5}}\n')
    assert [r.epoch for r in reporting.look(order)] == [4]
    reporting.begin("W1_1_J1")
    assert reporting.look(order) == [], "what lies there is of the attempt before"
    clear_stats(models)
    assert reporting.look(order) == []
    line(1, metrics={"dice": 0.5})
    assert [r.epoch for r in reporting.look(order)] == [1], "another attempt begins anew"

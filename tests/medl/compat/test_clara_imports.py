"""Clara's import paths, and code written against them, unchanged."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from medl.automl import api, defs
from medl.automl.console import modules
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, SearchResult
from medl.compat import CLARA_PATH, clara_imports
from medl.testing.dialogue import play, scored
from medl.testing.spaces import MIXED

CODE = Path(__file__).parent / "clara_code"


@pytest.fixture(autouse=True)
def forgotten_modules():
    """Leave no module of Clara's names or of the user code behind."""

    def forget():
        for name in [n for n in sys.modules if n.partition(".")[0] in ("automl", "clara_search", "dlmed", "mlflow")]:
            del sys.modules[name]

    forget()
    yield
    forget()


@pytest.fixture
def clara_search(monkeypatch):
    monkeypatch.syspath_prepend(str(CODE))
    with clara_imports():
        return importlib.import_module("clara_search")


@pytest.mark.parametrize(
    ("module", "name", "same"),
    [
        ("automl.components.controllers.controller", "Controller", api.Controller),
        ("automl.components.executors.executor", "Executor", api.Executor),
        ("automl.components.handlers.handler", "Handler", api.Handler),
        ("automl.defs", "Context", defs.Context),
        ("automl.defs", "ContextKey", defs.ContextKey),
        ("automl.defs", "Outcome", defs.Outcome),
        ("automl.defs", "ProcessStatus", defs.ProcessStatus),
        ("automl.defs", "Recommendation", defs.Recommendation),
        ("automl.defs", "SearchResult", defs.SearchResult),
        ("automl.defs", "SearchSpace", defs.SearchSpace),
        ("automl.defs", "Status", defs.JobStatus),
        ("dlmed.hci.reg", "CommandModule", modules.CommandModule),
        ("dlmed.hci.reg", "CommandModuleSpec", modules.CommandModuleSpec),
        ("dlmed.hci.reg", "CommandSpec", modules.CommandSpec),
        ("medl.apps.automl.constants", "MMARPropKey", defs.ContextKey),
    ],
)
def test_the_names_are_the_very_objects(module, name, same):
    with clara_imports():
        assert getattr(importlib.import_module(module), name) is same


def test_what_is_no_module_of_commands_is_only_traced(tmp_path):
    class MyCommands:
        pass

    ctx = Context()
    ctx.set_trace("file", tmp_path / "trace.txt")
    Context(ctx).add_command_module(MyCommands())
    assert (tmp_path / "trace.txt").read_text().startswith("MyCommands: ")
    assert "no get_spec()" in (tmp_path / "trace.txt").read_text()
    assert not ctx.stop_work_asked()
    with clara_imports():
        assert importlib.import_module("medl.apps.automl.constants").MMARPropKey.EXEC_SUBPROCESS == "_execSubprocess"


@pytest.mark.parametrize(
    ("module", "name", "ours"),
    [
        ("automl.components.handlers.stats_handler", "StatsHandler", "medl.components.handlers.stats_handler"),
        ("medl.apps.automl.mmar_exec", "MMARExecutor", "medl.components.executors.mmar_executor"),
        ("medl.apps.automl.mmar_handler", "MMARHandler", "medl.components.handlers.mmar_handler"),
    ],
)
def test_components_have_their_old_paths(module, name, ours):
    with clara_imports():
        found = importlib.import_module(module)
        assert getattr(found, name) is getattr(importlib.import_module(ours), name)
        with pytest.raises(AttributeError, match="Nothing"):
            found.Nothing  # noqa: B018


def test_the_path_is_there_only_while_user_code_is_loaded():
    before = list(sys.path)
    with clara_imports():
        assert sys.path[-1] == CLARA_PATH
        with clara_imports():
            pass
        importlib.import_module("automl.defs")
    assert sys.path == before
    with pytest.raises(RuntimeError), clara_imports():
        raise RuntimeError
    assert sys.path == before
    del sys.modules["automl"], sys.modules["automl.defs"]
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("automl.defs")


def test_a_later_import_inside_a_method_still_works():
    with clara_imports():
        importlib.import_module("automl.defs")
    assert importlib.import_module("automl.components.handlers.handler").Handler is api.Handler


def test_a_package_of_the_user_with_the_same_name_wins(tmp_path, monkeypatch):
    (tmp_path / "automl.py").write_text("mine = True\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with clara_imports():
        assert importlib.import_module("automl").mine


def test_clara_offers_nothing_else_on_the_path():
    assert {p.name for p in Path(CLARA_PATH).iterdir()} - {"__pycache__", "__init__.py"} == {"automl", "dlmed"}


def test_a_clara_style_controller_runs_unchanged(clara_search):
    controller = clara_search.RandomSearch(max_rounds=5)
    said = play(controller, MIXED, workers=2)
    assert len(controller.best) == len(said.jobs) == 6  # the one that ran beside the fifth was finished
    assert said.stop_message == "RandomSearch: 5 results are in"
    assert all(MIXED.faults(r.result.values) == [] for r in said.recommendations)
    assert all(isinstance(r.id, int) for r in said.recommendations)
    assert sum(entry["score"] is not None for entry in controller.tried.values()) == 6


def test_an_mlflow_logging_handler_runs_unchanged(clara_search, capsys):
    handler, run, job = clara_search.MLflowLogger(), Context(), None
    recommendation = clara_search.RandomSearch(1)
    recommendation.set_search_space(MIXED, run)
    given = recommendation.initial_recommendation(run)
    handler.startup(run)
    handler.start_automl(run)
    run.set_prop(ContextKey.RECOMMENDATIONS, given)
    handler.recommendations_available(run)
    job = Context(run)
    job.set_prop(ContextKey.JOB_NAME, "W1_1_J1")
    job.set_prop(ContextKey.CONCRETE_SEARCH_VALUE, SearchResult(MIXED, given[0].result.values).concrete())
    handler.start_job(job)
    outcome = scored(given[0])
    job.set_prop(ContextKey.JOB_STATUS, JobStatus.OK)
    job.set_prop(ContextKey.SCORE, outcome.score)
    handler.end_job(job)
    failed = Outcome(given[0].id, JobStatus.FAILED)
    job.set_prop(ContextKey.SCORE, failed.score)
    handler.end_job(job)
    handler.end_automl(run)
    handler.shutdown(run)
    runs = sys.modules["mlflow"].RUNS
    assert [r.tags for r in runs] == [{"job": "W1_1_J1"}] * 2
    assert set(runs[0].params) == {"learning_rate", "act", "prob", "dropout"}
    assert runs[0].params["act"] in ("relu", "prelu")
    assert [r.metrics for r in runs] == [{"Acc": outcome.score}, {"Acc": -1000000.0}]
    assert "=> " in handler.seen[0]
    assert "start of W1_1_J1 of 1" in capsys.readouterr().out

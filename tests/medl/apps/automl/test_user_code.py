"""A user's own controller, executor and handlers through the command line: what runs, what is said of errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medl.apps.automl import train

CLARA = Path(__file__).parents[2] / "compat" / "clara_code"

# what is logged is read by the test, in another process
KEPT = """
import atexit, json, os
atexit.register(lambda: open(os.environ["MLFLOW_RUNS"], "w").write(json.dumps([vars(run) for run in RUNS])))
"""


@pytest.fixture(autouse=True)
def forgotten_modules():
    """Leave no module of the user's behind: each call of the command line stands for a new process."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("automl", "mine", "lazy_part", "quick_executor"):
            del sys.modules[name]


def command_line(archive: Any, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "medl.apps.automl.train", "-m", str(archive.root), "--set", "run_id=a", *words]
    env = {**os.environ, **environment}
    return subprocess.run(argv, capture_output=True, text=True, env=env, check=False)


def use(archive: Any, **changes: Any) -> None:
    archive.write("automl", {**archive.read("automl"), "baseline": False, **changes})


def summary(archive: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((archive.run("a") / "summary.json").read_text())
    return value


def search(archive: Any, *words: str, options: tuple[str, ...] = ()) -> int:
    for name in ("mine", "lazy_part", "quick_executor"):
        sys.modules.pop(name, None)
    return train.main(["-m", str(archive.root), *options, "--set", "run_id=a", *words])


@pytest.mark.parametrize("place", ["custom", "PYTHONPATH"])
def test_code_written_for_clara_runs_unchanged(archive, tmp_path, place):
    folder = archive.root / "custom" if place == "custom" else tmp_path / "BYOC"
    folder.mkdir(exist_ok=True)
    (folder / "clara_search.py").write_text((CLARA / "clara_search.py").read_text())
    (folder / "mlflow.py").write_text((CLARA / "mlflow.py").read_text() + KEPT)
    use(
        archive,
        controller={"path": "clara_search.RandomSearch", "args": {"max_rounds": 3}},
        handlers=[{"name": "MMARHandler"}, {"name": "MMARStatsHandler"}, {"path": "clara_search.MLflowLogger"}],
    )
    logged = tmp_path / "mlflow.json"
    environment = {"MLFLOW_RUNS": str(logged)}
    if place == "PYTHONPATH":
        environment["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    done = command_line(archive, "workers=0:1", **environment)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert " raised " not in done.stdout
    value = summary(archive)
    assert value["status"] == "stopped"  # 3 recommendations come after every outcome, until it calls ctx.stop_work
    assert "RandomSearch: 3 results are in" in done.stdout
    scored = [row for row in value["jobs"] if row["status"] == "ok"]
    assert 3 <= len(scored) <= 6, done.stdout  # those that run when it is told of the third may finish
    assert "queued recommendations are dropped" in done.stdout
    runs = json.loads(logged.read_text())
    assert {run["tags"]["job"] for run in runs} == {row["job"] for row in scored}
    for run in runs:
        assert set(run["params"]) == {"learning_rate", "act"}
        assert run["params"]["act"] in ("relu", "prelu")
        row = next(row for row in scored if row["job"] == run["tags"]["job"])
        assert run["metrics"]["Acc"] == pytest.approx(row["score"])
    assert list(archive.run("a").glob("events.out.tfevents.*"))


LAZY = """
import json
from pathlib import Path

from medl.automl.api import Handler

class Lazy(Handler):
    def end_job(self, ctx):
        from automl.defs import ContextKey
        from lazy_part import WORD
        (Path(ctx.get_prop(ContextKey.RUN_ROOT)) / "said.txt").write_text(WORD)
"""


def test_an_import_inside_a_method_finds_claras_names_and_the_users_modules(archive, capsys):
    (archive.root / "custom/mine.py").write_text(LAZY)
    (archive.root / "custom/lazy_part.py").write_text("WORD = 'found'\n")
    use(archive, handlers=[{"path": "mine.Lazy"}])
    before = list(sys.path)
    assert search(archive, "max_rounds=1") == 0
    assert sys.path == before
    assert (archive.run("a") / "said.txt").read_text() == "found", capsys.readouterr().out


KEYS = """
import threading

from medl.automl.api import Controller, Handler
from medl.automl.defs import Recommendation, SearchResult

SEEN, LOCK = {}, threading.Lock()

class Watching(Handler):
    def look(self, event, ctx):
        keys = ["_automlRoot", "_mmarRoot", "_runRoot", "_jobMmarRoot", "_jobName", "_jobStatus", "_jobStartTime",
                "_jobEndTime", "_gpus", "_numWorkers", "_processExitStatus", "_recommendation", "_recommendations",
                "_score", "_searchSpace", "_concreteSearchValue", "_traceDestType", "_traceDestFile", "_outcome"]
        with LOCK:
            SEEN.setdefault(event, {key: ctx.get_prop(key) for key in keys if ctx.get_prop(key) is not None})
    def startup(self, ctx): self.look("startup", ctx)
    def search_space_available(self, ctx): self.look("search_space_available", ctx)
    def recommendations_available(self, ctx): self.look("recommendations_available", ctx)
    def start_job(self, ctx): self.look("start_job", ctx)
    def end_job(self, ctx): self.look("end_job", ctx)

class Indices(Controller):
    def set_search_space(self, space, ctx):
        self.space = space
        SEEN["targets"] = {prl: targets for prl, targets in space.targets.items()}
    def initial_recommendation(self, ctx):
        targets = SEEN["targets"]
        values = {prl: len(found) - 1 if ".enum" in prl else found[0].min for prl, found in targets.items()}
        return [Recommendation(0, SearchResult(self.space, values))]
    def refine_recommendation(self, outcome, ctx):
        SEEN["outcome"] = outcome
        return []
"""


def test_the_contexts_have_the_recorded_keys(archive):
    (archive.root / "custom/mine.py").write_text(KEYS)
    use(archive, handlers=[{"path": "mine.Watching"}], controller={"path": "mine.Indices"})
    assert search(archive, "workers=1:0") == 0
    seen = sys.modules["mine"].SEEN
    run, lr, act = str(archive.run("a")), "lr.float.$0:learning_rate", "net.enum.train.model$0:act"
    assert (seen["targets"][lr][0].min, seen["targets"][lr][0].max) == (0.001, 0.05)
    assert seen["targets"][act] == [["relu"], ["prelu"]]
    main = {
        "_automlRoot": str(archive.root / "automl"),
        "_mmarRoot": str(archive.root),
        "_runRoot": run,
        "_numWorkers": 2,
        "_traceDestType": "file",
    }
    for event in ("startup", "search_space_available", "recommendations_available", "start_job", "end_job"):
        assert {key: seen[event][key] for key in main} == main
        assert seen[event]["_traceDestFile"].startswith(run)
    assert set(seen["search_space_available"]["_searchSpace"].targets) == {lr, act}
    assert [item.id for item in seen["recommendations_available"]["_recommendations"]] == [0]
    start = seen["start_job"]
    assert start["_jobName"] == "W1_1_J1"
    assert start["_gpus"] == [1]
    assert str(start["_jobStatus"]) == "running"
    assert start["_recommendation"].result.values == {lr: 0.001, act: 1}
    assert start["_concreteSearchValue"] == {lr: [0.001], act: ["prelu"]}
    assert len(start["_recommendations"]) == 1
    assert "_score" not in start
    end = seen["end_job"]
    assert end["_score"] == pytest.approx(0.5 + 0.001 + 0.2)
    assert str(end["_jobStatus"]) == "ok"
    assert end["_processExitStatus"] == 0
    assert end["_jobMmarRoot"] == str(Path(run) / "W1_1_J1")
    assert end["_jobEndTime"] >= end["_jobStartTime"]
    assert seen["outcome"].recommendation_id == 0
    assert seen["outcome"].score == end["_score"]


@pytest.mark.parametrize(
    ("words", "console", "file"),
    [
        (["traceout=console"], True, False),
        (["traceout=file"], False, True),
        (["traceout=both"], True, True),
        ([], False, True),
    ],
)
def test_the_trace_goes_where_it_is_asked_to(archive, capsys, words, console, file):
    use(archive, handlers=[{"name": "StatsHandler"}])
    assert search(archive, "max_rounds=1", *words) == 0
    line = "StatsHandler: job=W1_1_J1 status=ok val_mean_dice="
    assert (line in capsys.readouterr().out) is console
    traces = [path.read_text() for path in archive.run("a").glob("trace*")]
    assert any(line in text for text in traces) is file
    assert len(traces) == file


# Exceptions -----------------------------------------------------------------------------------------------------------

BROKEN = """
from medl.automl.api import Controller, Executor, Handler
from medl.automl.defs import Recommendation, SearchResult
from quick_executor import QuickExecutor

def fail(place):
    return {}[place]

class MyController(Controller):
    def __init__(self, fail_in="", count=2):
        self.fail_in, self.count, self.given = fail_in, count, 0
        self.check("__init__")
    def check(self, method):
        if method == self.fail_in:
            fail(method)
    def set_search_space(self, space, ctx):
        self.check("set_search_space")
        self.space = space
    def next(self):
        self.given += 1
        values = {p.prl: 0 if p.kind == "enum" else p.targets[0].min for p in self.space.parameters}
        return [Recommendation(self.given, SearchResult(self.space, values))]
    def initial_recommendation(self, ctx):
        self.check("initial_recommendation")
        return self.next()
    def refine_recommendation(self, outcome, ctx):
        self.check("refine_recommendation")
        return self.next() if self.given < self.count else []
    def needs(self):
        self.check("needs")
        return ()
    def shutdown(self, ctx):
        self.check("shutdown")

class MyExecutor(QuickExecutor):
    def __init__(self, fail_in="", **args):
        super().__init__(**args)
        self.fail_in = fail_in
    def determine_search_space(self, ctx):
        if self.fail_in == "determine_search_space":
            fail("determine_search_space")
        return super().determine_search_space(ctx)
    def execute(self, recommendation, ctx):
        if self.fail_in == "execute":
            fail("execute")
        return super().execute(recommendation, ctx)

class MyHandler(Handler):
    def __init__(self, fail_in=""):
        if fail_in:
            setattr(self, fail_in, self.broken)
    def broken(self, ctx):
        raise SystemExit("MyHandler is done")
"""
FAIL_LINE = next(n for n, line in enumerate(BROKEN.splitlines(), start=1) if "return {}[place]" in line)


@pytest.fixture
def broken(archive):
    (archive.root / "custom/mine.py").write_text(BROKEN)

    def make(part: str, method: str) -> Any:
        controller: dict[str, Any] = {"path": "mine.MyController", "args": {}}
        executor: dict[str, Any] = {"path": "mine.MyExecutor", "args": {"poll_interval": 0.05}}
        handler: dict[str, Any] = {"path": "mine.MyHandler", "args": {}}
        {"controller": controller, "executor": executor, "handler": handler}[part]["args"]["fail_in"] = method
        use(archive, controller=controller, executor=executor, handlers=[handler])
        return archive

    return make


@pytest.mark.parametrize(
    ("part", "method"),
    [
        ("controller", "__init__"),
        ("controller", "set_search_space"),
        ("controller", "initial_recommendation"),
        ("executor", "determine_search_space"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_an_exception_before_the_first_job_is_exit_2_with_its_place(broken, capsys, part, method, options):
    archive = broken(part, method)
    if options and part == "executor":
        return  # a dry run asks the archive, not the executor
    assert search(archive, options=options) == 2
    said = capsys.readouterr()
    assert f"My{part.capitalize()}.{method} raised KeyError: '{method}'" in said.err
    assert f"custom/mine.py:{FAIL_LINE})" in said.err
    assert "Traceback" not in said.err + said.out
    assert "No job was started" in said.err or "othing was started" in said.err
    assert not list(archive.run("a").glob("W*"))


def test_an_exception_after_a_job_stops_what_is_next_and_is_no_success(broken, capsys):
    archive = broken("controller", "refine_recommendation")
    assert search(archive) == 1
    said = capsys.readouterr().out
    line = next(line for line in said.splitlines() if "MyController.refine_recommendation raised" in line)
    assert f"custom/mine.py:{FAIL_LINE})" in line
    assert "the run goes on" in line
    assert summary(archive)["status"] == "failed"
    broken("controller", "")
    archive.write(
        "automl",
        {
            **archive.read("automl"),
            "controller": {"path": "mine.MyController", "args": {"fail_in": "refine_recommendation"}},
        },
    )
    (archive.root / "custom/mine.py").write_text(BROKEN.replace('self.check("refine_recommendation")', "pass"))
    assert search(archive) == 0
    assert [row["status"] for row in summary(archive)["jobs"]] == ["ok", "ok"]


@pytest.mark.parametrize("method", ["needs", "shutdown"])
def test_where_the_controller_is_not_needed_the_run_goes_on(broken, capsys, method):
    assert search(broken("controller", method)) == 0
    said = capsys.readouterr().out
    assert f"MyController.{method} raised KeyError: '{method}'" in said
    assert f"custom/mine.py:{FAIL_LINE}); " in said


def test_an_exception_in_execute_ends_its_job_only(broken, capsys):
    archive = broken("executor", "execute")
    assert search(archive) == 3
    rows = summary(archive)["jobs"]
    assert [row["status"] for row in rows] == ["failed", "failed"]
    assert rows[0]["reason"].startswith("MyExecutor.execute raised KeyError: 'execute' (")
    assert f"custom/mine.py:{FAIL_LINE})" in rows[0]["reason"]
    assert "only this job ends" in capsys.readouterr().out
    traces = "".join(path.read_text() for path in archive.run("a").glob("trace*"))
    assert "Traceback" in traces


@pytest.mark.parametrize(
    "method",
    [
        "startup",
        "start_automl",
        "search_space_available",
        "recommendations_available",
        "start_job",
        "end_job",
        "outcome_recorded",
        "end_automl",
        "shutdown",
    ],
)
def test_an_exception_in_a_handler_is_told_and_the_run_goes_on(broken, capsys, method):
    archive = broken("handler", method)
    assert search(archive) == 0
    said = capsys.readouterr().out
    line = next(
        line for line in said.splitlines() if f"MyHandler.{method} raised SystemExit: MyHandler is done" in line
    )
    assert "custom/mine.py:" in line
    assert line.endswith("; the run goes on") or line.endswith("; the run ends all the same")
    assert [row["status"] for row in summary(archive)["jobs"]] == ["ok", "ok"]


OWN_SPACE = """
from medl.automl.api import Executor
from medl.automl.defs import FloatRange, ParameterRange, SearchSpace

class Parabola(Executor):
    def determine_search_space(self, ctx):
        return SearchSpace((ParameterRange("net.float.$0:x", "net", "float", ("x",), (FloatRange(-1.0, 1.0),)),))
    def execute(self, recommendation, ctx):
        (x,) = recommendation.result.values.values()
        return 1.0 - x * x
"""


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_an_executor_may_have_a_space_of_its_own(archive, capsys, options):
    config = archive.read("train")
    del config["search"], config["train"]["model"]["search"]
    archive.write("train", config)
    (archive.root / "custom/mine.py").write_text(OWN_SPACE)
    use(archive, executor={"path": "mine.Parabola"}, controller={"name": "GridController", "args": {"points": 3}})
    assert search(archive, options=options) == 0
    assert "x" in capsys.readouterr().out
    if not options:
        assert [row["score"] for row in summary(archive)["jobs"]] == [0.0, 1.0, 0.0]


PAIRS = """
from medl.automl.api import Controller
from medl.automl.defs import Recommendation, SearchResult

class Pairs(Controller):
    def __init__(self, max_rounds):
        self.rounds, self.given = max_rounds, 0
    def set_search_space(self, space, ctx):
        self.space = space
    def initial_recommendation(self, ctx):
        values = {p.prl: 0 if p.kind == "enum" else p.targets[0].min for p in self.space.parameters}
        return [Recommendation(n, SearchResult(self.space, values)) for n in range(2 * self.rounds)]
    def refine_recommendation(self, outcome, ctx):
        return []
"""


@pytest.mark.parametrize(("words", "jobs"), [([], 4), (["max_rounds=1"], 1)])
def test_what_max_rounds_means_is_for_the_users_controller_to_say_and_on_the_command_line_a_cap(archive, words, jobs):
    (archive.root / "custom/mine.py").write_text(PAIRS)
    use(archive, controller={"path": "mine.Pairs", "args": {"max_rounds": 2}})
    assert search(archive, *words) == 0
    assert len(summary(archive)["jobs"]) == jobs

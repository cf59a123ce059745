"""docs/your_own.md: every class on the page is written out and run as it stands there."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from medl.automl.assemble import assemble, automl_problems
from medl.automl.defs import Context, ContextKey
from medl.automl.engine import Engine
from medl.automl.worker_spec import parse_workers
from medl.mmar.run_folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "your_own.md"
_BLOCK = re.compile(r"`((?:custom|config)/[\w./]+)`[^\n]*:\n\n```(?:python|json)\n(.*?)```", re.DOTALL)


def blocks() -> dict[str, str]:
    found = dict(_BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    assert len(found) == 10
    return found


@pytest.fixture
def archive(tmp_path):
    """An archive with the page's files; its modules are forgotten afterwards."""
    for name, text in blocks().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    before, path = set(sys.modules), list(sys.path)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def search(archive: Path, config: dict, run_id: str = "a", workers: str = "0:1"):
    """Run a search with what the config names; returns its result and what was said."""
    parts = assemble(config, "config_automl.json", archive / "custom")
    folder, said, ctx = RunFolder(archive / "automl", run_id), [], Context()
    ctx.set_prop(ContextKey.MMAR_ROOT, str(archive))
    ctx.set_prop(ContextKey.RUN_ROOT, str(folder.root))
    result = Engine(
        folder=folder,
        workers=parse_workers(workers),
        controller=parts.controller,
        executor=parts.executor,
        handlers=parts.handlers,
        ctx=ctx,
        fingerprint="docs",
        say=said.append,
    ).run()
    return result, said, parts


def test_the_classes_have_at_most_30_lines():
    for name, text in blocks().items():
        if name.endswith(".py") and "class " in text:
            lines = [line for line in text[text.index("class ") :].splitlines() if line.strip()]
            assert len(lines) <= 30, name


def test_the_search_of_the_page_runs(archive):
    config = json.loads((archive / "config" / "config_automl.json").read_text())
    result, said, _ = search(archive, config, workers="0")  # one worker: the order of outcomes is always the same
    assert result.status == "finished", said
    assert result.exit_code == 0
    rows = list(csv.reader((archive / "automl" / "a" / "results.csv").open()))
    assert len(rows) == 20
    assert {row[1] for row in rows} == {"ok"}
    assert all(row[3].startswith("x=") and row[4] in ("act=relu", "act=prelu") for row in rows)
    scores = [float(row[2]) for row in rows]
    assert max(scores) > 0.95
    assert max(job["score"] for job in result.summary["jobs"]) == pytest.approx(max(scores))


def test_the_function_of_the_page_is_searched(archive):
    config = json.loads((archive / "config" / "config_curves.json").read_text())
    assert automl_problems(config, "config/config_curves.json", archive / "custom") == []
    result, said, _ = search(archive, config)
    assert result.status == "finished", said
    assert len(result.summary["jobs"]) == 12
    assert 0.5 < max(job["score"] for job in result.summary["jobs"]) < 0.9


def test_a_controller_alone_of_ones_own_has_no_problem(archive):
    name = "config/config_narrowing.json"
    config = json.loads((archive / name).read_text())
    assert automl_problems(config, name, archive / "custom") == []


def test_the_contract_tests_of_the_page_pass(archive):
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(archive),
            "custom/test_mine.py",
        ],
        cwd=archive,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", run.stdout).group(1)) > 150


def test_the_loss_of_the_page_learns(archive):
    torch = pytest.importorskip("torch")
    from medl.conf.catalogue import Catalogue
    from medl.conf.component import class_of, user_folders

    text = PAGE.read_text(encoding="utf-8")
    spec = json.loads("{" + re.search(r'```json\n("loss".*?)```', text, re.DOTALL).group(1) + "}")["loss"]
    made = class_of(spec, catalogue=Catalogue.load(), folders=user_folders(archive / "custom"), role="loss")
    loss = made(**spec["args"])
    logits = torch.zeros(2, 3, 4, 4, 4, requires_grad=True)
    label = torch.randint(0, 3, (2, 1, 4, 4, 4), generator=torch.Generator().manual_seed(0))
    first = loss(logits, label)
    first.backward()
    with torch.no_grad():
        moved = logits - 50 * logits.grad
    assert loss(moved, label) < first


def test_code_written_for_clara_runs_in_the_engine(archive):
    code = ROOT / "tests" / "medl" / "compat" / "clara_code"
    for source in code.glob("*.py"):
        (archive / "custom" / source.name).write_text(source.read_text())
    config = {
        "controller": {"path": "clara_search.RandomSearch", "args": {"max_rounds": 5}},
        "executor": {"path": "parabola.ParabolaExecutor"},
        "handlers": [{"path": "clara_search.MLflowLogger"}],
    }
    before = sys.modules.pop("mlflow", None)
    try:
        result, said, parts = search(archive, config, "clara")
        logged = sys.modules["mlflow"].RUNS
    finally:
        sys.modules.pop("mlflow", None)
        if before is not None:
            sys.modules["mlflow"] = before
        for name in [n for n in sys.modules if n.partition(".")[0] == "automl"]:
            del sys.modules[name]
    assert result.exit_code == 0, said
    done = [job for job in result.summary["jobs"] if job["status"] == "ok"]
    assert 5 <= len(done) < len(result.summary["jobs"]), said  # those that run when it stops may finish
    assert len(parts.controller.best) == len(done)
    assert sorted(run.tags["job"] for run in logged) == sorted(job["job"] for job in done)
    assert all(set(run.params) == {"x", "act"} for run in logged)
    assert not [line for line in said if "Traceback" in line]

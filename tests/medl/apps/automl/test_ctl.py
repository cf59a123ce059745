"""One command from the shell, and the prompt, against a real console."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from medl.apps.automl import admin, ctl
from medl.apps.main import main as medl
from medl.automl.console.board import Board
from medl.automl.console.console import Console
from medl.automl.console.orders import Orders
from medl.automl.console.settings import ConsoleSettings
from medl.automl.core import Core
from medl.automl.crew import Crew
from medl.automl.defs import Context
from medl.automl.lock import hold
from medl.automl.summary import Rows
from medl.components.executors.function_executor import FunctionExecutor
from medl.mmar.archive import create
from medl.mmar.run_folder import RunFolder

STARTED = {"type": "run_started", "time": "2026-01-01T10:00:00+00:00", "max_rounds": None}
WORKERS = [{"name": "W1", "slots": [0]}, {"name": "W2", "slots": [2, 3]}]
JOB = {"type": "job_started", "job": "W1_1_J1", "trial": "t0", "worker": "W1", "attempt": 1, "values": {}}


class Run:
    """A run that stands still but for what its console is told; its loop is the server's thread."""

    def __init__(self, root):
        self.root, self.events, self.ctx = root, [], Context()
        self.folder = RunFolder(root / "automl", "a")
        self.folder.root.mkdir(parents=True)
        self.folder.events.touch()
        self.core, self.board = Core(), Board(Rows("a"))
        crew = Crew((), FunctionExecutor(lambda values: 1.0), (), lambda *_: None)
        orders = Orders(self.core, crew, self.ctx, self.record, lambda line: None)
        self.console = Console(
            ConsoleSettings(port=0),
            self.folder,
            self.board,
            orders,
            self.ctx,
            wake=lambda: self.console.attend(),
            say=print,
        )
        self.record({**STARTED, "workers": WORKERS, "space": []})
        self.record({"type": "recommended", "after": None, "recommendations": [{"id": "t0", "values": {}}]})
        self.record(JOB)

    def record(self, event):
        event = {"time": STARTED["time"], **event}
        self.events.append(event["type"])
        self.core.replay(event)
        self.board.take(event)


@pytest.fixture
def run(tmp_path, capsys):
    made = Run(create(tmp_path / "an archive").root)
    with hold(made.folder.lock):
        made.console.open()
        capsys.readouterr()
        yield made
        made.console.close()


def test_one_command(run, capsys):
    assert ctl.main(["-m", str(run.root), "run_id=a", "list_workers"]) == 0
    assert capsys.readouterr().out.splitlines()[3:5] == [
        "| W1   | 0    | busy  | 1    |",
        "| W2   | 2,3  | idle  | 0    |",
    ]


def test_through_medl_and_without_the_runs_name(run, capsys):
    assert medl(["automl", "ctl", "-m", str(run.root), "suspend_worker", "W2"]) == 0
    assert "W2 is suspended" in capsys.readouterr().out
    assert run.events[-1] == "worker_suspended" and run.core.suspended == {"W2"}
    assert medl(["automl", "ctl", "-m", str(run.root), "stop"]) == 0
    assert run.ctx.get_stop_message() == "console: stop"


def test_what_is_refused_has_another_exit_code(run, capsys):
    assert ctl.main(["-m", str(run.root), "suspend_worker", "W7"]) == 1
    said = capsys.readouterr()
    assert said.out == "" and "Known: W1, W2" in said.err


def test_as_json(run, capsys):
    assert ctl.main(["-m", str(run.root), "--json", "list_jobs"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["ok"] is True and reply["parts"][0]["rows"] == [["W1_1_J1", "t0", "W1", "running", "-", ""]]


def test_options_may_stand_anywhere(run, capsys):
    assert ctl.main(["run_id=a", "-m", str(run.root), "list_jobs", "--json", "running"]) == 0
    assert json.loads(capsys.readouterr().out)["parts"][0]["rows"][0][0] == "W1_1_J1"


def test_the_archive_is_the_folder_or_mmar_root(run, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(run.root)
    assert ctl.main(["show_worker", "W1"]) == 0
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MMAR_ROOT", str(run.root))
    assert ctl.main(["show_job", "J1"]) == 0
    assert ctl.main(["--file", str(run.console.file), "summary"]) == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["run_id=b", "list_workers"], "no run of that name"),
        (["run_id=../a", "list_workers"], "run_id is a name"),
        (["run_id=a"], "say a command"),
        (["--port", "1", "--host", "127.0.0.1", "list_workers"], "nobody answers"),
        (["--file", "/nowhere/console.json", "list_workers"], "not there"),
    ],
)
def test_what_cannot_be_asked(run, capsys, words, why):
    assert ctl.main(["-m", str(run.root), *words]) == 2
    assert why in capsys.readouterr().err


def test_a_run_that_is_over(run, capsys):
    run.console.close()
    assert ctl.main(["-m", str(run.root), "run_id=a", "list_workers"]) == 2
    assert "no console at this moment" in capsys.readouterr().err


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as ended:
        ctl.main(["--help"])
    assert ended.value.code == 0
    assert "show_worker WORKER" in capsys.readouterr().out


def prompt(run, text, *words):
    argv = [sys.executable, "-m", "medl.apps.automl.admin", "-m", str(run.root), *words]
    return subprocess.run(
        argv, input=text, capture_output=True, text=True, timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )


def test_the_prompt_reads_a_pipe(run):
    done = prompt(run, "list_workers\n\n? show_worker\nshow_worker W1\nresume_worker W2\nbye\nstop\n", "--prompt")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Admin Server: 127.0.0.1 on port ")
    assert "usage: show_worker WORKER" in done.stdout and "| JOB     | W1_1_J1 " in done.stdout
    assert "W2 was not suspended" in done.stdout
    assert run.ctx.get_stop_message() is None  # nothing is read after bye


def test_the_prompt_says_what_is_wrong_and_goes_on(run):
    done = prompt(run, "list_worker\nshow_worker 'W1\nshow_worker W7\nhelp nonsense\n!ls\nlist_jobs")
    assert done.returncode == 1
    assert 'Did you mean "list_workers"?' in done.stderr and "No closing quotation" in done.stderr
    assert "W1_1_J1" in done.stdout


def test_the_prompt_as_a_person_uses_it(run, capsys, monkeypatch):
    from medl.automl.console.client import Client
    from medl.automl.console.door import read_door

    with Client(read_door(run.console.file)) as client:
        typed = admin.Prompt(client)
        typed.asks = True
        answers = iter(["n", "yes"])
        monkeypatch.setattr("builtins.input", lambda text: next(answers))
        assert not typed.onecmd("stop") and run.ctx.get_stop_message() is None
        assert not typed.onecmd("stop") and run.ctx.get_stop_message() == "console: stop"
        typed.onecmd("?")
        listed = capsys.readouterr().out
        assert all(name in listed for name in ("list_workers", "abort_worker", "tail JOB [LINES]", "bye", "lpwd"))
        assert typed.completenames("s") == ["show_worker", "suspend_worker", "stop", "summary", "show_job"]
        assert typed.completedefault("W", "show_worker W", 12, 13) == ["W1", "W2"]
        assert typed.completedefault("", "tail ", 5, 5) == ["W1_1_J1"]
        assert typed.onecmd("bye") and typed.onecmd("EOF")
        assert typed.exit_code == 0
        run.console.close()
        assert typed.onecmd("list_workers") and typed.exit_code == 1
    assert "hung up" in capsys.readouterr().err


def test_ctrl_c_at_the_prompt(run, monkeypatch):
    monkeypatch.setattr(admin.Prompt, "cmdloop", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    assert admin.main(["-m", str(run.root)]) == 130

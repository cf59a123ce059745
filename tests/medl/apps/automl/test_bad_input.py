"""Wrong workers, paths, args and recommendations through the command line: one message each, exit 2, no job."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from medl.apps.automl import train

MINE = """
from subprocess import Popen

from medl.automl.api import Controller, Handler
from medl.automl.defs import Recommendation, SearchResult

NUMBER = 3

def function():
    pass

class Own:
    pass

class Listener(Handler):
    pass

class Unfinished(Controller):
    def set_search_space(self, space, ctx):
        pass

class Mine(Controller):
    def __init__(self, what="", factor=1.0):
        self.what, self.factor = what, factor + 0.0
    def set_search_space(self, space, ctx):
        if self.what == "refuses":
            raise ValueError("only enums please")
        if self.what == "stops":
            ctx.stop_work(self, "too small")
        self.space = space
    def initial_recommendation(self, ctx):
        values = {p.prl: 0 if p.kind == "enum" else p.targets[0].min for p in self.space.parameters}
        first, *rest = values
        if self.what == "nothing":
            return []
        if self.what == "none":
            return None
        if self.what == "outside":
            values[first] = 7.0
        if self.what == "missing":
            del values[first]
        if self.what == "choice":
            values[rest[0]] = 2
        if self.what == "text":
            return ["a"]
        made = Recommendation("a", SearchResult(self.space, values))
        if self.what == "single":
            return made
        return [made, made] if self.what == "twice" else [made]
    def refine_recommendation(self, outcome, ctx):
        return []
"""


@pytest.fixture
def refused(archive, capsys, monkeypatch):
    """Return a function that runs a search, checks that it is refused before any job, and returns the message."""
    (archive.root / "custom/mine.py").write_text(MINE)
    (archive.root / "custom/broken_module.py").write_text(
        "import os\n\nVALUE = os.environ['NO_SUCH_VARIABLE']\nclass Mine: ...\n"
    )
    (archive.root / "custom/leaving_module.py").write_text("import sys\nsys.exit(0)\nclass Mine: ...\n")
    (archive.root / "custom/bad_syntax.py").write_text("class Mine:\n    def\n")
    monkeypatch.delenv("NO_SUCH_VARIABLE", raising=False)

    def run(*words: str, problems: int = 1, **automl: Any) -> str:
        for name in ("mine", "broken_module", "leaving_module", "quick_executor"):
            sys.modules.pop(name, None)
        archive.write("automl", {**archive.read("automl"), **automl})
        assert train.main(["-m", str(archive.root), "--set", "run_id=a", *words]) == 2
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        if "nothing was started" in said.err:
            assert f"{problems} problem{'s' * (problems != 1)}; nothing was started" in said.err
        assert not archive.run("a").exists() or not list(archive.run("a").glob("W*"))
        return said.err

    yield run
    for name in ("mine", "broken_module", "leaving_module"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("0,,1", '"0,,1"'),
        ("0:", '""'),
        ("a:1", '"a"'),
        ("-1", '"-1"'),
        ("0,0", "twice"),
        ("", '""'),
        ("0;1", '"0;1"'),
        ("no-such-host.invalid/0", '"no-such-host.invalid"'),
    ],
)
def test_workers(refused, spec, said):
    error = refused(f"workers={spec}")
    assert "--set: workers" in error
    assert said in error


def test_each_wrong_worker_is_told(refused):
    assert refused("workers=a:b", problems=2).count("--set: workers") == 2


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no_such_module.Mine", "custom/"),
        ("mine.Mnie", 'has no "Mnie". Did you mean "mine.Mine"'),
        ("Mine", 'path is "module.Class"'),
        ("mine.", "path"),
        ("subprocess.Popen", "custom/"),
        ("os.system", "custom/"),
        ("mine.function", "has to be a controller, a class, but it is a function"),
        ("mine.NUMBER", "a component is a class or a function"),
        ("mine.Own", "no subclass of medl.automl.api.Controller"),
        ("mine.Listener", "has to be a controller, but it is a handler"),
        ("mine.Unfinished", "so it has to define initial_recommendation and refine_recommendation"),
        ("broken_module.Mine", "custom/broken_module.py:3)"),
        ("leaving_module.Mine", "custom/leaving_module.py:2)"),
        ("bad_syntax.Mine", "line 2"),
        ("medl.components.handlers.stats_handler.StatsHandler", "has to be a controller, but it is a handler"),
    ],
)
def test_paths(refused, path, said):
    error = refused(controller={"path": path})
    assert "config/config_automl.json: controller.path" in error
    assert said in error


def test_a_program_that_the_users_module_imports_is_no_component(refused, tmp_path):
    touched = tmp_path / "touched"
    error = refused(controller={"path": "mine.Popen", "args": {"args": ["touch", str(touched)]}})
    assert "mine.Popen has to be a controller, but it is no subclass of medl.automl.api.Controller" in error
    assert not touched.exists()


@pytest.mark.parametrize(
    ("args", "place", "said"),
    [
        ({"wht": 1}, "controller.args.wht", "what"),
        ({"factor": "two"}, "controller.args", "Mine.__init__ raised TypeError"),
        ([1], "controller.args", "object"),
    ],
)
def test_args(refused, args, place, said):
    error = refused(controller={"path": "mine.Mine", "args": args})
    assert f"config/config_automl.json: {place}" in error
    assert said in error


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("nothing", "Mine.initial_recommendation gave back nothing to run."),
        ("none", "Mine.initial_recommendation gave back nothing to run."),
        (
            "outside",
            "recommendation 'a': lr.float.$0:learning_rate: the value must be between 0.001 and 0.05, but got 7.0",
        ),
        ("choice", "recommendation 'a': net.enum.train.model$0:act: the index must be between 0 and 1, but got 2"),
        ("missing", "lr.float.$0:learning_rate: no value given"),
        ("twice", "recommendation 'a': this id was already used in the same call"),
        ("text", "gave back 'a', which is no recommendation"),
        ("single", "has to give back a list of recommendations"),
        ("refuses", "Mine cannot search this space: only enums please"),
        ("stops", "Mine: too small"),
    ],
)
def test_recommendations(refused, what, said):
    error = refused(controller={"path": "mine.Mine", "args": {"what": what}})
    assert said in error
    assert "No job was started" in error
    assert len(error.splitlines()) == 1

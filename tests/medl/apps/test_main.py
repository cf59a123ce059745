from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import medl
from medl.apps.main import MODULES, VERBS, main

COMMANDS = {path.stem for path in (Path(__file__).parents[3] / "commands").glob("*.sh")}


def call(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "medl.apps.main", *words], capture_output=True, text=True)


def test_usage_names_the_commands(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in ("new", "check", "data", "train", "automl", "summary", "infer"))
    assert main([]) == 2


def test_the_version(capsys):
    assert main(["--version"]) == 0 and medl.__version__ in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name, (module, _) in MODULES.items() if find_spec(module)])
def test_each_module_has_a_main(name):
    assert callable(import_module(MODULES[name][0]).main)


def test_each_script_is_a_subcommand_and_each_verb_a_script():
    sourced = {"set_env", "set_ranks"}
    assert sourced <= COMMANDS
    assert COMMANDS - sourced - set(MODULES) == set(VERBS)
    assert not set(VERBS) & set(MODULES)


def test_a_module_gets_its_words_and_gives_its_exit_code(tmp_path, capsys):
    assert main(["check", str(tmp_path / "none")]) == 2
    assert "none" in capsys.readouterr().err


def test_an_unknown_command_has_a_near_name(capsys):
    assert main(["chekc"]) == 2
    assert 'Did you mean "check"?' in capsys.readouterr().err


@pytest.mark.parametrize("given", [["-m", "{root}", "a=1"], ["{root}", "a=1"], ["a=1", "--mmar", "{root}"]])
def test_a_verb_is_the_archives_own_script(tmp_path: Path, given):
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands/infer.sh").write_text('echo "infer: $*"; exit 7\n')
    done = call("infer", *(word.format(root=tmp_path) for word in given))
    assert (done.returncode, done.stdout) == (7, "infer: a=1\n")


def test_verbs_that_cannot_run(tmp_path, capsys):
    assert main(["infer"]) == 2
    assert "which archive" in capsys.readouterr().err
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands/train.sh").write_text("")
    assert main(["infer", str(tmp_path)]) == 2
    assert "It has train." in capsys.readouterr().err
    assert main(["infer", "--help"]) == 0


def test_nothing_heavy_is_imported_to_say_what_there_is():
    code = "import sys; from medl.apps.main import main; main(['--help']); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0

"""An exception as one line, with the place in the user's own code."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from medl.automl.defs import FloatRange
from medl.raised import describe, user_place


def caught(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.fixture
def mine(tmp_path: Path):
    """A function of a user's module, and the module's path."""

    def make(body: str):
        file = tmp_path / "mine.py"
        file.write_text(f"def run(*args):\n{body}")
        return runpy.run_path(str(file))["run"], file

    return make


def test_the_line_that_raised(mine):
    run, file = mine("    x = 1\n    raise ValueError('no\\n  luck')\n")
    assert describe(caught(run)) == f"ValueError: no luck ({file}:3)"


def test_an_error_without_a_text(mine):
    run, file = mine("    assert False\n")
    assert describe(caught(run)) == f"AssertionError ({file}:2)"


@pytest.mark.parametrize(
    "body",
    [
        "    import json; json.loads('{')\n",  # the standard library's
        "    import pytest; pytest.raises()\n",  # an installed package's
        "    from medl.automl.defs import FloatRange; FloatRange(2.0, 1.0)\n",  # medl's
    ],
)
def test_the_users_line_and_not_that_of_what_it_called(mine, body):
    run, file = mine(body)
    assert user_place(caught(run)) == f"{file}:2"


def test_the_first_cause_comes_first(mine):
    run, file = mine(
        "    try:\n        {}['x']\n    except KeyError as error:\n        raise OSError('y') from error\n"
    )
    assert describe(caught(run)) == f"OSError: y ({file}:3)"


def test_without_a_line_of_the_user_it_is_the_line_that_raised():
    error = caught(json.loads, "{")
    error.__traceback__ = error.__traceback__.tb_next  # this test's own line counts as the user's
    assert user_place(error) == ""
    assert re.search(r"\(decoder.py:\d+\)$", describe(error))
    error = caught(FloatRange, 2.0, 1.0)
    error.__traceback__ = error.__traceback__.tb_next
    assert user_place(error) == ""


def test_a_signature_that_does_not_fit_is_placed_at_its_definition(mine):
    file = mine("    pass\n")[1]
    file.write_text("class Mine:\n    pass\n    def method(self):\n        pass\n")
    cls = runpy.run_path(str(file))["Mine"]
    error = caught(cls().method, 1)
    error.__traceback__ = None
    assert describe(error, cls.method).endswith(f"({file}:3)")


def test_an_error_that_lost_its_traceback_in_another_process_still_has_its_text(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def work():\n    return {}['x']\n")
    program = (
        f"import traceback, runpy\nwork = runpy.run_path({str(file)!r})['work']\n"
        "try:\n    work()\nexcept KeyError:\n    print(traceback.format_exc())\n"
    )
    text = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    error = RuntimeError(f"Caught KeyError in a worker.\nOriginal {text}")
    assert user_place(error) == f"{file}:2"


def test_a_place_below_the_working_folder_is_shown_from_there(mine, monkeypatch):
    run, file = mine("    raise OSError\n")
    monkeypatch.chdir(file.parent)
    assert user_place(caught(run)) == "mine.py:2"


def test_a_chain_that_bites_its_tail_ends(mine):
    run, _ = mine("    raise OSError\n")
    first, second = caught(run), caught(run)
    first.__cause__, second.__cause__ = second, first
    assert "mine.py:2" in user_place(first)

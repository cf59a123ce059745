from __future__ import annotations

import pytest

from medl.automl.findings import Findings
from medl.errors import ConfigError, Problem


def test_problems_of_all_steps_are_kept():
    found = Findings()
    with found.step():
        raise ConfigError([Problem("a"), Problem("b")])
    with found.step():
        pass
    found.add("c", "file", "path", value=1)
    assert [problem.rule for problem in found.problems] == ["a", "b", "c"]
    assert (found.problems[2].file, found.problems[2].path, found.problems[2].value) == ("file", "path", 1)


def test_other_errors_go_on():
    with pytest.raises(ZeroDivisionError), Findings().step():
        _ = 1 / 0

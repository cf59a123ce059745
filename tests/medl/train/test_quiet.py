"""The imports' remarks."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = "import logging\n{first}\nimport monai.data, monai.handlers, torch\nprint('imported')"


@pytest.mark.parametrize("warnings", [[], ["-W", "default"]])
def test_monai_is_imported_without_a_word(warnings: list[str]) -> None:
    first = "from medl.train.quiet import quiet_imports; quiet_imports()"
    ended = subprocess.run(
        [sys.executable, *warnings, "-c", CODE.format(first=first)], capture_output=True, text=True, check=True
    )
    assert (ended.stdout, ended.stderr) == ("imported\n", "")


def test_this_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, medl.apps.train, medl.train.quiet\nprint({'torch', 'monai', 'numpy', 'ignite'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"

#!/usr/bin/env python3
"""Count the table of old names (config/translations.json) and its tests, as docs/clara.md has them.

    python scripts/count_old_names.py            # print the table
    python scripts/count_old_names.py --write    # put it into docs/clara.md

Each class of each row has one test (tests/medl/conf/test_old_names.py): the old form is translated, and where both can
be built it does with tiny data what today's form does.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/clara.md"
MARKS = ("<!-- table: python scripts/count_old_names.py --write -->", "<!-- end of table -->")
KINDS: Mapping[str, str] = {
    "rename_class": "a class is called something else",
    "move": "a handler is a transform",
    "rename_arg": "an arg is called something else",
    "drop_arg": "an arg is gone",
    "function": "args are said in another way",
    "default": "a default changed without a word",
    "refuse": "there is no equivalent: refused, with a remedy",
}
"""What a row may do, in the table's order."""


def cases() -> ModuleType:
    """Return the module with a case for each class and row."""
    path = ROOT / "tests/medl/conf/old_names/cases.py"
    spec = importlib.util.spec_from_file_location("counted_cases", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def counted(rows: list[dict[str, Any]], known: Mapping[tuple[str, str, str], Any]) -> str:
    """Return the table: rows, pairs of class and row, and their tests.

    Args:
        rows: those of the table of old names.
        known: class, what the row does and its arg or function, to its case.
    """
    lines = [
        "| what a row says | rows | classes in them | tests | of them compare what both do |",
        "|---|---|---|---|---|",
    ]
    total = [0, 0, 0, 0]
    for kind, words in KINDS.items():
        own = [row for row in rows if row["do"] == kind]
        pairs = [(name, kind, row.get("arg", row.get("function", ""))) for row in own for name in row["class"]]
        tested = [known[pair] for pair in pairs if pair in known]
        built = [case for case in tested if not (case.refused or case.only_config or kind == "move")]
        counts = [len(own), len(pairs), len(tested), len(built)]
        total = [before + more for before, more in zip(total, counts, strict=True)]
        lines.append(f"| {words} | {' | '.join(map(str, counts))} |")
    lines.append(f"| **all** | {' | '.join(f'**{count}**' for count in total)} |")
    return "\n".join(lines)


def table() -> str:
    """Return the table of this checkout."""
    rows = json.loads((ROOT / "config/translations.json").read_text(encoding="utf-8"))["rows"]
    return counted(rows, cases().CASES)


def main() -> None:
    """Print the table, or write it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--write", action="store_true", help=f"put it into {PAGE.relative_to(ROOT)}")
    found = table()
    if not options.parse_args().write:
        print(found)
        return
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
    PAGE.write_text(f"{before}{MARKS[0]}\n{found}\n{MARKS[1]}{rest.partition(MARKS[1])[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()

"""A reply of the console as text: tables as Clara's console drew them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What would steer a terminal instead of being shown."""


def shown(reply: Mapping[str, Any]) -> str:
    """Return the parts of a reply one below the other; what would steer a terminal is left out."""
    parts = reply.get("parts", ())
    return "\n".join(_part(part) for part in parts if isinstance(part, Mapping)) if isinstance(parts, list) else ""


def plain(text: Any) -> str:
    """Return a text without characters that steer a terminal; of those lines and tabs stay."""
    return _CONTROL.sub("", str(text))


def _part(part: Mapping[str, Any]) -> str:
    if "rows" in part:
        return drawn([str(name) for name in part.get("columns", ())], part["rows"])
    return plain(part.get("text", ""))


def drawn(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table between rules: ``| cell | cell |``, every column as wide as its widest cell.

    Without names of columns it has no head.
    """
    from rich.box import Box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    box = Box("----\n| ||\n----\n| ||\n----\n----\n| ||\n----\n", ascii=True)
    head = any(columns)
    made = Table(box=box, show_header=head, header_style="")
    cells = [[plain(cell).replace("\n", " ").replace("\t", " ") for cell in row] for row in rows]
    for name in columns:
        made.add_column(plain(name), no_wrap=True)
    for row in cells:
        made.add_row(*(Text(cell) for cell in row))
    width = 1 + sum(
        3 + max([cell_len(plain(name)), *(cell_len(row[i]) for row in cells if i < len(row))])
        for i, name in enumerate(columns)
    )
    console = Console(width=max(width, 20), color_system=None, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(made, markup=False)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())

"""The survey as a table to read, one line a case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medl.data.case import Case
from medl.data.survey import Survey
from medl.errors import Problem

ROWS = 200
"""More cases than this are shortened to those with problems and the first ones."""


def text(survey: Survey, width: int = 160, rows: int = ROWS) -> str:
    """Return the table as plain text, with a last line of counts.

    Args:
        survey: what was found.
        width: characters in a line.
        rows: how many cases are shown; those with problems go first.
    """
    from rich.console import Console
    from rich.table import Table

    shown = _chosen(survey.cases, rows)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("PART", "CASE", "SHAPE", "SPACING (mm)", "AXES", "VALUES", "LABELS", "REMARKS"):
        table.add_column(name, overflow="fold", no_wrap=name in ("PART", "SHAPE", "AXES"))
    for case in shown:
        table.add_row(*_cells(case))
    console = Console(width=width, color_system=None, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(table, markup=False)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    if len(shown) < len(survey.cases):
        lines.append(f"… {len(survey.cases) - len(shown)} more cases without problems")
    wrong = sum(bool(case.problems) for case in survey.cases)
    parts = {part: sum(case.part == part for case in survey.cases) for part in _parts(survey.cases)}
    counts = ", ".join(f"{count} {part}" for part, count in parts.items())
    cases = f"{len(survey.cases)} case{'s' * (len(survey.cases) != 1)}"
    lines.append(f"{cases} ({counts}); {wrong} with problems")
    return "\n".join(lines)


def as_json(survey: Survey) -> list[dict[str, Any]]:
    """Return the cases as plain values, without patients and hashes."""
    return [
        {
            "part": case.part,
            "place": case.place,
            "image": case.name,
            "kind": case.kind,
            "shape": list(case.shape),
            "spacing": [round(value, 6) for value in case.spacing],
            "orientation": case.orientation,
            "channels": case.channels,
            "span": list(case.span) if case.span else None,
            "labels": list(case.labels) if case.labels is not None else None,
            "notes": list(case.notes),
            "problems": [str(problem) for problem in case.problems],
        }
        for case in survey.cases
    ]


def _cells(case: Case) -> list[str]:
    from rich.markup import escape

    span = f"{case.span[0]:.4g} … {case.span[1]:.4g}" if case.span else ""
    labels = "" if case.labels is None else _few(case.labels)
    remarks = [_short(problem, case.name) for problem in case.problems] + list(case.notes)
    shape = "x".join(map(str, case.shape)) + (f" ({case.channels} ch)" if case.channels > 1 else "")
    spacing = "x".join(f"{value:.3g}" for value in case.spacing)
    cells = [case.part, case.name, shape, spacing, case.orientation, span, labels, "; ".join(remarks)]
    return [escape(cell) for cell in cells]


def _short(problem: Problem, name: str) -> str:
    rule = problem.rule.removeprefix(f"{name}: ")
    return f"! {rule}: {problem.value}" if isinstance(problem.value, str) else f"! {rule}"


def _few(values: Sequence[Any]) -> str:
    if len(values) > 3 and all(isinstance(v, int) for v in values) and values[-1] - values[0] == len(values) - 1:
        return f"{values[0]}-{values[-1]}"
    return " ".join(str(value) for value in values[:8]) + (" …" if len(values) > 8 else "")


def _chosen(cases: Sequence[Case], rows: int) -> list[Case]:
    if len(cases) <= rows:
        return list(cases)
    wrong = [index for index, case in enumerate(cases) if case.problems][:rows]
    rest = [index for index in range(len(cases)) if not cases[index].problems][: rows - len(wrong)]
    return [cases[index] for index in sorted(wrong + rest)]


def _parts(cases: Sequence[Case]) -> list[str]:
    return list(dict.fromkeys(case.part for case in cases))

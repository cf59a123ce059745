"""Results of single runs as lines of JSON: a benchmark that was stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "build" / "search_benchmarks"
"""Where results are kept, beside what is under version control."""


class Records:
    """The runs of one benchmark.

    Args:
        path: of the file; made with the first run.
        names: what tells two runs apart, such as the function, the arm and the seed.
    """

    def __init__(self, path: Path, names: Iterable[str]):
        self.path, self.names = path, tuple(names)
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        self.rows: list[dict[str, Any]] = []
        for line in lines:
            try:
                self.rows.append(json.loads(line))
            except json.JSONDecodeError:  # the end of one that was killed
                continue
        self._known = {self._key(row) for row in self.rows}

    def _key(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.names)

    def __contains__(self, names: Mapping[str, Any]) -> bool:
        return self._key(names) in self._known

    def add(self, row: dict[str, Any]) -> None:
        """Keep a run, on disk at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        self.rows.append(row)
        self._known.add(self._key(row))

    def where(self, **given: Any) -> Iterator[dict[str, Any]]:
        """Yield the runs with these values, by seed."""
        found = (row for row in self.rows if all(row[name] == value for name, value in given.items()))
        return iter(sorted(found, key=lambda row: row["seed"]))


def put(page: Path, mark: str, text: str) -> None:
    """Put a text between the marks ``<!-- mark -->`` and ``<!-- end of mark -->`` of a page, where it has them."""
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    if not page.is_file():
        return
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if found and closed:
        page.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8")

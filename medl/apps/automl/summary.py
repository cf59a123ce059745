"""``python -m medl.apps.automl.summary``: the table of a run, whether it runs, ended or was interrupted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from medl.errors import ConfigError, MedlError, Problem, near_names


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    options = argparse.ArgumentParser(
        prog="python -m medl.apps.automl.summary", description="Print the table of a run.", allow_abbrev=False
    )
    options.add_argument("-m", "--mmar", required=True, metavar="ROOT", help="the archive's folder")
    options.add_argument("--work_dir", metavar="DIR", help="parent of the run, where MMARHandler has a work_dir")
    options.add_argument("--json", action="store_true", help="print the summary as JSON")
    options.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options.add_argument("--set", nargs="*", action="extend", default=[], metavar="NAME=VALUE", help="run_id=NAME")
    options.add_argument("words", nargs="*", metavar="NAME=VALUE", help="the same without --set")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, and return the exit code: 0, or 2 where there is no such run."""
    given = parser().parse_args(argv)
    try:
        words = [*given.set, *given.words]
        print(show(Path(given.mmar), words, work_dir=given.work_dir, as_json=given.json), flush=True)
    except MedlError as error:
        if given.debug:
            raise
        print(error, file=sys.stderr, flush=True)
        return error.exit_code
    return 0


def show(root: Path, words: Sequence[str], *, work_dir: str | None = None, as_json: bool = False) -> str:
    """Return a run's table, or its summary as JSON.

    Raises:
        ConfigError: there is no such run.
        RunError: its record is damaged.
    """
    import json

    from medl.automl.events import read_events
    from medl.automl.lock import is_held
    from medl.automl.settings import read_settings
    from medl.automl.summary import best_lines, summarise, text
    from medl.mmar.archive import MMAR
    from medl.mmar.run_folder import RunFolder

    mmar = MMAR(root).require()
    parent = mmar.runs if work_dir is None else mmar.root / work_dir
    runs = sorted(path.parent.name for path in parent.glob("*/events.jsonl"))
    run_id = read_settings(words).get("run_id")
    if not run_id:
        known = f"Runs here: {', '.join(runs)}." if runs else f"There is no run in {parent}."
        raise ConfigError(Problem("a run is named by run_id", "--set", "run_id", remedy=f"Add run_id=NAME. {known}"))
    folder = RunFolder(parent, run_id)
    if not folder.events.is_file():
        known = f"Runs here: {', '.join(runs)}." if runs else f"There is no run in {parent}."
        rule = f"there is no run of that name in {parent}"
        raise ConfigError(Problem(rule, "--set", "run_id", run_id, known, near_names(run_id, runs)))
    events, _ = read_events(folder.events)
    summary = summarise(folder.run_id, events, alive=is_held(folder.lock))
    if as_json:
        return json.dumps(summary, indent=2, ensure_ascii=False)
    best = best_lines(summary)
    return "\n".join([text(summary), *(["", *best] if best else [])])


if __name__ == "__main__":
    sys.exit(main())

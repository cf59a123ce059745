"""``medl automl mirror RUN``: make the Optuna study of a run from its record, for optuna-dashboard or Optuna itself.

Exit codes: 0; 1 the storage cannot be written; 2 there is no such run, or the storage has another study of its name.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from medl.errors import ConfigError, MedlError, Problem, RunError
from medl.masked import masked

EXAMPLE = """examples:
  medl automl mirror demo/automl/a
  medl automl mirror demo/automl/a --storage sqlite:///runs.db
  medl automl mirror demo/automl/a --storage postgresql+psycopg://user:password@host/runs
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    options = argparse.ArgumentParser(
        prog="medl automl mirror",
        description="Make the Optuna study of a run from its record, in place of an older one.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    options.add_argument("run", metavar="RUN", help="the run's folder, such as demo/automl/a")
    options.add_argument(
        "--storage", metavar="URL", help="an Optuna storage; without it study.journal in the run's folder"
    )
    options.add_argument(
        "--replace", action="store_true", help="replace a study of the run's name that another run made"
    )
    options.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Make the study, and return the exit code."""
    given = parser().parse_args(argv)
    try:
        print(mirror(Path(given.run), given.storage, replace=given.replace), flush=True)
    except MedlError as error:
        if given.debug:
            raise
        print(masked(str(error)), file=sys.stderr, flush=True)
        return error.exit_code
    except Exception as error:  # whatever a storage may raise
        if given.debug:
            raise
        place = given.storage or "the run's folder"
        text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        print(masked(f"error: the study cannot be written to {place} ({text})"), file=sys.stderr, flush=True)
        return 1
    return 0


def mirror(run: Path, storage: str | None = None, *, replace: bool = False) -> str:
    """Make a run's study and return what to do with it, as a text.

    Args:
        run: the run's folder.
        storage: an Optuna storage URL; without it the journal in the run's folder.
        replace: whether a study of this name that another run made is replaced, too.

    Raises:
        ConfigError: there is no such run.
        RunError: its record is damaged, a search keeps its journal at this moment, or the storage has a study of
            another run.
    """
    from medl.automl.events import read_events
    from medl.automl.lock import hold
    from medl.automl.study import rebuild_for
    from medl.mmar.run_folder import RunFolder

    run = run.absolute()
    if not (run / "events.jsonl").is_file():
        known = sorted(str(path.parent) for under in ("*", "automl/*") for path in run.glob(f"{under}/events.jsonl"))[
            :5
        ]
        remedy = f"Runs below it: {', '.join(known)}." if known else "A run lies in automl/RUN_ID of its archive."
        raise ConfigError(Problem("this folder is no run: it has no events.jsonl", "RUN", "", str(run), remedy))
    folder = RunFolder(run.parent, run.name)
    with contextlib.ExitStack() as stack:
        if storage is None:  # whoever searches keeps the journal; a storage elsewhere takes what there is until now
            try:
                stack.enter_context(hold(folder.lock))
            except RunError as error:
                raise RunError(f"{error} While it runs, it keeps {folder.study} by itself.") from error
        events, torn = read_events(folder.events)
        made = rebuild_for(folder, events, storage, replace=replace)
        trials = made.storage.get_all_trials(made.storage.get_study_id_from_name(folder.run_id), deepcopy=False)
    states = collections.Counter(trial.state.name.lower() for trial in trials)
    counted = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    place = masked(storage) if storage else str(folder.study)
    lines = [f'study "{folder.run_id}": {len(trials)} trials ({counted or "none yet"}) from {len(events)} events']
    if torn is not None:
        lines.append(f"the record's last line is half written and left out ({torn})")
    return "\n".join([*lines, f"look at it: optuna-dashboard {place}"])


if __name__ == "__main__":
    sys.exit(main())

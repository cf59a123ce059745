"""``medl reproduce``: make a recorded training again, and say whether the score is the same.

Exit codes: 0 the score is the same; 1 it is another one; 2 it cannot be made again; 130 or 143 stopped by a signal.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from medl.errors import MedlError


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    options = argparse.ArgumentParser(
        prog="medl reproduce",
        description="Make a recorded training again in a new folder, and say whether the score is the same.",
        allow_abbrev=False,
    )
    options.add_argument("path", metavar="FOLDER", help="a job of a search, its best/, or an archive that was trained")
    options.add_argument("--to", metavar="DIR", help="the new folder; must not exist (FOLDER.reproduced)")
    options.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Make the training again, and return the exit code."""
    given = parser().parse_args(argv)
    try:
        return 0 if reproduce(Path(given.path), Path(given.to) if given.to else None) else 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (MedlError, OSError) as error:
        if given.debug:
            raise
        print(f"medl: {error}", file=sys.stderr, flush=True)
        return 2


def reproduce(path: Path, to: Path | None = None) -> bool:
    """Make the training again, say what came of it, and return whether the score is the same.

    Args:
        path: a job's folder, a run's ``best/``, or an archive that was trained.
        to: the new folder; beside the archive where it is not given.

    Raises:
        MedlError: it cannot be made again.
    """
    from medl.automl.comparison import compared_result, differences
    from medl.automl.reproduce import changed_data, make_archive, new_folder, recorded, result, run, steps

    original = recorded(path)
    target = Path(os.path.abspath(to)) if to is not None else new_folder(original)
    if original.record["seed"] is None:
        _say("the config fixes no seed (determinism), so the same score is not to be expected")
    if original.record["code"]["dirty"]:
        _say("the recorded training ran from a checkout with changes that were not committed")
    mmar = make_archive(original, target)
    data = changed_data(original, mmar)
    for line in data:
        _say(line)
    chain = steps(original, mmar, os.environ)
    for number, step in enumerate(chain, start=1):
        of = f" ({number} of {len(chain)})" if len(chain) > 1 else ""
        _say(f"training epochs {step.epochs[0]} to {step.epochs[1]} of {step.name} again{of}, in {target}")
        run(step, mmar, mmar.log)
    again = result(mmar)
    compared = compared_result(original.record, again)
    found = [*differences(original.record, again), *data]
    print("the score is the same" if compared.same else "the score is another one")
    for line in compared.lines:
        print(f"  {line}")
    if found:
        print("what differs from the record:")
        for line in found:
            print(f"  {line}")
    elif compared.same:
        print("nothing differs from the record: code, packages, processor, threads and data are the recorded ones")
    else:
        print("nothing recorded differs: see docs/reproduce.md for what is not bit for bit by its nature")
    sys.stdout.flush()
    return compared.same


def _say(line: str) -> None:
    print(f"medl: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

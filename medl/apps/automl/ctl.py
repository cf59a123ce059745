"""``python -m medl.apps.automl.ctl``: one command of a running search's console, from the shell.

Exit codes: 0 it was done; 1 the console refused it; 2 there is no such run or console, or the words are wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medl.errors import MedlError

if TYPE_CHECKING:
    from medl.automl.console.door import Door

EXAMPLE = """commands:
{commands}

examples:
  medl automl ctl -m demo run_id=a list_workers
  medl automl ctl -m demo suspend_worker W1
  medl automl ctl -m demo tail J3 50
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    options = argparse.ArgumentParser(
        prog="medl automl ctl",
        description="Give one command to the console of a running search.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_console_options(options)
    options.add_argument("--json", action="store_true", help="print the reply as JSON")
    options.add_argument("words", nargs="*", metavar="WORD", help="run_id=NAME, then the command and its args")
    return options


def add_console_options(options: argparse.ArgumentParser) -> None:
    """Add the options that say which console is meant."""
    options.add_argument("-m", "--mmar", default=None, metavar="ROOT", help="the archive's folder")
    options.add_argument("--work_dir", metavar="DIR", help="parent of the run, where MMARHandler has a work_dir")
    options.add_argument("--host", metavar="HOST", help="where the console is, in place of what console.json says")
    options.add_argument("--port", type=int, metavar="PORT", help="its port; names the run where several run")
    options.add_argument("--file", metavar="FILE", help="a console.json, in place of an archive and run_id")
    options.add_argument("--cert", metavar="FILE", help="certificate (or its authority's) that the console has to show")
    options.add_argument(
        "--timeout", type=float, default=60.0, metavar="S", help="seconds for each reply (%(default)g)"
    )
    options.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(argv: Sequence[str] | None = None) -> int:
    """Give the command, print its reply, and return the exit code."""
    options = parser()
    given = sys.argv[1:] if argv is None else list(argv)
    if {"-h", "--help"} & set(given):
        from medl.automl.console.commands import COMMANDS

        width = max(len(command.usage) for command in COMMANDS.values())
        lines = [f"  {command.usage:{width}}  {command.what}" for command in COMMANDS.values()]
        options.epilog = EXAMPLE.format(commands="\n".join(lines))
    words = options.parse_intermixed_args(given)
    try:
        return run(words)
    except MedlError as error:
        if words.debug:
            raise
        print(error, file=sys.stderr, flush=True)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def run(given: argparse.Namespace) -> int:
    """Give the command of a command line, and return the exit code.

    Raises:
        MedlError: there is no such run, or it has no console at this moment.
    """
    from medl.automl.console.client import Client
    from medl.automl.console.rendering import shown

    run_id, words = run_id_of(given.words)
    if not words:
        raise MissingCommand("say a command, such as list_workers; `medl automl ctl --help` lists them.")
    with Client(door_of(given, run_id), given.timeout) as client:
        reply = client.ask(words[0], words[1:])
    if given.json:
        print(json.dumps(reply, indent=2, ensure_ascii=False), flush=True)
    else:
        print(shown(reply), file=sys.stdout if reply.get("ok") else sys.stderr, flush=True)
    return 0 if reply.get("ok") else 1


class MissingCommand(MedlError):
    """The command line names no command."""

    exit_code = 2


def run_id_of(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the run that the words name, and the other words."""
    named = [word for word in words if word.startswith("run_id=")]
    return (named[-1].partition("=")[2] if named else ""), [word for word in words if word not in named]


def door_of(given: argparse.Namespace, run_id: str) -> Door:
    """Return the door that a command line means.

    Raises:
        MedlError: there is none.
    """
    from medl.automl.console.client import elsewhere, find_door
    from medl.automl.console.door import read_door

    if given.file:
        door = read_door(Path(given.file))
    else:
        root = given.mmar or os.environ.get("MMAR_ROOT") or "."
        door = find_door(Path(root), run_id, port=given.port, work_dir=given.work_dir)
    return elsewhere(door, given.host, given.port, given.cert)


if __name__ == "__main__":
    sys.exit(main())

"""``python -m medl.apps.automl.admin``: the console of a running search as a prompt, as Clara's.

Reads commands from a terminal, or one a line from a pipe. Exit codes: 0; 1 where a piped command was refused or the
console went away; 2 there is no such run or console.
"""

from __future__ import annotations

import argparse
import cmd
import os
import shlex
import sys
from collections.abc import Sequence
from typing import IO, Any

from medl.apps.automl.ctl import add_console_options, door_of, run_id_of
from medl.automl.console.client import Client
from medl.automl.console.rendering import plain, shown
from medl.errors import MedlError, RunError, near_names

CONFIRMED = ("stop", "abort_worker")
"""Commands that a person at a terminal is asked about once more: what they end does not come back."""

OWN = {
    "bye": "leave the console; the search goes on",
    "help": "list the commands, or one's usage",
    "lpwd": "this folder",
}
"""Commands that no server hears of, and what they do."""


def parser() -> argparse.ArgumentParser:
    """Return the command line, with Clara's names."""
    options = argparse.ArgumentParser(
        prog="medl automl admin", description="The console of a running search, as a prompt.", allow_abbrev=False
    )
    add_console_options(options)
    options.add_argument(
        "--prompt", nargs="?", default="AutoML> ", const="AutoML> ", metavar="TEXT", help="the prompt (%(default)r)"
    )
    options.add_argument("words", nargs="*", metavar="run_id=NAME", help="the run")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the prompt, and return the exit code."""
    options = parser()
    given = options.parse_intermixed_args(argv)
    run_id, more = run_id_of(given.words)
    if more:
        options.error(f"unknown words: {' '.join(more)}; `medl automl ctl` gives one command from the shell")
    try:
        door = door_of(given, run_id)
        with Client(door, given.timeout) as client:
            prompt = Prompt(client, given.prompt)
            print(f"Admin Server: {door.host} on port {door.port}, run {plain(client.run_id)}")
            if prompt.asks:
                print('Type ? to list commands; type "? cmdName" to show usage of a command.', flush=True)
            prompt.cmdloop()
    except MedlError as error:
        if given.debug:
            raise
        print(error, file=sys.stderr, flush=True)
        return error.exit_code
    except KeyboardInterrupt:
        print()
        return 130
    return prompt.exit_code


class Prompt(cmd.Cmd):
    """Reads commands and prints their replies until ``bye``, the end of the input, or the end of the engine.

    Args:
        client: connected.
        prompt: shown before each command, at a terminal.
        stdin: where commands come from.

    Attributes:
        asks: whether a person types.
        exit_code: 1 once a command that did not come from a person was refused, or the console is gone.
    """

    def __init__(self, client: Client, prompt: str = "AutoML> ", stdin: IO[str] | None = None):
        super().__init__(stdin=stdin)
        source: Any = stdin if stdin is not None else sys.stdin
        self.asks = bool(source.isatty())
        self.use_rawinput = self.asks and stdin is None
        self.prompt = prompt if self.asks else ""
        self.exit_code = 0
        self._client = client
        self._usage = {name: (usage, what) for name, usage, what in client.commands}
        self._workers: list[str] = []

    def onecmd(self, line: str) -> bool:
        """Give one line to whom it belongs; return whether the prompt ends."""
        if line.strip() in ("", "EOF"):
            if line.strip() and self.asks:
                print()
            return bool(line.strip())
        if line.lstrip().startswith("?"):
            line = f"help {line.strip()[1:]}"
        try:
            word, *args = shlex.split(line)
        except ValueError as error:
            return self._wrong(f"{error}: {line}")
        if word in ("bye", "quit", "exit"):
            return True
        if word == "help":
            return self._help(*args[:1])
        if word == "lpwd":
            print(os.getcwd())
            return False
        if word not in self._usage:
            near = near_names(word, [*self._usage, *OWN], count=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            return self._wrong(f'there is no command "{plain(word)}".{hint} Type ? to list commands.')
        if self.asks and word in CONFIRMED and not self._sure(line.strip()):
            return False
        return self._give(word, args)

    def _give(self, word: str, args: Sequence[str]) -> bool:
        try:
            reply = self._client.ask(word, args)
        except RunError as error:
            print(error, file=sys.stderr, flush=True)
            self.exit_code = 1
            return True
        if not reply.get("ok"):
            return self._wrong(shown(reply))
        print(shown(reply), flush=True)
        return False

    def _sure(self, line: str) -> bool:
        try:
            return input(f"{line}: are you sure (y/N)? ").strip().lower() in ("y", "yes")
        except EOFError:
            return False

    def _wrong(self, text: str) -> bool:
        print(text, file=sys.stderr, flush=True)
        if not self.asks:
            self.exit_code = 1
        return False

    def _help(self, name: str = "") -> bool:
        if name and name not in self._usage and name not in OWN:
            return self._wrong(f'there is no command "{plain(name)}"')
        everything = {**self._usage, **{own: (own, what) for own, what in OWN.items()}}
        found = [everything[name]] if name else list(everything.values())
        width = max(len(usage) for usage, _ in found)
        for usage, what in found:
            print(f"{'usage: ' if name else '  '}{plain(usage):{width}}  {plain(what)}")
        return False

    # Completion -------------------------------------------------------------------------------------------------------

    def completenames(self, text: str, *ignored: Any) -> list[str]:
        """Return the commands that begin so."""
        return [name for name in (*self._usage, *OWN) if name.startswith(text)]

    def completedefault(self, *ignored: Any) -> list[str]:
        """Return what may follow: names of workers, or of jobs; of ``help`` the commands."""
        text, line = str(ignored[0]), str(ignored[1])
        word = line.split()[0]
        if word.startswith("help"):
            return self.completenames(text)
        listing = "list_workers" if word.endswith("_worker") else "list_jobs"
        if word.endswith("_worker") or word in ("show_job", "tail"):
            try:
                parts = self._client.ask(listing).get("parts", [])
            except RunError:
                return []
            rows: list[Any] = next((part["rows"] for part in parts if "rows" in part), [])
            names = [str(row[0]).removesuffix(" *") for row in rows]
            return [name for name in names if name.startswith(text)]
        return []

    def emptyline(self) -> bool:
        """An empty line means nothing."""
        return False


if __name__ == "__main__":
    sys.exit(main())

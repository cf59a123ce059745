"""Commands that user code adds to the console, as Clara's: a module says its commands, and each is called.

Source: the interface of Clara's ``dlmed.hci.reg`` as its public open-source successor has it; the code is ours.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from medl.automl.console.protocol import Reply, Request, table
from medl.automl.defs import Context, ContextKey


class CommandSpec:
    """One command of a module.

    Args:
        name: its word.
        description: what it does.
        usage: how it is typed.
        handler_func: called with a :class:`Conversation` and the words that were typed, the command's own first.
        more: what else Clara had (rights, a confirmation, …); it means nothing here.
    """

    def __init__(self, name: str, description: str, usage: str, handler_func: Callable[..., Any], **more: Any):
        self.name, self.description, self.usage, self.handler_func = name, description, usage, handler_func


class CommandModuleSpec:
    """The commands of a module, and the scope that they stand in."""

    def __init__(self, name: str, cmd_specs: Sequence[CommandSpec], **more: Any):
        self.name, self.cmd_specs = name, list(cmd_specs)


class CommandModule:
    """What user code derives from, and gives to :meth:`medl.automl.defs.Context.add_command_module`."""

    def get_spec(self) -> CommandModuleSpec:
        """Return the commands."""
        raise NotImplementedError


@dataclass
class Rows:
    """A table that a command fills."""

    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def add_row(self, row: Sequence[Any]) -> None:
        """Add one row."""
        self.rows.append([str(cell) for cell in row])


class Conversation:
    """What a command answers with, Clara's ``conn``."""

    def __init__(self) -> None:
        self.ok = True
        self._parts: list[str | Rows] = []

    def append_string(self, data: Any, *ignored: Any, **more: Any) -> None:
        """Add a line."""
        self._parts.append(str(data))

    append_success = append_string

    def append_error(self, data: Any, *ignored: Any, **more: Any) -> None:
        """Add a line that says what went wrong."""
        self.ok = False
        self._parts.append(str(data))

    def append_table(self, headers: Sequence[Any], *ignored: Any, **more: Any) -> Rows:
        """Add a table, and return it to be filled."""
        made = Rows([str(name) for name in headers])
        self._parts.append(made)
        return made

    def reply(self) -> Reply:
        """Return what was said."""
        parts = [table(part.columns, part.rows) if isinstance(part, Rows) else {"text": part} for part in self._parts]
        return Reply(self.ok, tuple(parts))


def added(ctx: Context) -> dict[str, CommandSpec]:
    """Return the commands that were added to a run: name to what is called; the first of a name counts."""
    found: dict[str, CommandSpec] = {}
    for module in ctx.get_prop(ContextKey.COMMAND_MODULES, ()):
        for command in getattr(module.get_spec(), "cmd_specs", ()):
            found.setdefault(str(command.name), command)
    return found


def call(command: CommandSpec, request: Request) -> Reply:
    """Return what a command of the user's answers; what it raises is for the caller."""
    conversation = Conversation()
    words = [request.command, *request.args]
    if len(inspect.signature(command.handler_func).parameters) < 2:
        command.handler_func(conversation)
    else:
        command.handler_func(conversation, words)
    return conversation.reply()

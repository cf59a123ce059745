"""Commands that user code adds, as it does in Clara."""

from __future__ import annotations

import importlib

import pytest

from medl.automl.console.modules import added, call
from medl.automl.console.protocol import Request
from medl.automl.defs import Context
from medl.compat import clara_imports


@pytest.fixture
def ctx():
    with clara_imports():
        reg = importlib.import_module("dlmed.hci.reg")

    class Mine(reg.CommandModule):
        def get_spec(self):
            return reg.CommandModuleSpec(
                name="mine",
                cmd_specs=[
                    reg.CommandSpec(
                        name="rounds",
                        description="my rounds",
                        usage="rounds [N]",
                        handler_func=self.rounds,
                        visible=True,
                    ),
                    reg.CommandSpec("broken", "fails", "broken", self.broken),
                ],
            )

        def rounds(self, conn, args):
            conn.append_string(f"asked: {args}")
            made = conn.append_table(["ROUND", "SCORE"])
            made.add_row([1, 0.5])
            conn.append_success("done")

        def broken(self, conn, args):
            conn.append_error("it does not work")

    context = Context()
    Context(context).add_command_module(Mine())
    return context


def test_a_module_s_commands_are_called_with_the_words(ctx):
    commands = added(ctx)
    assert list(commands) == ["rounds", "broken"]
    reply = call(commands["rounds"], Request("rounds", ("3",)))
    assert reply.ok and [part.get("text") for part in reply.parts] == ["asked: ['rounds', '3']", None, "done"]
    assert reply.parts[1] == {"columns": ["ROUND", "SCORE"], "rows": [["1", "0.5"]]}
    assert not call(commands["broken"], Request("broken")).ok


def test_without_any():
    assert added(Context()) == {}

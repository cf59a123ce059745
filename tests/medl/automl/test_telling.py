"""Every handler is told, whatever another one raises."""

from __future__ import annotations

from medl.automl.api import Handler
from medl.automl.defs import Context
from medl.automl.telling import Telling


class Noting(Handler):
    def __init__(self, calls, name, breaks=False):
        self.calls, self.name, self.breaks = calls, name, breaks

    def shutdown(self, ctx):
        self.calls.append(self.name)
        if self.breaks:
            raise SystemExit(3)


def test_all_are_told_also_in_reverse(tmp_path):
    calls, said, ctx = [], [], Context()
    ctx.set_trace("file", tmp_path / "trace.txt")
    telling = Telling([Noting(calls, "a"), Noting(calls, "b", breaks=True), Noting(calls, "c")], ctx, said.append)
    telling.tell("shutdown", ctx)
    telling.tell("shutdown", ctx, reverse=True)
    assert calls == [*"abc", *"cba"]
    assert len(said) == 2
    assert "Noting.shutdown raised SystemExit: 3" in said[0]
    assert "SystemExit" in (tmp_path / "trace.txt").read_text()
    telling.report(calls, "execute", ValueError("x"))
    assert len(said) == 2, "a job's end has a line of its own"

"""Which rank of a job ended first, and what it said: launchers end with a traceback of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOROVOD = re.compile(r"^Process name: (?P<rank>\d+)\s*\nExit code: (?P<code>-?\d+)", re.MULTILINE)
_TORCHRUN = re.compile(
    r"Root Cause.*?rank\s*: (?P<rank>\d+) \(local_rank: \d+\)\s*\n\s*exitcode\s*: (?P<code>-?\d+)", re.DOTALL
)
_LINE = re.compile(r"^\[(\d+)\]<(?:stdout|stderr)>:(.*)$")
_HOROVODS_OWN = re.compile(r"^\[\d{4}-\d\d-\d\d [\d:.]+: [A-Z] ")


@dataclass(frozen=True)
class RankEnd:
    """How the rank that ended first ended.

    Attributes:
        rank: which.
        code: its exit code; minus a signal's number, or 128 plus it.
        said: the last line it wrote, or an empty text.
    """

    rank: int
    code: int
    said: str

    @property
    def signal(self) -> int | None:
        """The signal that ended it, or ``None``."""
        if self.code < 0:
            return -self.code
        return self.code - 128 if 128 < self.code < 160 else None


def rank_end(tail: str) -> RankEnd | None:
    """Return how the rank that ended first ended, from the end of a log, or ``None`` where no launcher says so."""
    found = next((match for pattern in (_HOROVOD, _TORCHRUN) for match in pattern.finditer(tail)), None)
    if found is None:
        return None
    rank = int(found["rank"])
    if found.re is _TORCHRUN:  # its ranks write without a mark, so our own last line before its report is taken
        lines = [line for line in tail.splitlines() if line.startswith("medl: ")]
    else:
        marked = [match for line in tail.splitlines() if (match := _LINE.match(line)) and int(match[1]) == rank]
        lines = [match[2].strip() for match in marked if not _HOROVODS_OWN.match(match[2])]
    return RankEnd(rank, int(found["code"]), next((line for line in reversed(lines) if line), ""))

"""Parameter range locators: the text that names one item of a search section, everywhere.

::

    <domain>.<type>.<path of the component>$<index in its search list>:<arg>,<arg>…

    net.enum.train.model$0:act,norm                  the first search item of train.model, two args searched together
    transform.float.train.pre_transforms.#8$1:prob   the second item of the eighth transform: lists count from 1
    lr.float.$0:learning_rate                        the first item of the first-level search: its path is empty

There is exactly one ``:``, so ``text.split(":")[1]`` gives the args. An attribute keeps its ``@``, an alias is not part
of the text. Source: the keys that Clara Train showed in its logs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from medl.automl.defs import Domain, Kind

_STEP = r"(?:[^.$:#,]+|\#[1-9][0-9]*)"
_ARG = r"@?[^\W\d]\w*"
_PRL = re.compile(
    rf"(?P<domain>lr|net|transform)\.(?P<kind>float|int|enum)\.(?P<path>(?:{_STEP}(?:\.{_STEP})*)?)"
    rf"\$(?P<index>0|[1-9][0-9]*):(?P<args>{_ARG}(?:,{_ARG})*)"
)

Steps = tuple[str | int, ...]
"""The way from a config's first level to a value in it: keys and list positions (from 0)."""


@dataclass(frozen=True)
class PRL:
    """One search item, located.

    Attributes:
        domain: ``lr``, ``net`` or ``transform``.
        kind: ``float``, ``int`` or ``enum``.
        path: of the component, such as ``train.pre_transforms.#8``; empty for the first level.
        index: position in the component's search list, from 0.
        args: what the item sets, in its order; an attribute has a leading ``@``.
    """

    domain: Domain
    kind: Kind
    path: str
    index: int
    args: tuple[str, ...]

    @property
    def steps(self) -> Steps:
        """The path as keys and list positions, these from 0."""
        if not self.path:
            return ()
        return tuple(int(step[1:]) - 1 if step.startswith("#") else step for step in self.path.split("."))

    def __str__(self) -> str:
        return format(self)


def format(prl: PRL) -> str:
    """Return the locator's text."""
    return f"{prl.domain}.{prl.kind}.{prl.path}${prl.index}:{','.join(prl.args)}"


def parse(text: str) -> PRL:
    """Return the locator that ``text`` spells.

    Raises:
        ValueError: it spells none.

    >>> parse("transform.float.train.pre_transforms.#8$0:prob").steps
    ('train', 'pre_transforms', 7)
    """
    match = _PRL.fullmatch(text)
    if match is None:
        raise ValueError(f'a parameter range locator reads "<domain>.<type>.<path>$<index>:<args>", but got {text!r}')
    return PRL(
        domain=cast(Domain, match["domain"]),
        kind=cast(Kind, match["kind"]),
        path=match["path"],
        index=int(match["index"]),
        args=tuple(match["args"].split(",")),
    )


def path_of(steps: Steps) -> str:
    """Return the path as a locator writes it.

    >>> path_of(("train", "pre_transforms", 7))
    'train.pre_transforms.#8'

    Raises:
        ValueError: a key holds a character that locators use themselves.
    """
    for step in steps:
        if isinstance(step, str) and not can_be_step(step):
            raise ValueError(f"a key on the way to a search section must not hold any of . $ : # , but got {step!r}")
    return ".".join(f"#{step + 1}" if isinstance(step, int) else step for step in steps)


def can_be_step(key: str) -> bool:
    """Return whether a key can stand in a locator's path: not empty and none of ``. $ : # ,`` in it."""
    return bool(key) and not set(key) & set(".$:#,")

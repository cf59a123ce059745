"""What a config may name: every component's module, parameters and defaults, known without importing MONAI.

The data are ``config/catalogue.json``, made by ``scripts/make_catalogue.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from medl.assets import asset
from medl.conf.parameters import Parameter, Signature
from medl.errors import near_names

ROLES: Mapping[str, tuple[str, ...]] = {
    "model": ("network", "module"),
    "loss": ("loss", "module"),
    "optimizer": ("optimizer",),
    "lr_scheduler": ("lr_scheduler",),
    "pre_transforms": ("transform",),
    "post_transforms": ("transform",),
    "dataset": ("dataset",),
    "dataloader": ("dataloader",),
    "inferer": ("inferer",),
    "handlers": ("handler",),
    "key_metric": ("metric",),
    "additional_metrics": ("metric",),
    "metrics": ("metric",),
    "trainer": ("trainer",),
    "evaluator": ("evaluator",),
}
"""Key of a config's section to the kinds of component that serve there."""


@dataclass(frozen=True)
class Entry:
    """One component.

    Attributes:
        name: its class or factory, such as ``RandFlipd``.
        module: where it is defined, such as ``monai.transforms.spatial.dictionary``.
        kind: ``transform``, ``network``, ``loss``, …; ``other`` for what serves another component.
        parameters: of its ``__init__``, in their order.
        open: args of any name are taken.
        accepts: further args, taken through ``**kwargs``.
        aliases: other names of the same class, such as ``RandFlipD``.
        packages: where it can be imported from besides ``module``.
    """

    name: str
    module: str
    kind: str
    parameters: tuple[Parameter, ...] = ()
    open: bool = False
    accepts: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def dotted(self) -> str:
        """The full name, ``module.name``."""
        return f"{self.module}.{self.name}"

    @property
    def signature(self) -> Signature:
        """What it takes."""
        return Signature(self.parameters, self.accepts, self.open)


class Catalogue:
    """All components, in the order in which a bare name is looked up: MONAI, then torch, then ignite.

    Args:
        components: the rows of the catalogue's file.
        versions: package to the version that the rows were read from.
    """

    def __init__(self, components: Iterable[Mapping[str, Any]], versions: Mapping[str, str] | None = None):
        self.versions = dict(versions or {})
        self._rows = list(components)
        self._by_name: dict[str, list[int]] = {}
        self._entries: dict[int, Entry] = {}  # made when asked for: most configs name twenty of a thousand
        for index, row in enumerate(self._rows):
            for name in (row["name"], *row.get("aliases", ())):
                self._by_name.setdefault(name, []).append(index)

    @classmethod
    def load(cls) -> Catalogue:
        """Return the catalogue that belongs to this medl."""
        data = json.loads((asset("config") / "catalogue.json").read_text(encoding="utf-8"))
        return cls(data["components"], data["versions"])

    def __iter__(self) -> Any:
        return (self._entry(index) for index in range(len(self._rows)))

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, name: str, role: str | None = None) -> Entry | None:
        """Return the component of that name, or ``None``.

        Args:
            name: bare or dotted, with or without ``#alias``: ``RandFlipD``, ``monai.transforms.RandFlipd#flip``.
            role: the section's key it stands under, such as ``loss``: of several classes with that name, those that
                serve there come first; a class that does not serve there is still found.
        """
        module, _, last = name.partition("#")[0].rpartition(".")
        found = [self._entry(index) for index in self._by_name.get(last, ())]
        if module:
            found = [entry for entry in found if module == entry.module or module in entry.packages]
        return next((entry for entry in found if serves(entry, role)), found[0] if found else None)

    def near(self, name: str, role: str | None = None, count: int = 3, *, others: bool = True) -> tuple[str, ...]:
        """Return names that may have been meant, best first: such that serve in the role, else any ``others``."""
        last = name.partition("#")[0].rpartition(".")[2]
        own = [row["name"] for row in self._rows if role is None or role not in ROLES or row["kind"] in ROLES[role]]
        return near_names(last, own, count) or (near_names(last, self._by_name, count) if others else ())

    def _entry(self, index: int) -> Entry:
        if index not in self._entries:
            row = self._rows[index]
            self._entries[index] = Entry(
                name=row["name"],
                module=row["module"],
                kind=row["kind"],
                parameters=tuple(Parameter(*parameter) for parameter in row.get("parameters", ())),
                open=row.get("open", False),
                accepts=tuple(row.get("accepts", ())),
                aliases=tuple(row.get("aliases", ())),
                packages=tuple(row.get("packages", ())),
            )
        return self._entries[index]


def serves(entry: Entry, role: str | None) -> bool:
    """Return whether the component can stand under that key; true for keys that ask for no kind."""
    return role is None or role not in ROLES or entry.kind in ROLES[role]

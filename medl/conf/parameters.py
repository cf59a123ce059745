"""The parameters of a class or function, and whether given args fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medl.conf.json_path import child
from medl.errors import Problem, near_names


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name and, where it has one, its default as text."""

    name: str
    default: str | None = None

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is None


@dataclass(frozen=True)
class Signature:
    """What a class or function takes.

    Attributes:
        parameters: in their order, ``self`` left out.
        accepts: names that are taken as well, through ``**kwargs``.
        open: any other name is let through: nothing is known, or the class passes everything on.
    """

    parameters: tuple[Parameter, ...] = ()
    accepts: tuple[str, ...] = ()
    open: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All names that may be given."""
        return tuple(parameter.name for parameter in self.parameters) + self.accepts

    def takes(self, name: str) -> bool:
        """Return whether an arg of this name may be given."""
        return self.open or name in self.names

    def problems(
        self,
        args: Mapping[str, Any],
        title: str,
        file: str = "",
        path: str = "",
        *,
        given: Collection[str] = (),
        remedies: Mapping[str, str] | None = None,
    ) -> list[Problem]:
        """Return what is wrong with these args: unknown names, then needed ones that are missing.

        Args:
            args: the args of the config.
            title: what is called, for the messages: ``UNet``.
            file: the config's file.
            path: the JSON path of ``args``.
            given: names that the program gives by itself, so that they may be missing.
            remedies: name of a missing arg to what to write for it.
        """
        found = [
            Problem(
                rule=f'{title} has no arg "{name}"',
                file=file,
                path=child(path, name),
                near=near_names(name, self.names),
                remedy=_beside(name) if name in BESIDE_ARGS else _arg_list(title, self.names),
            )
            for name in args
            if not self.takes(name)
        ]
        missing = [p.name for p in self.parameters if p.required and p.name not in args and p.name not in given]
        if missing:
            names = " and ".join(f'"{name}"' for name in missing)
            known = [(remedies or {}).get(name) for name in missing]
            remedy = " ".join(text for text in known if text) or f"Add {'it' if len(missing) == 1 else 'them'} to args."
            rule = f"{title} needs the arg{'s' * (len(missing) > 1)} {names}"
            found.append(Problem(rule=rule, file=file, path=path, remedy=remedy))
        return found


BESIDE_ARGS = (
    "disabled",
    "rank",
    "log_label",
    "is_key_metric",
    "data_list_file_path",
    "data_file_base_dir",
    "data_list_key",
)
"""Keys of a component that stand beside its args, never in them."""
UNKNOWN = Signature(open=True)
"""The signature of what cannot be read: everything is let through."""


def _beside(name: str) -> str:
    return f'Move "{name}" out of args: it stands beside the name.'


def _arg_list(title: str, names: Sequence[str]) -> str:
    if not names:
        return f"{title} takes no args."
    shown = ", ".join(names[:20])
    return f"Its args: {shown}, …" if len(names) > 20 else f"Its args: {shown}."

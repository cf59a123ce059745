"""Old names of components and args, put into today's; ``config/translations.json`` holds the table."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from medl.assets import asset
from medl.conf.catalogue import Catalogue
from medl.conf.era import Version, version
from medl.conf.old_args import FUNCTIONS, CannotTranslate
from medl.conf.references import one_spelling
from medl.conf.sections import Place, args_of, components, full_name
from medl.errors import Problem

Row = Mapping[str, Any]
_KNOWN_ROOTS = ("monai.", "torch.", "ignite.")


class Translation(NamedTuple):
    """What became of a config.

    Attributes:
        config: a copy in today's names.
        notes: what was translated, each once, in document order.
        problems: old names that cannot be translated.
    """

    config: dict[str, Any]
    notes: list[str]
    problems: list[Problem]


def table() -> list[Row]:
    """Return the rows of ``config/translations.json``."""
    rows: list[Row] = json.loads((asset("config") / "translations.json").read_text(encoding="utf-8"))["rows"]
    return rows


def translate(
    config: Mapping[str, Any],
    catalogue: Catalogue,
    file: str = "",
    rows: Sequence[Row] | None = None,
    monai: Version | None = None,
) -> Translation:
    """Return the config in today's names.

    The args of components, what their ``search`` and ``apply`` name, and class names are translated. Classes of the
    user's own, by ``path``, keep what they have. Defaults that changed are written out for configs of a time before
    the change.

    Args:
        config: a training config, variables already in.
        catalogue: knows which class a name stands for.
        file: the name shown in problems.
        rows: another table than ``config/translations.json``.
        monai: the version of MONAI that the config was written for; ``None`` for today's.
    """
    result = copy.deepcopy(dict(config))
    notes: dict[str, None] = {}
    problems: list[Problem] = []
    known = table() if rows is None else rows
    for place in components(result):
        name = today_class(place, catalogue)
        for row in known:
            if name not in row["class"] or row["do"] == "move" or not _holds(row, monai):
                continue
            reader = _Reader(place, catalogue, row, file)
            reader.apply()
            notes.update(dict.fromkeys(reader.notes))
            problems += reader.problems
            name = today_class(place, catalogue)
    return Translation(result, list(notes), problems)


def _holds(row: Row, monai: Version | None) -> bool:
    """Return whether a row is for configs of that time: those where old and new look the same are not for all."""
    if row["do"] != "default" and not row.get("silent"):
        return True
    return monai is not None and monai < version(row["since"])


def today_class(place: Place, catalogue: Catalogue) -> str:
    """Return the canonical name of a component's class, also of one that is gone; empty for the user's own."""
    label = full_name(place.spec)
    if not label:
        return ""
    entry = catalogue.find(label, place.key)
    if entry is not None:
        return entry.name
    if place.spec.get("path") and not label.startswith(_KNOWN_ROOTS):
        return ""
    return one_spelling(label.rpartition(".")[2])


def current_arg(name: str, arg: str, rows: Sequence[Row] | None = None) -> str:
    """Return today's name of an arg.

    Args:
        name: the class's canonical name, as :func:`today_class` gives it.
        arg: the arg as a config has it.
        rows: another table than ``config/translations.json``.
    """
    for row in _table() if rows is None else rows:
        if row["do"] == "rename_arg" and name in row["class"] and row["arg"] == arg:
            arg = row["to"]
    return arg


@functools.cache
def _table() -> tuple[Row, ...]:
    """Return the rows, read once: searched args ask for them one by one."""
    return tuple(table())


class _Reader:
    """Applies one row to one component, in place."""

    def __init__(self, place: Place, catalogue: Catalogue, row: Row, file: str):
        self.place, self.catalogue, self.row, self.file = place, catalogue, row, file
        self.title = full_name(place.spec).rpartition(".")[2]
        where, args = args_of(place.spec)
        self.args: dict[str, Any] = args if isinstance(args, dict) else {}
        self.args_path = f"{place.path}.{where}"
        self.notes: list[str] = []
        self.problems: list[Problem] = []

    def apply(self) -> None:
        """Do what the row says."""
        getattr(self, "_" + self.row["do"])()

    def _note(self, text: str) -> None:
        why = f" ({self.row['why']})" if self.row.get("why") else ""
        self.notes.append(f"{self.title}: {text}{why}; translated.")

    def _problem(self, rule: str, path: str, remedy: str, value: Any = None) -> None:
        given = {} if value is None else {"value": value}
        self.problems.append(Problem(rule=rule, file=self.file, path=path, remedy=remedy, **given))

    def _rename_class(self) -> None:
        spec, new = self.place.spec, self.row["to"]
        old, _, alias = str(spec.get("path", spec.get("name"))).partition("#")
        spec.pop("path", None)
        # The old name stays as the alias, so that a ref to it still finds the component.
        spec["name"] = f"{new}#{alias or old.rpartition('.')[2]}"
        if self.row.get("add"):
            spec.setdefault("args", self.args)
            for name, value in self.row["add"].items():
                self.args.setdefault(name, value)
        self._note(f'the class is now "{new}"')
        if "function" in self.row:
            spec.setdefault("args", self.args)
            self._call(self.row["function"])

    def _rename_arg(self) -> None:
        old, new, args = self.row["arg"], self.row["to"], self.args
        touched = False
        if old in args:
            if new in args:
                self._problem(
                    f'"{old}" is the old name of "{new}", so only one of them can be given',
                    f"{self.args_path}.{old}",
                    f'Remove "{old}".',
                    args[old],
                )
                return
            items = [(new if name == old else name, value) for name, value in args.items()]
            args.clear()
            args.update(items)
            touched = True
        for item in self._search_items():
            given = item.get("args")
            names = [given] if isinstance(given, str) else given if isinstance(given, list) else []
            renamed = [_rename(name, old, new) for name in names]
            if renamed != names:
                item["args"] = renamed[0] if isinstance(given, str) else renamed
                touched = True
        apply = self.place.spec.get("apply")
        if isinstance(apply, dict) and old in apply:
            self.place.spec["apply"] = {_rename(name, old, new): alias for name, alias in apply.items()}
            touched = True
        if touched:
            self._note(f'the arg "{old}" is now "{new}"')

    def _drop_arg(self) -> None:
        old = self.row["arg"]
        if self._searched({old}):
            return
        if old in self.args:
            del self.args[old]
            self._note(f'the arg "{old}" is gone and does nothing')

    def _function(self) -> None:
        args, names = self.args, self.row["args"]
        entry = self.catalogue.find(full_name(self.place.spec), self.place.key)
        if self._searched({name for name in names if entry is None or not entry.signature.takes(name)}):
            return
        if not any(name in args for name in names):
            return
        self._call(self.row["function"])

    def _call(self, function: str) -> None:
        """Put what a function makes of the args in their place."""
        args = self.args
        try:
            new = FUNCTIONS[function](dict(args))
        except CannotTranslate as error:
            old = next((name for name in self.row.get("args", ()) if name in args), None)
            path = self.args_path if old is None else f"{self.args_path}.{old}"
            self._problem(str(error), path, "Write the args of today's class.", args.get(old) if old else None)
            return
        if new != args:
            before = ", ".join(f"{n}={json.dumps(args[n])}" for n in args if n not in new or not _same(new[n], args[n]))
            after = ", ".join(f"{n}={json.dumps(new[n])}" for n in new if n not in args or not _same(new[n], args[n]))
            args.clear()
            args.update(new)
            text = f"{before} is now {after or 'nothing: it had no effect'}" if before else f"it gets {after}"
            self._note(text)

    def _default(self) -> None:
        name, value = self.row["arg"], self.row["value"]
        entry = self.catalogue.find(full_name(self.place.spec), self.place.key)
        if name in self.args or entry is None or not entry.signature.takes(name):
            return
        self.place.spec.setdefault("args", self.args)
        self.args[name] = copy.deepcopy(value)
        since = self.row["since"]
        self.notes.append(f"{self.title}: {name}={json.dumps(value)} is written out, the default before MONAI {since}.")

    def _refuse(self) -> None:
        old = self.row.get("arg")
        if old is None:
            key = "path" if self.place.spec.get("path") else "name"  # the check of the name would say it once more
            self._problem(f'there is no "{self.title}" any more', f"{self.place.path}.{key}", self.row["remedy"])
        elif old in self.args and self.args[old] is None:
            del self.args[old]
            self._note(f'the arg "{old}" is gone and said nothing')
        elif old in self.args:
            self._problem(
                f'{self.title} has no arg "{old}" any more',
                f"{self.args_path}.{old}",
                self.row["remedy"],
                self.args[old],
            )

    def _search_items(self) -> list[dict[str, Any]]:
        search = self.place.spec.get("search")
        return [item for item in search if isinstance(item, dict)] if isinstance(search, list) else []

    def _searched(self, names: set[str]) -> bool:
        """Note a problem where ``search`` or ``apply`` name one of these args; return whether they do."""
        used = set(self.place.spec["apply"]) if isinstance(self.place.spec.get("apply"), dict) else set()
        for item in self._search_items():
            given = item.get("args")
            used |= {str(name).partition("#")[0] for name in ([given] if isinstance(given, str) else given or [])}
        for name in sorted(used & names):
            self._problem(
                f'{self.title} has no arg "{name}" any more, so it cannot be searched',
                self.place.path,
                "Search an arg of today's class.",
            )
        return bool(used & names)


def _rename(name: Any, old: str, new: str) -> Any:
    """Return the arg's new name, ``#alias`` kept."""
    if not isinstance(name, str):
        return name
    bare, mark, alias = name.partition("#")
    return f"{new}{mark}{alias}" if bare == old else name


def _same(left: Any, right: Any) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)

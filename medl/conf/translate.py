"""Old names of components and args, put into today's; ``config/translations.json`` holds the table."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from medl.assets import asset
from medl.conf.catalogue import Catalogue
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


class CannotTranslate(Exception):
    """The old args say nothing that today's class could be told."""


def table() -> list[Row]:
    """Return the rows of ``config/translations.json``."""
    rows: list[Row] = json.loads((asset("config") / "translations.json").read_text(encoding="utf-8"))["rows"]
    return rows


def translate(
    config: Mapping[str, Any], catalogue: Catalogue, file: str = "", rows: Sequence[Row] | None = None
) -> Translation:
    """Return the config in today's names.

    The args of components, what their ``search`` and ``apply`` name, and class names are translated. Classes of the
    user's own, by ``path``, keep what they have.

    Args:
        config: a training config, variables already in.
        catalogue: knows which class a name stands for.
        file: the name shown in problems.
        rows: another table than ``config/translations.json``.
    """
    result = copy.deepcopy(dict(config))
    notes: dict[str, None] = {}
    problems: list[Problem] = []
    known = table() if rows is None else rows
    for place in components(result):
        for row in known:
            if today_class(place, catalogue) in row["class"]:
                reader = _Reader(place, catalogue, row, file)
                reader.apply()
                notes.update(dict.fromkeys(reader.notes))
                problems += reader.problems
    return Translation(result, list(notes), problems)


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
    for row in table() if rows is None else rows:
        if row["do"] == "rename_arg" and name in row["class"] and row["arg"] == arg:
            arg = row["to"]
    return arg


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
        try:
            new = FUNCTIONS[self.row["function"]](dict(args))
        except CannotTranslate as error:
            old = next(name for name in names if name in args)
            self._problem(str(error), f"{self.args_path}.{old}", "Write the args of today's class.", args[old])
            return
        if new != args:
            before = ", ".join(f"{n}={json.dumps(args[n])}" for n in args if n not in new or not _same(new[n], args[n]))
            after = ", ".join(f"{n}={json.dumps(new[n])}" for n in new if n not in args or not _same(new[n], args[n]))
            args.clear()
            args.update(new)
            self._note(f"{before} is now {after or 'nothing: it had no effect'}")

    def _refuse(self) -> None:
        old = self.row.get("arg")
        if old is None:
            self._problem(f'there is no "{self.title}" any more', self.place.path, self.row["remedy"])
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


def _per_key(value: Any, count: int | None) -> list[Any]:
    """Return one value per key: a list as it is, anything else repeated."""
    if isinstance(value, list):
        return value
    return [value] * (count or 1)


def _plain(args: Mapping[str, Any], names: Sequence[str]) -> None:
    for name in names:
        value = args.get(name)
        if any(isinstance(item, (str, dict)) for item in (value if isinstance(value, list) else [value])):
            raise CannotTranslate(f'the old arg "{name}" can be translated only where it is a plain value')


def one_hot(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of AsDiscrete(d) with ``to_onehot`` as the number of classes.

    Before MONAI 0.7 ``to_onehot`` was a bool (or one per key) beside ``n_classes``, later ``num_classes``.

    >>> one_hot({"keys": ["pred", "label"], "to_onehot": [True, False], "n_classes": 3})
    {'keys': ['pred', 'label'], 'to_onehot': [3, None]}
    """
    _plain(args, ("n_classes", "num_classes", "to_onehot"))
    counts = [args[name] for name in ("num_classes", "n_classes") if args.get(name) is not None]
    if len(counts) == 2 and counts[0] != counts[1]:
        raise CannotTranslate("n_classes and num_classes are two names of the same arg, but they differ")
    switch = args.get("to_onehot")
    lengths = [len(value) for value in (*counts, switch) if isinstance(value, list)]
    if len(set(lengths)) > 1:
        raise CannotTranslate(
            "the lists of to_onehot and of the number of classes have one value per key, but their lengths differ"
        )
    length = lengths[0] if lengths else None
    numbers = _per_key(counts[0] if counts else None, length)
    switches = _per_key(switch, length)
    values = [_class_count(on, number) for on, number in zip(switches, numbers, strict=True)]
    new = {name: value for name, value in args.items() if name not in ("n_classes", "num_classes")}
    if length is not None and any(value is not None for value in values):
        new["to_onehot"] = values
    elif length is None and values[0] is not None:
        new["to_onehot"] = values[0]
    elif switch is not None:
        del new["to_onehot"]
    return new


def _class_count(switch: Any, number: Any) -> int | None:
    if switch is None or switch is False:
        return None
    if switch is not True:
        if number is not None and number != switch:
            raise CannotTranslate("to_onehot is the number of classes, but the old arg gives another number")
        return int(switch)
    if number is None:
        raise CannotTranslate("to_onehot is the number of classes; true does not say how many")
    return int(number)


def threshold(args: dict[str, Any]) -> dict[str, Any]:
    """Return the args of AsDiscrete(d) with ``threshold`` as the value itself.

    Before MONAI 0.7 ``threshold_values`` was a bool (or one per key) beside ``logit_thresh`` (0.5). Today's class
    ignores both silently, and every Dice is wrong.

    >>> threshold({"keys": "pred", "threshold_values": True})
    {'keys': 'pred', 'threshold': 0.5}
    """
    _plain(args, ("threshold_values", "logit_thresh"))
    switch, value = args.get("threshold_values"), args.get("logit_thresh")
    if args.get("threshold") is not None:
        raise CannotTranslate("threshold and its old names threshold_values and logit_thresh exclude each other")
    lengths = [len(given) for given in (switch, value) if isinstance(given, list)]
    if len(set(lengths)) > 1:
        raise CannotTranslate("threshold_values and logit_thresh have one value per key, but their lengths differ")
    length = lengths[0] if lengths else None
    pairs = zip(_per_key(switch, length), _per_key(value, length), strict=True)
    values = [(0.5 if limit is None else limit) if on is True else None for on, limit in pairs]
    new = {name: given for name, given in args.items() if name not in ("threshold_values", "logit_thresh")}
    if any(limit is not None for limit in values):
        new["threshold"] = values if length is not None else values[0]
    return new


FUNCTIONS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"one_hot": one_hot, "threshold": threshold}
"""The functions that the table may name."""

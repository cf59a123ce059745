"""The components of a config as objects, each built once, when it is first asked for or referred to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from medl.conf.expression import ExpressionError, evaluate, parse_expression
from medl.conf.json_path import child
from medl.conf.late import TRAINER, is_late, without_late
from medl.conf.marks import Mark, mark_of
from medl.conf.sections import CONF, ONE_COMPONENT, SECTIONS, args_of, full_name, is_component, is_disabled
from medl.errors import ConfigError, MedlError, Problem, near_names
from medl.raised import user_place

_MISSING = object()
_MAX_CAUSES = 4
_ADDRESS = re.compile(r"<(?:\w+\.)*(\w+) object at 0x[0-9a-f]+>")
"""How Python shows an object that has no text of its own; its class says enough."""


@dataclass(frozen=True)
class Site:
    """Where something is built; what an adapter is told.

    Attributes:
        section: ``train`` or ``validate``.
        key: the section's key.
        path: the JSON path of the component or list.
        spec: the component; for a list all of its components.
        graph: to ask for other objects.
    """

    section: str
    key: str
    path: str
    spec: Any
    graph: ObjectGraph


Adapter = Callable[[Site, Callable[..., Any]], Any]
"""``adapter(site, build)`` returns what stands for the key.

``build(**defaults)`` makes the component, with ``defaults`` for the args that the config does not give; for a list,
``build()`` makes the list of its components. An adapter is not called for what is disabled or belongs to another rank.
"""


class ObjectGraph:
    """Builds the objects of ``train`` and ``validate`` in the order in which they need one another.

    Args:
        config: the config in its normal form: variables are in, refs are expanded.
        resolve_class: gives the class (or function) for a component and its JSON path; see
            :func:`medl.conf.component.class_of`.
        adapters: key to what is implicit there (see :data:`Adapter`); ``"handlers"`` is asked about the whole list,
            ``"handlers[]"`` about each component in it, ``"*"`` about components whose key has no adapter of its own.
        rank: of this process; a component with another ``rank`` is not built.
        conf: the value behind ``@conf``; the config where it is not given.
        file: the config's name in problems.

    Attributes:
        late: JSON path and object of each handler that waits for the trainer; see :mod:`medl.conf.late`.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        resolve_class: Callable[[Mapping[str, Any], str], Callable[..., Any]],
        adapters: Mapping[str, Adapter] | None = None,
        rank: int = 0,
        conf: Any = _MISSING,
        file: str = "",
    ):
        self.config = config
        self.file = file
        self._resolve_class = resolve_class
        self._adapters = dict(adapters or {})
        self._rank = rank
        self._conf = config if conf is _MISSING else conf
        self.late: list[tuple[str, Any]] = []
        self._built: dict[tuple[str, str], Any] = {}
        self._building: list[tuple[str, str]] = []

    def has(self, section: str, key: str) -> bool:
        """Return whether the section has the key at all."""
        content = self.config.get(section)
        return isinstance(content, dict) and key in content

    def get(self, section: str, key: str) -> Any:
        """Return the object of a key, built at the first call; a list for a list.

        It is None where the key is absent, its component is disabled or belongs to another rank.

        Raises:
            ConfigError: it cannot be built: the message has its path, its class and the cause, which is attached.
        """
        node = (section, key)
        if node in self._built:
            return self._built[node]
        if not self.has(section, key):
            return None
        path = child(section, key)
        if node in self._building:
            chain = [*self._building[self._building.index(node) :], node]
            raise self._error("references form a circle: " + " -> ".join(child(*link) for link in chain), path)
        self._building.append(node)
        try:
            value = self._key(section, key, path)
        finally:
            self._building.pop()
        self._built[node] = value
        return value

    def lookup(self, name: str, section: str, path: str = "") -> Any:
        """Return what ``@name`` means in a section: its own key, else another section's, else a first-level value.

        Raises:
            ConfigError: nothing has that name, or it cannot be built.
        """
        for place in (section, *(other for other in SECTIONS if other != section)):
            if self.has(place, name):
                return self.get(place, name)
        if name in self.config and name not in SECTIONS:
            return self.resolve(self.config[name], section, name)
        if name == CONF:
            return self._conf
        known = [key for place in SECTIONS if isinstance(self.config.get(place), dict) for key in self.config[place]]
        known += [key for key in self.config if key not in SECTIONS]
        raise self._error(f'"@{name}" names nothing', path, near=near_names(name, [*known, CONF]))

    def resolve(self, value: Any, section: str, path: str) -> Any:
        """Return a value with the references, expressions and functions in it, however deep, made what they mean.

        What refers to a disabled component gives nothing: in an object or a list it is left out.
        """
        if isinstance(value, dict):
            made = {key: self.resolve(item, section, child(path, key)) for key, item in value.items()}
            return {key: item for key, item in made.items() if not _is_nothing(value[key], item)}
        if isinstance(value, list):
            items = [self.resolve(item, section, child(path, index)) for index, item in enumerate(value)]
            return [item for given, item in zip(value, items, strict=True) if not _is_nothing(given, item)]
        mark = mark_of(value)
        if mark is Mark.REFERENCE:
            return self.lookup(value[1:], section, path)
        if mark.is_code:
            try:
                return evaluate(parse_expression(value), lambda name: self.lookup(name, section, path))
            except ExpressionError as error:
                raise ConfigError(error.problem(value, self.file, path)) from error
        return value

    def _key(self, section: str, key: str, path: str) -> Any:
        value = self.config[section][key]
        if isinstance(value, list) and key in ONE_COMPONENT:
            enabled = [index for index, item in enumerate(value) if is_component(item) and not is_disabled(item)]
            if len(enabled) != 1:
                raise self._error(
                    f'of the alternatives in "{key}" exactly one is enabled, but {len(enabled)} of {len(value)} are',
                    path,
                )
            return self._component(section, key, child(path, enabled[0]), value[enabled[0]], key)
        if isinstance(value, list):
            return self._adapted(
                key, Site(section, key, path, value, self), lambda: self._list(section, key, path, value)
            )
        if isinstance(value, dict) and (is_component(value) or key in self._adapters):
            return self._component(section, key, path, value, key)
        return self.resolve(value, section, path)

    def _list(self, section: str, key: str, path: str, items: list[Any]) -> list[Any]:
        built = []
        for index, item in enumerate(items):
            item_path = child(path, index)
            if not is_component(item):
                built.append(self.resolve(item, section, item_path))
            elif self._wanted(item):
                built.append(self._component(section, key, item_path, item, f"{key}[]"))
        return built

    def _wanted(self, spec: Mapping[str, Any]) -> bool:
        return not is_disabled(spec) and spec.get("rank") in (None, self._rank)

    def _component(self, section: str, key: str, path: str, spec: dict[str, Any], adapter: str) -> Any:
        if not self._wanted(spec):
            return None
        return self._adapted(
            adapter,
            Site(section, key, path, spec, self),
            lambda **defaults: self._make(section, key, path, spec, defaults),
        )

    def _adapted(self, name: str, site: Site, build: Callable[..., Any]) -> Any:
        adapter = self._adapters.get(name)
        if adapter is None and is_component(site.spec):
            adapter = self._adapters.get("*")
        if adapter is None:
            return build()
        try:
            return adapter(site, build)
        except MedlError:
            raise
        except Exception as error:
            raise self._error(f"this cannot be set up: {_cause(error)}", site.path) from error

    def _make(self, section: str, key: str, path: str, spec: dict[str, Any], defaults: Mapping[str, Any]) -> Any:
        factory = self._resolve_class(spec, path)
        where, given = args_of(without_late(key, spec))
        args_path = f"{path}.{where}"
        if not isinstance(given, dict):
            raise self._error("args is an object of names and values", args_path, value=given)
        own = {name: self.resolve(value, section, child(args_path, name)) for name, value in given.items()}
        args = {**defaults, **own}
        try:
            made = factory(**args)
            if is_late(key, spec):
                self.late.append((child(args_path, TRAINER), made))
            return made
        except MedlError:
            raise
        except Exception as error:
            raise self._error(
                f"{full_name(spec)} cannot be built from these args: {_cause(error)}", args_path
            ) from error

    def _error(self, rule: str, path: str, **more: Any) -> ConfigError:
        return ConfigError(Problem(rule=rule, file=self.file, path=path, **more))


def _is_nothing(given: Any, made: Any) -> bool:
    """Return whether a value refers to something that is disabled."""
    return made is None and mark_of(given) is Mark.REFERENCE


def _cause(error: Exception) -> str:
    """Return what went wrong, and below it what it came from: MONAI wraps the reason into "applying transform …"."""
    texts: list[str] = []
    one: BaseException | None = error
    while one is not None and len(texts) < _MAX_CAUSES:
        lines = str(one).strip().splitlines()
        text = _ADDRESS.sub(r"\1", (" ".join(str(error).split()) if one is error else lines[0] if lines else ""))
        texts.append(f"{type(one).__name__}: {text.rstrip('.')}" if text else type(one).__name__)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    cause = " <- ".join(dict.fromkeys(texts))
    place = user_place(error)
    return f"{cause} ({place})" if place else cause

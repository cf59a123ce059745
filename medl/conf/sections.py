"""How a training config is laid out: its sections, what a component looks like, which keys hold one component."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from medl.conf.json_path import child
from medl.errors import Problem

SECTIONS = ("train", "validate")
"""The parts of a config whose keys hold components; everything else at the first level is a value."""

CONF = "conf"
"""The name behind ``@conf``: the config itself."""

ONE_COMPONENT = frozenset(
    {
        "dataset",
        "dataloader",
        "evaluator",
        "inferer",
        "iteration",
        "key_metric",
        "loss",
        "lr_scheduler",
        "model",
        "optimizer",
        "trainer",
    }
)
"""Keys that hold one component; a list there lists alternatives, of which exactly one is enabled."""


@dataclass(frozen=True)
class Place:
    """Where a component stands.

    Attributes:
        section: ``train`` or ``validate``.
        key: its key there, such as ``pre_transforms``.
        index: its place in the key's list, from 0; None where the key holds no list.
        spec: the component itself.
    """

    section: str
    key: str
    index: int | None
    spec: dict[str, Any]

    @property
    def path(self) -> str:
        """The JSON path."""
        path = child(self.section, self.key)
        return path if self.index is None else child(path, self.index)


def is_component(value: Any) -> bool:
    """Return whether a value is an object with a ``name``, a ``path`` or a ``ref``."""
    return isinstance(value, dict) and any(isinstance(value.get(key), str) for key in ("name", "path", "ref"))


def is_disabled(spec: Mapping[str, Any]) -> bool:
    """Return whether ``disabled`` is exactly true (1 or "true" are not)."""
    return spec.get("disabled") is True


def full_name(spec: Mapping[str, Any]) -> str:
    """Return what a component is called, without its alias: its ``path`` where there is one, else its ``name``.

    >>> full_name({"name": "ScaleIntensityd#scale"})
    'ScaleIntensityd'
    """
    text = spec.get("path") or spec.get("name") or ""
    return str(text).partition("#")[0].strip()


def class_name(spec: Mapping[str, Any]) -> str:
    """Return the bare class name of a component."""
    return full_name(spec).rpartition(".")[2]


def alias(spec: Mapping[str, Any]) -> str:
    """Return the name after ``#`` that a ``ref`` may use, or an empty text."""
    for key in ("name", "path"):
        text = spec.get(key)
        if isinstance(text, str) and "#" in text:
            return text.partition("#")[2].strip()
    return ""


def args_of(spec: Mapping[str, Any]) -> tuple[str, Any]:
    """Return where the args of a component stand in it, and the args: ``args.class_attributes`` wins over ``args``."""
    args = spec.get("args")
    if isinstance(args, dict) and "class_attributes" in args:
        return "args.class_attributes", args["class_attributes"]
    return "args", {} if args is None else args


def components(config: Mapping[str, Any]) -> Iterator[Place]:
    """Give every component that stands at a section's key or in a list there, in document order."""
    for section in (key for key in config if key in SECTIONS):
        content = config[section]
        for key, value in content.items() if isinstance(content, dict) else ():
            if is_component(value):
                yield Place(section, key, None, value)
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if is_component(item):
                        yield Place(section, key, index, item)


def enabled(value: Any) -> Mapping[str, Any] | None:
    """Return the component that stands at a key, of alternatives the first one that is not disabled."""
    for one in value if isinstance(value, list) else [value]:
        if is_component(one) and not is_disabled(one):
            return dict(one)
    return None


def alternative_problems(config: Mapping[str, Any], file: str = "") -> list[Problem]:
    """Return the lists of alternatives that do not leave exactly one enabled."""
    problems = []
    for section in SECTIONS:
        content = config.get(section)
        for key, value in content.items() if isinstance(content, dict) else ():
            if key in ONE_COMPONENT and isinstance(value, list):
                count = sum(is_component(item) and not is_disabled(item) for item in value)
                if count != 1:
                    problems.append(
                        Problem(
                            rule=f'of the alternatives in "{key}" exactly one is enabled',
                            file=file,
                            path=child(section, key),
                            value=f"{count} enabled of {len(value)}",
                            remedy='Give the others "disabled": true.'
                            if count > 1
                            else 'Take "disabled" away from one of them.',
                        )
                    )
    return problems

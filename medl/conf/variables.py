"""Variables: where their values come from, and ``{NAME}`` in the texts of a config."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medl.conf.json_path import child
from medl.conf.marks import mark_of
from medl.errors import ConfigError, Problem, near_names

DEFAULTS: Mapping[str, Any] = {
    "use_gpu": True,
    "multi_gpu": False,
    "amp": False,
    "tf32": True,
    "cudnn_benchmark": False,
    "print_conf": False,
    "MMAR_CKPT_DIR": "models",
    "MMAR_CKPT": "models/model.pt",
    "MMAR_TORCHSCRIPT": "models/model.ts",
    "MMAR_EVAL_OUTPUT_PATH": "eval",
}
"""What holds where neither the config nor environment.json nor ``--set`` says anything."""

DATA_PLACES = ("DATA_ROOT", "DATASET_JSON")
"""Variables whose relative values are relative to the archive's root, wherever they are set."""

MAX_TEXT = 100_000
"""Characters of a text once its variables are in: texts that use one another could double again and again."""
MAX_CHAIN = 50
"""Variables of which each is in the text of the one before."""
MAX_TEXTS = 64 * 2**20
"""Characters of all such texts together."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WHOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True)
class Resolved:
    """A config with its variables in.

    Attributes:
        config: a copy of the config with every ``{NAME}`` replaced; the first-level values in it are those in force.
        variables: every variable that has a value, by name; a superset of the config's first-level values.
        sources: variable to where its value is from: ``default``, ``config``, ``environment`` or ``--set``.
    """

    config: dict[str, Any]
    variables: dict[str, Any]
    sources: dict[str, str]


def resolve_variables(
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    settings: Mapping[str, Any],
    mmar_root: Path,
    file: str = "",
) -> Resolved:
    """Return the config with its variables in.

    Precedence: built-in default < the config's first level < environment.json < ``--set``.

    A first-level text, number or boolean and the object ``determinism`` are variables. ``MMAR_`` texts from
    environment.json and ``--set`` that are not empty are joined to the archive's root, as are ``DATA_ROOT`` and
    ``DATASET_JSON`` from anywhere; absolute ones stay. ``MMAR_ROOT`` is the root.

    A text that is exactly ``{NAME}`` becomes the variable's value with its type; inside a longer text the value is
    written out; ``{{`` and ``}}`` are braces. Code (texts with a leading ``#`` or ``lambda``) and keys are left alone,
    and so are braces in values from environment.json and ``--set``.

    Raises:
        ConfigError: a text names no variable, or has something else between braces; all of them at once.
    """
    variables = Variables(config, environment, settings, mmar_root, file)
    resolved = {
        key: variables.value(key)
        if key in variables.sources and is_variable(key, value)
        else variables.substitute(value, key)
        for key, value in config.items()
    }
    values = {name: variables.value(name) for name in variables.sources}
    if variables.problems:
        raise ConfigError(variables.problems)
    return Resolved(resolved, values, dict(variables.sources))


def is_variable(name: str, value: Any) -> bool:
    """Return whether a first-level member of a config is a variable."""
    return isinstance(value, (bool, int, float, str)) or (name == "determinism" and isinstance(value, dict))


class Variables:
    """All variables of one config and what is wrong with the texts that use them. Values are worked out when asked for.

    Attributes:
        sources: variable to where its value is from.
        problems: what was found so far.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        environment: Mapping[str, Any],
        settings: Mapping[str, Any],
        mmar_root: Path,
        file: str = "",
    ):
        self.problems: list[Problem] = []
        self.sources: dict[str, str] = {}
        self._root = str(mmar_root)
        self._file = file
        self._raw: dict[str, Any] = {}
        self._ready: dict[str, Any] = {}
        self._resolving: list[str] = []
        self._written = 0
        own = {name: value for name, value in config.items() if is_variable(name, value)}
        for source, values in (
            ("default", {**DEFAULTS, "MMAR_ROOT": self._root}),
            ("config", own),
            ("environment", environment),
            ("--set", settings),
        ):
            for name, value in values.items():
                self._raw[name] = value
                self.sources[name] = source

    def value(self, name: str) -> Any:
        """Return the value of a known variable; the config's own may use other variables."""
        if name not in self._ready:
            value = self._raw[name]
            if self.sources[name] == "config":
                if name in self._resolving:
                    chain = " -> ".join([*self._resolving[self._resolving.index(name) :], name])
                    self._note(f"variables that use one another form a circle: {chain}", name, value)
                    return value
                if len(self._resolving) >= MAX_CHAIN:
                    self._note(f"at most {MAX_CHAIN} variables use one another in a chain", name, value)
                    return value
                self._resolving.append(name)
                value = self.substitute(value, name)
                self._resolving.pop()
            self._ready[name] = self._joined(name, value)
        return copy.deepcopy(self._ready[name])

    def substitute(self, value: Any, path: str) -> Any:
        """Return a copy of ``value``, which stands at ``path``, with the variables in it, noting problems."""
        if isinstance(value, dict):
            return {key: self.substitute(item, child(path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.substitute(item, child(path, index)) for index, item in enumerate(value)]
        if not isinstance(value, str) or mark_of(value).is_code:
            return value
        if (whole := _WHOLE.fullmatch(value)) is not None:
            return self._named(whole[1], value, path)
        return self._written_out(value, path) if "{" in value or "}" in value else value

    def _written_out(self, text: str, path: str) -> str:
        """Return a text with its variables in, as far as it is of a usual length."""
        pieces: list[str] = []
        size = 0
        for piece in self._pieces(text, path):
            size += len(piece)
            if size > MAX_TEXT + len(text) or self._written + size > MAX_TEXTS:
                self._note(f"a text has at most {MAX_TEXT:,} characters once its variables are in", path, text)
                return text
            pieces.append(piece)
        self._written += size
        return "".join(pieces)

    def _pieces(self, text: str, path: str) -> Iterator[str]:
        end = 0
        for match in _PARTS.finditer(text):
            yield text[end : match.start()]
            end = match.end()
            part = match[0]
            if part in ("{{", "}}"):
                yield part[0]
            elif match[1] is not None and _NAME.fullmatch(match[1]):
                value = self._named(match[1], text, path)
                if isinstance(value, (dict, list)):
                    self._note(f'the value of "{match[1]}" cannot stand inside a longer text', path, text)
                yield str(value)
            else:
                self._note(
                    "between braces stands the name of a variable, nothing else",
                    path,
                    text,
                    remedy="Write {{ and }} for braces that are meant as such.",
                )
        yield text[end:]

    def _named(self, name: str, text: str, path: str) -> Any:
        if name in self.sources:
            return self.value(name)
        self._note(
            f'the variable "{name}" has no value',
            path,
            text,
            near=near_names(name, self.sources),
            remedy=f'Set "{name}" at the first level of the config, in environment.json, or with --set {name}=…',
        )
        return text

    def _joined(self, name: str, value: Any) -> Any:
        given_outside = self.sources[name] != "config"
        if isinstance(value, str) and value and (name in DATA_PLACES or (given_outside and name.startswith("MMAR_"))):
            return value if name == "MMAR_ROOT" else os.path.join(self._root, value)
        return value

    def _note(self, rule: str, path: str, value: Any, near: tuple[str, ...] = (), remedy: str = "") -> None:
        problem = Problem(rule=rule, file=self._file, path=path, value=value, near=near, remedy=remedy)
        if problem not in self.problems:
            self.problems.append(problem)

"""The config files of a MONAI Bundle, in JSON or in YAML, read for what they say and nothing more."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from medl.conf.load import read_object, read_text
from medl.errors import ConfigError, Problem

ENDINGS = (".json", ".yaml", ".yml")
"""How a bundle's configs may end, best first."""
_LONGEST = 4 * 2**20
"""Characters of a YAML file: its reader is slow."""
_MERGED = 20
"""Mappings that one mapping may take over with ``<<``."""
_MOST = 1_000_000
"""Values that a config may have once its aliases are written out."""


def config_files(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """Return the files of those names that there are in a bundle's ``configs/``, in the order of the names."""
    return [path for name in names for ending in ENDINGS if (path := folder / f"{name}{ending}").is_file()]


def read_config(path: Path, file: str) -> dict[str, Any]:
    """Return the object that a config file holds; YAML with plain values only.

    Args:
        path: the file.
        file: its name in messages.

    Raises:
        ConfigError: it cannot be read, or holds something else.
    """
    if path.suffix == ".json":
        return read_object(path, file)
    import yaml

    text = read_text(path, file)
    if len(text) > _LONGEST:
        raise ConfigError(Problem(f"a YAML file has at most {_LONGEST >> 20} Mi characters", file, value=len(text)))

    class Bounded(yaml.SafeLoader):
        """Refuses what grows when it is read: mappings merged again and again, numbers of millions of digits."""

        merged = 0

        def flatten_mapping(self, node: Any) -> None:
            for key, value in node.value:
                is_list = key.tag == "tag:yaml.org,2002:merge" and isinstance(value, yaml.SequenceNode)
                if is_list and len(value.value) > _MERGED:
                    raise ValueError(f"a mapping takes over at most {_MERGED} others")
            super().flatten_mapping(node)
            self.merged += len(node.value)
            if self.merged > _MOST:
                raise ValueError(f"mappings have at most {_MOST} members together")

        def construct_scalar(self, node: Any) -> Any:
            if len(node.value) > 1000 and node.tag != "tag:yaml.org,2002:str":
                raise ValueError("a number has at most 1000 characters")
            return super().construct_scalar(node)

    try:
        value = yaml.load(text, Loader=Bounded)  # a SafeLoader: plain values only
        size = _written_out(value, {})
    except (yaml.YAMLError, OSError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(Problem(f"the file has to hold YAML ({said[:300]})", file)) from error
    if size > _MOST:
        rule = f"the aliases of a YAML file give at most {_MOST} values"
        raise ConfigError(Problem(rule, file, remedy="Write them out, or leave them out."))
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ConfigError(Problem("the file has to hold one mapping with names as keys", file))
    return value


def _written_out(value: Any, known: dict[int, float]) -> float:
    """Return the number of values in one, what is aliased counted each time; infinite where it holds itself."""
    if not isinstance(value, dict | list):
        if isinstance(value, str | int | float | None):
            return 1
        raise ValueError(f"{value!r} is neither a text nor a number")
    if id(value) not in known:
        known[id(value)] = math.inf
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_written_out(part, known) for part in parts)
    return known[id(value)]

"""An archive's ``resources/log.config`` read as data: Python's own reader evaluates parts of it."""

from __future__ import annotations

import ast
import configparser
import logging
import logging.config
import sys
from pathlib import Path
from typing import Any

from medl.errors import ConfigError, Problem

FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
"""The format of every log line that Clara recorded."""


def start_logging(path: Path | None) -> None:
    """Send log lines to standard output, or where ``path`` says.

    Args:
        path: a file in the form of :func:`logging.config.fileConfig`, of which StreamHandler and FileHandler are known;
            ``None`` for everything from INFO on standard output.

    Raises:
        ConfigError: the file cannot be read or asks for more.
    """
    if path is None:
        logging.basicConfig(level=logging.INFO, format=FORMAT, stream=sys.stdout, force=True)
        return
    logging.config.dictConfig(read_log_config(path))


def read_log_config(path: Path) -> dict[str, Any]:
    """Return a ``fileConfig`` file as the dict that :func:`logging.config.dictConfig` takes.

    Raises:
        ConfigError: the file cannot be read or asks for more than streams and files.
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
        return {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {name: _formatter(parser, f"formatter_{name}") for name in _keys(parser, "formatters")},
            "handlers": {name: _handler(parser, f"handler_{name}") for name in _keys(parser, "handlers")},
            "loggers": {
                parser.get(f"logger_{name}", "qualname", fallback=name): _logger(parser, f"logger_{name}")
                for name in _keys(parser, "loggers")
                if name != "root"
            },
            "root": _logger(parser, "logger_root"),
        }
    except (OSError, configparser.Error, ValueError) as error:
        raise ConfigError(
            Problem(
                rule="a logging configuration is an ini file of loggers, stream or file handlers and formatters",
                file=str(path),
                value=" ".join(str(error).split()),
                remedy="Mend it, or leave it out: the default logs to standard output.",
            )
        ) from error


def _keys(parser: configparser.RawConfigParser, section: str) -> list[str]:
    return [name.strip() for name in parser.get(section, "keys", fallback="").split(",") if name.strip()]


def _formatter(parser: configparser.RawConfigParser, section: str) -> dict[str, Any]:
    return {
        "format": parser.get(section, "format", fallback=FORMAT),
        "datefmt": parser.get(section, "datefmt", fallback=None),
    }


def _logger(parser: configparser.RawConfigParser, section: str) -> dict[str, Any]:
    known: dict[str, Any] = {
        "handlers": _keys_of(parser, section),
        "level": parser.get(section, "level", fallback="NOTSET"),
    }
    if section != "logger_root":
        known["propagate"] = parser.getint(section, "propagate", fallback=1) != 0
    return known


def _keys_of(parser: configparser.RawConfigParser, section: str) -> list[str]:
    return [name.strip() for name in parser.get(section, "handlers", fallback="").split(",") if name.strip()]


def _handler(parser: configparser.RawConfigParser, section: str) -> dict[str, Any]:
    kind = parser.get(section, "class").removeprefix("logging.")
    text = parser.get(section, "args", fallback="()").strip()
    known: dict[str, Any] = {"class": f"logging.{kind}", "level": parser.get(section, "level", fallback="NOTSET")}
    if formatter := parser.get(section, "formatter", fallback=""):
        known["formatter"] = formatter
    if kind == "StreamHandler":
        stream = text.strip("(), ") or "sys.stderr"
        if stream not in ("sys.stdout", "sys.stderr"):
            raise ValueError(f"[{section}] args: a stream is sys.stdout or sys.stderr, but got {text}")
        known["stream"] = f"ext://{stream}"
    elif kind == "FileHandler":
        values = ast.literal_eval(text)
        if not isinstance(values, tuple) or not values or not isinstance(values[0], str):
            raise ValueError(f"[{section}] args: a file handler has a path, such as ('log.txt', 'a'), but got {text}")
        known["filename"] = values[0]
        if len(values) > 1:
            known["mode"] = values[1]
    else:
        raise ValueError(f"[{section}] class: StreamHandler or FileHandler, but got {kind}")
    return known

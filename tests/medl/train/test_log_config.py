"""Logging configurations read as data."""

from __future__ import annotations

import logging.config
from pathlib import Path

import pytest

from medl.errors import ConfigError
from medl.train.log_config import read_log_config

CLARA = """
[loggers]
keys=root,modelLogger

[handlers]
keys=consoleHandler

[formatters]
keys=fullFormatter

[logger_root]
level=INFO
handlers=consoleHandler

[logger_modelLogger]
level=DEBUG
handlers=consoleHandler
qualname=modelLogger
propagate=0

[handler_consoleHandler]
class=StreamHandler
level=DEBUG
formatter=fullFormatter
args=(sys.stdout,)

[formatter_fullFormatter]
format=%(asctime)s - %(name)s - %(levelname)s - %(message)s
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "log.config"
    path.write_text(text)
    return path


def test_claras_own_file_is_understood(tmp_path: Path) -> None:
    known = read_log_config(write(tmp_path, CLARA))
    assert known["handlers"]["consoleHandler"]["stream"] == "ext://sys.stdout"
    assert known["loggers"]["modelLogger"] == {"handlers": ["consoleHandler"], "level": "DEBUG", "propagate": False}
    assert known["root"] == {"handlers": ["consoleHandler"], "level": "INFO"}
    logging.config.DictConfigurator(known)  # type: ignore[attr-defined]


def test_a_file_handler_is_understood(tmp_path: Path) -> None:
    text = CLARA.replace("class=StreamHandler", "class=FileHandler").replace("(sys.stdout,)", "('a.log', 'w')")
    handler = read_log_config(write(tmp_path, text))["handlers"]["consoleHandler"]
    assert handler["filename"] == "a.log" and handler["mode"] == "w"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(sys.stdout,)", "(__import__('os').system('true'),)"),
        ("class=StreamHandler", "class=handlers.SocketHandler"),
        ("[loggers]", "loggers]"),
    ],
)
def test_code_and_other_handlers_are_refused(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(ConfigError, match=r"log\.config"):
        read_log_config(write(tmp_path, CLARA.replace(old, new)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.config"):
        read_log_config(tmp_path / "none.config")

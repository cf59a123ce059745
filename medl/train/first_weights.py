"""Checkpoints that a training begins with: what is none, or is another network's, is said with its path."""

from __future__ import annotations

import errno
import re
import traceback
from typing import Any

from ignite.engine import Engine, Events
from monai.handlers import CheckpointLoader

from medl.errors import ConfigError, Problem

_SHOWN = 3
"""Keys of each kind that a message names."""

_KEYS = re.compile(r"(Missing|Unexpected) key\(s\) in state_dict: (.*)")
_SIZE = re.compile(r"size mismatch for (\S+): .*?Size\((\[.*?\])\).*?Size\((\[.*?\])\)")


def say_what_fails(loader: CheckpointLoader, file: str, path: str, *, has_switch: bool) -> CheckpointLoader:
    """Return the loader, whose errors will name its file and say what to do.

    Args:
        loader: a handler of the config; it stays the same object.
        file: the config's name.
        path: where it stands in the config.
        has_switch: whether the config has ``dont_load_ckpt_model``.
    """
    way_out = "set dont_load_ckpt_model=true to load none" if has_switch else 'load none ("disabled": true)'
    attach = loader.attach

    def load(engine: Engine) -> None:
        try:
            loader(engine)
        except Exception as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # so torch calls a truncated file
                raise
            if (rule := _rule(loader.load_path, error)) is None:
                raise
            remedy = f"Name another one with --set MMAR_CKPT=FILE, or {way_out}."
            raise ConfigError(Problem(rule, file, path, remedy=remedy)) from error

    def attach_load(engine: Engine) -> None:
        attach(engine)  # it also gives the loader its logger
        if engine.has_event_handler(loader, Events.STARTED):
            engine.remove_event_handler(loader, Events.STARTED)
            engine.add_event_handler(Events.STARTED, load)

    loader.attach = attach_load  # the object stays what the config names
    return loader


def _rule(path: str, error: Exception) -> str | None:
    """Return what is wrong with a checkpoint, or ``None`` where the error is about something else."""
    said = " ".join(str(error).split("\n")[0].split()).rstrip(". ")
    frames = [frame.f_globals.get("__name__") for frame, _ in traceback.walk_tb(error.__traceback__)]
    if "torch.serialization" in frames:
        return f"{path} is no checkpoint that can be read ({type(error).__name__}: {said or 'it is empty'})"
    if "Error(s) in loading state_dict for" in str(error) or (isinstance(error, ValueError) and _names_object(said)):
        return f"the checkpoint {path} does not fit: {differences(error) or said}"
    return None


def _names_object(said: str) -> bool:
    """Return whether ignite misses an object in a checkpoint, or an optimizer finds another's state."""
    return "not found in" in said or "loaded state dict" in said


def differences(error: BaseException) -> str:
    """Return in words the first keys in which a network's weights differ from a checkpoint's.

    Args:
        error: of ``load_state_dict``; an empty text where it names no keys.
    """
    found: list[str] = []
    text = str(error)
    for kind, keys in _KEYS.findall(text):
        names = re.findall(r'"([^"]+)"', keys)
        found.append(f"{'not in it' if kind == 'Missing' else 'only in it'}: {_first(names)}")
    if sizes := [f"{key} ({there} in it, {here} here)" for key, there, here in _SIZE.findall(text)]:
        found.append(f"of another size: {_first(sizes)}")
    return "; ".join(found)


def _first(names: list[Any]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")

"""``medl``: every command under one name.

A command is a module, imported only when it is asked for, or a verb: the script of that name in the archive's own
``commands/`` folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from medl.errors import MedlError, near_names

MODULES: Mapping[str, tuple[str, str]] = {
    "new": ("medl.apps.new", "make an archive from the template:  medl new PATH"),
    "check": ("medl.apps.check", "check an archive's config and every case of its data:  medl check PATH"),
    "data": ("medl.apps.data", "make a data list: from folders, DICOM, a list; split it, make folds"),
    "train": ("medl.apps.train", "train an archive:  medl train -m PATH"),
    "automl": ("medl.apps.automl.train", "search what an archive's config describes"),
    "automl mirror": ("medl.apps.automl.mirror", "make the Optuna study of a search from its record"),
    "automl admin": ("medl.apps.automl.admin", "the console of a running search, as a prompt"),
    "automl ctl": ("medl.apps.automl.ctl", "one command of the console:  medl automl ctl -m PATH list_workers"),
    "reproduce": ("medl.apps.reproduce", "make a recorded training again, and compare the score"),
    "summary": ("medl.apps.automl.summary", "print the table of a search"),
    "evaluate": ("medl.apps.evaluate", "validate or infer with the config given by -c"),
    "export": ("medl.apps.export", "export a trained network"),
}
"""Command, of one word or two, to its module, which has ``main(argv) -> exit code``, and to what it does."""

VERBS: Mapping[str, str] = {
    "automl_admin": "the console of the archive's running search",
    "train_multi_gpu": "train on several GPUs",
    "finetune": "go on training from the archive's weights",
    "validate": "score the exported network",
    "validate_ckpt": "score the checkpoint",
    "validate_multi_gpu": "score the exported network on several GPUs",
    "validate_multi_gpu_ckpt": "score the checkpoint on several GPUs",
    "infer": "write the predictions of the test list",
    "prepare_dataset": "make a data list for the archive",
    "automl_train_round": "run the job of a search that the archive is once more",
}
"""Command to what the script ``commands/<command>.sh`` of an archive does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit code; 2 where there is no such command."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if words else 2
    length = 2 if " ".join(words[:2]) in MODULES else 1
    name, rest = " ".join(words[:length]), words[length:]
    if name in ("--version", "version"):
        import medl

        print(f"medl {medl.__version__}")
        return 0
    try:
        if name in VERBS:
            return verb(name, rest)
        if name in MODULES and _is_here(MODULES[name][0]):
            return int(import_module(MODULES[name][0]).main(rest))
        near = near_names(name, [*_commands()])
        hint = f' Did you mean "{near[0]}"?' if near else ""
        raise MedlError(f'there is no command "{name}".{hint} `medl --help` lists them.')
    except MedlError as error:
        print(f"medl: {error}", file=sys.stderr, flush=True)
        return 2


def usage() -> str:
    """Return the list of commands."""
    commands = _commands()
    width = max(map(len, commands)) + 2
    lines = [f"  {name:{width}}{text}" for name, text in commands.items()]
    return "\n".join(["usage: medl COMMAND …      medl COMMAND --help says more", "", *lines])


def verb(name: str, words: Sequence[str]) -> int:
    """Run a verb: the archive's own script, in place of this process.

    Args:
        name: the verb.
        words: ``-m ARCHIVE`` (or the archive first), then what the script gets.

    Raises:
        MedlError: no archive is named, or it has no such script.
    """
    rest = list(words)
    if rest[:1] in (["-h"], ["--help"]):
        print(f"usage: medl {name} ARCHIVE [NAME=VALUE …]\n\n{VERBS[name]}: runs ARCHIVE/commands/{name}.sh")
        return 0
    flag = next((index for index, word in enumerate(rest[:-1]) if word in ("-m", "--mmar")), None)
    if flag is not None:
        root = rest[flag + 1]
        del rest[flag : flag + 2]
    elif rest and not rest[0].startswith("-") and "=" not in rest[0]:
        root = rest.pop(0)
    else:
        raise MedlError(f"say which archive: medl {name} ARCHIVE …")
    script = Path(root) / "commands" / f"{name}.sh"
    if not script.is_file():
        there = sorted(path.stem for path in script.parent.glob("*.sh"))
        has = f"It has {', '.join(there)}." if there else "It has no commands/ folder with scripts."
        raise MedlError(f"{root} has no commands/{name}.sh. {has}")
    sys.stdout.flush()
    os.execvp("bash", ["bash", str(script), *rest])


def _commands() -> dict[str, str]:
    return {name: text for name, (module, text) in MODULES.items() if _is_here(module)} | dict(VERBS)


def _is_here(module: str) -> bool:
    return find_spec(module) is not None


if __name__ == "__main__":
    sys.exit(main())

"""The model archive as an object: the names of its files, making one, cloning one for a job."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from medl.assets import asset
from medl.errors import ConfigError, MedlError, Problem
from medl.mmar.copied import copy_folder

CLONED = ("config", "commands", "custom", "resources", "docs")
"""What a job's clone takes over. Weights, results, runs and data stay where they are."""


class MMAR:
    """One archive. Every path of it is a property; nothing is created by looking.

    Args:
        root: the archive's folder; kept as given (Clara prints it un-normalised).
    """

    def __init__(self, root: str | os.PathLike[str]):
        self.root = Path(root)

    def __repr__(self) -> str:
        return f"MMAR({str(self.root)!r})"

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.root.resolve().name

    @property
    def config(self) -> Path:
        """The folder of the configs."""
        return self.root / "config"

    @property
    def train_config(self) -> Path:
        """The config that a training without ``-c`` uses."""
        return self.config / "config_train.json"

    @property
    def automl_config(self) -> Path:
        """The config that a search without ``--automlconf`` uses."""
        return self.config / "config_automl.json"

    @property
    def environment(self) -> Path:
        """Values that differ between machines."""
        return self.config / "environment.json"

    @property
    def commands(self) -> Path:
        """The verbs, as shell scripts."""
        return self.root / "commands"

    @property
    def round_script(self) -> Path:
        """The script that reruns a job by hand."""
        return self.commands / "automl_train_round.sh"

    @property
    def custom(self) -> Path:
        """The user's own Python."""
        return self.root / "custom"

    @property
    def log_config(self) -> Path:
        """The logging configuration."""
        return self.root / "resources" / "log.config"

    @property
    def models(self) -> Path:
        """The weights, and what a training says of itself."""
        return self.root / "models"

    @property
    def evaluations(self) -> Path:
        """The results of validation and inference."""
        return self.root / "eval"

    @property
    def log(self) -> Path:
        """Standard output and error of the job that this archive is."""
        return self.root / "log.txt"

    @property
    def record(self) -> Path:
        """The record of the job that this archive is."""
        return self.root / "record.json"

    @property
    def runs(self) -> Path:
        """The parent of the runs, where no ``work_dir`` says otherwise."""
        return self.root / "automl"

    def require(self) -> MMAR:
        """Return this archive if its folder has a config/; else raise ConfigError with the remedy."""
        if not self.config.is_dir():
            there = self.root.exists()
            remedy = "Give the archive with -m, or set MMAR_ROOT."
            if not there:
                remedy += f" To make a new one there: medl new {shlex.quote(str(self.root))}"
            raise ConfigError(
                Problem(
                    rule="a model archive (MMAR) is a folder with a config/ folder in it",
                    file=str(self.root),
                    value="a folder without config/" if there else "no such folder",
                    remedy=remedy,
                )
            )
        return self

    def clone(self, target: Path, config: dict[str, str]) -> MMAR:
        """Make the archive of a job: configs, commands, custom code, resources; empty models/ and eval/.

        Args:
            target: the new folder; must not exist.
            config: file name under config/ to its text, in place of or besides the files of this archive.

        Returns:
            The new archive; it appears under its name only when it is complete.

        Raises:
            MedlError: the target exists.
        """
        if target.exists():
            raise MedlError(f"{target} exists; a clone never overwrites a folder.")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        if partial.exists():  # left by a process that was killed while it cloned; nothing else makes this name
            shutil.rmtree(partial)
        partial.mkdir()
        for name in CLONED:
            if (self.root / name).is_dir():
                copy_folder(self.root / name, partial / name)
        clone = MMAR(partial)
        for folder in (clone.config, clone.models, clone.evaluations):
            folder.mkdir(exist_ok=True)
        for file_name, text in config.items():
            (clone.config / file_name).write_text(text, encoding="utf-8")
        os.rename(partial, target)
        return MMAR(target)


def create(target: Path) -> MMAR:
    """Make a new archive from the template, with the verbs in its commands/ folder.

    Raises:
        MedlError: the target exists and is not an empty folder.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise MedlError(f"{target} exists; a new archive never overwrites a folder. Choose another place.")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    if partial.exists():
        shutil.rmtree(partial)
    shutil.copytree(asset("mmar_template"), partial, ignore=shutil.ignore_patterns("__pycache__", "__init__.py"))
    shutil.copytree(
        asset("commands"),
        partial / "commands",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__", "__init__.py"),
    )
    if target.exists():
        target.rmdir()
    os.rename(partial, target)
    return MMAR(target)

"""A sound archive to attack, and the check that has to refuse what is put into it."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import io
import json
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medl.automl.space import search_problems
from medl.conf.catalogue import Catalogue
from medl.conf.check import check_training
from medl.conf.load import read_object
from medl.errors import ConfigError
from medl.mmar.archive import create

HERE = Path(__file__).parent
LONGEST_S = 5.0
MOST_MIB = 300


def loaded(path: Path) -> Any:
    """Return a file of the tests as a module; pytest puts none of them on the path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def mutations() -> Any:
    """Return mutations.py, beside this file."""
    return loaded(HERE / "mutations.py")


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """Return the catalogue, read once."""
    return Catalogue.load()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return a new archive of the template."""
    return create(tmp_path / "archive").root


@pytest.fixture
def quick_archive(tmp_path: Path) -> Any:
    """Return an archive whose jobs take a tenth of a second, as the tests of the search have it."""
    medl = HERE.parent / "medl"
    config = copy.deepcopy(loaded(medl / "conftest.py").TINY)
    return loaded(medl / "apps/automl/conftest.py").Archive(tmp_path / "an archive", config)


@pytest.fixture
def check(archive: Path, catalogue: Catalogue) -> Callable[[], list[str]]:
    """Return a function that gives the problems of the archive's train config as texts."""

    def problems() -> list[str]:
        try:
            config = read_object(archive / "config/config_train.json")
            environment = read_object(archive / "config/environment.json")
            checked = check_training(
                archive, config, environment, {}, "c.json", catalogue, search_problems=search_problems
            )
        except ConfigError as error:
            return [str(problem) for problem in error.problems]
        return [str(problem) for problem in checked.problems]

    return problems


@pytest.fixture
def attack(archive: Path, check: Callable[[], list[str]]) -> Callable[..., list[str]]:
    """Return a function that puts a value at a place of the train config, checks it, and takes it away again."""
    path = archive / "config/config_train.json"
    sound = path.read_text(encoding="utf-8")

    def put(value: Any, *way: str | int) -> list[str]:
        config: Any = json.loads(sound)
        node = config
        for step in way[:-1]:
            node = node[step]
        node[way[-1]] = value
        path.write_text(json.dumps(config), encoding="utf-8")
        try:
            return check()
        finally:
            path.write_text(sound, encoding="utf-8")

    assert check() == []
    return put


@pytest.fixture
def bounded() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """Return a context that fails where its block takes seconds or hundreds of MiB."""

    @contextlib.contextmanager
    def measure() -> Iterator[None]:
        before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        yield
        assert time.process_time() - begun < LONGEST_S
        assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < MOST_MIB

    return measure


@pytest.fixture
def quiet() -> Callable[[Callable[[], int]], tuple[int, str]]:
    """Return a function that calls a command and gives its exit code and all it said."""

    def call(command: Callable[[], int]) -> tuple[int, str]:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = command()
        return code, said.getvalue()

    return call

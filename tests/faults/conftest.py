"""What goes wrong around a search: a database of its own to be restarted, small and read-only file systems."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from medl.mmar.archive import create

SEARCH = [{"domain": "net", "type": "float", "args": ["x"], "targets": [0.0, 1.0]}]


class Searched:
    """An archive whose search calls a function in place of a training."""

    def __init__(self, root: Path):
        self.root = root

    def prepare(self, functions: str, function: str, controller: Mapping[str, Any], **executor: Any) -> None:
        """Write the search's config and ``custom/functions.py``."""
        sys.modules.pop("functions", None)  # of the archive before
        (self.root / "custom").mkdir(exist_ok=True)
        (self.root / "custom/functions.py").write_text(functions)
        args = {"path": f"functions.{function}", "search": SEARCH, **executor}
        automl = {"controller": controller, "executor": {"name": "FunctionExecutor", "args": args}}
        (self.root / "config/config_automl.json").write_text(json.dumps(automl))

    def run(self, run_id: str) -> Path:
        """Return a run's folder."""
        return self.root / "automl" / run_id


@pytest.fixture
def searched(tmp_path: Path) -> Searched:
    """An archive to be searched."""
    return Searched(create(tmp_path / "demo").root)


class PostgreSQL:
    """A server in a folder of its own, on a Unix socket, run as the user ``postgres`` where we are root."""

    def __init__(self, programs: Path, folder: Path):
        self.programs, self.folder = programs, folder
        self.data = folder / "data"
        with socket.socket() as free:  # of no meaning but as a part of the socket's name
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._run("initdb", "-D", str(self.data), "-U", "medl", "-A", "trust", "-E", "UTF8", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://medl@/postgres?host={self.folder}&port={self.port}"

    def start(self) -> None:
        words = f"-p {self.port} -k {self.folder} -c listen_addresses= -c fsync=off"
        self._control("start", "-o", words, "-l", str(self.folder / "log"))

    def stop(self) -> None:
        self._control("stop", "-m", "immediate")

    def _control(self, *words: str) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-w", "-s", *words)

    def _run(self, program: str, *words: str) -> None:
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        argv = [*user, str(self.programs / program), *words]
        # the server keeps what it inherits: no pipes, or who reads them would wait for its end
        with open(os.devnull, "r+b") as nowhere, tempfile.TemporaryFile() as said:
            done = subprocess.run(argv, stdin=nowhere, stdout=said, stderr=said, cwd="/", timeout=60)
            said.seek(0)
            assert done.returncode == 0, f"{argv}: {said.read().decode()}"


@pytest.fixture
def postgresql() -> Iterator[PostgreSQL]:
    """A running PostgreSQL, thrown away afterwards."""
    pytest.importorskip("psycopg", reason="no psycopg: pip install medl[postgresql]")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if initdb is None:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="medl-pg-"))  # not tmp_path: a socket's path is short, and postgres may enter
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    server = PostgreSQL(Path(initdb).parent, folder)
    server.start()
    yield server
    if (server.data / "postmaster.pid").exists():
        server.stop()
    for _ in range(100):  # its last processes may still write
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
        time.sleep(0.05)

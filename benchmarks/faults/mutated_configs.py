"""Thousands of damaged and hostile configs through the checks: none may end in a traceback, hang or start anything.

    python benchmarks/faults/mutated_configs.py [--count 10000] [--commands 200] [--keep FOLDER]

Each config is a sound one (the template's, and those of old archives) with bytes or values changed. Most go through the
check of a training or evaluation and the dry run of a search inside one process, whose time and memory are measured;
some through the command line. A thousand random search sections follow: what is applied differs from the source at the
located values only, and every locator can be read back. Prints a table; exit code 1 where a promise was broken, with
the numbers of the configs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "hostile"), str(ROOT / "tests" / "medl" / "automl")]

from mutations import mutated, started_processes  # noqa: E402
from test_search_properties import (  # noqa: E402
    test_locators_and_spaces_can_be_read_back,
    test_only_the_located_values_change,
)

from medl.apps.automl import train as search  # noqa: E402
from medl.automl.space import search_problems  # noqa: E402
from medl.conf.catalogue import Catalogue  # noqa: E402
from medl.conf.check import check_training  # noqa: E402
from medl.conf.check_evaluation import check_evaluation  # noqa: E402
from medl.conf.load import read_object  # noqa: E402
from medl.errors import ConfigError  # noqa: E402
from medl.mmar.archive import create  # noqa: E402

LONGEST_S = 5.0


@dataclass
class Figures:
    """What one road gave.

    Attributes:
        seconds: of each config.
        codes: exit code to how many configs had it.
        wrong: number and what happened, where a promise was broken.
    """

    seconds: list[float] = field(default_factory=list)
    codes: dict[int, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def add(self, number: int, call: Callable[[], int]) -> None:
        """Run one config and note what came of it; its time is CPU time, of the processes it starts too."""
        begun = _cpu_s()
        try:
            code = call()
        except BaseException as error:
            code = -1
            last = traceback.extract_tb(error.__traceback__)[-1]
            self.wrong.append(f"{number}: {type(error).__name__}: {str(error)[:150]} ({last.filename}:{last.lineno})")
        taken = _cpu_s() - begun
        self.seconds.append(taken)
        self.codes[code] = self.codes.get(code, 0) + 1
        if code not in (0, 2, -1):
            self.wrong.append(f"{number}: exit code {code}")
        if taken > LONGEST_S:
            self.wrong.append(f"{number}: {taken:.1f} s")

    def row(self, name: str) -> str:
        """Return a line of the table."""
        codes = " ".join(f"{code}:{count}" for code, count in sorted(self.codes.items()))
        middle, worst = statistics.median(self.seconds) * 1e3, max(self.seconds) * 1e3
        count, total = len(self.seconds), sum(self.seconds)
        return f"| {name} | {count} | {codes} | {len(self.wrong)} | {middle:.0f} | {worst:.0f} | {total:.0f} |"


def _cpu_s() -> float:
    """Return the CPU seconds of this process and of those it waited for: other programs on the machine do not count."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def archives(folder: Path) -> list[tuple[Path, str]]:
    """Return copies of the archives, each with a config of it that is damaged."""
    shutil.copytree(ROOT / "tests" / "golden_archives" / "clara40", folder / "clara40")
    shutil.copytree(ROOT / "tests" / "golden_archives" / "clara41", folder / "clara41")
    create(folder / "template")
    names = ("config_train.json", "config_validation.json", "environment.json")
    found = [(folder / name, config) for name in ("template", "clara40", "clara41") for config in names]
    return [*found, (folder / "template", "config_train.json"), (folder / "template", "config_automl.json")]


def checked(root: Path, config: str, catalogue: Catalogue) -> int:
    """Return the exit code of the check of one config, its messages written out."""
    name = config if config not in ("environment.json", "config_automl.json") else "config_train.json"
    try:
        content = read_object(root / "config" / name)
        environment = read_object(root / "config" / "environment.json")
        if "evaluator" in content and "train" not in content:
            found = check_evaluation(root, content, environment, {}, name, catalogue)
        else:
            found = check_training(root, content, environment, {}, name, catalogue, search_problems=search_problems)
        found.require()
    except ConfigError as error:
        return len(str(error)) and error.exit_code
    return 0


def dry_run(root: Path, config: str) -> int:
    """Return the exit code of a search's dry run inside this process; an unexpected error is raised."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = search.main(["-m", str(root), "--dry-run", "--set", "run_id=mutated"])
    if code not in (0, 2) or "Traceback" in said.getvalue():
        raise RuntimeError(f"exit code {code}: {said.getvalue().strip()[-300:]}")
    return code


def command(root: Path, config: str) -> int:
    """Return the exit code of the command line's check or dry run."""
    words = ["-m", "medl.apps.check", str(root), "--json"]
    if config in ("config_automl.json", "config_train.json"):
        words = ["-m", "medl.apps.automl.train", "-m", str(root), "--dry-run", "--set", "run_id=mutated"]
    made = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=120, check=False)
    if "Traceback" in made.stderr + made.stdout:
        raise RuntimeError(made.stderr.strip()[-300:])
    return made.returncode


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--commands", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first config")
    parser.add_argument("--keep", type=Path, help="where the configs that broke a promise are kept")
    words = parser.parse_args()
    roads = {name: Figures() for name in ("check", "dry run of a search", "command line")}
    catalogue = Catalogue.load()
    with tempfile.TemporaryDirectory() as place:
        targets = archives(Path(place))
        texts = {target: (target[0] / "config" / target[1]).read_text(encoding="utf-8") for target in targets}
        started = started_processes()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        def each(road: Figures, number: int, call: Callable[[Path, str], int], choice: int) -> None:
            root, config = target = targets[choice]
            path = root / "config" / config
            path.write_bytes(mutated(texts[target], number))
            count = len(road.wrong)
            road.add(number, lambda: call(root, config))
            if words.keep is not None and len(road.wrong) > count:
                words.keep.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, words.keep / f"{number}_{root.name}_{config}")
            path.write_text(texts[target], encoding="utf-8")

        for number in range(words.first, words.first + words.count):
            if number % 10 == 9:
                each(roads["dry run of a search"], number, dry_run, len(targets) - 1 - number // 10 % 2)
            else:
                each(
                    roads["check"], number, lambda root, config: checked(root, config, catalogue), number % len(targets)
                )
        processes = list(started)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(words.first, words.first + words.commands):
            each(roads["command line"], number, command, number % len(targets))
    print("| road | configs | exit code: configs | broken promises | median CPU ms | worst CPU ms | all CPU s |")
    print("|---|---|---|---|---|---|---|")
    for name, road in roads.items():
        if road.seconds:
            print(road.row(name))
    print(f"processes started by the checks: {len(processes)}; ", end="")
    print(f"memory: {before / 1024:.0f} MiB before, {memory / 1024:.0f} MiB at most")
    test_only_the_located_values_change()
    test_locators_and_spaces_can_be_read_back()
    print("1,000 random search sections: only the located values change, every locator and space can be read back")
    wrong = [f"{name}: {text}" for name, road in roads.items() for text in road.wrong] + processes
    print(*wrong[:50], sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

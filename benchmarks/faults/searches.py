"""Searches that are killed: of a function, of quick processes, of ranks of Horovod, and of real trainings."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processes import ALL, ENGINE, JOB, RANK

from medl.mmar.archive import create

FUNCTIONS = """
import math, time

def curve(values, epoch):
    time.sleep({seconds})
    rate, act = math.log10(values["learning_rate"]), values["act"]
    return 1.0 - (rate + 2.5) ** 2 / 4 - (act == "relu") / 10 - 1.0 / (epoch + 4)
"""

EXECUTOR = """
import dataclasses, sys
from pathlib import Path
from medl.components.executors.mmar_executor import MMARExecutor

class QuickExecutor(MMARExecutor):
    def launch(self, job, ctx):
        made = super().launch(job, ctx)
        before = made.argv[:made.argv.index(sys.executable)]
        script = str(Path(__file__).with_name("quick_training.py"))
        return dataclasses.replace(made, argv=(*before, sys.executable, "-S", script, str(job)))
"""

TRAINING = """
import json, math, os, sys, time
from pathlib import Path
job = Path(sys.argv[1])
config = json.loads((job / "config/config_train.json").read_text())
environment = json.loads((job / "config/environment.json").read_text())
models = job / "models"
models.mkdir(exist_ok=True)
rate, args = math.log10(config["learning_rate"]), config["train"]["model"]["args"]
final = 1.0 - (rate + 2.5) ** 2 / 4 - (args["act"] == "relu") / 10
scores = {epoch: final - 1.0 / (epoch + 4) for epoch in range(1, 6)}
first = os.environ.get("HOROVOD_RANK", "0") == "0"
for epoch, score in scores.items():
    time.sleep(SECONDS)
    if first:
        line = {"epoch": epoch, "max_epoch": 5, "time_s": 0.1, "losses": {}, "lr": [], "metrics": {"score": score}}
        with (models / "metrics.jsonl").open("a") as stream:
            stream.write(json.dumps(line) + "\\n")
if first:
    timings = {"import_s": 0, "build_s": 0, "train_s": 0.1, "validate_s": 0.1, "total_s": 0.2}
    stats = {"status": "ok", "key_metric": "score", "best_metric": scores[5], "best_epoch": 5, "epochs": [1, 5],
             "max_epoch": 5, "horizon": 5, "history": {"score": {str(k): v for k, v in scores.items()}},
             "timings": timings}
    (models / "model.pt").write_text(job.name)
    (models / "train_stats.part").write_text(json.dumps(stats))
    os.replace(models / "train_stats.part", models / "train_stats.json")
"""

SPACE = [
    {"domain": "lr", "type": "float", "args": ["learning_rate"], "targets": [0.0005, 0.02]},
    {"domain": "net", "type": "enum", "args": ["act"], "targets": [["relu"], ["prelu"], ["elu"]]},
]


@dataclass(frozen=True)
class Search:
    """One search that is run without kills once, and with kills as often as it takes.

    Attributes:
        name: for the table.
        controller: of config_automl.json.
        executor: the same.
        workers: as ``workers=`` has them. With one, outcomes have one order, and the whole record is compared.
        kinds: what is killed, in turn.
        settings: more words of the command.
        seconds: that an epoch of a simulated job takes.
        real: whether jobs are trainings of the template archive.
    """

    name: str
    controller: Mapping[str, Any]
    executor: Mapping[str, Any]
    workers: str
    kinds: Sequence[str]
    settings: Sequence[str] = ()
    seconds: float = 0.05
    real: bool = False
    handlers: Sequence[Mapping[str, Any]] = field(default_factory=list)

    def archive(self, folder: Path) -> Path:
        """Make its archive and return it."""
        root = create(folder).root
        custom = root / "custom"
        custom.mkdir(exist_ok=True)
        (custom / "functions.py").write_text(FUNCTIONS.format(seconds=self.seconds))
        (custom / "quick_executor.py").write_text(EXECUTOR)
        (custom / "quick_training.py").write_text(f"SECONDS = {self.seconds}\n{TRAINING}")
        parts = {"controller": self.controller, "executor": self.executor, "handlers": self.handlers}
        (root / "config/config_automl.json").write_text(json.dumps(parts, indent=2))
        return root

    def command(self, root: Path, run_id: str) -> list[str]:
        """Return the command of the search, the same however often it is given."""
        words = ["--set", f"run_id={run_id}", f"workers={self.workers}", *self.settings]
        return [sys.executable, "-u", "-m", "medl.apps.automl.train", "-m", str(root), *words]


def _function(name: str, rounds: int = 0, epochs: int = 5, **args: Any) -> Search:
    controller = {"name": name, "args": {**args, **({"max_recommendations": rounds} if rounds else {})}}
    executor = {"name": "FunctionExecutor", "args": {"path": "functions.curve", "search": SPACE, "epochs": epochs}}
    return Search(f"function, {name}", controller, executor, "0", (ENGINE, ALL))


def _processes(name: str, workers: str, kinds: Sequence[str], **args: Any) -> Search:
    executor = {"path": "quick_executor.QuickExecutor", "args": {"poll_interval": 0.1}}
    ranks = ", 2 ranks" if "," in workers else f", {workers.count(':') + 1} worker{'s' * (':' in workers)}"
    return Search(f"processes, {name}{ranks}", {"name": name, "args": args}, executor, workers, kinds, seconds=0.1)


def _trainings(name: str, workers: str, kinds: Sequence[str], **args: Any) -> Search:
    ranks = ", 2 ranks" if "," in workers else f", {workers.count(':') + 1} worker{'s' * (':' in workers)}"
    settings = ("epochs=3", "use_gpu=false", "multi_gpu=true" if "," in workers else "multi_gpu=false")
    executor = {"name": "MMARExecutor", "args": {"poll_interval": 0.2}}
    title = f"trainings, {name}{ranks}"
    return Search(title, {"name": name, "args": args}, executor, workers, kinds, settings, real=True)


SIMULATED = (
    _function("TpeController", 12, n_startup=4),
    _function("HyperbandController", epochs=9, R=9, nu=3),
    _function("PbtController", epochs=6, population_size=4),
    _processes("RandomController", "0:1", (ENGINE, JOB, ALL), max_rounds=10),
    _processes("GridController", "0:1", (JOB, ENGINE, ALL), points=3),
    _processes("TpeController", "0", (JOB, ALL, ENGINE), max_recommendations=8),
    _processes("RandomController", "0,1", (RANK, JOB, ENGINE, RANK, ALL), max_rounds=4),
)
REAL = (
    _trainings("RandomController", "0:1", (JOB, ENGINE, ALL), max_rounds=3),
    _trainings("GridController", "0", (ENGINE, JOB, ALL), points=1),
    _trainings("RandomController", "0,1", (RANK, ENGINE, RANK, JOB, ALL), max_rounds=2),
)

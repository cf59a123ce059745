"""A simulated search of thousands of jobs through the engine's core, with a virtual clock.

    python benchmarks/engine/core.py [--jobs 10000] [--workers 64] [--mirror]

prints CPU seconds for a quarter, half and all of the jobs, and what the log of that many events costs to replay. With
``--mirror`` each run is mirrored to an Optuna study in memory, as a run of trainings is on disk.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

from medl.automl.core import Core
from medl.automl.defs import FloatRange, JobStatus, Outcome, ParameterRange, Recommendation, SearchSpace
from medl.automl.simulate import Simulated, simulate
from medl.components.controllers.random import RandomController

SPACE = SearchSpace(
    (
        ParameterRange("lr.float.$0:learning_rate", "lr", "float", ("learning_rate",), (FloatRange(1e-4, 1e-1),)),
        ParameterRange("net.enum.train.model$0:act", "net", "enum", ("act",), (("relu",), ("prelu",), ("elu",))),
    )
)


def search(jobs: int, workers: int, mirror: bool = False) -> Simulated:
    """Return a simulated search of so many jobs; their times are a factor of ten apart, one in twenty fails."""
    draw = random.Random(0)

    def run_job(recommendation: Recommendation) -> tuple[Outcome, float]:
        seconds = draw.uniform(1.0, 10.0)
        if draw.random() < 0.05:
            return Outcome(recommendation.id, JobStatus.FAILED, reason="simulated"), seconds
        return Outcome(recommendation.id, values={"score": draw.random()}, cost_s=seconds), seconds

    return simulate(RandomController(max_rounds=jobs), SPACE, run_job, workers=workers, mirror=mirror)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--mirror", action="store_true")
    words = parser.parse_args()
    sizes = (words.jobs // 4, words.jobs // 2, words.jobs)
    live: dict[int, list[float]] = {size: [] for size in sizes}
    replay: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(words.repeats):
        for size in sizes:
            begun = time.process_time()
            result = search(size, words.workers, words.mirror)
            live[size].append(time.process_time() - begun)
            begun = time.process_time()
            core = Core()
            for event in result.events:
                core.replay(event)
            replay[size].append(time.process_time() - begun)
            assert core == result.core, "replaying the log gives another state"
            assert len(core.jobs) == size
            if result.mirror is not None:
                assert len(result.mirror.storage.get_all_trials(0, deepcopy=False)) == size
    mirrored = ", mirrored in memory" if words.mirror else ""
    print(f"{words.workers} simulated workers, median of {words.repeats}{mirrored}")
    print(f"{'jobs':>8} {'CPU s':>8} {'ms a job':>9} {'replay s':>9}")
    for size in sizes:
        seconds = statistics.median(live[size])
        print(f"{size:>8} {seconds:>8.2f} {1000 * seconds / size:>9.3f} {statistics.median(replay[size]):>9.2f}")


if __name__ == "__main__":
    main()

"""What it costs and saves that waiting threads sleep: training steps alone, and two processes on the same cores.

    python benchmarks/train/waiting.py

runs steps of a 3D UNet for a few seconds each way, in turn: with OpenMP's own way of waiting and with ours
(medl/train/waiting_threads.py), each process with as many threads as there are cores. Prints the median time per step
and its ratio to OpenMP's own way. Takes two minutes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from itertools import product
from pathlib import Path

from archive_run import table

from medl.automl.hardware import cores
from medl.train.waiting_threads import let_waiting_threads_sleep

WAYS = ("OpenMP's", "ours")
CHILD = "--steps"


def steps(seconds: float) -> float:
    """Return milliseconds per step of a training in this process."""
    import time

    import torch
    from monai.networks.nets import UNet

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    network = UNet(3, 1, 3, (16, 32, 64), (2, 2), num_res_units=2)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    image, count, began = torch.rand(2, 1, 40, 56, 40), 0, time.monotonic()
    while count == 0 or time.monotonic() - began < seconds:
        optimizer.zero_grad()
        network(image).square().mean().backward()
        optimizer.step()
        count += 1
    return 1000 * (time.monotonic() - began) / count


def measured(way: str, processes: int, threads: int, seconds: float) -> float:
    """Return milliseconds per step, the mean of several processes that run at the same time."""
    env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    if way == "ours":
        let_waiting_threads_sleep(env)
    command = [sys.executable, str(Path(__file__).resolve()), CHILD, str(seconds)]
    started = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return statistics.mean(float(each.communicate()[0]) for each in started)


def main() -> None:
    """Measure, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3, help="how often each way is run (%(default)s)")
    options.add_argument("--seconds", type=float, default=8.0, help="how long each run is (%(default)s)")
    options.add_argument(CHILD, type=float, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.steps is not None:
        print(steps(given.steps))
        return
    threads = cores()
    rows: list[list[object]] = [["at the same time", "waiting", "ms per step", "ratio"]]
    found: dict[tuple[int, str], list[float]] = {key: [] for key in product((1, 2), WAYS)}
    for _ in range(given.rounds):
        for (processes, way), times in found.items():
            times.append(measured(way, processes, threads, given.seconds))
    for (processes, way), times in found.items():
        ratios = [mine / base for mine, base in zip(times, found[processes, WAYS[0]], strict=True)]
        name = "1 process" if processes == 1 else f"{processes} processes"
        rows.append([name, way, f"{statistics.median(times):.0f}", f"{statistics.median(ratios):.2f}"])
    print(table(rows))


if __name__ == "__main__":
    main()

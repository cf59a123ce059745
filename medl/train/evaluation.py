"""One validation or inference, from the checked config to the files it leaves."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medl.conf.evaluation_layout import SECTION, flat_path, flat_problem
from medl.conf.graph import ObjectGraph, Site
from medl.errors import ConfigError, Problem
from medl.mmar.archive import MMAR
from medl.train.build import allowed_packages, object_graph
from medl.train.connected import metrics_of
from medl.train.determinism import make_deterministic
from medl.train.device import Device, choose_device, flag
from medl.train.distributed import start_ranks
from medl.train.empty_labels import EmptyLabels
from medl.train.evaluation_printout import evaluation_lines
from medl.train.failure import failure
from medl.train.gathered_metrics import GatheredMetrics
from medl.train.implicit import Parts
from medl.train.launched import launched
from medl.train.pass_on import PassOn
from medl.train.printout import Switches
from medl.train.trained_network import load_checkpoint, load_torchscript
from medl.train.window_memory import LabelBesidePrediction
from medl.train.workflow import limit_threads, seed_of

_CUDA = re.compile(r"cuda(:\d+)?|#\s*torch\.device\(\s*['\"]cuda(:\d+)?['\"]\s*\)")


def evaluate(mmar: MMAR, config: dict[str, Any], variables: Mapping[str, Any], *, file: str) -> dict[str, float]:
    """Run the evaluator of a config, and return its metrics by name; none for an inference.

    Args:
        mmar: the archive.
        config: the checked config in its normal form.
        variables: its resolved first-level values.
        file: the config's name, for messages.

    Raises:
        ConfigError: objects cannot be built from the config, or the data break a rule.
        TrainingError: the evaluation cannot go on.
        Stopped: a signal asked for the end.
    """
    started = time.monotonic()
    ranks = start_ranks(use_gpu=flag(variables, "use_gpu", default=True))
    limit_threads(launched())
    say = _say if ranks.writes else _say_nothing
    if flag(variables, "multi_gpu", default=False) and ranks.size == 1:
        say("multi_gpu: one process was started, so the evaluation uses one device.")
    device = choose_device(variables, ranks, lambda line: say(line.replace("the training", "the evaluation")))
    if device.device.type == "cpu":
        config = on_cpu(config)
    seed = seed_of(variables, file)
    folder = Path(os.path.join(mmar.root, str(variables.get("MMAR_EVAL_OUTPUT_PATH") or "eval")))
    with _flat_messages():
        if seed is not None:
            make_deterministic(seed, cuda=device.device.type == "cuda")
        parts = Parts(mmar, config, variables, file=file, folder=folder, ranks=ranks, device=device)
        graph = _objects(parts)
        evaluator = graph.get(SECTION, "evaluator")
        if evaluator is None:
            raise ConfigError(Problem("an evaluation has an evaluator that is not disabled", file, "evaluator"))
        metrics = metrics_of(evaluator)
        GatheredMetrics(ranks, metrics).attach(evaluator)
        if ranks.writes and flag(variables, "print_conf", default=False):
            _print_conf(graph, evaluator, device, ranks.size > 1, seed)
        evaluator.run()
        counts = [(metric, EmptyLabels.of(metric)) for metric in metrics]
        for metric, count in counts:
            if count is not None:
                total = ranks.sum(count.as_tensor()).tolist()
                if any(total):
                    say(f"{getattr(metric, '_name', type(metric).__name__)}: {count.words(*map(int, total))}")
        for name, value in evaluator.state.metrics.items():
            if isinstance(value, float) and math.isnan(value):
                say(f"{name}: no score, nothing was left to take the mean of.")
    ranks.barrier()  # a rank that left now would take the connection with it
    if ranks.writes:
        logging.getLogger("medl.apps.mmar_conf").info("Total Evaluation Time %s", time.monotonic() - started)
    return {name: value for name, value in evaluator.state.metrics.items() if isinstance(value, float)}


def _objects(parts: Parts) -> ObjectGraph:
    """Return the graph of the config's objects, whose model may be a file."""

    def model(site: Site, build: Any) -> Any:
        where = {"file": parts.file, "device": parts.device.device}
        for key in ("ts_path", "ckpt_path"):
            given = site.spec.get(key)
            if not isinstance(given, str):
                continue
            path, place = Path(os.path.join(parts.mmar.root, given)), f"{flat_path(site.path)}.{key}"
            if key == "ts_path":
                return load_torchscript(path, place=place, **where)
            return load_checkpoint(
                path,
                parts.mmar,
                packages=tuple(allowed_packages(parts.config, parts.variables)),
                place=place,
                **where,
            )
        return build()

    return object_graph(parts, lambda key, graph: [PassOn(), LabelBesidePrediction()], {"model": model})


def on_cpu(value: Any) -> Any:
    """Return a config in which what names a GPU names the CPU, for a machine or a run without one.

    >>> on_cpu({"args": {"device": "cuda", "sw_device": "#torch.device('cuda:1')"}})
    {'args': {'device': 'cpu', 'sw_device': 'cpu'}}
    """
    if isinstance(value, dict):
        return {key: on_cpu(item) for key, item in value.items()}
    if isinstance(value, list):
        return [on_cpu(item) for item in value]
    return "cpu" if isinstance(value, str) and _CUDA.fullmatch(value) else value


@contextlib.contextmanager
def _flat_messages() -> Iterator[None]:
    """Make errors one line, with the paths of the config as the user wrote it."""
    try:
        yield
    except Exception as error:
        shown = failure(error)
        if isinstance(shown, ConfigError):
            raise ConfigError([flat_problem(problem) for problem in shown.problems]) from error
        raise shown from error


def _print_conf(graph: ObjectGraph, evaluator: Any, device: Device, several: bool, seed: int | None) -> None:
    switches = Switches(
        epochs=1,
        use_gpu=device.device.type == "cuda",
        multi_gpu=several,
        amp=bool(getattr(evaluator, "amp", device.amp)),
        determinism=seed is not None,
        cudnn_benchmark=device.cudnn_benchmark and seed is None,
        tf32=device.tf32,
    )
    for line in evaluation_lines(switches, graph):
        print(line, flush=True)


def _say(line: str) -> None:
    print(f"medl: {line}", flush=True)


def _say_nothing(line: str) -> None:
    """Leave a line to rank 0, which says the same."""

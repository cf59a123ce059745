"""What several ranks do together, run by each of them: ``horovodrun -np 2 python together.py FOLDER``.

Each rank leaves what it found in ``FOLDER/<rank>.json``; test_several_ranks.py looks at that.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents
from monai.handlers import MeanDice

from medl.train.connected import metrics_of
from medl.train.distributed import Ranks, start_ranks
from medl.train.gathered_metrics import GatheredMetrics
from medl.train.horovod_optimizer import average_before_scaler, averaging
from medl.train.same_weights import SameWeights, share_optimizer, share_weights


def talk(ranks: Ranks) -> dict[str, Any]:
    return {
        "mean": ranks.mean({"b": float(ranks.rank), "a": 4.0 * ranks.rank}),
        "gather": ranks.gather({"rank": ranks.rank}),
        "from_first": ranks.from_first([1, "x"] if ranks.rank == 0 else None),
        "sum": ranks.sum(torch.tensor([1, ranks.rank])).tolist(),
    }


def step(ranks: Ranks) -> dict[str, Any]:
    """Two groups, gradients of bfloat16 among them, and weights that differ at first."""
    torch.manual_seed(ranks.rank)
    first, second = torch.nn.Linear(2, 1, bias=False), torch.nn.Linear(2, 1, bias=False, dtype=torch.bfloat16)
    share_weights(ranks, torch.nn.ModuleList([first, second]))
    start = first.weight.detach().clone()
    groups = [{"params": first.parameters(), "lr": 1.0}, {"params": second.parameters(), "lr": 0.5}]
    optimizer = averaging(torch.optim.SGD(groups, lr=9.0, momentum=0.9))
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    for none in (True, False):
        optimizer.zero_grad(set_to_none=none)
        x = torch.full((1, 2), 1.0 + 2 * ranks.rank)
        (first(x).sum() + second(x.bfloat16()).float().sum()).backward()
        optimizer.step()
    schedule.step()
    if ranks.rank == 1:  # as if only rank 0 had loaded its moments
        optimizer.state.clear()
    share_optimizer(ranks, optimizer)
    moments = [state["momentum_buffer"].float().sum().item() for state in optimizer.state.values()]
    return {
        "moved": (start - first.weight).flatten().tolist(),
        "first": first.weight.flatten().tolist(),
        "second": second.weight.float().flatten().tolist(),
        "rates": [group["lr"] for group in optimizer.param_groups],
        "moments": moments,
    }


def scaled(ranks: Ranks) -> dict[str, Any]:
    """One rank's gradient is infinite: no rank may step, and all scales fall."""
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(network.weight)
    optimizer = averaging(torch.optim.SGD(network.parameters(), lr=1.0))
    engine = Engine(lambda engine, batch: None)
    engine.register_events(*IterationEvents)
    engine.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)  # type: ignore[attr-defined]
    average_before_scaler(engine, optimizer)
    found = []
    for value in (float("inf") if ranks.rank == 1 else 1.0, 1.0 + ranks.rank):
        optimizer.zero_grad(set_to_none=True)
        engine.scaler.scale(network(torch.full((1, 1), value)).sum()).backward()  # type: ignore[attr-defined]
        engine.fire_event(IterationEvents.BACKWARD_COMPLETED)
        engine.scaler.step(optimizer)  # type: ignore[attr-defined]
        engine.scaler.update()  # type: ignore[attr-defined]
        found.append([network.weight.item(), engine.scaler.get_scale()])  # type: ignore[attr-defined]
    return {"weights_and_scales": found}


def statistics(ranks: Ranks) -> dict[str, Any]:
    """Each rank's batch normalization sees other data; an epoch's end and a validation's start make them one."""
    norm = torch.nn.BatchNorm1d(2)

    def see(engine: Engine, batch: float) -> None:
        assert norm.running_mean is not None
        norm.running_mean += ranks.rank

    trainer, evaluator = Engine(see), Engine(lambda engine, batch: None)
    SameWeights(ranks, torch.nn.Sequential(norm, torch.nn.Linear(1, 1)), None).attach(trainer, evaluator)
    trainer.run([0, 0])
    after_epoch = norm.running_mean.tolist()
    see(trainer, 0)
    evaluator.run([0])
    return {"mean": [after_epoch, norm.running_mean.tolist()], "variance": norm.running_var.tolist()}


def metrics(ranks: Ranks) -> dict[str, Any]:
    """Five cases of two classes each, dealt out; their values come back in order."""
    torch.manual_seed(0)
    labels, guesses = (torch.rand(5, 2, 4, 4) > 0.5).float(), (torch.rand(5, 2, 4, 4) > 0.5).float()

    def score(indices: list[int]) -> tuple[float, list[list[float]]]:
        engine = Engine(lambda engine, index: ([guesses[index]], [labels[index]]))
        engine.state.metric_details = {}
        for name in ("dice", "again"):
            MeanDice(include_background=True).attach(engine, name)
        together = GatheredMetrics(ranks, metrics_of(engine))
        assert len(together.kept) == 2
        together.attach(engine)
        engine.run(indices)
        return engine.state.metrics["dice"], engine.state.metric_details["dice"].tolist()

    value, details = score(list(range(ranks.rank, 5, ranks.size)))
    alone = MeanDice(include_background=True).metric_fn
    alone._compute = alone._compute_tensor if hasattr(alone, "_compute_tensor") else None
    expected = torch.stack([alone._compute(guesses[i : i + 1], labels[i : i + 1])[0] for i in range(5)])
    return {"value": value, "details": details, "expected": expected.tolist(), "expected_value": expected.mean().item()}


if __name__ == "__main__":
    here = start_ranks(use_gpu=False)
    found = {function.__name__: function(here) for function in (talk, step, scaled, statistics, metrics)}
    (Path(sys.argv[1]) / f"{here.rank}.json").write_text(json.dumps(found))
    here.barrier()

"""Other packages used directly, one evaluation at a time or several at once: what wrapping them is compared with."""

from __future__ import annotations

import heapq
import importlib.util
from collections.abc import Callable
from typing import Any, Protocol

from functions import Function, Parameter

Seconds = Callable[[int, int], float]
Found = list[tuple[float, float]]


class Asked(Protocol):
    """Another package's search: give me values, and this is what came of them."""

    def ask(self) -> tuple[Any, dict[str, Any]]:
        """Return a key and values by name."""

    def tell(self, key: Any, loss: float) -> None:
        """Take in a loss."""


def searched(asked: Asked, function: Function, seed: int, evaluations: int, workers: int, seconds: Seconds) -> Found:
    """Return what was observed and the true regret there, in the order in which evaluations ended.

    A worker without work asks at once, so that each point is chosen knowing all that ended before.
    """
    running: list[tuple[float, int, Any, float, float]] = []
    found: Found = []
    clock, started = 0.0, 0
    while len(found) < evaluations:
        while started < evaluations and len(running) < workers:
            key, values = asked.ask()
            observed = function.observed(values, seed, started)
            entry = (clock + seconds(seed, started), started, key, observed, function.regret(values))
            heapq.heappush(running, entry)
            started += 1
        clock, _, key, observed, regret = heapq.heappop(running)
        asked.tell(key, observed)
        found.append((observed, regret))
    return found


class OptunaSearch:
    """An Optuna study in memory with one sampler, as its documentation shows ask and tell."""

    def __init__(self, function: Function, sampler: Any):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.study = optuna.create_study(sampler=sampler)
        self.distributions = {p.name: self._distribution(p) for p in function.parameters}

    @staticmethod
    def _distribution(p: Parameter) -> Any:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if p.choices:
            return CategoricalDistribution(p.choices)
        if p.whole:
            return IntDistribution(int(p.low), int(p.high), log=p.log)
        return FloatDistribution(p.low, p.high, log=p.log)

    def ask(self) -> tuple[Any, dict[str, Any]]:
        trial = self.study.ask(self.distributions)
        return trial, dict(trial.params)

    def tell(self, key: Any, loss: float) -> None:
        self.study.tell(key, loss)


def optuna_gp(function: Function, seed: int, evaluations: int, workers: int, seconds: Seconds) -> Found:
    """Optuna's GPSampler as it comes; it learns the noise (``deterministic_objective`` is never set)."""
    from optuna.samplers import GPSampler

    return searched(OptunaSearch(function, GPSampler(seed=seed)), function, seed, evaluations, workers, seconds)


def optuna_tpe(function: Function, seed: int, evaluations: int, workers: int, seconds: Seconds) -> Found:
    """Optuna's TPESampler as it comes."""
    from optuna.samplers import TPESampler

    return searched(OptunaSearch(function, TPESampler(seed=seed)), function, seed, evaluations, workers, seconds)


class HyperoptSearch:
    """hyperopt's TPE over its own trials, asked for one point at a time."""

    def __init__(self, function: Function, seed: int):
        import math

        import hyperopt
        from hyperopt import hp

        space = {}
        for p in function.parameters:
            if p.choices:
                space[p.name] = hp.choice(p.name, list(p.choices))
            elif p.whole:
                space[p.name] = hp.quniform(p.name, p.low - 0.5, p.high + 0.5, 1)
            elif p.log:
                space[p.name] = hp.loguniform(p.name, math.log(p.low), math.log(p.high))
            else:
                space[p.name] = hp.uniform(p.name, p.low, p.high)
        self.function, self.space, self.seed = function, space, seed
        self.hyperopt, self.trials = hyperopt, hyperopt.Trials()
        self.domain = hyperopt.Domain(lambda values: 0.0, space)
        self.asked = 0

    def ask(self) -> tuple[Any, dict[str, Any]]:
        hyperopt = self.hyperopt
        ids = self.trials.new_trial_ids(1)
        self.asked += 1
        documents = hyperopt.tpe.suggest(ids, self.domain, self.trials, self.seed * 100_003 + self.asked)
        self.trials.insert_trial_docs(documents)
        self.trials.refresh()
        given = {name: cells[0] for name, cells in documents[0]["misc"]["vals"].items()}
        values = dict(hyperopt.space_eval(self.space, given))
        for p in self.function.parameters:
            if p.whole:
                values[p.name] = int(min(max(round(values[p.name]), p.low), p.high))
        return documents[0]["tid"], values

    def tell(self, key: Any, loss: float) -> None:
        for document in self.trials._dynamic_trials:
            if document["tid"] == key:
                document["state"] = self.hyperopt.JOB_STATE_DONE
                document["result"] = {"status": self.hyperopt.STATUS_OK, "loss": loss}
        self.trials.refresh()


def hyperopt_tpe(function: Function, seed: int, evaluations: int, workers: int, seconds: Seconds) -> Found:
    """hyperopt's TPE as it comes: 20 random points, then its model."""
    return searched(HyperoptSearch(function, seed), function, seed, evaluations, workers, seconds)


DIRECT: dict[str, Callable[[Function, int, int, int, Seconds], Found]] = {
    "Optuna GP": optuna_gp,
    "Optuna TPE": optuna_tpe,
    "hyperopt TPE": hyperopt_tpe,
}


def installed(arm: str) -> bool:
    """Return whether the package of an arm can be imported."""
    return importlib.util.find_spec(arm.partition(" ")[0].lower()) is not None

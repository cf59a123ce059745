"""Every controller of ours keeps the contract of controllers, with its defaults."""

from __future__ import annotations

import importlib
import inspect

import pytest

from medl.automl.controller_names import rounds_arg
from medl.components.controllers import CONTROLLERS
from medl.testing.controllers import ControllerContract

OWN_TESTS = {
    "BayesianController",
    "BfboController",
    "CmaesController",
    "Nsga2Controller",
    "QmcController",
    "TpeController",
}
"""Their own tests run the contract, with fewer rounds: a round of these takes its time."""


class TestEveryController(ControllerContract):
    @pytest.fixture(params=sorted(set(CONTROLLERS) - OWN_TESTS))
    def controller_factory(self, request):
        module, _, name = CONTROLLERS[request.param].rpartition(".")
        made = getattr(importlib.import_module(module), name)
        args = inspect.signature(made).parameters
        rounds = rounds_arg(args)
        return lambda max_rounds, seed: made(**{rounds: max_rounds}, **({"seed": seed} if "seed" in args else {}))

"""Every controller of ours keeps the contract of controllers, with its defaults."""

from __future__ import annotations

import importlib
import inspect

import pytest

from medl.components.controllers import CONTROLLERS
from medl.testing.controllers import ControllerContract


class TestEveryController(ControllerContract):
    @pytest.fixture(params=sorted(CONTROLLERS))
    def controller_factory(self, request):
        module, _, name = CONTROLLERS[request.param].rpartition(".")
        made = getattr(importlib.import_module(module), name)
        seeded = "seed" in inspect.signature(made).parameters
        return lambda max_rounds, seed: made(max_rounds=max_rounds, **({"seed": seed} if seeded else {}))

"""Every handler of ours keeps the contract of handlers."""

from __future__ import annotations

import importlib

import pytest

from medl.components.handlers import HANDLERS
from medl.components.handlers.mmar_handler import MMARHandler
from medl.testing.handlers import HandlerContract


class TestEveryHandler(HandlerContract):
    @pytest.fixture(params=sorted(HANDLERS))
    def handler(self, request):
        module, _, name = HANDLERS[request.param].rpartition(".")
        return getattr(importlib.import_module(module), name)()


class TestSparingMMARHandler(HandlerContract):
    """One that keeps a single archive, only its key content, and stops the run early."""

    @pytest.fixture
    def handler(self):
        return MMARHandler(num_mmars_to_keep=1, key_mmar_content_only=True, stop_threshold=0.6)

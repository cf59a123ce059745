from __future__ import annotations

from medl.automl.weights_note import weights_note
from medl.testing.spaces import CONDITIONAL, MIXED


def test_only_a_space_with_weights_has_a_note():
    assert weights_note(MIXED) == ""
    assert "lr.enum.$0:optimizer" in weights_note(CONDITIONAL)

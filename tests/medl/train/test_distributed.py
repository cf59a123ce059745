"""The processes of one training."""

from __future__ import annotations

import pytest

from medl.errors import ConfigError
from medl.train.distributed import Ranks, start_ranks


def test_one_process_is_rank_0_and_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "1")
    ranks = start_ranks()
    ranks.barrier()
    assert ranks == Ranks() and ranks.writes and ranks.mean(0.5) == 0.5
    assert not Ranks(rank=1, size=2).writes


@pytest.mark.parametrize("name", ["HOROVOD_SIZE", "WORLD_SIZE"])
def test_several_processes_are_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "2")
    with pytest.raises(ConfigError, match=name) as caught:
        start_ranks()
    assert "without a launcher" in str(caught.value)

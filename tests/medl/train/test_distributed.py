"""The processes of one training. What several of them do together is in test_several_ranks.py."""

from __future__ import annotations

import pytest
import torch

from medl.errors import ConfigError
from medl.train import distributed
from medl.train.distributed import Ranks, start_ranks


def test_one_process_is_rank_0_writes_and_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "1")
    ranks = start_ranks()
    ranks.barrier()
    assert ranks == Ranks() and ranks.writes
    assert ranks.mean({"loss": 0.5}) == {"loss": 0.5}
    assert ranks.gather("x") == ["x"] and ranks.from_first("x") == "x"
    tensor = torch.ones(2)
    assert ranks.sum(tensor) is not tensor and ranks.sum(tensor).tolist() == [1.0, 1.0]
    assert not Ranks(rank=1, size=2).writes


def test_a_horovod_for_another_torch_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOROVOD_SIZE", "2")
    monkeypatch.setenv("HOROVOD_RANK", "0")
    monkeypatch.setattr(distributed, "horovod_fault", lambda: "the installed Horovod was built for torch 1.0")
    with pytest.raises(ConfigError, match=r"built for torch 1\.0") as caught:
        start_ranks()
    assert "scripts/install_horovod.sh" in str(caught.value)


def test_fewer_gpus_than_ranks_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match="2 ranks, 1 GPU visible"):
        start_ranks()

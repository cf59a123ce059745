"""What is shared, where there is somebody to share it with. The rest is in test_several_ranks.py."""

from __future__ import annotations

import torch

from medl.train.distributed import Ranks
from medl.train.same_weights import mean_statistics, share_weights


def test_one_process_keeps_what_it_has() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    share_weights(Ranks(), network)
    mean_statistics(Ranks(), network)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())

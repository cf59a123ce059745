"""What a network's size and a step's cost are found to be."""

from __future__ import annotations

import pytest
import torch

from medl.train.network_size import forward_cost, network_size, patch_of, values_per_weight


class Picky(torch.nn.Module):
    """Looks at values, which tensors without any do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)
        self.norm = torch.nn.BatchNorm1d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.layer(x).expand(3, -1) * (2.0 if float(x.sum()) >= 0 else 1.0))


def test_a_convolution_costs_what_it_must() -> None:
    network = torch.nn.Conv3d(2, 8, 3, padding=1, bias=False)
    asked: list[int] = []

    def sample() -> tuple[torch.Tensor, int]:
        asked.append(1)
        return torch.zeros(2, 16, 16, 16), 4

    adam = torch.optim.Adam(network.parameters())
    found = network_size(["params_m", "gflops", "memory_mb"], network, adam, sample)
    weights = 2 * 8 * 27
    assert found["params_m"] == pytest.approx(weights / 1e6)
    assert found["gflops"] == pytest.approx(2 * weights * 16**3 / 1e9)
    batch = 4 * 2 * 16**3 * 4  # the gradient of the weights needs the patch, and nothing else
    assert found["memory_mb"] == pytest.approx((weights * 4 * 4 + batch) / 1e6)
    assert network_size(["params_m"], network, None, sample) == {"params_m": pytest.approx(weights / 1e6)}
    assert len(asked) == 1, "a patch is prepared only where it is needed"


def test_what_is_saved_for_the_backward_pass_is_counted_once() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    flops, saved = forward_cost(network, torch.zeros(8))
    assert flops == 2 * (64 + 8)
    assert saved == 4 * 8, "the ReLU's result, which two layers share"


def test_a_network_that_needs_values_gets_them_and_stays_as_it_is() -> None:
    network = Picky().eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    found = network_size(["gflops"], network, None, lambda: (torch.rand(4), 1))
    assert found["gflops"] == pytest.approx(2 * 8 / 1e9, abs=1e-6)
    assert not network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("kind", "args", "many"),
    [
        (torch.optim.Adam, {}, 2),
        (torch.optim.Adam, {"amsgrad": True}, 3),
        (torch.optim.AdamW, {}, 2),
        (torch.optim.SGD, {}, 0),
        (torch.optim.SGD, {"momentum": 0.9}, 1),
        (torch.optim.RMSprop, {"centered": True}, 2),
    ],
)
def test_the_moments_of_an_optimizer(kind: type[torch.optim.Optimizer], args: dict[str, object], many: int) -> None:
    optimizer = kind([torch.nn.Parameter(torch.zeros(3))], lr=0.1, **args)  # type: ignore[call-arg]
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    assert values_per_weight(optimizer) == many


def test_the_patch_of_a_prepared_case() -> None:
    image, label = torch.zeros(1, 4), torch.zeros(2, 4)
    assert patch_of({"label": label, "image": image})[0].shape == (1, 4)
    assert patch_of([{"image": image}] * 3)[1] == 3
    assert patch_of((image, 1))[0].shape == (1, 4)
    with pytest.raises(TypeError, match="an image that is a tensor"):
        patch_of({"image": "a.nii"})

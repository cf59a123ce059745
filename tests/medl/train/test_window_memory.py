"""Sliding windows with too little memory, which a network or an inferer here only claims."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from monai.data import MetaTensor
from monai.engines import SupervisedEvaluator
from monai.inferers import SimpleInferer, SliceInferer, SlidingWindowInferer, SlidingWindowInfererAdapt

from medl.train.window_memory import LabelBesidePrediction, WindowMemory, with_less_memory

IMAGE = torch.rand(1, 1, 12, 10, 14, generator=torch.Generator().manual_seed(1))
MESSAGES: list[Callable[[], Exception]] = [
    lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    lambda: RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried"),
    lambda: MemoryError(),
]


class Network:
    """Gives two channels, and has memory for so many windows."""

    def __init__(self, most: int, error: Callable[[], Exception] = MESSAGES[0]):
        self.most, self.error, self.batches = most, error, []

    def __call__(self, windows: torch.Tensor, *others: Any) -> torch.Tensor:
        self.batches.append(len(windows))
        if len(windows) > self.most:
            raise self.error()
        return torch.cat([windows.sin(), windows.cos() * 2], 1)


def said() -> tuple[list[str], Callable[[str], None]]:
    lines: list[str] = []
    return lines, lines.append


@pytest.mark.parametrize("error", MESSAGES)
@pytest.mark.parametrize("cls", [SlidingWindowInferer, SlidingWindowInfererAdapt])
def test_fewer_windows_at_a_time_give_the_same(cls, error):
    args: dict[str, Any] = {"roi_size": [8, 8, 8], "sw_batch_size": 8, "overlap": 0.5, "mode": "gaussian"}
    whole = cls(**args)(IMAGE, Network(99))
    lines, say = said()
    inferer, network = with_less_memory(cls(**args), "validate.inferer", say), Network(3, error)
    assert torch.allclose(inferer(IMAGE, network), whole, atol=1e-6)
    assert lines == [
        "validate.inferer: out of memory with 8 windows at a time, goes on with sw_batch_size 4.",
        "validate.inferer: out of memory with 4 windows at a time, goes on with sw_batch_size 2.",
    ]
    network.batches.clear()
    assert torch.allclose(inferer(IMAGE, network), whole, atol=1e-6)
    assert max(network.batches) == 2 and len(lines) == 2  # it stays so, and is said once
    assert inferer.roi_size == [8, 8, 8] and inferer.sw_batch_size == 2


def test_the_image_keeps_its_place():
    lines, say = said()
    inferer = with_less_memory(SlidingWindowInferer([8, 8, 8], 4), "inferer", say)
    affine = torch.diag(torch.tensor([2.0, 3, 4, 1]))
    assert torch.equal(inferer(MetaTensor(IMAGE, affine=affine), Network(1)).affine, affine)
    assert len(lines) == 2


def test_too_little_for_one_window_is_an_error():
    lines, say = said()
    inferer = with_less_memory(SlidingWindowInferer([8, 8, 8], 2), "inferer", say)
    with pytest.raises(torch.OutOfMemoryError):
        inferer(IMAGE, Network(0))
    assert len(lines) == 1


def test_other_errors_pass():
    lines, say = said()
    inferer = with_less_memory(SlidingWindowInferer([8, 8, 8], 2), "inferer", say)
    with pytest.raises(RuntimeError, match="sizes"):
        inferer(IMAGE, Network(0, lambda: RuntimeError("sizes differ")))
    assert not lines and inferer.sw_batch_size == 2


def test_what_slides_no_window_stays_as_it_is():
    simple, function = SimpleInferer(), lambda image, network: network(image)
    assert with_less_memory(simple, "inferer", print) is simple
    assert with_less_memory(function, "inferer", print) is function and with_less_memory(None, "i", print) is None
    assert isinstance(with_less_memory(SliceInferer(roi_size=(8, 8)), "inferer", print), WindowMemory)


class OnDevice(SlidingWindowInferer):
    """Has memory on the device for images below a size; its result is on the CPU else, as MONAI's is."""

    most = 0

    def __call__(self, inputs: Any, network: Any, *args: Any, **kwargs: Any) -> Any:
        stitched = self.cpu_thresh is not None and inputs.shape[2:].numel() > self.cpu_thresh
        if not stitched and inputs.shape[2:].numel() > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return network(inputs, "cpu" if stitched else inputs.device)


class TooLarge(torch.Tensor):
    """A result that fits nowhere but on the CPU."""

    def to(self, device: Any, *args: Any, **kwargs: Any) -> Any:
        if torch.device(device).type != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self


def test_large_images_are_put_together_on_the_cpu_and_others_not():
    lines, say = said()
    inferer = with_less_memory(OnDevice([4, 4], device="meta"), "inferer", say)
    inferer.wrapped.most = 50
    small, large = torch.zeros(1, 1, 5, 5, device="meta"), torch.zeros(1, 1, 10, 10, device="meta")

    def network(image: torch.Tensor, device: Any) -> Any:
        return {"out": [torch.zeros(image.shape, device=device)]}

    assert inferer(small, network)["out"][0].device.type == "meta" and lines == []
    assert inferer(large, network)["out"][0].device.type == "meta"  # back where its image is
    assert lines == ["inferer: out of memory with one window at a time, puts images from 10x10 on together on the CPU."]
    assert inferer.sw_device.type == "meta" and inferer.device is None and inferer.cpu_thresh == 99
    assert inferer(large, lambda image, device: TooLarge(torch.zeros(2, device=device))).device.type == "cpu"
    inferer.wrapped.most = 10  # something else took the memory
    inferer(small, network)
    assert len(lines) == 2 and "images from 5x5 on" in lines[1]
    with pytest.raises(torch.OutOfMemoryError):
        inferer(large, Network(0))
    assert len(lines) == 2


def test_a_label_follows_its_prediction(monkeypatch):
    seen: list[str] = []
    batches = [{"image": torch.zeros(1, 1, 4, 4), "label": torch.zeros(1, 1, 4, 4)}]
    evaluator = SupervisedEvaluator(
        torch.device("cpu"), batches, torch.nn.Identity(), val_handlers=[LabelBesidePrediction()]
    )
    evaluator.run()
    handler = LabelBesidePrediction()

    class Label(torch.Tensor):
        device = torch.device("cuda")  # type: ignore[assignment]

        def cpu(self) -> Any:  # type: ignore[override]
            seen.append("cpu")
            return torch.zeros(1)

    evaluator.state.output = {"pred": torch.zeros(1), "label": torch.zeros(1).as_subclass(Label)}
    handler(evaluator)
    assert seen == ["cpu"] and evaluator.state.output["label"].device.type == "cpu"
    for output in (None, {"pred": [1]}, {"pred": torch.zeros(1), "label": 3}):
        evaluator.state.output = output
        handler(evaluator)

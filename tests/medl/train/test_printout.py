"""What print_conf prints, in the recorded order."""

from __future__ import annotations

from typing import Any

from medl.train.printout import Switches, conf_lines

SWITCHES = Switches(
    epochs=5, use_gpu=True, multi_gpu=False, amp=True, determinism=False, cudnn_benchmark=False, tf32=True
)


class Objects(dict[tuple[str, str], Any]):
    def get(self, section: str, key: str) -> Any:  # type: ignore[override]
        return dict.get(self, (section, key))


ORDER = """\
========== Train Config Result ===========
Num Epochs:  5
Use GPU:  True
Multi GPU:  False
Automatic Mixed Precision:  Enabled
Determinism Training:  Disabled
cuDNN BenchMark:  False
CUDA Matmul Allow TF32:  True
cuDNN Allow TF32:  True
Model:  <class 'int'>
Loss:  <class 'str'>
Optimizer:  <class 'float'>
LR Scheduler:  <class 'set'>
Train Dataset:  <class 'list'>
Train DataLoader:  <class 'tuple'>
Train Transform #1: <class 'int'>
Train Transform #2: <class 'str'>
Validate Dataset:  <class 'list'>
Validate DataLoader:  <class 'tuple'>
Validate Transform #1: <class 'float'>
Train Handler #1: <class 'int'>
Validate Handler #1: <class 'str'>
Train Post Transforms #1: <class 'int'>
Validate Post Transforms #1: <class 'str'>
Validate Inferer:  <class 'bytes'>
Validate Key Metric:  <class 'complex'>
Train Inferer:  <class 'bool'>
Train Key Metric:  <class 'frozenset'>
========== End of Train Config Result ===========
"""


def test_the_recorded_order() -> None:
    built = Objects(
        {
            ("train", "model"): 1,
            ("train", "loss"): "x",
            ("train", "optimizer"): 0.1,
            ("train", "lr_scheduler"): {1},
            ("train", "dataset"): [],
            ("train", "dataloader"): (),
            ("train", "pre_transforms"): [1, "x"],
            ("train", "handlers"): [1],
            ("train", "post_transforms"): [1],
            ("train", "inferer"): True,
            ("train", "key_metric"): {"acc": frozenset()},
            ("validate", "dataset"): [],
            ("validate", "dataloader"): (),
            ("validate", "pre_transforms"): [0.1],
            ("validate", "handlers"): ["x"],
            ("validate", "post_transforms"): ["x"],
            ("validate", "inferer"): b"x",
            ("validate", "key_metric"): {"dice": 1j},
        }
    )
    assert "\n".join(conf_lines(SWITCHES, built)) + "\n" == ORDER


def test_what_a_config_lacks_is_left_out() -> None:
    lines = list(conf_lines(SWITCHES, Objects()))
    assert len(lines) == 10 and lines[-1].startswith("========== End")


class Smart(list[int]):
    cache_num = 4
    _replace_num = 1
    _total_num = 8


def test_a_smart_cache_is_explained() -> None:
    text = "\n".join(conf_lines(SWITCHES, Objects({("train", "dataset"): Smart()})))
    assert "SmartCache is enabled for training, total epoch 5 with cache num 4 and replace num 1." in text
    assert "equivalent to 2.5 regular epochs, and the data coverage rate is 1." in text

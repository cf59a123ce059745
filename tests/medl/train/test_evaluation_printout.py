from __future__ import annotations

from typing import Any

from medl.train.evaluation_printout import evaluation_lines
from medl.train.printout import Switches

ORDER = """\
========== Validate Config Result ===========
Use GPU:  True
Multi GPU:  False
Automatic Mixed Precision:  Enabled
Determinism Evaluation:  Disabled
cuDNN BenchMark:  False
CUDA Matmul Allow TF32:  True
cuDNN Allow TF32:  True
Model:  <class 'int'>
Dataset:  <class 'list'>
DataLoader:  <class 'tuple'>
Validate Transform #1: <class 'int'>
Validate Handler #1: <class 'str'>
Validate Handler #2: <class 'float'>
Validate Post Transforms #1: <class 'str'>
Validate Inferer:  <class 'bytes'>
Validate Key Metric:  <class 'complex'>
========== End of Validate Config Result ===========
"""


class Objects(dict[str, Any]):
    def get(self, section: str, key: str) -> Any:  # type: ignore[override]
        assert section == "validate"
        return dict.get(self, key)


def test_the_recorded_order() -> None:
    built = Objects(
        model=1,
        dataset=[],
        dataloader=(),
        pre_transforms=[1],
        handlers=["x", 0.1],
        post_transforms=["x"],
        inferer=b"",
        key_metric={"val_acc": 1j},
    )
    switches = Switches(
        epochs=1, use_gpu=True, multi_gpu=False, amp=True, determinism=False, cudnn_benchmark=False, tf32=True
    )
    assert "\n".join(evaluation_lines(switches, built)) + "\n" == ORDER

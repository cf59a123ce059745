"""What ``print_conf`` prints of a validation or an inference, in the order that Clara recorded."""

from __future__ import annotations

from collections.abc import Iterator

from medl.conf.evaluation_layout import SECTION
from medl.train.printout import Built, Switches, numbered_lines, one_line, state


def evaluation_lines(switches: Switches, built: Built) -> Iterator[str]:
    """Give the lines of the printout.

    Source: recorded output of Clara Train 4.0.
    """
    yield "========== Validate Config Result ==========="
    yield f"Use GPU:  {switches.use_gpu}"
    yield f"Multi GPU:  {switches.multi_gpu}"
    yield f"Automatic Mixed Precision:  {state(switches.amp)}"
    yield f"Determinism Evaluation:  {state(switches.determinism)}"
    yield f"cuDNN BenchMark:  {switches.cudnn_benchmark}"
    yield f"CUDA Matmul Allow TF32:  {switches.tf32}"
    yield f"cuDNN Allow TF32:  {switches.tf32}"
    yield from one_line("Model", built.get(SECTION, "model"))
    yield from one_line("Dataset", built.get(SECTION, "dataset"))
    yield from one_line("DataLoader", built.get(SECTION, "dataloader"))
    yield from numbered_lines("Validate Transform", built.get(SECTION, "pre_transforms"))
    yield from numbered_lines("Validate Handler", built.get(SECTION, "handlers"))
    yield from numbered_lines("Validate Post Transforms", built.get(SECTION, "post_transforms"))
    yield from one_line("Validate Inferer", built.get(SECTION, "inferer"))
    yield from one_line("Validate Key Metric", built.get(SECTION, "key_metric"))
    yield "========== End of Validate Config Result ==========="

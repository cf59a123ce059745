"""What a training runs on, and the memory that it takes."""

from __future__ import annotations

import subprocess
import sys

from medl.mmar.machine import hardware, memory_peak, packages


def test_versions_and_machine_are_named():
    assert {"python", "medl", "torch", "monai"} <= set(packages())
    assert hardware()["cores"] >= 1 and hardware()["cpu"]
    assert isinstance(hardware()["gpus"], list)


def test_the_most_memory_is_counted_though_it_is_free_again():
    program = "from medl.mmar.machine import memory_peak as m; a = bytes(bytearray(1)) * 3 * 10**8; del a; print(m())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "'rss_mb': 3" in done.stdout
    assert memory_peak()["children_rss_mb"] >= 290, "the largest child that ended"

"""commands/export.sh: what reaches medl.apps.export."""

from __future__ import annotations


def test_export_passes_options(shell, archive):
    call = shell.run(archive / "commands" / "export.sh", "--format", "onnx", "--input_shape", "[1,1,8,8,8]")
    configs = ["-c", "config/config_train.json", "-e", "config/environment.json"]
    head = ["-u", "-m", "medl.apps.export", "-m", str(archive), *configs]
    assert call.argv == [*head, "--format", "onnx", "--input_shape", "[1,1,8,8,8]"]

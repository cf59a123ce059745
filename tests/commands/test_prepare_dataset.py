"""commands/prepare_dataset.sh: what reaches medl.apps.data."""

from __future__ import annotations


def test_it_names_the_archive_and_passes_the_rest(shell, archive):
    call = shell.run(archive / "commands" / "prepare_dataset.sh", "folders", "my images", "labels", "--test", "0.1")
    assert call.argv == [
        *("-u", "-m", "medl.apps.data", "-m", str(archive)),
        *("folders", "my images", "labels", "--test", "0.1"),
    ]

"""One line for the user, whatever went wrong."""

from __future__ import annotations

import errno
import re

import pytest

from medl.errors import ConfigError, MedlError, Problem, RunError, TrainingError
from medl.train.failure import failure


def chained(inner: Exception, outer: Exception) -> Exception:
    try:
        raise outer from inner
    except Exception as error:
        return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/a/model.pt"),
            TrainingError,
            ("no space", "/a/model.pt", "Free some"),
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "/a/models"),
            RunError,
            ("/a/models", "Make the archive writable"),
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), RunError, ("Permission denied",)),
        (MemoryError(), TrainingError, ("out of memory", "smaller batch")),
        (RuntimeError("CUDA out of memory. Tried\nto allocate"), TrainingError, ("out of memory", "sw_batch_size")),
        (ValueError("first\nsecond"), TrainingError, ("ValueError: first", "--debug")),
    ],
)
def test_each_failure_is_one_line_that_says_what_to_do(error: Exception, kind: type, words: tuple[str, ...]) -> None:
    shown = failure(error, 4)
    assert type(shown) is kind
    assert str(shown).startswith("epoch 4: ") and "\n" not in str(shown)
    for word in words:
        assert word in str(shown)


def test_our_own_errors_come_through_the_libraries_that_wrap_them() -> None:
    problem = ConfigError(Problem(rule="a label is an index"))
    assert failure(problem, 2) is problem
    assert failure(chained(problem, RuntimeError("applying transform failed")), 2) is problem


def test_the_cause_is_named_with_what_it_led_to() -> None:
    shown = failure(chained(KeyError("label"), RuntimeError("applying transform <Foo>")))
    assert "RuntimeError: applying transform <Foo> <- KeyError: 'label'." in str(shown)
    assert re.match(r"\S*test_failure.py:\d+: ", str(shown))  # the user's own line comes first
    assert isinstance(shown, MedlError) and shown.exit_code == 1


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert "a" in str(failure(first))


def test_an_error_in_a_loaders_process_is_named_by_its_last_line() -> None:
    error = RuntimeError(
        "Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback:\n  File\nKeyError: 'a'\n"
    )
    assert "Caught RuntimeError in DataLoader worker process 0: KeyError: 'a'" in str(failure(error))


def test_a_first_line_that_only_announces_goes_on_with_the_second() -> None:
    error = RuntimeError('Error(s) in loading state_dict for UNet:\n\tMissing key(s) in state_dict: "a".\n\tMore')
    assert 'for UNet: Missing key(s) in state_dict: "a". Run again' in str(failure(error))


def test_an_object_is_shown_as_its_class() -> None:
    error = RuntimeError("applying transform <monai.transforms.io.dictionary.LoadImaged object at 0x7f794ac413d0>")
    assert "applying transform LoadImaged. Run again" in str(failure(error))


def test_what_to_do_comes_before_the_way_to_the_traceback() -> None:
    inner = RuntimeError("stack expects each tensor to be equal size, but got [1, 4] at entry 0 and [1, 5] at entry 1")
    text = str(failure(chained(inner, RuntimeError("Collate error"))))
    assert text.index("batch_size to 1") < text.index("--debug")

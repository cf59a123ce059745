from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.conf.load import MAX_DEPTH, parse_settings, read_json, read_object
from medl.errors import ConfigError, Problem

texts = st.text(st.characters(codec="utf-8"))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64) + 1, 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def problems_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        read_json(path, "config/c.json")
    assert all(problem.file == "config/c.json" for problem in caught.value.problems)
    return caught.value.problems


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "c.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@given(value=json_values, mark=st.sampled_from([b"", b"\xef\xbb\xbf"]), ascii_only=st.booleans())
def test_any_json_value_is_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, value: object, mark: bytes, ascii_only: bool
) -> None:
    path = written(tmp_path_factory.mktemp("json"), mark + json.dumps(value, ensure_ascii=ascii_only).encode())
    read = read_json(path)
    assert read == value
    assert json.dumps(read) == json.dumps(value)  # the order of keys and the types too


def test_objects_are_plain_dicts(tmp_path: Path) -> None:
    assert type(read_object(written(tmp_path, '{"a": {"b": 1}}'))["a"]) is dict


def test_all_repeated_keys_and_bad_numbers_are_said_at_once(tmp_path: Path) -> None:
    text = '{"train": {"loss": 1, "loss": 2, "list": [{"a": 1, "a": 1, "a": 1}]}, "x": NaN, "y": [-Infinity, 1e999]}'
    found = {(problem.path, problem.value) for problem in problems_of(written(tmp_path, text))}
    assert found == {
        ("train.loss", "loss more than once"),
        ("train.list[0].a", "a more than once"),
        ("x", "NaN"),
        ("y[0]", "-Infinity"),
        ("y[1]", "a number too large for a float"),
    }


@pytest.mark.parametrize(
    ("text", "place", "remedy"),
    [
        ('{"a": 1,\n "b": 2,\n}', "line 3", "comma"),
        ('{"a": [1, 2,]}', "line 1", "comma"),
        ('{"a": 1 // one\n}', "line 1", "comments"),
        ("{'a': 1}", "line 1, column 2", "double quotes"),
        ('{"a": True}', "line 1, column 7", "true"),
        ("", "line 1", "empty"),
        ('{"a": 1', "line 1", "ends too early"),
        ('{"a": 1,, "b": 2}', "line 1", "one of the two commas"),
        ('{"a": 1}'.encode("utf-16-le").decode(), "line 1, column 2", "UTF-16"),
    ],
)
def test_a_syntax_error_has_line_and_remedy(tmp_path: Path, text: str, place: str, remedy: str) -> None:
    (problem,) = problems_of(written(tmp_path, text))
    assert place in problem.rule
    assert remedy in problem.remedy


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    (problem,) = problems_of(written(tmp_path, b'{"a": 1,\n"b": "\xe9"}'))
    assert "line 2" in problem.rule and "0xe9" in problem.rule


def test_half_of_a_character_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(written(tmp_path, r'{"a": "\ud800"}'))
    assert problem.path == "a"


@pytest.mark.parametrize("depth", [MAX_DEPTH + 2, 100_000])
def test_nesting_without_end_is_refused(tmp_path: Path, depth: int) -> None:
    (problem,) = problems_of(written(tmp_path, "[" * depth + "]" * depth))
    assert "nested" in problem.rule


def test_an_integer_of_ten_thousand_digits_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(written(tmp_path, '{"a": ' + "9" * 10_000 + "}"))
    assert "sys." not in problem.rule and "digits" in problem.remedy


def test_a_missing_file_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    written(tmp_path, "{}")
    (problem,) = problems_of(tmp_path / "config_trian.json")
    assert "no such file" in problem.rule and "c.json" in problem.remedy


def test_a_folder_is_no_config(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path)
    assert "folder" in problem.rule


@pytest.mark.parametrize("text", ["[1]", '"a"', "1", "null"])
def test_a_config_is_an_object(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="one JSON object"):
        read_object(written(tmp_path, text))


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("a=1", 1),
        ("a=-3", -3),
        ("a=1.5", 1.5),
        ("a=1e-4", 1e-4),
        ("a=.5", 0.5),
        ("a=5.", 5.0),
        ("a=TRUE", True),
        ("a=y", True),
        ("a=on", True),
        ("a=off", False),
        ("a=N", False),
        ("a=0,1", "0,1"),
        ("a=0:1", "0:1"),
        ("a=nan", "nan"),
        ("a=inf", "inf"),
        ("a=1e999", "1e999"),
        ("a=1_000", "1_000"),
        ("a= 1", " 1"),
        ("a=٣", "٣"),
        ("a=x=y", "x=y"),
        ("a=[1, 2]", "[1, 2]"),
        ("a=", ""),
        ("a", ""),
    ],
)
def test_settings_are_read_as_int_float_bool_text(word: str, value: object) -> None:
    (read,) = parse_settings([word]).values()
    assert read == value and type(read) is type(value)


def test_a_later_setting_wins_and_stray_words_are_tolerated() -> None:
    assert parse_settings(["0", "epochs=2", "epochs=5", "my_run"]) == {"0": "", "epochs": 5, "my_run": ""}


def test_a_setting_without_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="=0:1"):
        parse_settings(["workers", "=0:1"])


@given(st.lists(st.text()))
def test_settings_never_give_other_types_or_infinite_numbers(words: list[str]) -> None:
    try:
        settings = parse_settings(words)
    except ConfigError:
        assert any(word.partition("=")[0].strip() == "" for word in words)
        return
    assert set(settings) == {word.partition("=")[0] for word in words}
    for value in settings.values():
        assert isinstance(value, (int, float, str))
        assert not isinstance(value, float) or math.isfinite(value)

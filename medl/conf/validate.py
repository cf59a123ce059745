"""JSON values held against the schemas in config/, with messages that say what to do."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any

from medl.assets import asset
from medl.conf.json_path import child
from medl.errors import Problem, near_names

if TYPE_CHECKING:
    from jsonschema import ValidationError

_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of that name, such as ``config_train``.

    Raises:
        FileNotFoundError: there is none.
    """
    text = (asset("config") / f"{name}.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def schema_problems(value: Any, schema_name: str, file: str = "") -> list[Problem]:
    """Return where ``value`` breaks the schema, in document order; one problem for one place and rule.

    A subschema may carry ``x-rule`` (the rule as a sentence) and ``x-unknown`` (a key that is met here may be a slip
    for one that the schema knows, so near names are offered).

    Args:
        value: the JSON value.
        schema_name: such as ``config_train`` for ``config/config_train.schema.json``.
        file: the name shown in problems.
    """
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(schema(schema_name))
    found: dict[tuple[str, str], Problem] = {}
    errors = sorted(validator.iter_errors(value), key=functools.partial(_position, value))
    for error in errors:
        for problem in _problems(error, validator.schema, file):
            found.setdefault((problem.path, problem.rule), problem)
    return list(found.values())


def _position(value: Any, error: ValidationError) -> tuple[int, ...]:
    """Return a sort key that follows the order of the document."""
    key = []
    for step in error.absolute_path:
        if isinstance(value, dict):
            key.append(list(value).index(step) if step in value else len(value))
            value = value.get(step)
        elif isinstance(step, int):
            key.append(step)
            value = value[step]
    return tuple(key)


def _path(error: ValidationError) -> str:
    path = ""
    for step in error.absolute_path:
        path = child(path, step)
    return path


def _problems(error: ValidationError, root: Any, file: str) -> list[Problem]:
    path, keyword = _path(error), str(error.validator)
    value: Any = error.instance
    limit: Any = error.validator_value
    given: dict[str, Any] = error.schema if isinstance(error.schema, dict) else {}
    known = list(given.get("properties", {}))
    if keyword == "additionalProperties" and limit is False:
        remedy = "Known keys: " + ", ".join(known) + "."
        return [
            Problem(f'there is no key "{key}" here', file, child(path, key), near=near_names(key, known), remedy=remedy)
            for key in _strangers(value, given)
        ]
    if keyword == "required":
        missing = next((key for key in limit if key not in (value or ()) and f"'{key}'" in error.message), "")
        near = near_names(missing, _strangers(value, given))
        return [Problem(f'the key "{missing}" is needed', file, path, near=near)]
    if keyword == "anyOf" and all(isinstance(option, dict) and "required" in option for option in limit):
        names = [option["required"][0] for option in limit]
        if any(near_names(key, names, 1) for key in _strangers(value, given)):
            return []  # that key is said already, with its near name
        rule = "one of " + ", ".join(f'"{name}"' for name in names) + " is needed"
        return [Problem(rule, file, path, value)]
    near, remedy = (), ""
    rule = str(given.get("x-rule", "")) or _plain_rule(keyword, limit)
    if keyword == "enum" and isinstance(value, str):
        near = near_names(value, [option for option in limit if isinstance(option, str)])
    elif keyword == "type" and given.get("x-unknown"):
        near = near_names(str(error.absolute_path[-1]), list(root.get("properties", {})))
        remedy = "Nothing reads this one."
    if isinstance(value, str) and keyword in ("type", "enum") and _is_bare_word(value):
        remedy = "Write it without the quotes."
    remedy = remedy or str(given.get("x-remedy", ""))
    return [Problem(rule, file, path, value, remedy, near)]


def _is_bare_word(text: str) -> bool:
    """Return whether a text would be a number, true or false without its quotes."""
    try:
        return isinstance(json.loads(text), (int, float))
    except ValueError:
        return False


def _plain_rule(keyword: str, limit: Any) -> str:
    """Return the rule of a keyword as a sentence, for subschemas without an ``x-rule``."""
    if keyword == "type":
        return "the value is " + " or ".join(_TYPES[kind] for kind in (limit if isinstance(limit, list) else [limit]))
    if keyword == "enum":
        return "the value is one of " + ", ".join(json.dumps(option, ensure_ascii=False) for option in limit)
    rules = {
        "minimum": f"the value is at least {limit}",
        "maximum": f"the value is at most {limit}",
        "exclusiveMinimum": f"the value is above {limit}",
        "minLength": "the text is not empty",
        "minItems": f"the list has at least {limit} items",
        "maxItems": f"the list has at most {limit} items",
        "pattern": f"the text has the form {limit}",
        "const": f"the value is {json.dumps(limit)}",
    }
    return rules.get(keyword, f"the schema asks for {keyword}: {json.dumps(limit, ensure_ascii=False)[:80]}")


def _strangers(value: Any, given: dict[str, Any]) -> list[str]:
    """Return the keys of the value that the schema neither names nor lets through as comments."""
    patterns = list(given.get("patternProperties", {}))
    return [
        key
        for key in (value if isinstance(value, dict) else ())
        if key not in given.get("properties", {}) and not any(re.search(pattern, key) for pattern in patterns)
    ]

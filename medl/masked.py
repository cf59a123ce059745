"""Secrets left out of what is written and shown: passwords in URLs, and what the environment calls a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_STRONG = re.compile(r"TOKEN|PASSW|SECRET", re.IGNORECASE)
_WEAK = re.compile(r"KEY|CREDENTIAL", re.IGNORECASE)
_SHORTEST = 6
"""Characters of a secret; what is shorter would be found inside other words."""
_OWN_NAME = re.compile(
    r"[A-Z0-9_]*(?:TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIAL|API_KEY|ACCESS_KEY|PRIVATE_KEY)[A-Z0-9_]*"
)
_GIVEN = re.compile(rf"(?<![\w{{])({_OWN_NAME.pattern})=('[^']*'|\"[^\"]*\"|[^\s,;]+)")
_IN_URL = re.compile(r"(\w[\w+.-]*://[^\s/:@'\"]*):[^\s'\"]*@")
_IN_QUERY = re.compile(r"([?&](?:password|passwd|token|secret|key|sig|signature)=)[^&\s'\"]+", re.IGNORECASE)


def masked(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return a text without the secrets in it.

    Masked are the password of a URL (``postgresql://user:***@host``), what ``NAME_TOKEN=`` and the like are given, and
    the values of variables of the environment whose names say ``TOKEN``, ``PASSWORD``, ``SECRET``, ``KEY`` or
    ``CREDENTIAL``.
    """
    for secret in secrets_of(environ):
        if secret in text:
            text = text.replace(secret, MASK)
    if "://" in text:
        text = _IN_QUERY.sub(rf"\1{MASK}", _IN_URL.sub(rf"\1:{MASK}@", text))
    return _GIVEN.sub(rf"\1={MASK}", text) if "=" in text else text


def masked_value(value: Any, environ: Mapping[str, str] = os.environ) -> Any:
    """Return a copy of a JSON value without secrets: its texts masked, and what stands under a name in capitals that
    says it is one.
    """
    if isinstance(value, str):
        return masked(value, environ)
    if isinstance(value, Mapping):
        return {
            key: MASK
            if isinstance(key, str) and isinstance(item, str) and item and _OWN_NAME.fullmatch(key)
            else masked_value(item, environ)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked_value(item, environ) for item in value]
    return value


def secrets_of(environ: Mapping[str, str]) -> list[str]:
    """Return the values of the environment that are secrets, the longest first.

    A value that is a path, a truth value or a plain word under a name that only says ``KEY`` is none.
    """
    found = set()
    for name, value in environ.items():
        if len(value) < _SHORTEST:
            continue
        weak = _WEAK.search(name) is not None and not value.isalpha() and len(value) > _SHORTEST
        if (_STRONG.search(name) or weak) and not os.path.exists(value):
            found.add(value)
    return sorted(found, key=len, reverse=True)

"""Two records side by side: whether the result is the same, and what differs in what it was made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medl.errors import show_value

_SHOWN = 10
"""Data files that are named before only their number is said."""


@dataclass(frozen=True)
class Result:
    """What became of the result.

    Attributes:
        same: whether the score is the same, bit for bit.
        lines: what to say of it: the score, every other value, the weights.
    """

    same: bool
    lines: tuple[str, ...]


def compared_result(was: Mapping[str, Any], now: Mapping[str, Any]) -> Result:
    """Return whether two records tell of the same result.

    Args:
        was: the record of a training that ended well.
        now: the record of the same training, made again.
    """
    names = list((was["outcome"] or {}).get("values") or {}) or [(was.get("key_metric") or {}).get("name")]
    scores = [line for name in names if name for line in _score(str(name), was, now)]
    weights, weights_same = _weights(was["checkpoints"], now["checkpoints"])
    values_same = was["metrics_sha256"] == now["metrics_sha256"]
    same = all(equal for equal, _ in scores) and (values_same if not scores else True)
    lines = [text for _, text in scores] or ["there was no score"]
    lines.append(f"every logged value of every epoch is {'the same' if values_same else 'not the same'}")
    if not values_same:
        lines += [f"  {line}" for line in _values(was["metrics"], now["metrics"])]
    if weights:
        lines.append(weights)
    if not scores:
        same = values_same and weights_same
    return Result(same, tuple(lines))


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs in what two trainings were made of, one line each; none where bit for bit is to be expected.

    Data are compared by :func:`data_differences`.
    """
    found = []
    for name in sorted({*was["packages"], *now["packages"]}):
        found += _differs(name, was["packages"].get(name), now["packages"].get(name))
    found += list(_code(was["code"], now["code"]))
    for name in ("cpu", "instruction_sets", "cpu_capability", "gpus", "machine"):
        before, after = was["hardware"].get(name), now["hardware"].get(name)
        if before is not None and after is not None:
            found += _differs(name.replace("_", " "), before, after)
    for name in ("threads", "ranks", "launcher", "seed"):
        if was.get(name) is not None:
            found += _differs(name, was.get(name), now.get(name))
    return found


def data_differences(
    was: Sequence[Mapping[str, Any]] | None, now: Sequence[Mapping[str, Any]], paths: Mapping[str, str]
) -> list[str]:
    """Return what differs in the data, one line each.

    Args:
        was: ``data`` of the record.
        now: the same of today.
        paths: place in a list to the file's path, for the lines.
    """
    if was is None:
        return ["data: the record has no hashes of them"]
    found, unknown = [], 0
    if len(was) != len(now):
        found.append(f"data: {len(was)} data lists were used, now {len(now)}")
    for before, after in zip(was, now, strict=False):
        if before["list_sha256"] != after["list_sha256"]:
            found.append(f"data list {after['list']}: its content has changed")
        changed = []
        for place in dict.fromkeys([*before["files"], *after["files"]]):
            one, other = before["files"].get(place), after["files"].get(place)
            named = f"{place} ({paths[place]})" if place in paths else place
            if place not in after["files"]:
                changed.append(f"data: {place} is gone")
            elif place not in before["files"]:
                changed.append(f"data: {named} is new")
            elif one is None:
                unknown += 1
            elif other is None:
                changed.append(f"data: {named} cannot be read")
            elif one != other:
                changed.append(f"data: {named} has changed")
        found += changed[:_SHOWN]
        if len(changed) > _SHOWN:
            found.append(f"data: and {len(changed) - _SHOWN} more files")
    if unknown:
        found.append(f"data: of {unknown} files the record has no hash")
    return found


def _score(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    key, again = was.get("key_metric") or {}, now.get("key_metric") or {}
    pairs = []
    if key.get("name") == name and again.get("name") == name:
        pairs.append((f"best {name}", key["best"], again["best"], f" (epoch {key['best_epoch']})"))
    row, other = was["metrics"].get(name), now["metrics"].get(name)
    if row is not None and other is not None:
        pairs.append((f"last {name}", row["last"], other["last"], f" (epoch {row['last_epoch']})"))
    elif not pairs:
        yield False, f"{name}: it is not in both records"
    for words, before, after, epoch in pairs:
        if before == after:
            yield True, f"{words} is the same, bit for bit: {before!r}{epoch}"
        elif before is None or after is None:
            yield False, f"{words} was {before!r}, is {after!r}"
        else:
            yield False, f"{words} was {before!r}, is {after!r}: a difference of {after - before:+.3g}"


def _values(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in was:
        before, after = was[name]["last"], (now.get(name) or {}).get("last")
        if after is None:
            yield f"{name} was logged, and is not any more"
        elif before != after:
            yield f"last {name} was {before!r}, is {after!r}: a difference of {after - before:+.3g}"


def _weights(was: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, bool]:
    words, same = [], True
    for name in was:
        before, after = was[name].get("weights_sha256"), (now.get(name) or {}).get("weights_sha256")
        if before is not None:
            same = same and before == after
            words.append(f"{name} {'the same' if before == after else 'others'}")
    return (f"weights: {', '.join(words)}" if words else "", same)


def _code(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if was["sha256"] != now["sha256"]:
        yield f"medl's code: recorded {_version(was)}, now {_version(now)}"
    for kind, where in (("custom", "custom/"), ("imported", "module ")):
        for name in sorted({*was[kind], *now[kind]}):
            before, after = was[kind].get(name), now[kind].get(name)
            if before != after:
                yield f"{where}{name} " + (
                    "is new" if before is None else "is gone" if after is None else "has changed"
                )


def _version(code: Mapping[str, Any]) -> str:
    commit = f" at commit {code['commit'][:12]}" if code.get("commit") else ""
    return f"{code['medl']}{commit}{' with changes that were not committed' if code.get('dirty') else ''}"


def _differs(name: str, was: Any, now: Any) -> list[str]:
    if was == now:
        return []
    before, after = ("none" if value is None else show_value(value) for value in (was, now))
    return [f"{name}: recorded {before}, now {after}"]

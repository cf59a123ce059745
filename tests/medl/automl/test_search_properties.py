"""What holds for any search section: only the located values change, and every locator and space can be read back."""

from __future__ import annotations

import copy
import json
import math
from random import Random
from typing import Any

from medl.automl import prl
from medl.automl.defs import ParameterRange, SearchSpace
from medl.automl.events import space_from_json, space_to_json
from medl.automl.space import apply_values, find_search_space
from medl.automl.unit_cube import draw, draw_point

SECTIONS = ("search", "apply", "lr_search")
VALUES: list[Any] = ["relu", "elu", 1, 2.5, True, None, [8, 16], {"a": 1}]


def an_item(random: Random, name: str, parents: list[tuple[str, list[Any]]]) -> tuple[dict[str, Any], list[Any]]:
    """Return a search item of ``name`` and the values that a condition on it may ask for."""
    kind = random.choice(["float", "int", "enum", "enum", "continuous"])
    item: dict[str, Any] = {
        "domain": random.choice(["lr", "net", "transform"]),
        "type": kind,
        "args": [f"{name}#{name}x"],
    }
    values: list[Any] = []
    low = random.choice([random.uniform(-5, 5), random.uniform(1e-6, 1)])
    if kind == "float":
        item["targets"] = [low, low + random.random() * random.choice([0, 1, 100])]
    elif kind == "int":
        start, step = random.randint(-3, 20), random.choice([1, 1, 3])
        item["targets"] = [start, start + random.randint(0, 12)]
        if step > 1:
            item["step"] = step
        values = list(range(start, item["targets"][1] + 1, step))
    elif kind == "continuous":
        item |= {"type": "enum", "continuous": True, "targets": [low, low + 1, low + 0.5]}
        if random.random() < 0.5:
            item["valid_max"] = low + 7
    else:
        values = random.sample(VALUES, random.randint(1, 5))
        item["targets"] = [[value] for value in values]
        if random.random() < 0.4:
            item["weights"] = [random.uniform(0.1, 5) for _ in values]
    least = low if kind == "continuous" else item["targets"][0]
    if kind != "enum" and least > 0 and "step" not in item and random.random() < 0.5:
        item["scale"] = "log"
    for alias, known in random.sample(parents, min(len(parents), random.choice([0, 0, 1, 2]))):
        item.setdefault("when", {})[alias] = random.sample(known, random.randint(1, len(known)))
    if random.random() < 0.15:
        item["enabled"] = False
    return item, values


def a_config(random: Random) -> dict[str, Any]:
    """Return a config with random search lists on several components and at the first level."""
    config: dict[str, Any] = {"epochs": 3, "train": {"model": {}, "pre_transforms": [{}, {}, {}]}}
    nodes = [config["train"]["model"], *config["train"]["pre_transforms"]]
    made: list[tuple[dict[str, Any], dict[str, Any]]] = []
    parents: list[tuple[str, list[Any]]] = []
    for number, node in enumerate(nodes):
        node |= {"name": f"Own{number}", "args": {"keep": ["x", {"y": number}]}}
        for place in range(random.randint(0, 3)):
            name = f"a{number}{place}"
            item, values = an_item(random, name, parents)
            node["args"][name] = random.choice(VALUES) if item["type"] == "enum" else 3
            if item.get("continuous"):
                node["args"][name] = 3
            made.append((node, item))
            if values:
                parents.append((f"{name}x", values))
    random.shuffle(made)  # a parent may stand behind its child
    for node, item in made:
        node.setdefault("search", []).append(item)
    if made and random.random() < 0.5:
        alias = random.choice(made)[1]["args"][0].partition("#")[2]
        config["validate"] = {"loss": {"name": "Own", "args": {}, "apply": {"taken": alias}}}
    return config


def changed_values(before: Any, after: Any, way: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    """Return the ways to what differs, search sections aside."""
    if isinstance(before, dict) and isinstance(after, dict) and way[-2:-1] != ("args",):
        found: dict[tuple[Any, ...], Any] = {}
        for key in dict.fromkeys([*before, *after]):
            if key not in SECTIONS or "args" in way:
                found |= changed_values(before.get(key, KeyError), after.get(key, KeyError), (*way, key))
        return found
    if isinstance(before, list) and isinstance(after, list) and "args" not in way and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return {key: value for i, (b, a) in pairs for key, value in changed_values(b, a, (*way, i)).items()}
    return {} if json.dumps(before, default=str) == json.dumps(after, default=str) else {way: after}


def test_only_the_located_values_change() -> None:
    searched = 0
    for seed in range(1000):
        random = Random(seed)
        config = a_config(random)
        untouched = copy.deepcopy(config)
        space, problems = find_search_space(config)
        assert problems == [], (seed, [str(problem) for problem in problems])
        point = draw_point(space, random)
        assert space.faults(point) == [], seed
        applied = apply_values(config, point)
        assert config == untouched
        allowed: dict[tuple[Any, ...], Any] = {}
        for parameter in space.parameters:
            if parameter.prl in point:
                (value,) = parameter.concrete(point[parameter.prl])
                allowed[(*prl.parse(parameter.prl).steps, "args", parameter.args[0])] = value
        if "validate" in config:
            alias = config["validate"]["loss"]["apply"]["taken"]
            taken = [value for way, value in allowed.items() if f"{way[-1]}x" == alias]
            if taken:
                allowed[("validate", "loss", "args", "taken")] = taken[0]
        changed = changed_values(config, applied)
        assert set(changed) <= set(allowed), seed
        for way, value in allowed.items():
            node: Any = applied
            for step in way:
                node = node[step]
            assert json.dumps(node) == json.dumps(value), seed
        # values of parameters that do not count are not put in either
        everything = {p.prl: draw(p, random) for p in space.parameters} | point
        assert json.dumps(apply_values(config, everything)) == json.dumps(
            apply_values(config, space.active(everything))
        )
        searched += len(point)
    assert searched > 2000


def test_locators_and_spaces_can_be_read_back() -> None:
    kinds: set[str] = set()
    for seed in range(1000):
        space, _ = find_search_space(a_config(Random(seed)))
        for parameter in space.parameters:
            locator = prl.parse(parameter.prl)
            assert (str(locator), locator.domain, locator.kind) == (parameter.prl, parameter.domain, parameter.kind)
            kinds |= {parameter.kind, parameter.scale, *(["when"] if parameter.when else [])}
            kinds |= {"weights"} if parameter.weights else set()
            assert parameter.weights is None or math.isclose(sum(parameter.weights), 1)
        record = json.loads(json.dumps(space_to_json(space)))
        assert space_from_json(record) == space, seed
    assert kinds == {"float", "int", "enum", "linear", "log", "when", "weights"}


def test_an_empty_space_changes_nothing() -> None:
    assert draw_point(SearchSpace(()), Random(0)) == {}
    parameter = ParameterRange("net.enum.train.model$0:a", "net", "enum", ("a",), (("x",),))
    assert SearchSpace((parameter,)).faults({}) == ["net.enum.train.model$0:a: no value given"]

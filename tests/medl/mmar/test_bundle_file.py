"""Configs of bundles, read from JSON and YAML."""

from __future__ import annotations

import pytest

from medl.errors import ConfigError
from medl.mmar.bundle_file import config_files, read_config


def test_the_best_name_and_ending_come_first(tmp_path):
    for name in ("inference.yaml", "train.yml", "train.json", "metadata.json"):
        (tmp_path / name).touch()
    found = [path.name for path in config_files(tmp_path, ("train", "inference", "evaluate"))]
    assert found == ["train.json", "train.yml", "inference.yaml"]


def test_yaml_is_read_with_its_aliases(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text("size: &size [32, 32]\nnet: {_target_: UNet, roi: *size, act: true, rate: 1.0e-3, none: null}\n")
    net = {"_target_": "UNet", "roi": [32, 32], "act": True, "rate": 0.001, "none": None}
    assert read_config(path, "train.yaml") == {"size": [32, 32], "net": net}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "has to hold YAML"),
        ("- 1", "one mapping"),
        ("1: 2", "names as keys"),
        ("", "one mapping"),
        ("a: !!python/object/apply:os.getcwd []", "has to hold YAML"),
        ("a: 2020-01-01", "neither a text nor a number"),
        ("a: &a [*a]", "the aliases"),
        ("\n".join(["a0: &a0 [1]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))]), "the aliases"),
    ],
)
def test_what_is_refused(tmp_path, text, said):
    (tmp_path / "train.yaml").write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        read_config(tmp_path / "train.yaml", "configs/train.yaml")
    assert caught.value.problems[0].file == "configs/train.yaml"

"""A checkpoint that is none, or another network's."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine
from monai.handlers import CheckpointLoader

from medl.errors import ConfigError
from medl.train.first_weights import differences, say_what_fails


def network(width: int = 2) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(1, width), torch.nn.Linear(width, 1))


def load(path: Path, objects: dict[str, Any] | None = None, *, has_switch: bool = True) -> str:
    """Load a checkpoint as a training does; return what it says."""
    loader = CheckpointLoader(str(path), objects or {"model": network()})
    trainer = Engine(lambda engine, batch: None)
    said = say_what_fails(loader, "config/config_train.json", "train.handlers", has_switch=has_switch)
    assert said is loader
    said.attach(trainer)
    try:
        trainer.run([0], max_epochs=1)
    except ConfigError as error:
        return str(error)
    return ""


def test_one_that_fits_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = network(), network()
    torch.save({"model": source.state_dict()}, tmp_path / "model.pt")
    calls: list[Any] = []
    read = torch.load
    monkeypatch.setattr(torch, "load", lambda *args, **more: calls.append(args) or read(*args, **more))
    assert load(tmp_path / "model.pt", {"model": target}) == ""
    assert torch.equal(source[0].weight, target[0].weight)
    assert len(calls) == 1


@pytest.mark.parametrize(
    "content", [b"", b"abc", b"junk that is longer " * 50, b"PK\x03\x04 torn", pickle.dumps({"model": Path})]
)
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    text = load(tmp_path / "model.pt")
    assert f"{tmp_path / 'model.pt'} is no checkpoint" in text
    assert "set dont_load_ckpt_model=true" in text
    assert "dont_load" not in load(tmp_path / "model.pt", has_switch=False)


def test_a_truncated_one_is_named(tmp_path: Path) -> None:
    torch.save({"model": network(3).state_dict()}, tmp_path / "model.pt")
    (tmp_path / "model.pt").write_bytes((tmp_path / "model.pt").read_bytes()[:-100])
    assert f"{tmp_path / 'model.pt'} is no checkpoint" in load(tmp_path / "model.pt")


def test_the_first_keys_that_differ_are_named(tmp_path: Path) -> None:
    torch.save({"model": network(3).state_dict()}, tmp_path / "wide.pt")
    text = load(tmp_path / "wide.pt")
    assert "wide.pt does not fit" in text
    assert "0.weight ([3, 1] in it, [2, 1] here), 0.bias" in text
    torch.save({"model": {f"layer.{n}": torch.zeros(1) for n in range(9)}}, tmp_path / "other.pt")
    text = load(tmp_path / "other.pt")
    assert "not in it: 0.weight, 0.bias, 1.weight and 1 more; only in it: layer.0, layer.1, layer.2 and 6 more" in text


def test_an_object_that_the_checkpoint_lacks_is_named(tmp_path: Path) -> None:
    torch.save({"model": network().state_dict()}, tmp_path / "model.pt")
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    assert "'optimizer'" in load(tmp_path / "model.pt", {"model": model, "optimizer": optimizer})


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere.pt")
    assert differences(ValueError("no keys")) == ""

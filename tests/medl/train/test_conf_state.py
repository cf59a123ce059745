"""The config inside a checkpoint."""

from __future__ import annotations

import json

from medl.train.conf_state import ConfState, plain_config

NET = {"name": "UNet#net", "args": {"spatial_dims": 3}}


def test_the_state_is_a_plain_copy() -> None:
    config = {"train": {"model": {"name": "UNet", "args": {"channels": [4, 8]}}}}
    state = ConfState(config).state_dict()
    assert type(state) is dict and state == config
    state["train"]["model"]["args"]["channels"].append(16)
    assert ConfState(config).state_dict() == config


def test_alternatives_become_the_one_that_is_enabled_and_aliases_go() -> None:
    config = {"train": {"model": [{"name": "VNet", "disabled": True}, NET], "handlers": [NET]}, "epochs": 1}
    plain = plain_config(config)
    assert plain["train"]["model"] == {"name": "UNet", "args": {"spatial_dims": 3}}
    assert plain["train"]["handlers"] == [NET]
    assert config["train"]["model"][1]["name"] == "UNet#net"
    json.dumps(plain, allow_nan=False)

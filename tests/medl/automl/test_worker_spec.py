"""The grammar of ``workers=``."""

from __future__ import annotations

import pytest

from medl.automl.worker_spec import parse_workers
from medl.errors import ConfigError


@pytest.mark.parametrize(
    ("spec", "slots"),
    [
        ("0", [(0,)]),
        (0, [(0,)]),
        ("0:1", [(0,), (1,)]),
        ("0,1:2,3", [(0, 1), (2, 3)]),
        ("0:0:1:1", [(0,), (0,), (1,), (1,)]),
        (" 0 , 1 : 2 ", [(0, 1), (2,)]),
    ],
)
def test_worker_grammar(spec, slots):
    workers = parse_workers(spec)
    assert [worker.slots for worker in workers] == slots
    assert [worker.name for worker in workers] == [f"W{n + 1}" for n in range(len(slots))]
    assert parse_workers("0,1")[0].gpu_list_string() == "0,1"


@pytest.mark.parametrize("spec", ["", ":", "0:", "a", "0,,1", "-1", "1.5", 1.5, True, None, "0,0", "0;1", "²"])
def test_what_is_no_list_of_workers_is_refused_with_the_form(spec):
    with pytest.raises(ConfigError) as caught:
        parse_workers(spec)
    assert caught.value.problems[0].path == "workers"
    assert caught.value.problems[0].remedy


def test_all_problems_are_found_at_once_and_ids_beyond_the_gpus_too():
    with pytest.raises(ConfigError) as caught:
        parse_workers("x:0,0:7", gpus=2)
    assert len(caught.value.problems) == 3
    assert "ids 0 to 1" in str(caught.value)
    assert parse_workers("7", gpus=0)[0].slots == (7,)


def test_a_worker_on_several_hosts():
    one, two = parse_workers("localhost/0,1+127.0.0.1/2,3:4", gpus=8)
    assert one.hosts == (("localhost", (0, 1)), ("127.0.0.1", (2, 3)))
    assert one.slots == (0, 1, 2, 3)
    assert one.gpu_list_string() == "localhost/0,1+127.0.0.1/2,3"
    assert (two.hosts, two.slots) == ((), (4,))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("localhost/0+1", "host/ids"),
        ("localhost/0,1+", "host/ids"),
        ("/0", "host/ids"),
        ("-np/0", "host/ids"),
        ("localhost/a", "whole numbers"),
        ("localhost/", "whole numbers"),
        ("localhost/0,0", "an id twice"),
        ("localhost/0+localhost/1", "a host twice"),
        ("no-such-host.invalid/0", "has to be known"),
    ],
)
def test_what_is_wrong_with_a_host_is_said(spec, said):
    with pytest.raises(ConfigError, match=said) as caught:
        parse_workers(spec)
    assert len(caught.value.problems) == 1

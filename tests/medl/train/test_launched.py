"""What launchers say of a process's place."""

from __future__ import annotations

from medl.horovod import HOST_GPUS
from medl.train.launched import Launched, choose_host_gpus, launched


def test_each_launchers_words() -> None:
    horovod = {"HOROVOD_RANK": "3", "HOROVOD_SIZE": "4", "HOROVOD_LOCAL_RANK": "1", "HOROVOD_LOCAL_SIZE": "2"}
    assert launched(horovod) == Launched("horovodrun", 3, 4, 1, 2)
    torchrun = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}
    assert launched(torchrun) == Launched("torchrun", 1, 2, 1, 2)


def test_a_process_alone_has_no_launcher() -> None:
    for environ in ({}, {"WORLD_SIZE": "4"}, {"HOROVOD_SIZE": "1", "HOROVOD_RANK": "0"}, {"HOROVOD_SIZE": "2"}):
        assert launched(environ) == Launched()


def test_each_host_sees_its_own_gpus() -> None:
    environ = {HOST_GPUS: "hostA/0,1+hostB/2,3", "HOROVOD_HOSTNAME": "hostB", "CUDA_VISIBLE_DEVICES": "9"}
    choose_host_gpus(environ)
    assert environ["CUDA_VISIBLE_DEVICES"] == "2,3"
    alone = {"CUDA_VISIBLE_DEVICES": "9"}
    choose_host_gpus(alone)
    assert alone == {"CUDA_VISIBLE_DEVICES": "9"}

"""``monai.apps.mmars`` as a third party: it fetches, unpacks and opens an archive as it was trained here."""

from __future__ import annotations

import functools
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from medl.apps.export import main as export
from medl.apps.train import main as train


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Return the address and the folder of a server on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.filterwarnings("ignore")
def test_load_from_mmar(served, tmp_path, tiny_config, make_archive, monkeypatch):
    from monai.apps import load_from_mmar

    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    url, folder = served
    tiny_config["epochs"] = 1
    tiny_config["train"]["model"] = {
        "name": "UNet#net",  # an alias, a variable, an old argument: none of them may reach the checkpoint
        "args": {"dimensions": 3, "in_channels": 1, "out_channels": "{CLASSES}", "channels": [4, 8], "strides": [2]},
    }
    root = make_archive(tiny_config, "brain_1", CLASSES=2)
    assert train(["-m", str(root)]) == 0
    assert export(["-m", str(root), "--input_shape", "[1,1,16,16,16]"]) == 0
    shutil.make_archive(str(folder / "brain_1"), "zip", root)
    item = {"name": "brain", "version": 1, "file_type": "zip", "hash_type": "md5", "hash_val": None, "doc": "none"}
    item["url"] = f"{url}/brain_1.zip"
    theirs = tmp_path / "fetched"
    network = load_from_mmar(item, mmar_dir=theirs, map_location="cpu", api=False, progress=False)
    ours = torch.load(root / "models/model.pt", weights_only=True)["model"]
    assert type(network).__name__ == "UNet" and network.state_dict().keys() == ours.keys()
    assert all(torch.equal(network.state_dict()[name], ours[name]) for name in ours)

    scripted = load_from_mmar(
        {**item, "model_file": "models/model.ts"}, mmar_dir=theirs, map_location="cpu", api=False, progress=False
    )
    given = torch.randn(1, 1, 16, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(scripted.eval()(given), network.eval()(given))

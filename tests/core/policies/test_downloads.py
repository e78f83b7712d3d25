"""Downloads: against a hub on this machine that breaks off, refuses, lies and is slow; each run in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.policies.hub import Hub, running

ROOT = Path(__file__).resolve().parents[3]

# Fetches models, one after the other, and says what came of each; stops itself on the way through the weights where it is told to.
PROGRAM = """
import json, sys, threading
from core.errors import SaccadeError
from core.policies.local.downloads import cached_names, folder_of

def fetch(name, stopping):
    stop, told = threading.Event(), []

    def tell(news):
        told.append((news.words, news.done, news.total))
        if stopping and news.done > 0.6 * news.total:
            stop.set()

    try:
        folder = folder_of(name, progress=tell, stop=stop)
        said = {"files": sorted(file.name for file in folder.iterdir()), "folder": str(folder)}
    except SaccadeError as error:
        said = {"error": str(error), "kind": type(error).__name__}
    return said | {"told": told, "cached": cached_names()}

print(json.dumps([fetch(name, sys.argv[1] == "stopping") for name in sys.argv[2:]]))
"""


def fetch_all(hub: Hub, home: Path, *names: str, stopping: bool = False, **environment: str) -> list[dict[str, Any]]:
    """What came of downloads in a process of its own, with `home` as its cache."""
    variables = {
        **{name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"},
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
        **environment,
    }
    command = [sys.executable, "-c", PROGRAM, "stopping" if stopping else "through", *names]
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return found


def fetch(hub: Hub, home: Path, name: str, *, stopping: bool = False, **environment: str) -> dict[str, Any]:
    """The same for one."""
    (found,) = fetch_all(hub, home, name, stopping=stopping, **environment)
    return found


@pytest.fixture
def hub(tiny_qwen2_5_vl: Path) -> Iterator[Hub]:
    whole = {file.name: file.read_bytes() for file in tiny_qwen2_5_vl.iterdir()}
    other = {**whole, "config.json": json.dumps({"model_type": "llava"}).encode()}
    pickled = {"config.json": whole["config.json"], "pytorch_model.bin": b"pickle"}
    beside = {"README.md": b"not needed", "pytorch_model.bin": b"not needed", "optimizer.pt": b"not needed"}
    adapter = {
        "adapter_config.json": b"{}",
        "config.json": whole["config.json"],
        "adapter_model.safetensors": b"numbers",
        "optimizer.pt": b"no",
    }
    files = {
        "tiny/whole": {**whole, **beside},
        "tiny/adapter": adapter,
        "tiny/other": other,
        "tiny/pickled": pickled,
        "tiny/empty": {"README.md": b"hello"},
    }
    with running(Hub(files)) as made:
        yield made


def weights_asked(hub: Hub) -> list[str | None]:
    return [span for method, path, span in hub.asked if method == "GET" and path.endswith("model.safetensors")]


def test_a_model_is_downloaded_once(hub: Hub, tmp_path: Path, tiny_qwen2_5_vl: Path) -> None:
    first = fetch(hub, tmp_path, "tiny/whole")
    assert first["files"] == sorted(file.name for file in tiny_qwen2_5_vl.iterdir())
    folder = Path(first["folder"])
    assert all((folder / name).read_bytes() == (tiny_qwen2_5_vl / name).read_bytes() for name in first["files"])
    size = sum(file.stat().st_size for file in tiny_qwen2_5_vl.iterdir())
    assert [words for words, _, _ in first["told"]] == ["Downloading tiny/whole"] * len(first["told"])
    assert first["told"][-1][1:] == [size, size]
    assert first["cached"] == ["tiny/whole"]
    assert weights_asked(hub) == [None]
    before = len(hub.asked)
    again = fetch(hub, tmp_path, "tiny/whole")
    assert (again["folder"], again["told"]) == (first["folder"], [])
    assert len(hub.asked) == before
    assert fetch(hub, tmp_path, "tiny/whole", HF_HUB_OFFLINE="1")["folder"] == first["folder"]


def test_a_download_that_breaks_off_goes_on(hub: Hub, tmp_path: Path, tiny_qwen2_5_vl: Path) -> None:
    hub.cuts = 2
    found = fetch(hub, tmp_path, "tiny/whole")
    assert (Path(found["folder"]) / "model.safetensors").read_bytes() == (tiny_qwen2_5_vl / "model.safetensors").read_bytes()
    size = (tiny_qwen2_5_vl / "model.safetensors").stat().st_size
    assert weights_asked(hub) == [None, f"bytes={size // 2}-", f"bytes={size - (size - size // 2) + (size - size // 2) // 2}-"]


def test_a_stopped_download_is_gone_on_with(hub: Hub, tmp_path: Path, tiny_qwen2_5_vl: Path) -> None:
    hub.slow = 0.02
    stopped = fetch(hub, tmp_path, "tiny/whole", stopping=True)
    assert stopped["error"] == "Loading was stopped."
    kept = list(tmp_path.rglob("*.part"))
    assert len(kept) == 1 and 0 < kept[0].stat().st_size < (tiny_qwen2_5_vl / "model.safetensors").stat().st_size
    have = kept[0].stat().st_size
    offline = fetch(hub, tmp_path, "tiny/whole", HF_HUB_OFFLINE="1")
    assert "is not in the local cache as a whole, and HF_HUB_OFFLINE forbids" in offline["error"]
    alone = fetch(hub, tmp_path, "tiny/whole", HF_ENDPOINT="http://127.0.0.1:9")
    assert "The connection to http://127.0.0.1:9 failed" in alone["error"] and "check the network" in alone["error"]
    hub.slow = 0.0
    found = fetch(hub, tmp_path, "tiny/whole")
    assert weights_asked(hub)[-1] == f"bytes={have}-"
    assert (Path(found["folder"]) / "model.safetensors").read_bytes() == (tiny_qwen2_5_vl / "model.safetensors").read_bytes()
    assert not list(tmp_path.rglob("*.part"))


def test_damaged_weights_do_not_count(hub: Hub, tmp_path: Path) -> None:
    hub.damaged = True
    found = fetch(hub, tmp_path, "tiny/whole")
    assert "model.safetensors of tiny/whole came over damaged" in found["error"]
    assert not list(tmp_path.rglob("*.part"))
    hub.damaged = False
    assert "model.safetensors" in fetch(hub, tmp_path, "tiny/whole")["files"]


REFUSALS = {
    "tiny/unknown": ("PolicyNotFound", "The hub knows no model tiny/unknown: check the spelling at"),
    "tiny/gated": ("PolicyError", "given out to people who ask: ask at"),
    "tiny/busy": ("PolicyError", "did not give tiny/busy out (status 503): try again later"),
    "tiny/other": ("PolicyError", "tiny/other is a model of the kind 'llava'"),
    "tiny/pickled": ("PolicyError", "has its weights as pytorch_model.bin only"),
    "tiny/empty": ("PolicyError", "holds no model"),
}


def test_what_is_refused_costs_no_weights(hub: Hub, tmp_path: Path) -> None:
    for found, (kind, sentence) in zip(fetch_all(hub, tmp_path, *REFUSALS), REFUSALS.values(), strict=True):
        assert found["kind"] == kind and sentence in found["error"] and "\n" not in found["error"]
    assert weights_asked(hub) == []


def test_an_adapter_is_downloaded(hub: Hub, tmp_path: Path) -> None:
    first, again = fetch_all(hub, tmp_path, "tiny/adapter", "tiny/adapter")
    assert first["files"] == ["adapter_config.json", "adapter_model.safetensors", "config.json"]
    assert again["folder"] == first["folder"] and again["told"] == []


def test_a_connection_that_breaks_again_and_again(hub: Hub, tmp_path: Path) -> None:
    hub.cuts, hub.kept = 10**9, 0
    found = fetch(hub, tmp_path, "tiny/whole")
    assert "failed while tiny/whole was asked for" in found["error"] and "What was fetched is kept" in found["error"]
    assert len(weights_asked(hub)) == 4


def test_a_disk_that_is_too_small(hub: Hub, tmp_path: Path) -> None:
    hub.lies = 10**18
    found = fetch(hub, tmp_path, "tiny/whole")
    assert "tiny/whole needs 1000000000.0 GB on the disk" in found["error"] and "HF_HOME" in found["error"]
    assert weights_asked(hub) == []

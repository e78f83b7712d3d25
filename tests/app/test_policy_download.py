"""The workbench itself, as it starts, fetches a checkpoint that somebody names, and nothing else."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from app.bench.serving import serving
from core.policies.local.untrained import ModelType, build
from tests.app.asking_world import eventually
from tests.core.policies.hub import Hub, running

NAME = "tiny/whole"


def asked(address: str, path: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{address}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_a_policy_named_at_the_start_comes_from_the_hub_when_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build(tmp_path / "checkpoint", ModelType.QWEN2_5_VL)
    with running(Hub({NAME: {file.name: file.read_bytes() for file in folder.iterdir()}})) as hub:
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        for name, value in {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}.items():
            monkeypatch.setenv(name, value)
        with serving(tmp_path / "data", "--policy", NAME) as server:

            def told() -> dict[str, Any]:
                lines = asked(server.address, "/api/policies")["policies"]
                return next(line for line in lines if line["reference"] == NAME)

            assert told()["state"] == "idle" and hub.asked == [], "nothing leaves the machine before somebody asks for it"
            asked(server.address, "/api/policies/load", {"reference": NAME})
            eventually(lambda: told()["state"] in ("ready", "failed"), 60.0)
            assert told()["state"] == "ready", told()["words"]
    assert any(path.endswith("model.safetensors") for _, path, _ in hub.asked)

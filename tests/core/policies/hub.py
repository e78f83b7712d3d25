"""A hub on this machine: as much of its protocol as a download needs, and everything that can go wrong with one."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REVISION = "0123456789abcdef0123456789abcdef01234567"
REFUSED = {"tiny/unknown": (404, "RepoNotFound"), "tiny/gated": (403, "GatedRepo"), "tiny/busy": (503, "")}


@dataclass
class Hub:
    """What it holds, and how it behaves.

    files    of each model, by name
    cuts     so many answers with weights break off
    kept     after so much of what is left
    slow     seconds between two pieces of weights
    lies     the size that it says of weights, where that is not the truth
    damaged  weights come with one byte changed
    asked    every request: method, path, and the range that was asked for
    """

    files: dict[str, dict[str, bytes]]
    cuts: int = 0
    kept: float = 0.5
    slow: float = 0.0
    lies: int | None = None
    damaged: bool = False
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    url: str = ""

    def info(self, name: str) -> dict[str, Any]:
        siblings = []
        for file, content in self.files[name].items():
            size = self.lies if self.lies and is_weights(file) else len(content)
            entry: dict[str, Any] = {"rfilename": file, "size": size, "blobId": hashlib.sha1(content).hexdigest()}
            if is_weights(file):
                entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 1}
            siblings.append(entry)
        return {"id": name, "modelId": name, "sha": REVISION, "siblings": siblings, "tags": [], "private": False}


def is_weights(file: str) -> bool:
    return file.endswith((".safetensors", ".bin"))


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    """The hub, listening on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

        def answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0].strip("/")
            hub.asked.append((self.command, path, self.headers.get("Range")))
            name = "/".join(path.removeprefix("api/models/").split("/")[:2])
            if name in REFUSED or name not in hub.files:
                status, code = REFUSED.get(name, (404, "RepoNotFound"))
                return self.send(status, b"", {"X-Error-Code": code} if code else {}, body)
            if path.startswith("api/models/"):
                return self.send(200, json.dumps(hub.info(name)).encode(), {"Content-Type": "application/json"}, body)
            self.file(name, path.split("/")[-1], body)

        def file(self, name: str, file: str, body: bool) -> None:
            content = hub.files[name].get(file)
            if content is None:
                return self.send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": REVISION}, body)
            kind = hashlib.sha256 if is_weights(file) else hashlib.sha1
            headers = {"X-Repo-Commit": REVISION, "ETag": f'"{kind(content).hexdigest()}"'}
            if hub.damaged and is_weights(file):
                content = content[:-1] + bytes([content[-1] ^ 1])
            asked = self.headers.get("Range")
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            if asked:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send(206 if asked else 200, content[start:], headers, body, weights=is_weights(file))

        def send(self, status: int, content: bytes, headers: dict[str, str], body: bool, *, weights: bool = False) -> None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            if not body:
                return
            if weights and hub.cuts:
                hub.cuts -= 1
                self.wfile.write(content[: int(len(content) * hub.kept)])
                self.close_connection = True
                return
            step = 4096 if weights and hub.slow else len(content) or 1
            for place in range(0, len(content), step):
                self.wfile.write(content[place : place + step])
                if weights and hub.slow:
                    self.wfile.flush()
                    time.sleep(hub.slow)

        def handle(self) -> None:
            with suppress(ConnectionError):  # whoever asked has gone away
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()

"""A small real HTTP server on loopback that behaves by script, for what `transformers serve` cannot show: a busy server, one that breaks off,
sends on, asks for a key, or tells tokens as vLLM does. It is a peer and not a model: the client under test talks to it over the network as
to any other.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What is answered to one request.

    body    sent as JSON, or as it is where it is text
    stream  chunks, sent one by one as events; a number is a pause in seconds, CUT breaks the connection, text is sent as an event as it is
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    stream: tuple[Any, ...] | None = None


CUT = object()


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float


def says(*texts: str, finish: str | None = "stop", **more: Any) -> Answer:
    """An answer that streams the texts, each with the further fields of its choice."""
    chunks = [chunk(text, **more) for text in texts]
    return Answer(stream=(*chunks, *([chunk("", finish=finish)] if finish else []), "[DONE]"))


def chunk(
    text: str = "", *, finish: str | None = None, prompt: list[int] | None = None, delta: dict[str, Any] | None = None, **choice: Any
) -> dict[str, Any]:
    """A chunk of a stream as vLLM sends it."""
    whole = {"index": 0, "delta": delta if delta is not None else {"content": text}, "finish_reason": finish, **choice}
    top = {} if prompt is None else {"prompt_token_ids": prompt}
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [whole], **top}


class ScriptedServer:
    """A server whose answers are set by a test. `asked` are the turns that it was asked for."""

    def __init__(self) -> None:
        self.models: Any = {"object": "list", "data": [{"id": "Qwen/Qwen2.5-VL-3B-Instruct", "owned_by": "vllm", "max_model_len": 4096}]}
        self.routes: Any = None
        self.others: dict[str, Any] = {"/version": {"version": "0.11.0"}}
        self.answer: Callable[[int, Asked], Answer] = lambda count, asked: says("Hello.")
        self.asked: list[Asked] = []
        self.left = threading.Event()
        self.busy = 0
        self.busiest = 0
        self.lock = threading.Lock()
        self.url = ""

    def script(self, *answers: Answer) -> None:
        """Answer the turns with these, in their order; the last one for ever."""
        self.answer = lambda count, asked: answers[min(count, len(answers) - 1)]


@contextmanager
def scripted() -> Iterator[ScriptedServer]:
    """A running server."""
    script = ScriptedServer()

    class Handler(_Handler):
        server_script = script

    server = _Server(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients that leave are part of the scripts.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server_script: ScriptedServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        script = self.server_script
        told = {"/v1/models": script.models, "/openapi.json": script.routes, **script.others}.get(self.path)
        if isinstance(told, Answer):
            self._answer(told)
        elif told is None:
            self._answer(Answer(404, {"detail": "Not Found"}))
        else:
            self._answer(Answer(200, told))

    def do_POST(self) -> None:
        script = self.server_script
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body, time.monotonic())
        if self.path in script.others:
            told = script.others[self.path]
            told = told(body) if callable(told) else told
            self._answer(told if isinstance(told, Answer) else Answer(200, told))
            return
        with script.lock:
            count = len(script.asked)
            script.asked.append(asked)
            script.busy += 1
            script.busiest = max(script.busiest, script.busy)
        try:
            self._answer(script.answer(count, asked))
        except (BrokenPipeError, ConnectionResetError):
            script.left.set()
            self.close_connection = True
        finally:
            with script.lock:
                script.busy -= 1

    def _answer(self, answer: Answer) -> None:
        if answer.stream is not None:
            self._stream(answer)
            return
        plain = isinstance(answer.body, str)
        data = (answer.body if plain else json.dumps(answer.body)).encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": "text/plain" if plain else "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, answer: Answer) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in answer.stream or ():
            if piece is CUT:
                self.close_connection = True
                return
            if isinstance(piece, int | float):
                time.sleep(piece)
                continue
            data = f"data: {piece if isinstance(piece, str) else json.dumps(piece)}\n\n".encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

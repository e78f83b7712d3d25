"""The real server, ended in the middle: what it acknowledged is there, what it did not is there once or not at all."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from annotations.studies.settings import StudySettings
from app.bench.serving import Serving, serving
from app.settings import DATABASE_FILE
from tests.app.rating_world import Json, Words, judgement, make_trace, open_world

RATERS = 6
ENOUGH = 60


@dataclass
class Sender:
    """Somebody who rates over real connections. `sent` and `acknowledged` are bodies by their tokens."""

    name: str
    address: str = ""
    cookie: str = ""
    sent: dict[str, Json] = field(default_factory=dict)
    acknowledged: dict[str, Json] = field(default_factory=dict)

    def ask(self, method: str, path: str, document: Any = None) -> Json:
        """The JSON answer; raises OSError or HTTPException where the server ends before it has answered."""
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=30)
        try:
            headers = {"Content-Type": "application/json", "Cookie": self.cookie}
            connection.request(method, path, None if document is None else json.dumps(document), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, text
            self.cookie = (answer.getheader("set-cookie") or self.cookie).partition(";")[0]
            found: Json = json.loads(text)
            return found
        finally:
            connection.close()

    def sign_in(self, address: str) -> None:
        self.address = address
        self.ask("POST", "/api/session", {"name": self.name})

    def rate_on(self, study: int) -> None:
        """Rates one item after the other, until the server is gone or nothing is left."""
        try:
            while items := self.ask("POST", f"/api/rating/studies/{study}/next", {"count": 2})["items"]:
                body = self.body(items[0])
                self.acknowledged[body["token"]] = self.ask("POST", "/api/rating/ratings", body)
        except (OSError, http.client.HTTPException):
            return

    def body(self, item: Json) -> Json:
        token = f"{self.name}-{len(self.sent)}"
        said = judgement(comment=f"comment of {token}")
        body = {"token": token, "item": item["item"], "version_id": item["version_id"], "trace": item["trace"], "judgement": said}
        self.sent[token] = body
        return body


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("killed")


@pytest.fixture(scope="module")
def study(folder: Path) -> int:
    """The number of a study with more items than anybody gets through."""
    thoughts = tuple(f"The red cup ({10 + i}, {20 + i}) stands at the left edge of shelf {i}." for i in range(30))
    with open_world(folder) as world:
        world.add(*(make_trace(world.services.pictures, number, Words(thoughts=thoughts)) for number in range(12)))
        return world.services.studies.create("Killed", StudySettings(ratings_per_item=RATERS + 1)).id


def rows(folder: Path) -> dict[str, tuple[int, Json]]:
    """What lies in the file after everything: revision and content by token."""
    with sqlite3.connect(folder / DATABASE_FILE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = connection.execute("SELECT token, revision, content FROM ratings").fetchall()
    connection.close()
    return {token: (revision, json.loads(content)) for token, revision, content in found}


@pytest.fixture(scope="module")
def killed(folder: Path, study: int) -> Iterator[list[Sender]]:
    """People who were rating when the server was killed, signed in at the next one. The first had a draft, and a connection cut."""
    senders = [Sender(f"rater-{number}") for number in range(RATERS)]
    with serving(folder) as server:
        for sender in senders:
            sender.sign_in(server.address)
        item = senders[0].ask("POST", f"/api/rating/studies/{study}/next", {"count": 1})["items"][0]
        cut(server, senders[0], senders[0].body(item))
        other = senders[0].ask("POST", f"/api/rating/studies/{study}/next", {"count": 1})["items"][0]
        draft = {"sequence": 7, "content": {"comment": "half a sen"}}
        assert senders[0].ask("PUT", f"/api/rating/items/{other['item']}/draft", draft)["kept"] is True
        kill_in_the_middle(server, senders, study)
    with serving(folder) as server:
        for sender in senders:
            sender.address = server.address
        yield senders


def cut(server: Serving, sender: Sender, body: Json) -> None:
    """Sends a rating, and hangs up without having read the answer."""
    host, _, port = server.address.removeprefix("http://").partition(":")
    text = json.dumps(body).encode()
    head = f"POST /api/rating/ratings HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {sender.cookie}\r\nContent-Length: {len(text)}\r\n\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + text)
        # Until it has been kept; a connection that is cut before that may lose it, and nobody has been told otherwise.
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not sender.ask("GET", f"/api/rating/items/{body['item']}")["rating"]:
            time.sleep(0.02)


def kill_in_the_middle(server: Serving, senders: list[Sender], study: int) -> None:
    threads = [threading.Thread(target=sender.rate_on, args=(study,)) for sender in senders[1:]]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while sum(len(sender.acknowledged) for sender in senders) < ENOUGH and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(server.pid, signal.SIGKILL)
    for thread in threads:
        thread.join()


def test_every_acknowledged_rating_is_there_and_no_other_than_was_sent(killed: list[Sender], folder: Path) -> None:
    there = rows(folder)
    acknowledged = {token for sender in killed for token in sender.acknowledged}
    sent = {token: body for sender in killed for token, body in sender.sent.items()}
    assert len(acknowledged) >= ENOUGH
    assert acknowledged <= set(there) <= set(sent)
    for token, (_, content) in there.items():
        assert content["comment"] == sent[token]["judgement"]["comment"]


def test_a_draft_and_a_session_survive(killed: list[Sender], study: int) -> None:
    items = killed[0].ask("POST", f"/api/rating/studies/{study}/next", {"count": 3})["items"]
    assert items[0]["draft"] == {"sequence": 7, "content": {"comment": "half a sen"}}


def test_all_that_was_sent_can_be_sent_again_and_is_there_once(killed: list[Sender], folder: Path) -> None:
    before = rows(folder)
    for sender in killed:
        for token, body in sender.sent.items():
            answer = sender.ask("POST", "/api/rating/ratings", body)
            assert answer["repeated"] is (token in before)
            if token in sender.acknowledged:
                assert answer["rating"] == sender.acknowledged[token]["rating"]
    after = rows(folder)
    assert set(after) == {token for sender in killed for token in sender.sent}
    assert all(revision == 1 for revision, _ in after.values())
    assert "rater-0-0" in before, "the rating whose connection was cut had been kept"

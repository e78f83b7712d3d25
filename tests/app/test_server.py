"""The whole application, Gradio's pages included: every documented address opens, and its guards hold."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.gradio_start import quick_and_offline
from app.services import open_services
from app.settings import settings_from


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder: Path = tmp_path_factory.mktemp("data")
    with open_services(settings_from(Namespace(data_dir=folder), {})) as services:
        with quick_and_offline():
            from app.server import build_app

            app = build_app(services)
        yield TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


@pytest.mark.parametrize(
    "query",
    ["", "?page=2", "?page=x&correct=wrong", "?list_page=2", "?trace=0&step=3", "?compare=0&compare_step=2", "?q=%22&dataset=a%26b",
     "?domain=spatial&policy=p&stop=forced&faults=yes&min_looks=1&max_looks=2&sort=steps", "?correct=bogus", "?__theme=dark"],
)  # fmt: skip
def test_every_address_opens_the_page(client: TestClient, query: str) -> None:
    answer = client.get(f"/{query}")
    assert answer.status_code == 200
    assert "gradio_config" in answer.text


def test_the_page_may_not_be_shown_inside_another_site(client: TestClient) -> None:
    headers = client.get("/").headers
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/file=/etc/passwd", "/gradio_api/file=../launch.py", "/gradio_api/file=launch.py", "/gradio_api/file=%2e%2e/launch.py",
     "/file=/etc/passwd", "/ui/%2e%2e/launch.py", "/pictures/..%2f..%2flaunch.py"],
)  # fmt: skip
def test_no_address_gives_a_file_of_this_machine(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (403, 404)
    assert "root:" not in answer.text and "SaccadeError" not in answer.text


def test_a_list_or_an_error_is_never_kept_and_a_picture_is(client: TestClient) -> None:
    assert client.get("/api/traces").headers["cache-control"] == "no-store"
    assert client.get(f"/api/traces/{'0' * 64}").headers["cache-control"] == "no-store"

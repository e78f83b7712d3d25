"""The route by which a picture comes in that somebody wants to ask about."""

from __future__ import annotations

import re
from collections import OrderedDict
from pathlib import PurePosixPath
from threading import Lock
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from annotations.pictures import MAX_BYTES
from app.api import Kit
from app.bodies import read_bytes
from app.services import Services
from app.view import picture_view
from core.errors import ReadOnly
from core.trace import Picture

router = APIRouter()

_NAMES = 500

_LONGEST_NAME = 200
_SEPARATORS = re.compile(r"[\\/]+")


class Uploaded:
    """What pictures were called that came in last, by their hash: no trace says it yet. Safe to use from several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Picture] = OrderedDict()
        self._lock = Lock()

    def keep(self, picture: Picture) -> None:
        """Remember a picture."""
        with self._lock:
            self._kept[picture.sha256] = picture
            while len(self._kept) > _NAMES:
                self._kept.popitem(last=False)

    def get(self, sha256: str) -> Picture | None:
        """The picture as it came in; None where it did not come lately."""
        with self._lock:
            return self._kept.get(sha256)


@router.post("/api/pictures")
async def add_picture(kit: Kit, request: Request) -> JSONResponse:
    """Keeps a picture's bytes under their hash; its name is what `X-Name` says, percent-encoded.

    Refused unread over 64 MB, from its header over 64 megapixels, and where its pixels cannot be decoded.
    """
    if kit.settings.read_only:
        raise ReadOnly("With --read-only no picture can be added: choose one of the list.")
    data = await read_bytes(request, MAX_BYTES)
    picture = await run_in_threadpool(_keep, kit, data, name_in(request.headers.get("x-name", "")))
    uploaded: Uploaded = request.app.state.uploaded
    uploaded.keep(picture)
    return JSONResponse({"picture": picture_view(picture)})


def name_in(header: str) -> str:
    """A picture's name as a header says it: the last part of a path, and nothing that steers a page, a terminal or a database."""
    last = PurePosixPath(_SEPARATORS.sub("/", unquote(header, errors="replace"))).name
    return "".join(sign for sign in last if sign.isprintable())[:_LONGEST_NAME]


def _keep(kit: Services, data: bytes, name: str) -> Picture:
    picture = kit.pictures.add_bytes(data, name)
    # The page shows it anyway; whoever brought a damaged one is told now, and not when a run begins.
    kit.pictures.thumbnail(picture.sha256)
    return picture

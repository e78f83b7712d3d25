"""A conversation as the messages of the OpenAI protocol: pictures as data addresses, and a prefix continued or demanded."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from core.grammar import ANSWER_CLOSE, ANSWER_OPEN
from core.policies.conversation import Request, Role, Said, Shown, plain_text


def picture_address(image: Image.Image) -> str:
    """The picture as a data address. PNG loses nothing: the server sees the very pixels."""
    buffer = io.BytesIO()
    # The least compression: pictures travel once a turn, and time is scarcer than the wire.
    image.save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


class Pictures:
    """Data addresses of pictures, encoded once however many conversations show them; the last ones used are kept. For one event loop."""

    def __init__(self, budget: int = 128 * 2**20) -> None:
        self._budget = budget
        self._kept: dict[str, asyncio.Future[str]] = {}

    async def addresses(self, request: Request) -> dict[str, str]:
        """The data address of each picture of a request, by its key."""
        shown = {picture.key: picture for said in request.messages for picture in said.pictures}
        return {key: await self._address(picture) for key, picture in shown.items()}

    async def _address(self, picture: Shown) -> str:
        waiting = self._kept.pop(picture.key, None)
        if waiting is None:
            # Beside the loop, which has streams to read.
            waiting = asyncio.get_running_loop().run_in_executor(None, picture_address, picture.image)
        self._kept[picture.key] = waiting
        # Shielded, because others may wait for the same picture when one conversation is cancelled.
        address = await asyncio.shield(waiting)
        while len(self._kept) > 1 and sum(len(one.result()) for one in self._kept.values() if one.done()) > self._budget:
            self._kept.pop(next(iter(self._kept)))
        return address


def messages(request: Request, addresses: Mapping[str, str], prefill: bool) -> list[dict[str, Any]]:
    """The messages of a request. `addresses` has the data address of every picture's key.

    With `prefill` the prefix is a last message of the assistant's own, to be continued. Without, the last message of the user says
    what has to come (see `demand`).
    """
    spoken = [_message(said, addresses) for said in request.messages]
    if not request.prefix:
        return spoken
    if prefill:
        return [*spoken, {"role": Role.ASSISTANT.value, "content": request.prefix}]
    asked = spoken[-1]
    # Into the same message, because some chat templates refuse two of the user in a row.
    return [*spoken[:-1], {**asked, "content": [*asked["content"], {"type": "text", "text": demand(request.prefix)}]}]


def demand(prefix: str) -> str:
    """What a server that cannot continue a message is told instead; the answer's opening tag it may write or leave out."""
    if prefix.rstrip().endswith(ANSWER_OPEN):
        return (
            "\nYou cannot look any closer now. Give your final answer, based on what you have seen: "
            f"reply with the answer alone, between {ANSWER_OPEN} and {ANSWER_CLOSE}."
        )
    return f"\nYour reply begins with the following words. Write only what comes behind them:\n{prefix}"


def _message(said: Said, addresses: Mapping[str, str]) -> dict[str, Any]:
    if said.role is Role.ASSISTANT:
        return {"role": said.role.value, "content": said.text}
    if said.role is Role.SYSTEM:
        return {"role": said.role.value, "content": plain_text(said.text)}
    parts: list[dict[str, Any]] = []
    for part in said.parts:
        if isinstance(part, str):
            parts.append({"type": "text", "text": plain_text(part)})
        else:
            parts.append({"type": "image_url", "image_url": {"url": addresses[part.key]}})
    return {"role": said.role.value, "content": parts}

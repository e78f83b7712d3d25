"""The JSON bodies of requests: bounded before they are read, read strictly, and checked against the form that a route expects."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect

from annotations.importing.json_values import BadRow, storable
from core.errors import SaccadeError

MAX_BODY = 256 * 1024
# A float holds up to 308 digits, and everything that adds or measures numbers makes floats of them.
_LONGEST_INT = 300

Json = dict[str, Any]


class BodyRefused(SaccadeError, ValueError):
    """A request's body that cannot be taken: nothing of it was kept."""


class BodyTooLarge(BodyRefused):
    """A request's body with more bytes than its route takes. It is refused before it is read to its end."""


class Form(BaseModel):
    """The form of a body: every field is named here, and has the JSON type it says."""

    # A misspelt name must not lose what stands behind it.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Filled = TypeVar("Filled", bound=Form)


def body_of(form: type[Filled], *, limit: int = MAX_BODY) -> Callable[[Request], Awaitable[Filled]]:
    """A dependency of a route: its request's body as a filled form.

    Raises BodyTooLarge for a body of more than `limit` bytes, BodyRefused with the place and the reason for one that is no such form.
    """

    async def read(request: Request) -> Filled:
        return filled(form, read_object(await read_bytes(request, limit)))

    return read


def filled(form: type[Filled], document: Json) -> Filled:
    """The form of a JSON object. Raises BodyRefused with the first place that is wrong, and why."""
    try:
        return form.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BodyRefused(f"The request cannot be taken: {place[:80]}: {first['msg'].rstrip('.')}.") from error


def read_object(raw: bytes) -> Json:
    """The JSON object in a body, with NUL and halves of characters, which no database keeps, replaced by U+FFFD.

    Raises BodyRefused for anything else, and for numbers that are none: NaN, infinity, and such as do not fit a float.
    """
    try:
        document = json.loads(raw.decode(), parse_constant=_refuse_number, parse_float=_float, parse_int=_int)
        kept = storable(document, [])
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BodyRefused(f"The request's body is not JSON in UTF-8 ({error}).") from error
    except (RecursionError, BadRow) as error:
        raise BodyRefused("The request's body is nested too deeply to be read.") from error
    if not isinstance(kept, dict):
        raise BodyRefused("The request's body is not a JSON object: put it in braces.")
    return kept


async def read_bytes(request: Request, limit: int) -> bytes:
    """A request's body. Raises BodyTooLarge for more than `limit` bytes, and BodyRefused where it does not come to its end."""
    # What the header announces is refused unread; a body may also come without a length, or be longer than it said.
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > limit:
        raise _too_large(limit)
    read = bytearray()
    try:
        async for chunk in request.stream():
            read += chunk
            if len(read) > limit:
                raise _too_large(limit)
    except ClientDisconnect as error:
        # Nobody is there to be told; a traceback in the log would tell of a defect, and this is none.
        raise BodyRefused("The connection was closed before the request had come: nothing of it was kept.") from error
    return bytes(read)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The request has more than {limit // 1024} KiB, and nothing of it was kept: shorten it.")


def _refuse_number(written: str) -> Any:
    raise BodyRefused(f"{written} is no number that can be kept: leave it out.")


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        _refuse_number(digits[:24])
    return number


def _int(digits: str) -> int:
    if len(digits) > _LONGEST_INT:
        _refuse_number(f"{digits[:12]}...")
    return int(digits)

"""Why a server did not answer: one sentence with the mend, whether it is worth asking again, and when."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from core.errors import PolicyError, PolicyNotFound
from core.policies.server.keys import COMMON, Key, own_variable

LONGEST_MESSAGE = 300
# Busy or half there: the same request can succeed later. 529 is what some hosts say for "overloaded".
_LATER = frozenset({408, 425, 429, 502, 503, 504, 529})
_TOO_LONG = re.compile(
    r"context (?:length|window|size)|longer than the model|exceeds? the (?:model|maximum)[^.]*(?:length|tokens)|too many tokens",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(r"not (?:exist|found|available|loaded)|unknown|no such model", re.IGNORECASE)
# “This model's maximum context length is 4096 tokens … your request has 3500 input tokens”; older: “(3500 in the messages, …)”.
_CONTEXT = re.compile(r"maximum context length (?:is|of) (\d+)")
_INPUT = re.compile(
    r"(\d+) (?:input tokens|tokens from the input|in the messages|prompt tokens)|contains (?:at least )?(\d+) (?:input )?tokens"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that failed.

    error    what a person is told
    again    the same request may succeed later
    few      … but hardly: it is asked only a few times
    after    the pause that the server asked for, in seconds; None where it asked for none
    room     tokens that the context has left for the turn, where the server told them
    fields   the server did not like the request's form: it may be asked with less
    message  the server's own words, without the key
    status   the status of its answer; None where there was none
    """

    error: PolicyError
    again: bool = False
    few: bool = False
    after: float | None = None
    room: int | None = None
    fields: bool = False
    message: str = ""
    status: int | None = None


def refused(address: str, model: str, status: int, headers: Mapping[str, str], message: str, key: Key) -> Refusal:
    """What a status other than 2xx means. `headers` by lower-case names."""
    return replace(_read(address, model, status, headers, message, key), status=status)


def _read(address: str, model: str, status: int, headers: Mapping[str, str], message: str, key: Key) -> Refusal:
    words = trimmed(message, key)
    said = f" It says: {words}" if words else ""
    if status in (401, 403):
        which = f"the key in {key.variable} was refused" if key.header else "it asks for a key, and there is none"
        return Refusal(
            PolicyError(f"The server at {address} lets nobody in: {which}. Set {COMMON[0]}, or {own_variable(address)} for it alone.")
        )
    if 300 <= status < 400:
        target = urlsplit(headers.get("location", ""))
        place = f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}" if target.netloc else target.path or "another address"
        return Refusal(PolicyError(f"The server at {address} sends requests on to {key.hide(place)}: give the address that it really has."))
    if status in (400, 404, 413, 422):
        return _asked_wrongly(address, model or "this", status, key.hide(message), said)
    error = PolicyError(f"The server at {address} failed with status {status}.{said}")
    if status == 429:
        error = PolicyError(f"The server at {address} is asked too much (status 429).{said}")
    later = status in _LATER
    return Refusal(error, again=later or status >= 500, few=not later, after=retry_after(headers, time.time()), message=words)


def _asked_wrongly(address: str, model: str, status: int, message: str, said: str) -> Refusal:
    if _TOO_LONG.search(message):
        return Refusal(
            PolicyError(
                f"The conversation is too long for {model} at {address}: ask with fewer or smaller pictures, or fewer turns.{said}"
            ),
            room=_room(message),
        )
    if status == 404 or "pinned to" in message or (model in message and _NO_MODEL.search(message)):
        return Refusal(PolicyNotFound(f"The server at {address} has no model called {model}.{said}"), message=message)
    return Refusal(
        PolicyError(f"The server at {address} cannot take what {model} was asked (status {status}).{said}"), fields=True, message=message
    )


def unreachable(address: str, why: str) -> Refusal:
    """Nobody answers, or the connection broke before the first word."""
    return Refusal(PolicyError(f"Nobody answers at {address} ({why}): start the server, or check its address."), again=True)


def broken_off(address: str, why: str) -> Refusal:
    """The stream ended in the middle of a turn."""
    return Refusal(PolicyError(f"The server at {address} broke off in the middle of its answer ({why})."), again=True)


def silent(address: str, seconds: float) -> Refusal:
    """The server took the request and says nothing."""
    return Refusal(PolicyError(f"The server at {address} has said nothing for {seconds:g} seconds: it may be loading or out of work."))


def strange(address: str, what: str) -> PolicyError:
    """Somebody answers, and it is no such server."""
    return PolicyNotFound(f"What answers at {address} is not an OpenAI-compatible server ({what}): give the address that ends in /v1.")


def picture_resized(address: str, seen: int, shown: int) -> PolicyError:
    """The server's own processor resized what had been resized for it, so that the model's numbers would mean other places."""
    return PolicyError(
        f"The server at {address} resized the pictures once more: its model saw {seen} picture tokens instead of {shown}, so its points "
        "would lie elsewhere. Start it with a larger pixel budget, or give a smaller max_pixels here."
    )


def trimmed(message: str, key: Key) -> str:
    """The server's message on one line, without the key and not too long."""
    line = " ".join(key.hide(message).split())
    return line if len(line) <= LONGEST_MESSAGE else line[:LONGEST_MESSAGE].rstrip() + " …"


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The pause that the header Retry-After asks for, in seconds (RFC 9110, 10.2.3): a number or a date; None where it says neither."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _room(message: str) -> int | None:
    context, given = _CONTEXT.search(message), _INPUT.search(message)
    if not context or not given:
        return None
    left = int(context[1]) - int(given[1] or given[2])
    return left if left > 0 else None

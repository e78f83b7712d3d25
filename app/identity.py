"""Who is asking: what the gate found out about a request, for the routes to read.

The gate (`app.gate`) looks a session up once and leaves what it found in the request's state; nothing here asks the database.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from annotations.raters.values import Door, Rater
from core.errors import NotSignedIn

COOKIE = "saccade_session"
_NETWORK_V6 = 64


async def rater_of(request: Request) -> Rater:
    """The rater whose session the request carries. Raises NotSignedIn, which is answered with 401, where there is none."""
    door = door_of(request)
    if door.rater is None:
        raise NotSignedIn(who_are_you(guarded=door.guarded))
    return door.rater


Who = Annotated[Rater, Depends(rater_of)]


def door_of(connection: HTTPConnection) -> Door:
    """What the gate found: whether passwords are needed here, and who is asking."""
    # Without a gate nobody is known, and nothing may be taken for open.
    found: Door = getattr(connection.state, "door", Door(guarded=True, rater=None))
    return found


def actor_of(request: Request) -> str:
    """The name for the event log; empty where nobody has said theirs."""
    rater = door_of(request).rater
    return rater.name if rater else ""


def who_are_you(*, guarded: bool) -> str:
    """The sentence for somebody who has not signed in."""
    return "Sign in first." if guarded else "Say your name first."


def address_of(request: Request) -> str:
    """Where a request comes from, to count failures to sign in by: an IPv4 address, or the network of an IPv6 address.

    A home has more IPv6 addresses than anybody can count, all in one network of 64 bits.
    """
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _NETWORK_V6), strict=False))

"""Signing in and out, and what a rater set for themselves. See docs/human-evaluation.md."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from annotations.raters.sessions import LONGEST
from annotations.raters.store import RaterStore
from annotations.raters.values import Rater
from app.bodies import Form, Json, body_of
from app.identity import COOKIE, Who, address_of, door_of
from app.services import Services

router = APIRouter()

# Whoever has not signed in may send a name and a password, and nothing that takes longer to read.
_SIGN_IN_BODY = 8 * 1024
_PASSWORD_BODY = 16 * 1024
_PREFERENCES_BODY = 32 * 1024


class SignInForm(Form):
    """A name, and a password where one is needed."""

    name: str
    password: str = ""


class PasswordForm(Form):
    """The password that somebody has, and the one that they want."""

    old: str
    new: str


class PreferencesForm(Form):
    """What a rater set for themselves, such as keys: any JSON object."""

    document: dict[str, Any]


def raters_of(request: Request) -> RaterStore:
    """The store of raters that the application was built with."""
    services: Services = request.app.state.services
    return services.raters


Raters = Annotated[RaterStore, Depends(raters_of)]
SignIn = Annotated[SignInForm, Depends(body_of(SignInForm, limit=_SIGN_IN_BODY))]
NewPassword = Annotated[PasswordForm, Depends(body_of(PasswordForm, limit=_PASSWORD_BODY))]
Preferences = Annotated[PreferencesForm, Depends(body_of(PreferencesForm, limit=_PREFERENCES_BODY))]


@router.get("/api/session")
def session(request: Request, raters: Raters) -> JSONResponse:
    """Who is asking, whether passwords are needed, and which names were said on this machine before."""
    return JSONResponse(_session(raters, door_of(request).rater))


@router.post("/api/session")
def sign_in(
    request: Request, raters: Raters, form: Annotated[SignInForm, Depends(body_of(SignInForm, limit=_SIGN_IN_BODY))]
) -> JSONResponse:
    """Begins a session, by name and password, or by name alone while nobody has a password. Its secret goes into a cookie only."""
    if raters.guarded():
        rater, secret = raters.sign_in(form.name, form.password, address_of(request))
    else:
        rater = raters.open_by_name(form.name)
        secret = raters.start_session(rater)
    former = request.cookies.get(COOKIE)
    if former:
        raters.sign_out(former)
    answer = JSONResponse(_session(raters, rater))
    answer.set_cookie(
        COOKIE, secret, max_age=int(LONGEST.total_seconds()), path="/", secure=request.url.scheme == "https", httponly=True, samesite="lax"
    )
    return answer


@router.delete("/api/session")
def sign_out(request: Request, raters: Raters) -> JSONResponse:
    """Ends the session that the request carries, if it carries one."""
    secret = request.cookies.get(COOKIE)
    if secret:
        raters.sign_out(secret)
    answer = JSONResponse({})
    answer.delete_cookie(COOKIE, path="/", secure=request.url.scheme == "https", httponly=True, samesite="lax")
    return answer


@router.put("/api/session/password")
def change_password(request: Request, raters: Raters, who: Who, form: NewPassword) -> JSONResponse:
    """Gives whoever asks another password, if they know their old one. This session goes on, and their other ones end."""
    raters.change_own_password(who.id, form.old, form.new, address=address_of(request), session=request.cookies.get(COOKIE, ""))
    return JSONResponse({})


@router.get("/api/preferences")
async def preferences(raters: Raters, who: Who) -> JSONResponse:
    """What the rater who asks set for themselves."""
    return JSONResponse({"document": await run_in_threadpool(raters.preferences, who.id)})


@router.put("/api/preferences")
async def save_preferences(raters: Raters, who: Who, form: Preferences) -> JSONResponse:
    """Keeps it in place of what was kept before."""
    await run_in_threadpool(raters.save_preferences, who.id, form.document)
    return JSONResponse({"document": form.document})


def _session(raters: RaterStore, rater: Rater | None) -> Json:
    who: Json | None = None
    if rater:
        # Why they cannot change their password here; empty where they can.
        fixed = raters.why_no_own_password(rater.id)
        who = {"id": rater.id, "name": rater.name, "role": rater.role.value, "password_fixed": fixed}
    return {"rater": who, "guarded": raters.guarded(), "remembered": list(raters.names_without_password())}

"""The people, for an admin: who there is, new accounts, roles, passwords, and who may not come in any more."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from annotations.raters.store import RaterStore
from annotations.raters.values import Account, Role
from app.bodies import Form, Json, body_of
from app.identity import actor_of, door_of
from app.session_api import Raters
from core.errors import AccountError, NotAllowed, NotFound

router = APIRouter()

RoleName = Literal["rater", "lead", "admin"]


class NewRaterForm(Form):
    """An account to be added."""

    name: str
    role: RoleName
    password: str


class RaterForm(Form):
    """What is to be changed about an account; what is left out stays. `open`: whether its owner may sign in."""

    role: RoleName | None = None
    password: str | None = None
    open: bool | None = None


NewRater = Annotated[NewRaterForm, Depends(body_of(NewRaterForm))]
Change = Annotated[RaterForm, Depends(body_of(RaterForm))]


@router.get("/api/raters")
def list_raters(request: Request, raters: Raters) -> JSONResponse:
    """All accounts, and which of them is the one of whoever asks."""
    return JSONResponse(_people(request, raters))


@router.post("/api/raters")
def add_rater(request: Request, raters: Raters, form: NewRater) -> JSONResponse:
    """Adds an account with a password. The first one has to be an admin's: from then on names alone are not enough."""
    raters.add(form.name, Role(form.role), form.password, actor=actor_of(request))
    return JSONResponse(_people(request, raters))


@router.put("/api/raters/{rater}")
def change_rater(request: Request, raters: Raters, rater: str, form: Change) -> JSONResponse:
    """Changes one thing about an account: its role, its password, or whether it is open."""
    number = _number(rater)
    _refuse_what_the_file_says(raters.account(number), form)
    _change(raters, number, form, actor_of(request))
    return JSONResponse(_people(request, raters))


def _change(raters: RaterStore, number: int, form: RaterForm, actor: str) -> None:
    if sum(value is not None for value in (form.role, form.password, form.open)) != 1:
        raise AccountError("Give one thing to change: role, password or open.")
    if form.role is not None:
        raters.set_role(number, Role(form.role), actor=actor)
    elif form.password is not None:
        raters.set_password(number, form.password, actor=actor)
    elif form.open:
        raters.reopen(number, actor=actor)
    else:
        raters.close(number, actor=actor)


def _refuse_what_the_file_says(account: Account, form: RaterForm) -> None:
    """Raises NotAllowed for a role or a password that the accounts file would take back at the next start."""
    if account.from_file and form.open is None:
        raise NotAllowed(
            f"The role and the password of “{account.rater.name}” stand in the accounts file of --auth: change them there, and start again."
        )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound(f"There is no rater with the number {text[:20]}.")
    return int(text)


def _people(request: Request, raters: RaterStore) -> Json:
    rater = door_of(request).rater
    people = [_view(account) for account in raters.list()]
    return {"raters": people, "guarded": raters.guarded(), "you": rater.id if rater else None}


def _view(account: Account) -> Json:
    return {
        "id": account.rater.id,
        "name": account.rater.name,
        "role": account.rater.role.value,
        "password": account.guarded,
        "from_file": account.from_file,
        "ratings": account.ratings,
        "added": account.added.isoformat(),
        "seen": account.seen.isoformat() if account.seen else None,
        "open": account.closed is None,
    }

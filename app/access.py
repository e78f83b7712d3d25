"""Which role each address needs, once accounts have passwords: one table, so that it can be read and tested as a whole.

To add a route, give it a line here. One that has none answers nobody, and a test fails that goes through all routes there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from annotations.raters.values import Role


class Public(Enum):
    """The class of PUBLIC, so that it can be told from a role."""

    PUBLIC = "public"


PUBLIC: Final = Public.PUBLIC
"""Everybody, also who has not signed in."""

Needed = Role | Public

MOUNT: Final = "MOUNT"
"""In place of a method: everything below a path, whatever the method."""

RATER, LEAD, ADMIN = Role.RATER, Role.LEAD, Role.ADMIN

ACCESS: Mapping[tuple[str, str], Needed] = {
    # Coming in. The static files are those of the repository, the same for everybody.
    ("GET", "/sign-in"): PUBLIC,
    ("GET", "/api/session"): PUBLIC,
    ("POST", "/api/session"): PUBLIC,
    ("DELETE", "/api/session"): PUBLIC,
    (MOUNT, "/ui"): PUBLIC,
    ("GET", "/plotly/plotly.min.js"): PUBLIC,
    ("PUT", "/api/session/password"): RATER,
    # Rating: what a rater is shown and says. Each of these is bound to the rater's own id.
    ("GET", "/rate"): RATER,
    ("GET", "/api/preferences"): RATER,
    ("PUT", "/api/preferences"): RATER,
    ("GET", "/api/rating/studies"): RATER,
    ("GET", "/api/rating/studies/{study}"): RATER,
    ("POST", "/api/rating/studies/{study}/next"): RATER,
    ("POST", "/api/rating/studies/{study}/undo"): RATER,
    ("GET", "/api/rating/studies/{study}/mine"): RATER,
    ("GET", "/api/rating/items/{item}"): RATER,
    ("GET", "/api/rating/items/{item}/zoom.png"): RATER,
    ("PUT", "/api/rating/items/{item}/draft"): RATER,
    ("POST", "/api/rating/ratings"): RATER,
    # Pictures, by their content hash alone: they tell nothing about the trace that shows them. In the file as it came there may be
    # remarks about it, so a rater gets the picture that is made from it.
    ("GET", "/pictures/{sha256}"): LEAD,
    ("GET", "/pictures/{sha256}/upright"): RATER,
    ("GET", "/pictures/{sha256}/thumbnail"): RATER,
    # Traces: answers, truths and rewards, which a rater must not know.
    ("GET", "/api/traces"): LEAD,
    ("GET", "/api/facets"): LEAD,
    ("GET", "/api/traces/{trace_id}"): LEAD,
    ("GET", "/api/traces/{trace_id}/file"): LEAD,
    ("GET", "/api/traces/{trace_id}/looks/{index}.png"): LEAD,
    # Studies, their results, and what is made of them.
    ("GET", "/api/studies"): LEAD,
    ("POST", "/api/studies"): LEAD,
    ("POST", "/api/studies/preview"): LEAD,
    ("GET", "/api/studies/defaults"): LEAD,
    ("GET", "/api/studies/{study}"): LEAD,
    ("PUT", "/api/studies/{study}"): LEAD,
    ("POST", "/api/studies/{study}/refresh"): LEAD,
    ("POST", "/api/studies/{study}/close"): LEAD,
    ("POST", "/api/studies/{study}/reopen"): LEAD,
    ("GET", "/api/studies/{study}/items"): LEAD,
    ("POST", "/api/studies/{study}/items"): LEAD,
    ("GET", "/api/results/{study}"): LEAD,
    ("GET", "/api/results/{study}/tables/{table}"): LEAD,
    ("GET", "/api/curation"): LEAD,
    ("POST", "/api/curation/{study}/preview"): LEAD,
    ("GET", "/api/curation/{study}/records.jsonl"): LEAD,
    ("GET", "/api/curation/{study}/manifest.json"): LEAD,
    # From preferred records to a policy: as beginning a run of training.
    ("POST", "/api/curation/{study}/improvements"): LEAD,
    ("POST", "/api/curation/{study}/improvements/rehearse"): LEAD,
    ("GET", "/api/improvements"): LEAD,
    ("GET", "/api/improvements/choices"): LEAD,
    ("POST", "/api/improvements/{improvement}/stop"): LEAD,
    ("POST", "/api/improvements/{improvement}/go-on"): LEAD,
    ("DELETE", "/api/improvements/{improvement}"): LEAD,
    # Asking policies. Whoever adds one says what this machine downloads, opens and talks to.
    ("GET", "/api/policies"): LEAD,
    ("POST", "/api/policies"): ADMIN,
    ("DELETE", "/api/policies"): ADMIN,
    ("POST", "/api/policies/load"): LEAD,
    ("POST", "/api/policies/stop"): LEAD,
    ("POST", "/api/pictures"): LEAD,
    ("GET", "/api/ask"): LEAD,
    ("POST", "/api/ask/scenes"): LEAD,
    ("GET", "/api/runs"): LEAD,
    ("POST", "/api/runs"): LEAD,
    ("GET", "/api/runs/{run}"): LEAD,
    ("DELETE", "/api/runs/{run}"): LEAD,
    ("GET", "/api/runs/{run}/events"): LEAD,
    ("POST", "/api/runs/{run}/study"): LEAD,
    ("GET", "/api/runs/{run}/draws/{draw}/looks/{index}.png"): LEAD,
    # Runs of training. Who begins one has this machine compute, and download what the recipe names.
    ("GET", "/api/trainings"): LEAD,
    ("POST", "/api/trainings"): LEAD,
    ("GET", "/api/trainings/recipes"): LEAD,
    ("POST", "/api/trainings/rehearse"): LEAD,
    ("GET", "/api/trainings/{run}"): LEAD,
    ("DELETE", "/api/trainings/{run}"): LEAD,
    ("GET", "/api/trainings/{run}/pictures/{kind}/{sha256}"): LEAD,
    ("GET", "/api/trainings/{run}/{kind}/{step}"): LEAD,
    ("POST", "/api/trainings/{run}/{kind}/{step}/import"): LEAD,
    ("GET", "/api/trainings/{run}/{kind}/{step}/{number}/looks/{index}.png"): LEAD,
    ("POST", "/api/trainings/{run}/stop"): LEAD,
    ("POST", "/api/trainings/{run}/resume"): LEAD,
    ("GET", "/api/trainings/{run}/about"): LEAD,
    # The people.
    ("GET", "/api/raters"): ADMIN,
    ("POST", "/api/raters"): ADMIN,
    ("PUT", "/api/raters/{rater}"): ADMIN,
    # Gradio: the workbench's frame, its queue, its uploads and the files that it serves.
    (MOUNT, ""): LEAD,
}

# What belongs to a person has to know who they are, also where no passwords are needed.
_PERSONAL = ("/rate", "/api/preferences", "/api/session/password", "/api/rating/")

# Names in braces are for reading: two routes differ by what stands around them.
_NAME = re.compile(r"\{[^}]*\}")


def _key(method: str, template: str) -> tuple[str, str]:
    return method, _NAME.sub("{}", template)


_TABLE: Mapping[tuple[str, str], Needed] = {_key(*named): needed for named, needed in ACCESS.items()}


def access_of(method: str, template: str) -> Needed | None:
    """What a route needs, by its method (MOUNT for what is mounted) and the template of its path; None where it is not in the table."""
    # A HEAD asks for no more than a GET does.
    return _TABLE.get(_key("GET" if method == "HEAD" else method, template))


def is_personal(template: str) -> bool:
    """Whether a route needs to know who is asking, also while nobody has a password."""
    return template in _PERSONAL or template.startswith(tuple(one for one in _PERSONAL if one.endswith("/")))


def stale(routes: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The lines of the table that no route has any more; `routes` are all that there are."""
    there = {_key(*route) for route in routes}
    return tuple(line for line in ACCESS if _key(*line) not in there)

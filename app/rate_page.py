"""GET /rate: the page for raters alone. Small and without Gradio, so that nothing on it needs more than this server's own files."""

from __future__ import annotations

import html

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.services import Services
from app.ui import BRAND
from core.errors import NotFound

router = APIRouter()

# No script and no style that is not a file of this server, nothing from elsewhere, nothing of this page inside another's, and no text
# that becomes markup.
# Pictures are also drawn from memory: what a page prefetches or rotates is a blob or a data address.
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'; require-trusted-types-for 'script'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Saccade</title>
<link rel="icon" href="/ui/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/ui/app.css">
<link rel="stylesheet" href="/ui/pages/bar.css">
<script type="module" src="/ui/pages/rate.js"></script>
</head>
<body>
<header class="sc-bar">
{brand}
<div id="saccade-study" class="sc-bar-study">{study}</div>
<div id="saccade-who" class="sc-who"></div>
</header>
<main>
<div id="saccade-rate"></div>
<noscript><p class="sc-without-script">Rating needs JavaScript: allow it for this address, and reload the page.</p></noscript>
</main>
</body>
</html>
"""


@router.get("/rate")
def rate_page(request: Request, study: str = "") -> HTMLResponse:
    """The page. `study` is the number of the study to open; without one the page lets its reader choose."""
    services: Services = request.app.state.services
    name = html.escape(_study_name(services, study))
    page = _PAGE.format(title=name or "Rate", brand=BRAND, study=name)
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})


def _study_name(services: Services, study: str) -> str:
    """The study's name; empty for a number that is none: the page says so itself when it asks."""
    if not (study.isascii() and study.isdigit() and len(study) < 10):
        return ""
    try:
        return services.studies.study(int(study)).name
    except NotFound:
        return ""

"""GET /sign-in: the page on which somebody says who they are. Small, and without Gradio, which nobody gets before they have signed in."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.identity import door_of

router = APIRouter()

# Nothing but this page's own style and script, and nothing of it inside another page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}

# `method="post"`: should the script not run, a password must not end up in an address.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sign in · Saccade</title>
<link rel="icon" href="/ui/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/ui/sign-in/sign-in.css">
<script type="module" src="/ui/sign-in/sign-in.js"></script>
</head>
<body data-guarded="{guarded}">
<main>
<p class="brand">
<svg viewBox="0 0 20 20" width="22" height="22" aria-hidden="true">
<circle cx="10" cy="10" r="8.2" fill="none" stroke="currentColor" stroke-width="2"/><circle cx="10" cy="10" r="3.6" fill="currentColor"/>
</svg>
<span>Saccade</span>
</p>
<form id="sign-in" method="post" action="/sign-in" novalidate>
<h1>{title}</h1>
<p class="quiet">{words}</p>
<div class="field">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="200" required autofocus
 aria-describedby="said">
</div>
{password}
<p id="said" class="said" role="alert" aria-live="assertive"></p>
<button class="go" type="submit">{go}</button>
</form>
<section id="here" hidden>
<h1 id="who" tabindex="-1"></h1>
<p class="quiet" id="role"></p>
<p id="left" class="said" role="alert" aria-live="assertive"></p>
<div class="ways"><a class="go" id="on" href="/">Go on</a><button class="way" id="out" type="button">Sign out</button></div>
</section>
<noscript><p class="said">Signing in needs JavaScript: allow it for this address, and reload the page.</p></noscript>
</main>
</body>
</html>
"""
_PASSWORD = """<div class="field">
<label for="password">Password</label>
<div class="secret">
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1000" aria-describedby="said" required>
<button id="show" type="button" aria-pressed="false" aria-controls="password">Show</button>
</div>
</div>"""
_NAMES = '<div id="names" class="names" role="group" aria-label="Said before" hidden></div>'


@router.get("/sign-in")
async def sign_in_page(request: Request) -> HTMLResponse:
    """The page: name and password, or, while nobody has a password, the name alone."""
    if door_of(request).guarded:
        words = "With the name and the password that you were given."
        page = _PAGE.format(guarded="yes", title="Sign in", words=words, password=_PASSWORD, go="Sign in")
    else:
        words = "This machine is not guarded: a name is enough. It stands beside everything you rate."
        page = _PAGE.format(guarded="no", title="Who is rating?", words=words, password=_NAMES, go="Go on")
    return HTMLResponse(page, headers=_HEADERS)

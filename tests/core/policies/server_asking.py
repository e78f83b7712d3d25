"""What the tests of servers ask, and how they wait for what comes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from core.frames import FrameKind
from core.policies.conversation import Completion, Failed, Finished, PolicyEvent, Request, Role, Said, Sampling, Shown, Wrote
from core.policies.protocol import Policy, Session
from core.policies.server import Limits

STOPS = ("</tool_call>", "</answer>")
# A failed attempt is followed by the next one at once.
QUICK = Limits(connect=5.0, silence=20.0, turn=60.0, attempts=4, pause=0.01, longest=0.05)
# How long a test waits for an event before it fails.
PATIENCE = 60.0


@dataclass(frozen=True)
class Options:
    """How a server is opened."""

    min_pixels: int | None = None
    max_pixels: int | None = None
    space: FrameKind | None = None
    slots: int | None = None


def shown(key: str = "red", size: tuple[int, int] = (112, 84), colour: str = "red") -> Shown:
    return Shown(key, Image.new("RGB", size, colour))


def request(
    text: str = "Where is it?",
    *,
    before: tuple[Said, ...] = (),
    picture: Shown | None = None,
    temperature: float = 0.0,
    seed: int = 0,
    top_p: float = 1.0,
    top_k: int = 0,
    tokens: int = 100,
    prefix: str = "",
    stop: tuple[str, ...] = STOPS,
) -> Request:
    parts: tuple[str | Shown, ...] = (text,) if picture is None else (picture, text)
    return Request((*before, Said(Role.USER, parts)), Sampling(temperature, top_p, top_k, seed), tokens, prefix, stop)


def until_ended(session: Session, rows: Iterable[int]) -> dict[int, list[PolicyEvent]]:
    """All events of the rows, up to the last of each."""
    heard: dict[int, list[PolicyEvent]] = {row: [] for row in rows}
    open_rows = set(heard)
    while open_rows:
        events = session.events(PATIENCE)
        assert events, f"nothing was heard of {open_rows} for {PATIENCE:g} seconds"
        for event in events:
            heard[event.row].append(event)
            if isinstance(event, Finished | Failed):
                open_rows.discard(event.row)
    return heard


def ask(policy: Policy, *requests: Request) -> list[Completion]:
    """The completions of the requests, asked for at once; the texts that came before each are its text."""
    with policy.session() as session:
        for row, asked in enumerate(requests):
            session.submit(row, asked)
        heard = until_ended(session, range(len(requests)))
    out = []
    for row in range(len(requests)):
        *wrote, last = heard[row]
        assert isinstance(last, Finished), last
        assert "".join(event.text for event in wrote if isinstance(event, Wrote)) == last.completion.text
        out.append(last.completion)
    return out


def failure(policy: Policy, asked: Request) -> Failed:
    """The failure of a request."""
    with policy.session() as session:
        session.submit(0, asked)
        (*_, last) = until_ended(session, [0])[0]
    assert isinstance(last, Failed), last
    return last

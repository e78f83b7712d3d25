"""A scripted policy keeps to the protocol like any other."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.errors import PolicyError
from core.frames import FrameKind
from core.policies.conversation import GREEDY, Completion, Failed, Finish, Finished, PolicyEvent, Request, Role, Said, Shown, Wrote
from core.policies.protocol import Policy, PolicyCard, PolicyKind, Session
from core.policies.scripted import END_TOKEN, MESSAGE_TOKEN, PICTURE_TOKEN, ScriptedPolicy

HELLO = (Said(Role.USER, ("Hello?",)),)


def saying(text: str, **changes: object) -> ScriptedPolicy:
    return ScriptedPolicy(lambda messages, row: text, **changes)  # type: ignore[arg-type]


def request(messages: tuple[Said, ...] = HELLO, *, tokens: int = 1000, stop: tuple[str, ...] = (), prefix: str = "") -> Request:
    return Request(messages, GREEDY, tokens, prefix, stop)


def until_quiet(session: Session) -> list[PolicyEvent]:
    events: list[PolicyEvent] = []
    while heard := session.events(0.0):
        events.extend(heard)
    return events


def completion(policy: ScriptedPolicy, asked: Request) -> Completion:
    with policy.session() as session:
        session.submit(0, asked)
        events = until_quiet(session)
    last = events[-1]
    assert isinstance(last, Finished)
    wrote = [event for event in events if isinstance(event, Wrote)]
    assert "".join(event.text for event in wrote) == last.completion.text
    assert len(events) == len(wrote) + 1
    return last.completion


def test_it_is_a_policy() -> None:
    policy: Policy = saying("Yes.")
    session: Session = policy.session()
    session.close()
    assert (policy.card.name, policy.card.kind, policy.card.space, policy.card.factor) == (
        "script",
        PolicyKind.SCRIPTED,
        FrameKind.RESIZED,
        28,
    )


def test_it_says_what_the_script_says_in_bytes() -> None:
    said = completion(saying("Grün, ja."), request())
    assert (said.text, said.finish) == ("Grün, ja.", Finish.END)
    assert said.ids == (*"Grün, ja.".encode(), END_TOKEN)
    assert said.logprobs == (0.0,) * len(said.ids)
    assert said.context_ids == (MESSAGE_TOKEN, *b"Hello?")
    assert (said.prefix_tokens, said.encoded) == (0, 7)


def test_it_stops_behind_the_first_stop_text() -> None:
    said = completion(saying("a </b> c </a> d"), request(stop=("</a>", "</b>", "")))
    assert (said.text, said.finish, said.ids) == ("a </b>", Finish.STOP, tuple(b"a </b>"))


@pytest.mark.parametrize(
    ("text", "tokens", "stop", "said", "finish"),
    [
        ("four", 5, (), "four", Finish.END),
        ("four", 4, (), "four", Finish.LENGTH),
        ("four", 3, (), "fou", Finish.LENGTH),
        ("four", 4, ("r",), "four", Finish.STOP),
        ("four", 3, ("r",), "fou", Finish.LENGTH),
        ("ü", 1, (), "", Finish.LENGTH),
        ("", 1, (), "", Finish.END),
    ],
)
def test_it_keeps_to_its_limit(text: str, tokens: int, stop: tuple[str, ...], said: str, finish: Finish) -> None:
    found = completion(saying(text), request(tokens=tokens, stop=stop))
    assert (found.text, found.finish) == (said, finish)


@given(st.text(max_size=30), st.integers(1, 40), st.sampled_from([(), ("e",), ("</a>", " ")]), st.booleans())
def test_pieces_ids_and_limits_fit_together(text: str, tokens: int, stop: tuple[str, ...], tells: bool) -> None:
    said = completion(saying(text, tells_tokens=tells), request(tokens=tokens, stop=stop))
    assert text.startswith(said.text)
    if said.ids is not None:
        assert len(said.ids) <= tokens
        assert bytes(id for id in said.ids if id != END_TOKEN).decode() == said.text
        assert (END_TOKEN in said.ids) == (said.finish is Finish.END)
    else:
        assert not tells and len(said.text.split()) <= tokens


def test_words_are_its_tokens_where_it_does_not_tell_them() -> None:
    said = completion(saying("one two three four", tells_tokens=False), request(tokens=3))
    assert (said.text, said.finish, said.ids, said.context_ids) == ("one two three", Finish.LENGTH, None, None)


def test_a_prefix_is_put_into_its_mouth() -> None:
    heard: list[tuple[Said, ...]] = []

    def script(messages: tuple[Said, ...], row: int) -> str:
        heard.append(messages)
        return "rest"

    said = completion(ScriptedPolicy(script), request(prefix="The "))
    assert heard == [(*HELLO, Said(Role.ASSISTANT, ("The ",)))]
    assert (said.text, said.prefix_tokens) == ("rest", 4)
    assert said.context_ids == (MESSAGE_TOKEN, *b"Hello?", *b"The ")


def test_a_conversation_that_goes_on_tells_what_is_new_only() -> None:
    picture = Shown("p", Image.new("RGB", (56, 84)))
    with saying("Yes.").session() as session:
        session.submit(3, request())
        until_quiet(session)
        more = (*HELLO, Said(Role.ASSISTANT, ("Yes.",)), Said(Role.USER, ("Look:", picture)))
        session.submit(3, request(more))
        (*_, last) = until_quiet(session)
        assert isinstance(last, Finished)
        assert last.completion.context_ids == (MESSAGE_TOKEN, *b"Look:", *[PICTURE_TOKEN] * 6)
        session.submit(3, request((*more[:1], Said(Role.ASSISTANT, ("No.",)), more[2])))
        (*_, last) = until_quiet(session)
        assert isinstance(last, Finished) and last.completion.context_ids is not None
        assert last.completion.context_ids[:7] == (MESSAGE_TOKEN, *b"Hello?")


def test_many_rows_speak_at_once() -> None:
    policy = ScriptedPolicy(lambda messages, row: " ".join(f"{row}-{word}" for word in range(4)))
    with policy.session() as session:
        for row in (5, 1, 9):
            session.submit(row, request())
        events = until_quiet(session)
    assert [event.row for event in events[:3]] == [5, 1, 9]
    said = {event.row: event.completion.text for event in events if isinstance(event, Finished)}
    assert said == {row: f"{row}-0 {row}-1 {row}-2 {row}-3" for row in (5, 1, 9)}


def test_a_cancelled_row_says_nothing_more() -> None:
    with saying("one two three").session() as session:
        session.submit(0, request())
        session.submit(1, request())
        session.events(0.0)
        session.cancel(0)
        session.cancel(7)
        assert {event.row for event in until_quiet(session)} == {1}
        session.submit(0, request())
        assert {event.row for event in until_quiet(session)} == {0}


def test_a_row_has_one_request_at_a_time() -> None:
    with saying("one two").session() as session:
        session.submit(0, request())
        with pytest.raises(PolicyError, match="one request at a time"):
            session.submit(0, request())


def test_a_script_that_fails_fails_its_row() -> None:
    def script(messages: tuple[Said, ...], row: int) -> str:
        if row == 1:
            raise PolicyError("I cannot.")
        return "I can."

    with ScriptedPolicy(script).session() as session:
        session.submit(0, request())
        session.submit(1, request())
        events = until_quiet(session)
    assert [(event.row, str(event.error)) for event in events if isinstance(event, Failed)] == [(1, "I cannot.")]
    assert any(isinstance(event, Finished) and event.row == 0 for event in events)


def test_a_pace_is_kept() -> None:
    with saying("a b c d e", seconds_per_piece=0.02).session() as session:
        session.submit(0, request())
        assert session.events(0.0) == ()
        started = time.monotonic()
        pieces = [session.events(5.0) for _ in range(5)]
        assert time.monotonic() - started >= 0.09
        assert ["".join(event.text for event in events if isinstance(event, Wrote)) for events in pieces] == ["a", " b", " c", " d", " e"]
        assert isinstance(session.events(5.0)[0], Finished)


def test_a_wait_for_nothing_ends() -> None:
    with saying("a").session() as session:
        started = time.monotonic()
        assert session.events(0.03) == ()
        assert time.monotonic() - started >= 0.03


def test_closing_the_policy_fails_what_is_being_said_in_other_threads() -> None:
    policy = saying("one two three four", seconds_per_piece=5.0)
    heard: list[PolicyEvent] = []
    waiting = threading.Event()

    def listen() -> None:
        with policy.session() as session:
            session.submit(0, request())
            waiting.set()
            heard.extend(session.events(60.0))

    thread = threading.Thread(target=listen)
    thread.start()
    waiting.wait()
    policy.close()
    policy.close()
    thread.join(30)
    assert not thread.is_alive()
    assert isinstance(heard[0], Failed) and "was closed" in str(heard[0].error)
    with pytest.raises(PolicyError, match="open it again"):
        policy.session()


def test_sessions_in_several_threads_do_not_mix() -> None:
    policy = ScriptedPolicy(lambda messages, row: f"{messages[0].text} {row}")
    said: dict[str, str] = {}

    def ask(name: str) -> None:
        with policy.session() as session:
            session.submit(0, request((Said(Role.USER, (name,)),)))
            (*_, last) = until_quiet(session)
            assert isinstance(last, Finished)
            said[name] = last.completion.text

    threads = [threading.Thread(target=ask, args=(f"thread {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert said == {f"thread {number}": f"thread {number} 0" for number in range(8)}


def test_a_card_may_be_given_and_a_pace_must_be_one() -> None:
    card = PolicyCard("other", PolicyKind.LOCAL, factor=1)
    assert saying("a", card=card).card is card
    with pytest.raises(PolicyError):
        saying("a", seconds_per_piece=-1)

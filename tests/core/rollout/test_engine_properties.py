"""Whatever a policy says, every conversation ends, and its trace, events and tokens tell the same story."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.crops import CropRule
from core.errors import PolicyError
from core.grammar import FORCED_PREFIX, as_messages, call_text, is_tool_error, parse_messages
from core.grounding import ground
from core.policies.conversation import Role, Said
from core.policies.protocol import frame_of
from core.policies.scripted import END_TOKEN, ScriptedPolicy
from core.rollout.engine import roll_out
from core.rollout.unfinished import Unfinished
from core.rollout.values import Began, Ended, Rollout, RolloutEvent, RolloutSettings, Spoke, Turns
from core.trace import Author, DomainName, StopReason, Trace, Truth, TruthKind
from tests.core.rollout.speaking import ANSWER, boxed, painted, task

TAGS = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<observation>", "</observation>", "<answer>", "</answer>", "<ANSWER>"]
MARKS = ["<image>", "<|im_end|>", "<|im_start|>user\n", "<|image_pad|>", "(1, 2)", "(700, 9)", "Error:", "\0", FORCED_PREFIX, " ", "€"]
numbers = st.one_of(st.integers(-20, 200), st.floats(-1e3, 1e3, allow_nan=False), st.sampled_from([1e300, 1e12]))
calls = st.builds(call_text, numbers, numbers)
broken = calls.flatmap(lambda call: st.integers(0, len(call)).map(lambda end: call[:end]))
hostile = st.lists(st.one_of(st.sampled_from(TAGS + MARKS), calls, broken, st.text(max_size=8)), max_size=12).map("".join)
inside = st.builds(lambda x, y: f"<think> See ({x}, {y}). </think>\n{call_text(x, y)}", st.integers(0, 55), st.integers(0, 80))
speech = st.one_of(hostile, inside, st.just(ANSWER), calls.map(lambda call: f"<think> See (3, 4). </think>{call}"))
# Whole conversations, and any.
scripts = st.lists(
    st.one_of(
        st.lists(inside, min_size=1, max_size=6),
        st.lists(inside, max_size=4).map(lambda looks: [*looks, ANSWER]),
        st.lists(speech, max_size=6),
    ),
    min_size=1,
    max_size=3,
)
limits = st.builds(
    RolloutSettings,
    turns=st.sampled_from(Turns),
    max_turns=st.sampled_from([1, 2, 3, 5, 7]),
    max_pictures=st.sampled_from([1, 2, 3, 5, 7]),
    max_tokens=st.one_of(st.just(100_000), st.integers(200, 3000), st.integers(1, 3000)),
    max_new_tokens=st.one_of(st.just(5000), st.integers(60, 400), st.integers(1, 400)),
    force_answer=st.booleans(),
    crop=st.builds(CropRule, st.integers(1, 60), st.integers(1, 90), st.booleans()),
)
PICTURES = [painted(blue=10), painted(61, 97, blue=200)]


def policy(script: list[list[str]], forced: str, *, tells_tokens: bool, fails_at: int | None) -> ScriptedPolicy:
    """Each row says the turns of one of the scripts, and then nothing more; a row may fail at a turn. It looks at what it is shown."""

    def speak(messages: tuple[Said, ...], row: int) -> str:
        check_pictures(messages, PICTURES[row // 2])
        turns = script[row % len(script)]
        turn = sum(said.role is Role.ASSISTANT for said in messages)
        if row == 1 and turn == fails_at:
            raise PolicyError("It does not go on.")
        if messages[-1].role is Role.ASSISTANT:
            return forced
        return turns[turn] if turn < len(turns) else ""

    return ScriptedPolicy(speak, tells_tokens=tells_tokens)


@settings(max_examples=100)
@given(scripts, hostile, limits, st.booleans(), st.one_of(st.none(), st.integers(0, 2)), st.sampled_from(DomainName), st.integers(1, 4))
def test_any_speech_is_led_to_an_end(
    script: list[list[str]],
    forced: str,
    limit: RolloutSettings,
    tells_tokens: bool,
    fails_at: int | None,
    domain: DomainName,
    at_once: int,
) -> None:
    if domain in (DomainName.SPATIAL, DomainName.WEB_ACTION) and limit.turns is Turns.MULTI:
        domain = DomainName.VISUAL_SEARCH
    truth = boxed(1, 1, 30, 30) if domain is DomainName.WEB_GROUNDING else Truth(TruthKind.TEXT, "red")
    tasks = [task(image, f"{at}?", samples=2, domain=domain, truth=truth) for at, image in enumerate(PICTURES)]
    speaks = policy(script, forced, tells_tokens=tells_tokens, fails_at=fails_at)
    events = list(roll_out(speaks, tasks, limit, at_once=at_once))
    began = {event.conversation: event for event in events if isinstance(event, Began)}
    ended = {event.conversation: event.rollout for event in events if isinstance(event, Ended)}
    assert began.keys() == ended.keys() == {0, 1, 2, 3}
    for conversation, rollout in ended.items():
        assert rollout.trace.sample == tasks[rollout.task].sample
        check_trace(rollout, limit, began[conversation])
        check_tokens(rollout, told=tells_tokens)
        check_events(events, conversation, began[conversation], rollout)


def check_pictures(messages: tuple[Said, ...], own: Image.Image) -> None:
    """A conversation is shown its own picture and crops of it, and nothing of another one's."""
    sha256 = hashlib.sha256(own.tobytes()).hexdigest()
    for picture in (picture for message in messages for picture in message.pictures):
        assert picture.key.startswith(f"{sha256}/")
        if "dot" not in picture.key:
            assert picture.image.getextrema()[2] == own.getextrema()[2]


def check_trace(rollout: Rollout, limit: RolloutSettings, began: Began) -> None:
    trace = rollout.trace
    assert len(trace.turns) <= limit.max_turns
    assert len(trace.looks) <= limit.max_pictures - 1
    assert trace.stop is not StopReason.UNKNOWN
    assert (trace.stop is StopReason.ERROR) == bool(rollout.error)
    for turn in trace.turns:
        covered = "".join(part.span.of(turn.text) for part in turn.authors)
        assert covered == turn.text and "\0" not in turn.text
    read = ground(trace.sample, parse_messages(as_messages(trace.turns)), trace.frame, began.crop, policy="script")
    assert (read.turns, read.steps, read.faults, read.answer) == (trace.turns, trace.steps, trace.faults, trace.answer)
    assert Trace.from_json(trace.to_json()) == trace
    shown = [turn for turn in trace.turns if turn.observation and not is_tool_error(turn.observation.of(turn.text))]
    assert len(shown) == len(trace.looks)
    injected = [part for turn in trace.turns for part in turn.authors if part.author is Author.INJECTED]
    assert len(injected) == (trace.stop is StopReason.FORCED or (bool(rollout.error) and bool(injected)))
    if trace.stop in (StopReason.ANSWERED, StopReason.FORCED):
        assert trace.answer is not None
    for look in trace.looks:
        left, top, right, bottom = look.cut_from
        assert 0 <= left < right <= trace.frame.raster.width and 0 <= top < bottom <= trace.frame.raster.height
    assert trace.frame == frame_of(ScriptedPolicy(lambda messages, row: "").card, trace.sample.pictures[0].size)


def check_tokens(rollout: Rollout, *, told: bool) -> None:
    tokens, trace = rollout.tokens, rollout.trace
    if not told:
        assert tokens is None
        return
    if tokens is None:
        assert trace.stop is StopReason.ERROR and not trace.turns
        return
    assert len(tokens.ids) == len(tokens.logprobs)
    assert [0, *(span.end for span in tokens.spans)] == [*(span.start for span in tokens.spans), len(tokens.ids)]
    assert all(span.start < span.end for span in tokens.spans)
    for span in tokens.spans:
        model = span.author is Author.MODEL
        assert all((value is not None) is model for value in tokens.logprobs[span.start : span.end])
    for turn in trace.turns:
        for author in (Author.MODEL, Author.INJECTED):
            ids = [
                id for span in tokens.spans if (span.turn, span.author) == (turn.index, author) for id in tokens.ids[span.start : span.end]
            ]
            text = "".join(part.span.of(turn.text) for part in turn.authors if part.author is author)
            read = bytes(id for id in ids if id != END_TOKEN).decode().replace("\0", "\ufffd")
            assert read == text or trace.stop is StopReason.ERROR


def check_events(events: list[RolloutEvent], conversation: int, began: Began, rollout: Rollout) -> None:
    following = Unfinished(began.trace, began.crop)
    looks = []
    for event in events:
        if isinstance(event, Spoke) and event.conversation == conversation:
            following.add(event)
            looks += [event.look] if event.look else []
    assert following.trace(rollout.trace.stop) == rollout.trace
    assert tuple(looks) == rollout.trace.looks

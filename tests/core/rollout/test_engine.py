"""The rollout engine: every way in which a conversation can go, and many at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from core.crops import CropRule, render_look
from core.errors import OutOfMemory, PolicyError
from core.frames import FrameKind
from core.grammar import FORCED_PREFIX, call_text, is_tool_error, observation_text
from core.policies.conversation import Role, Said, Sampling
from core.policies.protocol import PolicyCard, PolicyKind, frame_of
from core.policies.scripted import ScriptedPolicy
from core.rollout import progress
from core.rollout.engine import roll_out
from core.rollout.values import Began, Ended, Progress, Rollout, RolloutEvent, RolloutSettings, Spoke, SystemPrompt, Turns
from core.trace import Author, DomainName, FaultKind, Picture, StopReason, Trace, Truth, TruthKind
from tests.core.rollout.speaking import ANSWER, FORCED, LOOK, Speaker, boxed, one, painted, rollouts, run, said, settings, speaker, task


def last_observation(trace: Trace, turn: int = -1) -> str:
    observation = trace.turns[turn].observation
    assert observation is not None
    return observation.of(trace.turns[turn].text)


# One conversation.


def test_a_conversation_looks_and_answers() -> None:
    trace = one(speaker(LOOK, ANSWER)).trace
    assert (trace.stop, trace.answer, len(trace.turns), len(trace.looks)) == (StopReason.ANSWERED, "red", 2, 1)
    assert trace.faults == ()
    assert last_observation(trace, 0) == observation_text(dot=False)
    assert (trace.origin.kind, trace.policy) == ("rollout", "script")


def test_the_policy_is_shown_what_the_trace_says() -> None:
    speaks = Speaker((LOOK, ANSWER))
    asked = task(painted(333, 217))
    trace = one(ScriptedPolicy(speaks), asked).trace
    opening, second = speaks.asked
    assert opening[-1].pictures[0].image.size == (trace.frame.raster.width, trace.frame.raster.height) == (336, 224)
    assert opening[-1].text == "\nWhat colour has the sign?"
    (crop,) = second[-1].pictures
    assert crop.image.tobytes() == render_look(asked.image, trace.looks[0], trace.frame).tobytes()
    assert second[-1].parts[0] == "<observation>\nHere is the crop of the image centered on the coordinate:\n"
    assert second[-1].parts[2] == "\n</observation>"
    assert (second[-2].role, second[-2].text, second[-2].ids) == (Role.ASSISTANT, LOOK, tuple(LOOK.encode()))


def test_a_dot_is_drawn_and_said() -> None:
    speaks = Speaker((LOOK, "<think> There (30, 40). </think><answer> (30, 40) </answer>"))
    asked = task(domain=DomainName.WEB_GROUNDING, truth=boxed(10, 10, 50, 60))
    trace = one(ScriptedPolicy(speaks), asked, crop=CropRule(20, 56, dot=True)).trace
    assert "red dot" in last_observation(trace, 0) and trace.looks[0].dot
    crop = speaks.asked[1][-1].pictures[0].image
    assert crop.getpixel((28, 28)) == (255, 0, 0)
    assert trace.answer_point is not None


def test_crops_are_cut_from_the_whole_picture() -> None:
    speaks = Speaker((LOOK, f"<think> Again (90, 60). </think>\n{call_text(90, 60)}", ANSWER))
    asked = task()
    trace = one(ScriptedPolicy(speaks), asked).trace
    for messages, look in zip(speaks.asked[1:], trace.looks, strict=True):
        assert messages[-1].pictures[0].image.tobytes() == render_look(asked.image, look, trace.frame).tobytes()


def test_crops_are_as_asked_else_as_the_policy_was_trained_to_look_else_as_the_domain_does() -> None:
    trained = PolicyCard("trained", PolicyKind.SCRIPTED, factor=16, crop=CropRule(24, 48, dot=False, factor=16))
    untold = PolicyCard("untold", PolicyKind.SCRIPTED, factor=16)

    def cut(card: PolicyCard, crop: CropRule | None, domain: DomainName = DomainName.VISUAL_SEARCH) -> tuple[object, ...]:
        told = one(ScriptedPolicy(Speaker((LOOK, ANSWER)), card=card), task(domain=domain), crop=crop).trace.settings
        return tuple(told.get(name) for name in ("offset", "crop_size", "draw_dot", "crop_factor"))

    assert cut(trained, None) == (24, 48, False, 16)
    assert cut(trained, CropRule(10, 64, dot=True)) == (10, 64, True, 16)
    assert cut(untold, None) == (182, 672, False, 16)
    # A domain without a zoom stays one of a single turn, unless several are asked for.
    assert cut(trained, None, DomainName.SPATIAL) == (None, None, None, None)


@pytest.mark.parametrize("space", [FrameKind.RESIZED, FrameKind.NORMALISED, FrameKind.ORIGINAL])
@pytest.mark.parametrize("factor", [1, 28, 32])
def test_pictures_have_sides_that_the_policy_takes(space: FrameKind, factor: int) -> None:
    card = PolicyCard("made", PolicyKind.SCRIPTED, space, factor, min_pixels=20_000, max_pixels=40_000)
    speaks = Speaker((LOOK, ANSWER))
    asked = task(painted(217, 333))
    trace = one(ScriptedPolicy(speaks, card=card), asked).trace
    pictures = [picture for message in speaks.asked[1] for picture in message.pictures]
    assert trace.frame == frame_of(card, asked.sample.pictures[0].size)
    assert all(side % factor == 0 for picture in pictures for side in picture.image.size)
    assert pictures[1].image.size == (trace.looks[0].output.width, trace.looks[0].output.height)
    assert pictures[1].image.tobytes() == render_look(asked.image, trace.looks[0], trace.frame).tobytes()


def test_what_is_transparent_is_shown_on_white() -> None:
    clear = painted()
    clear.putalpha(0)
    speaks = Speaker((LOOK, ANSWER))
    one(ScriptedPolicy(speaks), task(clear))
    for message in speaks.asked[1]:
        for picture in message.pictures:
            assert picture.image.mode == "RGB" and picture.image.getextrema() == ((255, 255),) * 3


def test_one_turn_where_the_domain_has_no_zoom() -> None:
    speaks = Speaker((f"{ANSWER}<observation>",))
    trace = one(ScriptedPolicy(speaks), task(domain=DomainName.SPATIAL), crop=None).trace
    assert (trace.stop, len(trace.turns), trace.settings["turns"]) == (StopReason.ANSWERED, 1, "single")
    assert "zoom" not in speaks.asked[0][0].text and trace.text == ANSWER


def test_a_single_turn_may_be_asked_of_any_domain() -> None:
    trace = one(speaker(ANSWER), turns=Turns.SINGLE).trace
    assert (trace.settings["turns"], "search_coordinate" in (trace.system_prompt or "")) == ("single", False)


# Calls that cannot be carried out.


@pytest.mark.parametrize(
    ("call", "kind", "told"),
    [
        ("<tool_call>\n{broken\n</tool_call>", FaultKind.MALFORMED_CALL, "not JSON"),
        ("<tool_call>[1, 2]</tool_call>", FaultKind.MALFORMED_CALL, "not an object"),
        (call_text(30, 40).replace("search_coordinate", "zoom <image>"), FaultKind.UNKNOWN_TOOL, "The only tool is search_coordinate"),
        (call_text(30, 40).replace("[30, 40]", "[30]"), FaultKind.BAD_COORDINATE, "two finite numbers"),
        (call_text(30, 40).replace("30, 40", "NaN, 40"), FaultKind.BAD_COORDINATE, "two finite numbers"),
        (call_text(30, 400), FaultKind.POINT_OUTSIDE, "(30, 400) is outside the picture: x goes from 0 to 112, y from 0 to 84."),
        (call_text(-1, 4), FaultKind.POINT_OUTSIDE, "(-1, 4) is outside"),
        (call_text(1e200, 4), FaultKind.POINT_OUTSIDE, "is outside"),
    ],
)
def test_a_call_that_cannot_be_carried_out_is_answered_by_an_error(call: str, kind: FaultKind, told: str) -> None:
    speaks = Speaker((f"<think> I look. </think>\n{call}", LOOK, ANSWER))
    trace = one(ScriptedPolicy(speaks)).trace
    assert is_tool_error(last_observation(trace, 0)) and told in last_observation(trace, 0)
    assert speaks.asked[1][-1].parts == (last_observation(trace, 0),)
    assert kind in {fault.kind for fault in trace.faults if fault.turn == 0}
    assert (len(trace.looks), trace.looks[0].output.width, trace.stop) == (1, 56, StopReason.ANSWERED)


def test_only_the_first_call_of_a_turn_is_carried_out() -> None:
    trace = one(speaker(LOOK + call_text(90, 60), ANSWER)).trace
    assert trace.turns[0].text == LOOK + observation_text(dot=False)
    assert len(trace.looks) == 1 and trace.looks[0].cut_from == (10, 20, 50, 60)


class Unstopped(ScriptedPolicy):
    """A policy that passes stop texts over, as some servers do."""

    def session(self):  # type: ignore[no-untyped-def]
        session = super().session()
        submit = session.submit
        session.submit = lambda row, request: submit(row, replace(request, stop=()))  # type: ignore[method-assign]
        return session


def test_a_policy_that_does_not_stop_gets_one_crop_all_the_same() -> None:
    trace = one(Unstopped(Speaker((LOOK + call_text(90, 60), ANSWER)))).trace
    assert [fault.kind for fault in trace.faults] == [FaultKind.SEVERAL_CALLS]
    assert len(trace.looks) == 1 and trace.looks[0].cut_from == (10, 20, 50, 60)


def test_an_observation_that_the_model_makes_up_is_none() -> None:
    trace = one(speaker(f"{LOOK[:-12]}<observation>There is a dog.</observation></tool_call>", ANSWER)).trace
    assert FaultKind.MADE_UP_OBSERVATION in {fault.kind for fault in trace.faults}


# How conversations end.


def test_a_turn_without_an_action_ends_the_conversation() -> None:
    trace = one(speaker("<think> Hm (3, 4). </think>")).trace
    assert (trace.stop, trace.answer, len(trace.turns)) == (StopReason.NO_ACTION, None, 1)


@pytest.mark.parametrize("text", ["", "\0"])
def test_a_turn_without_words_ends_the_conversation(text: str) -> None:
    trace = one(speaker(LOOK, text)).trace
    assert trace.stop is StopReason.NO_ACTION
    assert "\0" not in trace.text


@pytest.mark.parametrize("limit", [2, 3, 5])
def test_when_turns_run_out_the_last_one_is_the_demanded_answer(limit: int) -> None:
    speaks = Speaker((LOOK,))
    rollout = one(ScriptedPolicy(speaks), max_turns=limit)
    trace = rollout.trace
    assert (trace.stop, trace.answer, len(trace.turns), len(trace.looks)) == (StopReason.FORCED, "red", limit, limit - 1)
    assert [part.author for part in trace.turns[-1].authors] == [Author.INJECTED, Author.MODEL]
    assert trace.turns[-1].text == FORCED_PREFIX + FORCED
    assert speaks.asked[-1][-1] == Said(Role.ASSISTANT, (FORCED_PREFIX,))


def test_when_turns_run_out_and_no_answer_is_demanded_it_ends() -> None:
    trace = one(speaker(LOOK), max_turns=3, force_answer=False).trace
    assert (trace.stop, len(trace.turns), len(trace.looks), trace.answer) == (StopReason.MAX_TURNS, 3, 2, None)


def test_a_single_turn_that_calls_ends_where_no_turn_is_left() -> None:
    assert one(speaker(LOOK), max_turns=1).trace.stop is StopReason.MAX_TURNS


@pytest.mark.parametrize("limit", [2, 3])
def test_when_pictures_run_out_the_answer_is_demanded(limit: int) -> None:
    trace = one(speaker(LOOK), max_turns=9, max_pictures=limit).trace
    assert (trace.stop, len(trace.looks), len(trace.turns)) == (StopReason.FORCED, limit - 1, limit)


def test_without_room_for_any_crop_a_call_is_answered_by_an_error() -> None:
    trace = one(speaker(LOOK), max_pictures=1).trace
    assert (trace.stop, trace.looks) == (StopReason.FORCED, ())
    assert "no more pictures" in last_observation(trace, 0)


def test_when_pictures_run_out_and_no_answer_is_demanded_the_model_may_still_answer() -> None:
    trace = one(speaker(LOOK, LOOK, ANSWER), max_pictures=2, force_answer=False).trace
    assert (trace.stop, len(trace.looks), len(trace.turns)) == (StopReason.ANSWERED, 1, 3)
    assert "no more pictures" in last_observation(trace, 1)


def test_a_turn_that_is_cut_off_is_followed_by_the_demanded_answer() -> None:
    trace = one(speaker("<think> " + "word " * 100), max_new_tokens=60).trace
    assert (trace.stop, trace.answer, len(trace.turns)) == (StopReason.FORCED, "red", 2)
    assert "cut off" in last_observation(trace, 0)


@pytest.mark.parametrize("changes", [{"force_answer": False}, {"max_turns": 1}])
def test_a_turn_that_is_cut_off_ends_where_no_answer_can_be_demanded(changes: dict[str, object]) -> None:
    trace = one(speaker("<think> " + "word " * 100), max_new_tokens=60, **changes).trace
    assert (trace.stop, len(trace.turns)) == (StopReason.MAX_TOKENS, 1)


def test_a_turn_cut_off_before_its_first_letter_ends_the_conversation() -> None:
    assert one(speaker("€"), max_new_tokens=1).trace.stop is StopReason.MAX_TOKENS


def test_a_turn_that_ends_at_its_limit_is_whole() -> None:
    assert one(speaker(LOOK, ANSWER), max_new_tokens=len(LOOK)).trace.looks != ()
    assert one(speaker(ANSWER), max_new_tokens=len(ANSWER)).trace.stop is StopReason.ANSWERED


def test_an_answer_that_is_cut_off_is_demanded_again() -> None:
    trace = one(speaker("<think> It is (1, 2). </think><answer> red and green"), max_new_tokens=40).trace
    assert (trace.stop, trace.answer) == (StopReason.FORCED, "red")


def test_when_tokens_run_out_the_answer_is_demanded() -> None:
    rollout = one(speaker(LOOK), max_tokens=1500, max_turns=99, max_pictures=99)
    assert rollout.trace.stop is StopReason.FORCED and rollout.trace.answer == "red"
    assert 2 <= len(rollout.trace.turns) < 12
    assert rollout.tokens is not None and len(rollout.tokens.ids) <= 1500


def test_when_tokens_run_out_and_no_answer_is_demanded_it_ends() -> None:
    rollout = one(speaker(LOOK), max_tokens=1500, max_turns=99, max_pictures=99, force_answer=False)
    assert rollout.trace.stop is StopReason.MAX_TOKENS
    assert rollout.tokens is not None and len(rollout.tokens.ids) <= 1500


def test_a_crop_that_does_not_fit_is_not_shown() -> None:
    trace = one(speaker(LOOK), max_tokens=600, crop=CropRule(20, 672, dot=False)).trace
    assert (trace.stop, trace.looks) == (StopReason.FORCED, ())
    assert "no room" in last_observation(trace, 0)


def test_the_context_of_a_policy_is_a_limit_too() -> None:
    card = PolicyCard("small", PolicyKind.SCRIPTED, context=3000)
    rollout = one(ScriptedPolicy(Speaker((LOOK,)), card=card), max_turns=99, max_pictures=99)
    assert rollout.tokens is not None
    assert rollout.trace.stop is StopReason.FORCED
    assert len(rollout.tokens.prompt) + len(rollout.tokens.ids) <= 3000


def test_limits_hold_where_the_policy_tells_no_tokens() -> None:
    policy = ScriptedPolicy(Speaker((LOOK,)), tells_tokens=False)
    rollout = one(policy, max_tokens=300, max_turns=99, max_pictures=99)
    assert (rollout.tokens, rollout.trace.stop) == (None, StopReason.FORCED)
    assert len(rollout.trace.turns) < 12


def test_a_call_in_a_single_turn_has_nobody_to_answer_it() -> None:
    trace = one(speaker(LOOK), task(domain=DomainName.SPATIAL), crop=None).trace
    assert (trace.stop, trace.answer, trace.looks) == (StopReason.FORCED, "red", ())
    assert "no tool" in last_observation(trace, 0)
    refused = one(speaker(LOOK), task(domain=DomainName.SPATIAL), crop=None, force_answer=False).trace
    assert refused.stop is StopReason.MAX_TURNS


def test_the_demanded_answer_may_be_empty() -> None:
    trace = one(speaker(LOOK, forced=""), max_turns=2).trace
    assert (trace.stop, trace.answer) == (StopReason.FORCED, "")
    assert FaultKind.EMPTY_ANSWER in {fault.kind for fault in trace.faults}


def test_a_conversation_that_takes_too_long_keeps_what_it_had() -> None:
    policy = ScriptedPolicy(Speaker((LOOK, "<think> " + "word " * 10_000)), seconds_per_piece=0.002)
    rollout = one(policy, seconds=0.4, max_new_tokens=100_000, max_tokens=200_000)
    assert rollout.trace.stop is StopReason.TIMEOUT
    assert len(rollout.trace.looks) == 1 and rollout.trace.turns[1].text.startswith("<think> word word")
    assert rollout.trace.settings["seconds"] == 0.4


# Failures and stopping.


def failing(error: PolicyError, *, on: Callable[[tuple[Said, ...], int], bool]) -> ScriptedPolicy:
    speaks = Speaker((LOOK, ANSWER))

    def script(messages: tuple[Said, ...], row: int) -> str:
        if on(messages, row):
            raise error
        return speaks(messages, row)

    return ScriptedPolicy(script)


def test_a_failure_of_one_conversation_costs_no_other() -> None:
    policy = failing(OutOfMemory("No room for the picture."), on=lambda messages, row: row == 1 and len(messages) > 2)
    first, second, third = run(policy, task(samples=3))
    assert (second.trace.stop, second.error, len(second.trace.looks)) == (StopReason.ERROR, "No room for the picture.", 1)
    assert [(one.trace.stop, one.error) for one in (first, third)] == [(StopReason.ANSWERED, "")] * 2


def test_a_policy_that_is_closed_ends_its_conversations() -> None:
    policy = ScriptedPolicy(Speaker(("<think> " + "word " * 100,)), seconds_per_piece=0.01)
    events: list[RolloutEvent] = []
    for event in roll_out(policy, [task(samples=2)], settings()):
        events.append(event)
        if said(events, 0) and said(events, 1):
            policy.close()
    assert [(one.trace.stop, "was closed" in one.error) for one in rollouts(events)] == [(StopReason.ERROR, True)] * 2
    assert all(one.trace.text.startswith("<think>") for one in rollouts(events))
    with pytest.raises(PolicyError, match="was closed"):
        list(roll_out(policy, [task()]))


def test_a_session_that_fails_as_a_whole_ends_its_conversations() -> None:
    policy = speaker(ANSWER)
    session = policy.session()
    session.events = lambda timeout: (_ for _ in ()).throw(PolicyError("The engine broke down."))  # type: ignore[method-assign]
    policy.session = lambda: session  # type: ignore[method-assign]
    assert [(one.trace.stop, one.error) for one in run(policy, task(samples=2))] == [(StopReason.ERROR, "The engine broke down.")] * 2


def test_a_stop_ends_everything_with_what_there_is() -> None:
    stop, events = threading.Event(), list[RolloutEvent]()
    policy = ScriptedPolicy(Speaker((LOOK, "<think> " + "word " * 300)), seconds_per_piece=0.003)
    for event in roll_out(policy, [task(samples=9)], settings(), stop=stop, at_once=3):
        events.append(event)
        if isinstance(event, Spoke) and event.turn == 1 and event.author is Author.MODEL:
            stop.set()
    began = [event for event in events if isinstance(event, Began)]
    ended = rollouts(events)
    assert len(began) == len(ended) == 3
    assert {one.trace.stop for one in ended} == {StopReason.CANCELLED}
    assert max(len(one.trace.looks) for one in ended) == 1
    last = events[-1]
    assert isinstance(last, Progress) and (last.ended, last.conversations) == (3, 9)


def test_a_run_that_is_stopped_beforehand_does_nothing() -> None:
    stop = threading.Event()
    stop.set()
    assert [type(event) for event in roll_out(speaker(ANSWER), [task()], stop=stop)] == [Progress]


def test_closing_the_events_closes_the_session() -> None:
    class Watched(ScriptedPolicy):
        def session(self):  # type: ignore[no-untyped-def]
            self.last = super().session()
            return self.last

    policy = Watched(Speaker((LOOK, ANSWER)), seconds_per_piece=0.001)
    events = roll_out(policy, [task(samples=4)], settings())
    assert any(isinstance(event, Spoke) for event in (next(events) for _ in range(9)))
    events.close()
    assert policy.last.events(0.0) == ()


# Many at once.


def test_every_conversation_has_its_own_place_and_order() -> None:
    tasks = [task(painted(blue=blue), f"Which is {blue}?", samples=samples) for blue, samples in ((10, 2), (90, 1), (200, 3))]
    events = list(roll_out(speaker(LOOK, ANSWER), tasks, settings()))
    began = [event for event in events if isinstance(event, Began)]
    assert [(one.conversation, one.task, one.draw) for one in began] == [(0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 2, 0), (4, 2, 1), (5, 2, 2)]
    for event in events:
        if isinstance(event, Ended):
            asked = tasks[event.rollout.task]
            assert event.rollout.trace.sample == asked.sample
            assert event.rollout.trace.settings["draw"] == event.rollout.draw


def test_rows_go_on_without_waiting_for_others() -> None:
    def script(messages: tuple[Said, ...], row: int) -> str:
        if row == 0:
            return "<think> " + "slowly " * 60 + "</think><answer> red </answer>"
        return Speaker((LOOK, ANSWER))(messages, row)

    events = list(roll_out(ScriptedPolicy(script), [task(samples=2)], settings()))
    ended = [event.conversation for event in events if isinstance(event, Ended)]
    assert ended == [1, 0]
    looked = next(at for at, event in enumerate(events) if isinstance(event, Spoke) and event.look)
    assert any(isinstance(event, Spoke) and event.conversation == 0 for event in events[looked:])


@pytest.mark.parametrize("at_once", [1, 2, 64])
def test_no_more_are_under_way_than_asked_for(at_once: int) -> None:
    under_way = most = 0
    for event in roll_out(speaker(LOOK, ANSWER), [task(samples=5)], settings(), at_once=at_once):
        under_way += isinstance(event, Began) - isinstance(event, Ended)
        most = max(most, under_way)
    assert most == min(5, at_once) and under_way == 0


def test_no_conversation_is_shown_another_ones_crop() -> None:
    speaks = Speaker((LOOK, f"<think> And (90, 60). </think>{call_text(90, 60)}", ANSWER))
    tasks = [task(painted(blue=blue), f"Picture {blue}?", samples=2) for blue in range(0, 250, 25)]
    run(ScriptedPolicy(speaks), tasks)
    by_picture = {asked.sample.pictures[0].sha256: asked for asked in tasks}
    for messages in speaks.asked:
        opening = messages[1].pictures[0]
        asked = by_picture[opening.key.partition("/")[0]]
        for message in messages:
            for picture in message.pictures:
                assert picture.key.startswith(asked.sample.pictures[0].sha256)
                colours = picture.image.getextrema()[2]
                assert colours == asked.image.getextrema()[2]


def test_equal_keys_are_equal_pixels() -> None:
    speaks = Speaker((LOOK, ANSWER))
    run(ScriptedPolicy(speaks), [task(samples=3), task(painted(blue=9), samples=2)])
    seen: dict[str, bytes] = {}
    for messages in speaks.asked:
        for picture in (picture for message in messages for picture in message.pictures):
            assert seen.setdefault(picture.key, picture.image.tobytes()) == picture.image.tobytes()
    assert len(seen) == 4


# Sampling, prompts, settings.


class Noting(ScriptedPolicy):
    """Notes how every turn is sampled."""

    def __init__(self) -> None:
        super().__init__(Speaker((LOOK, ANSWER)))
        self.noted: dict[int, list[Sampling]] = {}

    def session(self):  # type: ignore[no-untyped-def]
        session = super().session()
        submit = session.submit

        def noting(row: int, request) -> None:  # type: ignore[no-untyped-def]
            self.noted.setdefault(row, []).append(request.sampling)
            submit(row, request)

        session.submit = noting  # type: ignore[method-assign]
        return session


def noted(samples: int, asked: list[str], **changes: object) -> dict[int, list[Sampling]]:
    policy = Noting()
    list(roll_out(policy, [task(question=question, samples=samples) for question in asked], settings(**changes)))
    return policy.noted


def test_a_draw_does_not_depend_on_the_number_of_others() -> None:
    few, many = noted(2, ["What?"]), noted(5, ["What?"])
    assert [few[row] for row in (0, 1)] == [many[row] for row in (0, 1)]
    elsewhere = noted(2, ["Other?", "What?"])
    assert [elsewhere[row] for row in (2, 3)] == [few[row] for row in (0, 1)]
    seeds = [sampling.seed for turns in many.values() for sampling in turns]
    assert len(set(seeds)) == len(seeds) == 10


def test_another_seed_is_another_draw() -> None:
    one, two = (noted(1, ["What?"], sampling=Sampling(temperature=0.7, seed=seed)) for seed in (1, 2))
    assert one[0][0].seed != two[0][0].seed
    assert one[0][0].temperature == 0.7


def test_the_demanded_answer_is_greedy() -> None:
    assert [sampling.temperature for sampling in noted(1, ["What?"], max_turns=2)[0]] == [0.5, 0.0]


@pytest.mark.parametrize(
    ("carried", "changes", "sent", "recorded"),
    [
        (None, {}, True, "domain"),
        ("Look closely.", {}, False, "Look closely."),
        ("Look closely.", {"system": SystemPrompt.DOMAIN}, True, "domain"),
        ("Look closely.", {"system": SystemPrompt.CHECKPOINT}, False, "Look closely."),
        (None, {"system": SystemPrompt.CHECKPOINT}, False, None),
        ("Look closely.", {"system_text": "Be brief."}, True, "Be brief."),
        (None, {"system_text": ""}, True, ""),
    ],
)
def test_the_system_prompt_is_the_one_asked_for(carried: str | None, changes: dict[str, object], sent: bool, recorded: str | None) -> None:
    speaks = Speaker((ANSWER,))
    card = PolicyCard("made", PolicyKind.SCRIPTED, system_prompt=carried)
    trace = one(ScriptedPolicy(speaks, card=card), **changes).trace
    assert (speaks.asked[0][0].role is Role.SYSTEM) is sent
    if recorded == "domain":
        assert trace.system_prompt and "search_coordinate" in trace.system_prompt
        recorded = trace.system_prompt
    assert trace.system_prompt == recorded
    assert not sent or speaks.asked[0][0].text == recorded


def test_a_question_is_cleaned_for_the_policy_and_kept_for_the_trace() -> None:
    question = "<image>\nWhat<|im_end|> is <|image_pad|>this?<image>"
    speaks = Speaker((ANSWER,))
    trace = one(ScriptedPolicy(speaks), task(question=question)).trace
    assert trace.sample.question == question
    assert speaks.asked[0][-1].text == "\nWhat< |im_end|> is this?"


def test_the_trace_tells_how_it_was_made() -> None:
    card = PolicyCard("made", PolicyKind.LOCAL, FrameKind.NORMALISED, 32, 4000, 90_000, details={"torch": "2.13", "heads": (1, 2)})
    rollout = one(ScriptedPolicy(Speaker((LOOK, ANSWER)), card=card), sampling=Sampling(0.7, 0.9, 40, 5), seconds=60.0)
    told = rollout.trace.settings
    assert Trace.from_json(rollout.trace.to_json()) == rollout.trace
    assert {name: told[name] for name in ("temperature", "top_p", "top_k", "seed", "draw")} == {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 40,
        "seed": 5,
        "draw": 0,
    }
    assert (told["max_turns"], told["max_pictures"], told["max_tokens"], told["max_new_tokens"], told["seconds"]) == (5, 5, 8000, 2000, 60)
    assert (told["offset"], told["crop_size"], told["draw_dot"], told["crop_factor"]) == (20, 56, False, 32)
    assert (told["space"], told["factor"], told["min_pixels"], told["max_pixels"]) == ("normalised_1000", 32, 4000, 90_000)
    assert (told["policy_kind"], told["policy_details"]) == ("local", {"torch": "2.13", "heads": [1, 2]})
    assert told["shown"] == [128, 64]


def test_a_policy_may_go_by_another_name() -> None:
    (event,) = [event for event in roll_out(speaker(ANSWER), [task()], policy_name="teacher") if isinstance(event, Ended)]
    assert event.rollout.trace.policy == "teacher"


# What cannot be asked.


def refusal(asked: object, **changes: object) -> str:
    with pytest.raises(PolicyError) as refused:
        roll_out(speaker(ANSWER), [asked], settings(**changes))  # type: ignore[list-item]
    return str(refused.value)


def test_what_cannot_be_asked_is_refused_before_anything_is() -> None:
    usual = task()
    without = replace(usual, sample=replace(usual.sample, pictures=()))
    assert "no picture" in refusal(without)
    assert "2 pictures" in refusal(replace(usual, sample=replace(usual.sample, pictures=usual.sample.pictures * 2)))
    assert "turn it upright" in refusal(replace(usual, image=painted(80, 120)))
    assert "question is empty" in refusal(task(question="<image>\n "))
    assert "at least once" in refusal(replace(usual, samples=0))
    assert "no zoom" in refusal(task(domain=DomainName.SPATIAL), crop=None, turns=Turns.MULTI)
    assert "no system prompt for several turns" in refusal(task(domain=DomainName.SPATIAL), turns=Turns.MULTI)
    assert "200 times" in refusal(task(painted(1, 201)))
    with pytest.raises(PolicyError, match="At least 1"):
        roll_out(speaker(ANSWER), [usual], at_once=0)


def test_another_domain_zooms_where_it_is_told_how() -> None:
    asked = task(domain=DomainName.SPATIAL)
    trace = one(speaker(LOOK, ANSWER), asked, turns=Turns.MULTI, system_text="Zoom as you like.").trace
    assert len(trace.looks) == 1


def test_the_papers_settings_are_the_usual_ones() -> None:
    usual = RolloutSettings()
    assert (usual.max_turns, usual.max_pictures, usual.max_tokens, usual.max_new_tokens) == (5, 5, 4096, 1024)
    assert (usual.sampling.temperature, usual.sampling.top_p, usual.force_answer) == (0.5, 0.99, True)


# What happens, as events.


def test_events_tell_everything_that_is_in_the_trace() -> None:
    events = list(roll_out(speaker(LOOK, call_text(999, 9), LOOK), [task()], settings(max_turns=4)))
    (rollout,) = rollouts(events)
    text = {turn: "".join(spoke.text for spoke in said(events) if spoke.turn == turn) for turn in range(4)}
    assert [text[turn.index] for turn in rollout.trace.turns] == [turn.text for turn in rollout.trace.turns]
    assert [spoke.look for spoke in said(events) if spoke.look] == list(rollout.trace.looks)
    assert [type(event) for event in events if isinstance(event, Began | Ended)] == [Began, Ended]
    assert [spoke.author for spoke in said(events) if spoke.author is Author.INJECTED] == [Author.INJECTED]


def test_progress_says_how_much_time_is_left() -> None:
    told = [event for event in roll_out(speaker(LOOK, ANSWER), [task(samples=4)], settings(), at_once=1) if isinstance(event, Progress)]
    assert [one.ended for one in told] == sorted(one.ended for one in told)
    assert told[-1].ended == told[-1].conversations == 4 and told[-1].seconds_left == 0
    middle = [one for one in told if 0 < one.ended < 4]
    assert middle and all(one.seconds_left is not None and one.seconds_left > 0 for one in middle)
    assert told[-1].tokens == 4 * len((LOOK + ANSWER).encode())


def test_how_long_a_first_turn_takes_at_most_follows_from_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    # Said more often than to people, so that the test takes half a second.
    monkeypatch.setattr(progress, "EVERY", 0.05)
    monkeypatch.setattr(progress, "LEAST_WRITING", 0.1)
    policy = ScriptedPolicy(Speaker(("<think> " + "word " * 100 + ANSWER,)), seconds_per_piece=0.005)
    told = [event for event in roll_out(policy, [task(samples=2)], settings(max_tokens=8000, max_turns=3)) if isinstance(event, Progress)]
    first = [one for one in told if one.ended == 0]
    assert all(one.seconds_left is None for one in first)
    (bound,) = [one for one in first if one.seconds_at_most is not None][-1:]
    assert bound.seconds_at_most is not None
    # Three turns of 2,000 tokens are what the limits allow; the pace is that since the first word.
    assert 0 < bound.seconds_at_most < (2 * 6000 - bound.tokens) / bound.tokens * bound.seconds * 1.1
    assert all(one.seconds_at_most is None for one in told if one.ended)


def test_a_truth_may_be_unknown() -> None:
    rollout: Rollout = one(speaker(ANSWER), task(truth=Truth(TruthKind.NONE)))
    assert rollout.trace.sample.truth.kind is TruthKind.NONE


def test_a_stored_picture_on_its_side_is_asked_upright() -> None:
    asked = task()
    picture = Picture(asked.sample.pictures[0].sha256, asked.sample.pictures[0].size, orientation=6)
    trace = one(speaker(LOOK, ANSWER), replace(asked, sample=replace(asked.sample, pictures=(picture,)))).trace
    assert trace.frame.orientation == 1 and len(trace.looks) == 1

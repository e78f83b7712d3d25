"""The engine with its cache says what the plain loop says, and what one forward pass over everything says."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch

from core.policies.conversation import Completion, Finish, Finished, Request, Role, Said, Sampling
from core.policies.local.loading import LoadedModel
from core.policies.local.policy import LocalPolicy
from core.policies.plain import PlainPolicy
from core.policies.protocol import Session
from tests.core.policies.asking import (
    PATIENCE,
    answer,
    ask,
    calling,
    completions,
    crop,
    furthest,
    lead,
    opening,
    outcomes,
    picture,
    request,
    stock_logprobs,
)

EXACT = 1e-4
GATE = 99


def test_turns_with_crops_from_the_cache_are_as_without_it(loaded: LoadedModel) -> None:
    rows = {0: 0, 1: 1, 2: 2}
    with LocalPolicy(loaded, slots=3, chooser=calling(loaded)) as policy:
        cached = lead(policy, loaded, rows)
    plain = lead(PlainPolicy(loaded, chooser=calling(loaded)), loaded, rows)
    for row, seed in rows.items():
        shown = [picture(loaded, seed, 6, 5), *(picture(loaded, 100 * turn + seed) for turn in (1, 2))]
        stock = stock_logprobs(loaded, cached[row], shown)
        for turn, (ours, theirs) in enumerate(zip(cached[row], plain[row], strict=True)):
            assert ours.ids == theirs.ids and ours.context_ids == theirs.context_ids
            assert (ours.text, ours.finish) == (theirs.text, theirs.finish) and ours.finish is Finish.STOP
            assert ours.text.endswith("</tool_call>")
            assert furthest(ours.logprobs, theirs.logprobs) < EXACT
            assert furthest(ours.logprobs, stock[turn]) < EXACT


def test_a_turn_encodes_its_new_tokens_and_its_crop_only(loaded: LoadedModel) -> None:
    with LocalPolicy(loaded, slots=2, chooser=calling(loaded)) as policy:
        turns = lead(policy, loaded, {0: 0})[0]
        assert turns[0].encoded == len(turns[0].context_ids or ())
        for later in turns[1:]:
            # The token that ended the turn before was said, and not read yet.
            assert later.encoded == len(later.context_ids or ()) + 1
        assert policy.spent.pictures == 3
    plain = lead(PlainPolicy(loaded, chooser=calling(loaded)), loaded, {0: 0})[0]
    assert [turn.encoded for turn in plain] == [
        sum(len(turn.context_ids or ()) for turn in plain[: number + 1]) + sum(len(turn.ids or ()) for turn in plain[:number])
        for number in range(3)
    ]


def test_a_picture_is_encoded_once_for_all_samples_of_it(loaded: LoadedModel) -> None:
    sampling = [Sampling(temperature=0.9, seed=seed) for seed in range(6)]
    with LocalPolicy(loaded, slots=6) as policy, policy.session() as session:
        said = opening(loaded)
        together = completions(session, {row: request(said, sampling[row]) for row in range(6)})
        assert policy.spent.pictures == 1
        assert sorted(turn.encoded or 0 for turn in together.values()) == [1] * 5 + [len(together[0].context_ids or ())]
        assert len({turn.ids for turn in together.values()}) > 1
    with LocalPolicy(loaded, slots=1) as policy:
        for row in range(6):
            alone = ask(policy, request(said, sampling[row]))
            assert alone.ids == together[row].ids and furthest(alone.logprobs, together[row].logprobs) < EXACT
        assert policy.spent.pictures == 1


def test_a_picture_is_seen_once_whatever_is_asked_about_it(loaded: LoadedModel) -> None:
    shown = picture(loaded, 0, 6, 5)
    asked = {row: request((Said(Role.USER, (f"{row} ", shown, "What is it?")),)) for row in range(3)}
    with LocalPolicy(loaded, slots=3) as policy, policy.session() as session:
        together = completions(session, asked)
        # Nothing but the first words is alike, so everything is encoded for each; the vision tower runs once.
        assert [turn.encoded for turn in together.values()] == [len(turn.context_ids or ()) for turn in together.values()]
        assert policy.spent.pictures == 1
    for row, one in asked.items():
        plain = ask(PlainPolicy(loaded), one)
        assert plain.ids == together[row].ids and furthest(plain.logprobs, together[row].logprobs) < EXACT


def test_rows_of_different_lengths_say_together_what_they_say_alone(loaded: LoadedModel) -> None:
    asked = {row: request(opening(loaded, row, "Where? " * (1 + 7 * row)), tokens=5 + 4 * row) for row in range(5)}
    with LocalPolicy(loaded, slots=5) as policy, policy.session() as session:
        together = completions(session, asked)
    for row, one in asked.items():
        with LocalPolicy(loaded, slots=1) as policy:
            alone = ask(policy, one)
        assert (alone.ids, alone.text, alone.context_ids) == (together[row].ids, together[row].text, together[row].context_ids)
        assert furthest(alone.logprobs, together[row].logprobs) < EXACT


def test_rows_that_are_attended_to_in_one_call_say_the_same(loaded: LoadedModel) -> None:
    rows = {row: row for row in range(4)}
    with LocalPolicy(loaded, slots=4, chooser=calling(loaded)) as policy:
        together = lead(policy, loaded, rows)
    with LocalPolicy(loaded, slots=1, chooser=calling(loaded)) as policy:
        one_by_one = lead(policy, loaded, rows)
    for row in rows:
        for one, other in zip(together[row], one_by_one[row], strict=True):
            assert one.ids == other.ids and furthest(one.logprobs, other.logprobs) < EXACT


class Gate:
    """A row of its own on which the engine waits, so that what is asked meanwhile begins in one step: rounding is then always the same."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def choose(self, row: int, written: Sequence[int], logits: torch.Tensor) -> int | None:
        if row == GATE:
            self.reached.set()
            assert self.open.wait(PATIENCE)
        return None

    def together(self, session: Session, loaded: LoadedModel, asked: dict[int, Request]) -> dict[int, Completion]:
        self.reached.clear()
        self.open.clear()
        session.submit(GATE, request(opening(loaded, GATE), tokens=1))
        assert self.reached.wait(PATIENCE)
        for row, one in asked.items():
            session.submit(row, one)
        self.open.set()
        ended = outcomes(session, [GATE, *asked])
        session.cancel(GATE)
        return {row: event.completion for row in asked if isinstance(event := ended[row], Finished)}


def test_no_conversation_sees_the_crop_of_another(loaded: LoadedModel) -> None:
    said = opening(loaded)
    found = {}
    for changed in (False, True):
        gate = Gate()
        with LocalPolicy(loaded, slots=3, chooser=gate.choose) as policy, policy.session() as session:
            first = gate.together(session, loaded, {row: request(said) for row in (0, 1)})
            crops = {0: crop(loaded, 7), 1: crop(loaded, 9 if changed else 8)}
            asked = {row: request((*said, answer(first[row]), crops[row])) for row in (0, 1)}
            found[changed] = gate.together(session, loaded, asked)
    assert found[False][0].ids == found[True][0].ids
    assert furthest(found[False][0].logprobs, found[True][0].logprobs) <= 1e-6
    # What did change is heard: the test could not fail otherwise.
    first_of = [found[changed][1].logprobs or () for changed in (False, True)]
    assert abs(first_of[0][0] - first_of[1][0]) > 1e-3


def test_a_long_conversation_is_read_in_pieces_as_in_one(loaded: LoadedModel) -> None:
    said = opening(loaded, question="Where is the small green circle? " * 30)
    with LocalPolicy(loaded, slots=1) as policy:
        policy._inference._together = 20  # as on a large model: pieces that end within a picture
        pieces = ask(policy, request(said))
        assert policy.spent.steps >= 12 + (pieces.encoded or 0) // 20
    plain = ask(PlainPolicy(loaded), request(said))
    assert pieces.ids == plain.ids and furthest(pieces.logprobs, plain.logprobs) < EXACT


def test_a_prefix_goes_before_the_turn_and_is_told_apart(loaded: LoadedModel) -> None:
    said = opening(loaded)
    prefix = "<answer> the"
    with LocalPolicy(loaded, slots=1) as policy, policy.session() as session:
        free = completions(session, {0: request(said)})[0]
        said = (*said, answer(free), crop(loaded, 3))
        forced = completions(session, {0: request(said, prefix=prefix)})[0]
        again = completions(session, {0: request((*said, answer(forced, prefix), crop(loaded, 4)))})[0]
    ids = loaded.rendering.tokens(prefix)
    assert forced.prefix_tokens == len(ids) and (forced.context_ids or ())[-len(ids) :] == ids
    plain_said = opening(loaded)
    plain = PlainPolicy(loaded)
    with plain.session() as session:
        first = completions(session, {0: request(plain_said)})[0]
        second = completions(session, {0: request((*plain_said, answer(first), crop(loaded, 3)), prefix=prefix)})[0]
    assert (second.ids, second.context_ids, second.prefix_tokens) == (forced.ids, forced.context_ids, forced.prefix_tokens)
    assert furthest(second.logprobs, forced.logprobs) < EXACT
    assert again.encoded == len(again.context_ids or ()) + 1


def test_another_conversation_in_the_same_row_is_encoded_anew(one_loaded: LoadedModel) -> None:
    with LocalPolicy(one_loaded, slots=1) as policy, policy.session() as session:
        completions(session, {0: request(opening(one_loaded, 1))})
        other = completions(session, {0: request(opening(one_loaded, 2))})[0]
        assert policy.spent.pictures == 2
    with LocalPolicy(one_loaded, slots=1) as policy:
        alone = ask(policy, request(opening(one_loaded, 2)))
    assert other.ids == alone.ids and other.context_ids == alone.context_ids and furthest(other.logprobs, alone.logprobs) < EXACT


def test_a_turn_can_be_asked_again_from_an_earlier_place(one_loaded: LoadedModel) -> None:
    said = opening(one_loaded)
    with LocalPolicy(one_loaded, slots=1) as policy, policy.session() as session:
        first = completions(session, {0: request(said)})[0]
        further = (*said, answer(first), crop(one_loaded, 3))
        one = completions(session, {0: request(further)})[0]
        two = completions(session, {0: request(further)})[0]
        other = completions(session, {0: request((*said, answer(first), crop(one_loaded, 4)))})[0]
    assert (one.ids, one.context_ids) == (two.ids, two.context_ids)
    assert furthest(one.logprobs, two.logprobs) < EXACT and furthest(one.logprobs[:1], (other.logprobs or ())[:1]) > 1e-3

"""Veils and directed looks: what the policy inside is shown, and that the rollout treats both as any policy."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.crops import CropRule
from core.errors import PolicyError
from core.geometry import Size
from core.grammar import parse
from core.policies.conversation import GREEDY, Role, Said, Shown
from core.policies.directed import DirectedPolicy, grid, look_turn
from core.policies.local.loading import LoadedModel
from core.policies.local.policy import LocalPolicy
from core.policies.protocol import Policy
from core.policies.scripted import ScriptedPolicy
from core.policies.veiled import VeiledPolicy
from core.rollout.engine import roll_out
from core.rollout.values import Ended, RolloutSettings, Task, Turns
from core.trace import DomainName, FaultKind, Picture, Sample, StopReason, Trace, Truth, TruthKind

GROUND = (200, 210, 220)
SETTINGS = RolloutSettings(GREEDY, Turns.MULTI, crop=CropRule(56, 112, dot=False))


def picture() -> Image.Image:
    whole = np.full((336, 336, 3), GROUND, np.uint8)
    whole[100:150, 100:150] = (255, 0, 0)
    return Image.fromarray(whole)


def task() -> Task:
    sample = Sample("Which colour?", DomainName.VISUAL_SEARCH, (Picture("a" * 64, Size(336, 336)),), Truth(TruthKind.TEXT, "red"))
    return Task(sample, picture())


class Looker:
    """Looks twice at the same place, answers, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[Said, ...]] = []
        self.policy = ScriptedPolicy(self.say, "looker", tells_tokens=False)

    def say(self, messages: tuple[Said, ...], row: int) -> str:
        self.shown.append(messages)
        looks = sum(said.role is Role.ASSISTANT for said in messages)
        return look_turn(125, 125) if looks < 2 else "<think> It is at (125, 125). </think>\n<answer> red </answer>"

    @property
    def pictures(self) -> list[Shown]:
        return [picture for said in self.shown[-1] for picture in said.pictures]


def asked(policy: Policy, settings: RolloutSettings = SETTINGS) -> Trace:
    return next(event.rollout.trace for event in roll_out(policy, [task()], settings) if isinstance(event, Ended))


def plain(shown: Shown) -> bool:
    return bool((np.asarray(shown.image) == GROUND).all())


@pytest.mark.parametrize(
    ("veil", "hidden"),
    [
        (lambda policy: VeiledPolicy(policy), [False, False, False]),
        (lambda policy: VeiledPolicy(policy, crops=0), [False, True, True]),
        (lambda policy: VeiledPolicy(policy, crops=1), [False, False, True]),
        (lambda policy: VeiledPolicy(policy, crops=lambda row: row + 2), [False, False, False]),
        (lambda policy: VeiledPolicy(policy, whole=True), [True, False, False]),
        (lambda policy: VeiledPolicy(policy, whole=True, crops=0), [True, True, True]),
    ],
)
def test_what_is_veiled_shows_plain_ground(veil: Callable[[Policy], Policy], hidden: list[bool]) -> None:
    bare, behind = Looker(), Looker()
    open_trace, trace = asked(bare.policy), asked(veil(behind.policy))
    assert [plain(shown) for shown in behind.pictures] == hidden
    # Words and sizes are the same, and so are the traces: the veil is over the policy's eyes alone.
    assert [said.text for said in behind.shown[-1]] == [said.text for said in bare.shown[-1]]
    assert [shown.image.size for shown in behind.pictures] == [shown.image.size for shown in bare.pictures]
    assert trace.text == open_trace.text and trace.looks == open_trace.looks
    keys = [shown.key for shown in behind.pictures]
    assert all(key.startswith("plain/200,210,220/") is veiled for key, veiled in zip(keys, hidden, strict=True))


def test_chosen_looks_come_first_and_then_the_policy_speaks() -> None:
    looker = Looker()
    trace = asked(DirectedPolicy(looker.policy, lambda row: [(10, 20), (300, 310)]))
    # The policy has heard two looks in its name: it answers at once.
    assert len(looker.shown) == 1 and trace.stop is StopReason.ANSWERED and trace.faults == ()
    assert [look.window.corners for look in trace.looks] == [(0, 0, 66, 76), (244, 254, 336, 336)]
    assert [said.text for said in looker.shown[0] if said.role is Role.ASSISTANT] == [look_turn(10, 20), look_turn(300, 310)]


def test_without_chosen_looks_the_policy_is_as_it_is() -> None:
    assert asked(DirectedPolicy(Looker().policy, lambda row: ())).text == asked(Looker().policy).text


def test_a_demanded_answer_is_always_the_policys_own() -> None:
    looker = Looker()
    trace = asked(DirectedPolicy(looker.policy, lambda row: [(10, 20)] * 9), RolloutSettings(GREEDY, Turns.MULTI, max_turns=3))
    assert trace.stop is StopReason.FORCED and len(trace.looks) == 2 and len(looker.shown) == 1


def test_a_closed_policy_is_closed_behind_a_veil_too() -> None:
    inside = Looker().policy
    for outside in (VeiledPolicy(inside), DirectedPolicy(inside, lambda row: ())):
        outside.close()
        assert outside.card is inside.card
        outside.session().close()
    inside.close()
    with pytest.raises(PolicyError, match="closed"):
        VeiledPolicy(inside).session()


@given(x=st.integers(min_value=0, max_value=1000), y=st.integers(min_value=0, max_value=1000))
def test_a_look_turn_is_read_back(x: int, y: int) -> None:
    parsed = parse(look_turn(x, y))
    call = parsed.turns[0].call
    assert call is not None and call.mention is not None and (call.mention.x, call.mention.y) == (x, y)
    # Its conversation goes on: that there is no answer yet is no fault of the turn.
    assert [fault.kind for fault in parsed.faults] == [FaultKind.MISSING_ANSWER]


@given(count=st.integers(min_value=0, max_value=40))
def test_a_grid_has_so_many_middles_apart_from_each_other(count: int) -> None:
    spots = grid(count)
    assert len(set(spots)) == len(spots) == count
    assert all(0 < x < 1 and 0 < y < 1 for x, y in spots)
    # No two cells are nearer than a cell of the finest grid there could be.
    apart = [math.dist(one, other) for at, one in enumerate(spots) for other in spots[:at]]
    assert all(gap >= 0.9 / math.ceil(math.sqrt(count)) for gap in apart)


def test_a_checkpoint_takes_looks_and_veils_that_it_never_chose(one_loaded: LoadedModel) -> None:
    settings = replace(SETTINGS, max_new_tokens=8)
    with closing(LocalPolicy(one_loaded, slots=2)) as policy:
        directed = DirectedPolicy(VeiledPolicy(policy, crops=1), lambda row: [(10, 20), (300, 310)])
        events = list(roll_out(directed, [replace(task(), samples=3)], settings))
    found = [event.rollout for event in events if isinstance(event, Ended)]
    assert len(found) == 3 and not any(rollout.error for rollout in found)
    assert all(len(rollout.trace.looks) == 2 and len(rollout.trace.turns) >= 3 for rollout in found)
    # What was written for it is not among its tokens, so they are not told.
    assert all(rollout.tokens is None for rollout in found)

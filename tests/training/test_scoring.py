"""What a rollout is paid: core's rewards by profile, their bonus, and the two rewards that are there for comparison."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.crops import CropRule
from core.errors import TrainingError
from core.frames import QWEN3_FACTOR, FrameKind
from core.geometry import Box, Size
from core.grammar import TurnText, format_messages, parse_messages
from core.grounding import ground
from core.policies.protocol import PolicyCard, PolicyKind, frame_of
from core.rewards import ANSWER, FORMAT, LOOKS, reward
from core.trace import DomainName, Picture, Sample, StopReason, Trace, Truth, TruthKind
from training.reinforcement import Bonus, Grpo, Reward
from training.rollout_figures import Sums, hit, is_dead
from training.scoring import CHANCE, score

CARD = PolicyCard("test", PolicyKind.LOCAL, FrameKind.NORMALISED, QWEN3_FACTOR, 1024, 10**6)


def trace_of(answer: str, looks: int = 0, truth: Truth | None = None, *, several: bool = True) -> Trace:
    """A conversation that looks at places far apart and answers."""
    size = Size(512, 512)
    sample = Sample("What is it?", DomainName.VISUAL_SEARCH, (Picture("0" * 64, size),), truth or Truth(TruthKind.TEXT, "red"))
    turns = [TurnText(f"Here ({at}, {at}).", call=(at, at), observed=True) for at in range(100, 100 + 150 * looks, 150)]
    turns.append(TurnText("It is here (10, 10).", answer=answer))
    rule = CropRule(32, 64, dot=False, factor=QWEN3_FACTOR)
    settings = {"turns": "multi" if several else "single"}
    parsed = parse_messages(format_messages(turns))
    return ground(sample, parsed, frame_of(CARD, size), rule, policy="test", stop=StopReason.ANSWERED, settings=settings)


def paid(trace: Trace, **told: object) -> float:
    return round(score(trace, Grpo(**told), "any").total, 6)  # type: ignore[arg-type]


def test_rewards_are_those_of_the_core() -> None:
    for profile in ("strict", "vigorl"):
        for trace in (trace_of("red", 2), trace_of("blue", 4)):
            known = reward(trace, profile)
            assert known is not None and paid(trace, reward=Reward(profile)) == round(known.total, 6)


def test_who_could_have_looked_and_did_not_is_paid_as_with_the_zoom() -> None:
    assert paid(trace_of("red")) == 0.85
    assert paid(trace_of("red", several=False)) == 1.0
    assert paid(trace_of("red", 4)) == 1.0


@pytest.mark.parametrize(("bonus", "right", "wrong"), [(Bonus.PROFILE, 1.24, 0.64), (Bonus.GATED, 1.24, 0.4), (Bonus.NONE, 1.0, 0.4)])
def test_the_published_bonus_is_paid_always_where_the_answer_is_right_or_never(bonus: Bonus, right: float, wrong: float) -> None:
    assert paid(trace_of("red", 4), reward=Reward.VIGORL, bonus=bonus) == pytest.approx(right)
    assert paid(trace_of("blue", 4), reward=Reward.VIGORL, bonus=bonus) == pytest.approx(wrong)


def test_our_bonus_is_gated_as_it_is_and_can_be_left_out() -> None:
    names = [component.name for component in score(trace_of("red", 4), Grpo(bonus=Bonus.GATED), "").components]
    assert names == [ANSWER, FORMAT, LOOKS]
    assert paid(trace_of("red", 4), bonus=Bonus.NONE) == 0.85
    assert paid(trace_of("red", 4), bonus=Bonus.GATED) == 1.0


def test_the_conventional_baseline_asks_for_no_point() -> None:
    without = trace_of("red", several=False)
    assert paid(without, reward=Reward.PLAIN) == 1.0
    assert paid(trace_of("blue", several=False), reward=Reward.PLAIN) == 0.5


def test_chance_pays_alike_for_the_same_rollout_and_for_half_of_all() -> None:
    trace, random = trace_of("red"), Grpo(reward=Reward.RANDOM)
    drawn = [score(trace, random, str(number)) for number in range(400)]
    assert [one.total for one in drawn] == [score(trace, random, str(number)).total for number in range(400)]
    assert {one.total for one in drawn} == {0.0, 1.0} and 150 < sum(one.total for one in drawn) < 250
    assert drawn[0].components[0].name == CHANCE


def test_what_cannot_be_judged_is_a_fault_and_no_reward_of_zero() -> None:
    unknown = trace_of("red", truth=Truth(TruthKind.NONE))
    for kind in (Reward.STRICT, Reward.VIGORL, Reward.PLAIN):
        with pytest.raises(TrainingError, match="A rollout of “What is it\\?” has no reward"):
            score(unknown, Grpo(reward=kind), "")


def test_a_group_is_dead_where_all_that_counts_is_equal() -> None:
    assert is_dead([1.0, 1.0, None]) and is_dead([None, 1.0]) and is_dead([])
    assert not is_dead([1.0, 0.5, None])


def test_a_hit_is_a_look_or_an_answer_in_the_truth_s_box() -> None:
    box = Truth(TruthKind.BOX, "", box=Box(40, 40, 60, 60))
    assert hit(trace_of("(10, 10)", 1, box)) is True
    assert hit(trace_of("(10, 10)", 0, box)) is False
    assert hit(trace_of("(100, 100)", 0, box)) is True
    assert hit(trace_of("red")) is None


def test_sums_of_several_processes_are_added() -> None:
    one, two = Sums(), Sums()
    one.add("reward", 1.0)
    two.add("reward", 0.0)
    two.add("stops/timeout", 0.0)
    one.join(two.values)
    assert one.means() == {"reward": 0.5}


def test_a_bonus_is_a_matter_of_the_recipe_alone() -> None:
    assert replace(Grpo(), bonus=Bonus.NONE).as_learnt() != Grpo().as_learnt()
    assert replace(Grpo(), slots=3).as_learnt() == Grpo().as_learnt()

"""The expert as a policy, and the guesser: what they do in an ordinary rollout."""

from __future__ import annotations

import pytest

from core.errors import TaskError
from core.policies.conversation import GREEDY
from core.rollout.engine import roll_out
from core.rollout.values import Ended, RolloutSettings, Turns
from core.tasks.needle.chance import Chance
from core.tasks.needle.guesses import candidates_of, guess
from core.tasks.needle.players import ExpertPolicy, GuessingPolicy
from core.tasks.needle.splits import Split
from core.tasks.needle.task import NeedleTask
from core.tasks.needle.values import DIFFICULTIES, Difficulty, Kind
from core.trace import StopReason, Trace


def traces(world: NeedleTask, policy: ExpertPolicy | GuessingPolicy, n: int, settings: RolloutSettings | None = None) -> list[Trace]:
    tasks = [world.task(seed, Split.TEST, encoded=False) for seed in range(n)]
    events = roll_out(policy, tasks, settings or world.settings(policy.card))
    ended = sorted((event.rollout for event in events if isinstance(event, Ended)), key=lambda rollout: rollout.task)
    return [rollout.trace for rollout in ended]


def expert(world: NeedleTask, n: int) -> ExpertPolicy:
    return ExpertPolicy(world.difficulty, (world.asked(seed, Split.TEST) for seed in range(n)))


@pytest.mark.parametrize("name", DIFFICULTIES)
def test_the_expert_is_right_with_as_many_looks_as_it_needs(name: str) -> None:
    world = NeedleTask.named(name)
    policy = expert(world, 40)
    assert world.unfit(policy.card) == ""
    for seed, trace in enumerate(traces(world, policy, 40)):
        assert world.judge(trace).correct, trace.text
        assert trace.stop is StopReason.ANSWERED and trace.faults == ()
        assert len(trace.looks) == len(world.asked(seed, Split.TEST).looks)


def test_the_expert_answers_when_the_answer_is_demanded() -> None:
    world = NeedleTask.named("default")
    policy = expert(world, 30)
    settings = RolloutSettings(GREEDY, Turns.MULTI, max_turns=2, crop=world.difficulty.rule())
    found = traces(world, policy, 30, settings)
    assert {trace.stop for trace in found} == {StopReason.FORCED}
    for seed, trace in enumerate(found):
        assert trace.answer
        if world.asked(seed, Split.TEST).kind is Kind.MARK:
            assert world.judge(trace).correct


def test_a_scene_that_the_expert_does_not_know_is_guessed() -> None:
    world = NeedleTask.named("default")
    for trace in traces(world, ExpertPolicy(world.difficulty, ()), 10):
        assert trace.answer and not trace.looks


@pytest.mark.parametrize("name", DIFFICULTIES)
def test_the_guesser_gives_an_answer_of_the_right_kind(name: str) -> None:
    world = NeedleTask.named(name)
    for trace in traces(world, GuessingPolicy(world.difficulty), 20):
        assert trace.stop is StopReason.ANSWERED and not trace.looks
        assert (trace.answer_point is not None) is (trace.sample.truth.box is not None)


def test_candidates_are_those_that_the_words_fit() -> None:
    for name in ("default", "gui"):
        world = NeedleTask.named(name)
        for seed in range(200):
            asked = world.asked(seed, Split.TEST)
            among = candidates_of(asked)
            assert set(asked.looks) <= set(among)
            if asked.sought is not None:
                low, high = world.difficulty.candidates
                assert low <= len(among) <= high
                assert [at for at in among if asked.scene.items[at].mark is asked.sought] == [asked.looks[-1]]


def test_guesses_are_the_same_again() -> None:
    difficulty = Difficulty()
    assert guess("Which red item is rising?", difficulty, Chance(1)) == guess("Which red item is rising?", difficulty, Chance(1))


def test_an_overview_of_no_policys_size_is_refused() -> None:
    with pytest.raises(TaskError, match="whole 32 px"):
        GuessingPolicy(Difficulty(side=480, overview=48, item_size=100, items=(1, 2)))

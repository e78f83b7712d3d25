"""Evaluations of policies without a model, of whom it is known what they can: what each condition takes, and how it is counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.crops import CropRule
from core.errors import PolicyError, TaskError
from core.evaluation import AS_IT_IS, CONDITIONS, Condition, Evaluation, Manner, Outcome, Question, condition_of, evaluate, evaluations
from core.evaluation.needle import frequent_answers, questions_of, settings_for, sweep
from core.policies.conversation import GREEDY, Said
from core.policies.directed import look_turn
from core.policies.protocol import Policy
from core.policies.scripted import ScriptedPolicy
from core.rollout.values import Rollout
from core.tasks.needle.guesses import chance_of
from core.tasks.needle.players import ExpertPolicy, GuessingPolicy, card_for
from core.tasks.needle.splits import Split
from core.tasks.needle.task import NeedleTask

N = 80
WORLD = NeedleTask.named("default")


def asked(policy: Policy, conditions: Sequence[Condition] = CONDITIONS, world: NeedleTask = WORLD, n: int = N) -> Evaluation:
    settings = settings_for(world, policy.card, GREEDY)
    return evaluate(policy, questions_of(world, range(n), Split.TEST), Manner(settings, conditions))


def expert(world: NeedleTask = WORLD, n: int = N) -> ExpertPolicy:
    return ExpertPolicy(world.difficulty, [world.asked(seed, Split.TEST) for seed in range(n)])


@pytest.fixture(scope="module")
def of_expert() -> Evaluation:
    return asked(expert(), [*CONDITIONS, *(condition_of(f"looks-{count}") for count in range(3))])


def test_the_expert_is_always_right_and_its_looks_hit(of_expert: Evaluation) -> None:
    result = of_expert.of("as-it-is")
    assert (result.accuracy.count, result.n) == (N, N)
    assert result.looks_hit.value == result.points_hit.value == 1.0
    assert result.unanswered.count == result.faulty.count == result.broken == 0
    wanted = [len(WORLD.asked(seed, Split.TEST).looks) for seed in range(N)]
    assert [one.looks for one in result.outcomes] == wanted


@pytest.mark.parametrize("condition", ["looks-off", "looks-0", "random-looks", "grid-looks"])
def test_without_its_looks_the_expert_guesses(of_expert: Evaluation, condition: str) -> None:
    result = of_expert.of(condition)
    assert of_expert.chance is not None and result.accuracy.value < of_expert.chance + 0.2
    assert result.unanswered.count == 0
    change = result.against(of_expert.of("as-it-is"))
    assert change.one_only == 0 and change.other_only == N - result.accuracy.count
    assert change.interval is not None and change.interval[1] < -0.3


@pytest.mark.parametrize("condition", ["blank", "blank-whole"])
def test_without_the_picture_the_expert_does_not_know_where_to_look(of_expert: Evaluation, condition: str) -> None:
    result = of_expert.of(condition)
    assert result.looks == 0 and result.accuracy.value < 0.4


def test_one_look_is_enough_where_one_is_needed(of_expert: Evaluation) -> None:
    one, two = of_expert.of("looks-1"), of_expert.of("looks-2")
    assert one.by_kind["mark"].value == two.by_kind["mark"].value == two.by_kind["pair"].value == 1.0
    assert one.by_kind["pair"].value < 0.8
    assert all(outcome.looks <= 2 for outcome in one.outcomes)


def test_random_and_grid_looks_are_as_many_as_it_took(of_expert: Evaluation) -> None:
    for name in ("random-looks", "grid-looks"):
        # The expert asks for more looks behind those that were chosen for it: those show nothing.
        told = zip(of_expert.of("as-it-is").outcomes, of_expert.of(name).outcomes, strict=True)
        assert all(other.looks >= one.looks for one, other in told)


def test_kinds_and_chances_are_told(of_expert: Evaluation) -> None:
    kinds = of_expert.chance_by_kind
    assert set(kinds) == {"mark", "pair", "point", "search"}
    assert kinds["mark"] == pytest.approx(1 / 6) and kinds["pair"] == 0.5 and 1 / 3 <= (kinds["search"] or 0) <= 1 / 2
    assert of_expert.commons.count(None) == of_expert.kinds.count("point")
    assert sum(share.n for share in of_expert.of("as-it-is").by_kind.values()) == N


def test_an_evaluation_is_written_as_json(of_expert: Evaluation) -> None:
    told = json.loads(json.dumps(of_expert.to_json()))
    first = told["conditions"][0]
    assert (told["n"], first["condition"], first["accuracy"]["count"]) == (N, "as-it-is", N)
    assert len(told["questions"]["name"]) == len(first["each"]["right"]) == N
    assert "against" not in first and all(one["against"]["condition"] == "as-it-is" for one in told["conditions"][1:])


def test_a_guesser_is_at_chance_under_every_condition_and_never_looks() -> None:
    found = asked(GuessingPolicy(WORLD.difficulty), [AS_IT_IS, condition_of("looks-off")])
    assert found.results[0].looks == 0 and found.results[0].looks_hit.n == 0
    assert found.chance is not None and found.results[0].accuracy.value < found.chance + 0.05
    assert found.results[0].right == found.results[1].right


def test_a_policy_that_looks_beside_is_seen_to() -> None:
    def say(messages: tuple[Said, ...], row: int) -> str:
        return "<think> Look at (5, 5). </think>" + (
            '\n<tool_call>\n{"name": "search_coordinate", "arguments": {"coordinate": [5, 5]}}\n</tool_call>'
            if len([said for said in messages if said.role.value == "assistant"]) == 0
            else "\n<answer> rising </answer>"
        )

    policy = ScriptedPolicy(say, card=card_for(WORLD.difficulty, "beside"), tells_tokens=False)
    result = asked(policy, [AS_IT_IS], n=20).results[0]
    assert (result.looks, result.looks_hit.count, result.points_hit.count) == (1.0, 0, 0)
    # The point of the call that repeats the thought's is no step of its own.
    assert result.looks_hit.n == 20 and result.points_hit.n >= 20


def test_what_breaks_off_is_not_right_and_is_counted() -> None:
    def fail(messages: tuple[Said, ...], row: int) -> str:
        if row % 2:
            raise PolicyError("No more memory.")
        return "<think> (5, 5) </think>\n<answer> rising </answer>"

    result = asked(ScriptedPolicy(fail, card=card_for(WORLD.difficulty, "failing"), tells_tokens=False), [AS_IT_IS], n=10).results[0]
    assert result.broken == 5 and not any(one.right for one in result.outcomes if one.broken)


def test_groups_come_one_after_the_other_and_lose_nothing() -> None:
    policy, kept = expert(), list[tuple[str, str]]()

    def keep(condition: Condition, question: Question, rollout: Rollout, outcome: Outcome) -> None:
        kept.append((condition.name, rollout.trace.policy))

    manner = Manner(settings_for(WORLD, policy.card, GREEDY), [condition_of("looks-off")], at_once=4, keep=keep)
    found = list(evaluations(policy, questions_of(WORLD, range(10), Split.TEST), manner))
    assert [one.n for one in found] == [4, 8, 10]
    assert all(len(result.outcomes) == one.n for one in found for result in one.results)
    whole = asked(policy, [condition_of("looks-off")], n=10)
    assert found[-1].of("as-it-is").right == whole.of("as-it-is").right
    assert kept[:5] == [("as-it-is", "needle expert")] * 4 + [("looks-off", "needle expert, looks-off")]


def test_what_is_known_is_not_asked_again_and_nothing_else_changes() -> None:
    conditions = [condition_of("random-looks")]
    kept = dict[tuple[str, str], dict[int, Outcome]]()
    asked_again = list[tuple[str, str]]()

    def keep(condition: Condition, question: Question, rollout: Rollout, outcome: Outcome) -> None:
        kept.setdefault((condition.name, rollout.trace.sample.external_id), {})[rollout.draw] = outcome

    def note(condition: Condition, question: Question, rollout: Rollout, outcome: Outcome) -> None:
        asked_again.append((condition.name, rollout.trace.sample.external_id))

    manner = Manner(settings_for(WORLD, expert().card, GREEDY), conditions, at_once=4, keep=keep)
    whole = evaluate(expert(), questions_of(WORLD, range(10), Split.TEST), manner)
    forgotten = [
        ("as-it-is", "needle/default/test/3"),
        ("random-looks", "needle/default/test/1"),
        ("random-looks", "needle/default/test/9"),
    ]
    for one in forgotten:
        del kept[one]
    known = replace(manner, keep=note, known=lambda condition, question: kept.get((condition.name, question.task.sample.external_id), {}))
    again = evaluate(expert(), questions_of(WORLD, range(10), Split.TEST), known)
    assert sorted(asked_again) == sorted(forgotten)
    # The expert, where it has to guess, does so by its place among those that are asked.
    for name in ("as-it-is", "random-looks"):
        told = [[replace(one, right=True, took=0.0, seconds=0.0) for one in of.of(name).outcomes] for of in (whole, again)]
        assert told[0] == told[1]
    assert [one for at, one in enumerate(again.results[1].outcomes) if at not in (1, 9)] == [
        one for at, one in enumerate(whole.results[1].outcomes) if at not in (1, 9)
    ]
    assert again.results[0].seconds == pytest.approx(sum(one.took for one in again.results[0].outcomes))


def test_a_question_is_asked_several_times_as_it_is_and_only_there() -> None:
    def say(messages: tuple[Said, ...], row: int) -> str:
        # Of the draws of a question every second one answers at all.
        return "<think> (5, 5) </think>" + ("\n<answer> nothing </answer>" if row % 2 else "")

    policy = ScriptedPolicy(say, card=card_for(WORLD.difficulty, "sampled"), tells_tokens=False)
    manner = Manner(settings_for(WORLD, policy.card, GREEDY), [condition_of("looks-off")], samples=4)
    found = evaluate(policy, questions_of(WORLD, range(3), Split.TEST), manner)
    as_it_is, off = found.results
    assert (as_it_is.samples, off.samples, as_it_is.n) == (4, 1, 3)
    assert [[one.answered for one in draws] for draws in as_it_is.draws] == [[False, True, False, True]] * 3
    assert json.loads(json.dumps(found.to_json()))["conditions"][0]["each"]["right_of_samples"] == [0, 0, 0]


def test_draws_that_are_known_are_not_asked_again() -> None:
    policy, asked_again = expert(), list[int]()
    settings = settings_for(WORLD, policy.card, GREEDY)
    one = evaluate(policy, questions_of(WORLD, range(1), Split.TEST), Manner(settings, [AS_IT_IS])).results[0].outcomes[0]
    manner = Manner(
        settings,
        [AS_IT_IS],
        samples=3,
        known=lambda condition, question: {1: replace(one, right=False), 7: one},
        keep=lambda condition, question, rollout, outcome: asked_again.append(rollout.draw),
    )
    result = evaluate(policy, questions_of(WORLD, range(1), Split.TEST), manner).results[0]
    assert asked_again == [0, 2] and [draw.right for draw in result.draws[0]] == [True, False, True]
    told = {k: mean.value for k, mean in result.pass_at().items()}
    assert told == {1: pytest.approx(2 / 3), 2: 1.0, 3: 1.0}


@pytest.mark.parametrize(("trained", "width"), [(None, 96), (CropRule(32, 64, dot=False), 64)])
def test_crops_are_as_the_policy_was_trained_to_look(trained: CropRule | None, width: int) -> None:
    def say(messages: tuple[Said, ...], row: int) -> str:
        return look_turn(500, 500) if len(messages) < 3 else "<think> (5, 5) </think>\n<answer> rising </answer>"

    widths = list[float]()
    card = replace(card_for(WORLD.difficulty, "trained"), crop=trained)
    evaluate(
        ScriptedPolicy(say, card=card, tells_tokens=False),
        questions_of(WORLD, range(2), Split.TEST),
        Manner(
            settings_for(WORLD, card, GREEDY),
            [AS_IT_IS],
            keep=lambda condition, question, rollout, outcome: widths.extend(look.window.width for look in rollout.trace.looks),
        ),
    )
    assert widths == [width, width]


def test_an_evaluation_of_nothing_is_refused() -> None:
    with pytest.raises(TaskError, match="at least one question"):
        asked(expert(), n=0)


def test_a_condition_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TaskError, match=r"no condition 'looks-on'.*as-it-is, looks-off"):
        condition_of("looks-on")


@pytest.mark.parametrize("what", ["items", "size"])
def test_sweeps_change_one_thing(what: str) -> None:
    worlds = sweep(WORLD, what)
    assert len(worlds) >= 4 and len({world.name for world in worlds}) == len(worlds)
    for world in worlds:
        made = [world.asked(seed, Split.TEST) for seed in range(20)]
        sizes, counts = {item.size for one in made for item in one.scene.items}, {len(one.scene.items) for one in made}
        assert len(counts if what == "items" else sizes) == 1
        assert asked(expert(world, 4), [AS_IT_IS], world, 4).results[0].accuracy.count == 4


def test_a_sweep_of_widgets_is_refused() -> None:
    with pytest.raises(TaskError, match="sweep a world of items"):
        sweep(NeedleTask.named("gui"), "items")
    with pytest.raises(TaskError, match="no sweep 'colour'"):
        sweep(WORLD, "colour")


def test_the_most_frequent_answers_are_of_the_training_split() -> None:
    frequent = frequent_answers(WORLD, 300)
    assert set(frequent) == {"mark", "pair", "search"}
    assert chance_of(WORLD.asked(0, Split.TRAIN), WORLD.difficulty) <= 0.5

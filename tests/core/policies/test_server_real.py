"""A real `transformers serve` on loopback with a tiny Idefics3 that speaks the format: what a person will really have at the other end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from core.errors import PolicyError, PolicyNotFound
from core.frames import FrameKind
from core.geometry import Size
from core.grammar import parse
from core.policies.conversation import Finish, Finished, Sampling, Wrote
from core.policies.opening import LoadProgress, PolicyOptions, open_policy
from core.policies.protocol import Policy
from core.policies.server import open_server
from core.rollout.engine import roll_out
from core.rollout.values import Ended, RolloutSettings, Task, Turns
from core.trace import Author, DomainName, Picture, Sample, StopReason, Truth, TruthKind
from tests import tiny_served
from tests.core.policies.server_asking import QUICK, Options, ask, failure, request, shown, until_ended
from tests.real_server import served

# The server takes some seconds to import what it needs.
pytestmark = pytest.mark.slow

CALL = '<tool_call>\n{"name": "search_coordinate", "arguments": {"coordinate": [40, 30]}}\n</tool_call>'
SPACE = Options(space=FrameKind.RESIZED)
# A real server that shares few cores with other tests may be silent for a while.
PATIENT = replace(QUICK, silence=60.0, turn=120.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_served.build(tmp_path_factory.mktemp("served") / "tiny-idefics3")


@pytest.fixture(scope="module")
def address(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(folder, tmp_path_factory.mktemp("home")) as address:
        yield address


@pytest.fixture
def policy(address: str) -> Iterator[Policy]:
    policy = open_server(address, None, SPACE, limits=PATIENT)
    yield policy
    policy.close()


def test_its_card_says_what_it_is_and_how_it_is_asked(policy: Policy, folder: Path) -> None:
    card = policy.card
    assert (card.name, card.details["model"]) == (folder.name, str(folder))
    assert card.details["server"] == "transformers serve"
    assert card.details["at_once"] == 1
    assert "demanded" in str(card.details["prefix"])
    assert card.details["space_known_by"] == "the option"


def test_a_turn_comes_in_pieces_and_ends_behind_its_stop_text(policy: Policy) -> None:
    with policy.session() as session:
        session.submit(0, request(picture=shown()))
        *wrote, last = until_ended(session, [0])[0]
    assert isinstance(last, Finished)
    assert last.completion.text == f"<think> Something is at (40, 30). </think>\n{CALL}"
    assert last.completion.finish is Finish.STOP
    assert last.completion.ids is None
    assert len(wrote) == 6
    assert all(isinstance(event, Wrote) and event.tokens == 1 for event in wrote)


def test_without_a_stop_text_it_goes_on_until_its_limit(policy: Policy) -> None:
    (completion,) = ask(policy, request(stop=(), tokens=20))
    assert completion.finish is Finish.LENGTH
    assert completion.text.endswith(" and on and on and on")


def test_its_own_end_of_a_turn_is_told(policy: Policy) -> None:
    (completion,) = ask(policy, request("Here is the crop", stop=()))
    assert completion.text == "<think> Something is at (40, 30). </think>\n<answer> red </answer>"
    assert completion.finish is Finish.END


def test_the_same_seeds_give_the_same_turns_many_at_once(policy: Policy) -> None:
    asked = [request(picture=shown(), temperature=1.0, seed=seed) for seed in range(12)]
    first, again = ask(policy, *asked), ask(policy, *reversed(asked))
    assert [completion.text for completion in first] == [completion.text for completion in reversed(again)]
    assert len({completion.text for completion in first}) > 1


def test_a_turn_that_was_left_does_not_disturb_the_seed_of_the_next(policy: Policy) -> None:
    texts = set()
    with policy.session() as session:
        for _ in range(10):
            session.submit(0, request("ENDLESS", temperature=1.0, stop=(), tokens=50_000))
            assert session.events(30)
            session.cancel(0)
            session.submit(1, request(temperature=1.0, seed=3))
            last = until_ended(session, [1])[1][-1]
            assert isinstance(last, Finished)
            texts.add(last.completion.text)
    assert len(texts) == 1


def test_sampling_settings_reach_it(policy: Policy) -> None:
    # Greedy takes the likeliest place and thought; so does sampling from one token only, or from a share that one token fills.
    (greedy,) = ask(policy, request())
    few = ask(
        policy,
        *[request(temperature=1.0, seed=seed, top_k=1) for seed in range(4)],
        *[request(temperature=1.0, seed=seed, top_p=0.3) for seed in range(4)],
    )
    assert {completion.text for completion in few} == {greedy.text}


def test_a_cancelled_turn_frees_the_server(policy: Policy) -> None:
    with policy.session() as session:
        session.submit(0, request("ENDLESS", stop=(), tokens=50_000))
        assert isinstance(session.events(30)[0], Wrote)
        session.cancel(0)
        assert session.events(0.1) == ()
        # It generates one turn after the other: this one can only come because that one has been given up.
        session.submit(0, request(temperature=1.0, seed=1))
        assert isinstance(until_ended(session, [0])[0][-1], Finished)


def test_closing_a_session_cancels_its_rows_alone(policy: Policy) -> None:
    other = policy.session()
    with policy.session() as session:
        session.submit(0, request("ENDLESS", stop=(), tokens=50_000))
        session.submit(1, request("ENDLESS", stop=(), tokens=50_000))
        assert session.events(30)
        other.submit(0, request())
    assert isinstance(until_ended(other, [0])[0][-1], Finished)
    other.close()


def test_a_forced_answer_goes_on_behind_its_tag(policy: Policy) -> None:
    (completion,) = ask(policy, request(picture=shown(), prefix="<think> Enough. </think>\n<answer>"))
    assert completion.text == " red </answer>"


def test_another_model_than_its_own_is_told_with_its_own(address: str, folder: Path) -> None:
    with pytest.raises(PolicyNotFound, match=f"no model called Qwen/other; it has {folder}"):
        open_server(address, "Qwen/other", SPACE, limits=QUICK)


def test_without_the_option_nobody_guesses_its_space(address: str) -> None:
    with pytest.raises(PolicyError, match="option space"):
        open_server(address, None, Options(), limits=QUICK)


def test_an_error_of_the_server_is_a_sentence_and_it_goes_on(policy: Policy) -> None:
    # The mark of a picture in a text, without a picture: its processor refuses that.
    failed = failure(policy, request("<image>"))
    assert "failed with status 500" in str(failed.error)
    assert ask(policy, request())[0].finish is Finish.STOP


@pytest.fixture(scope="module")
def unpinned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(None, tmp_path_factory.mktemp("unpinned")) as address:
        yield address


def test_a_server_that_takes_turns_apart_as_it_does_for_qwen_is_understood(unpinned: str, tmp_path: Path) -> None:
    folder = tiny_served.build(tmp_path / "Qwen2.5-VL-tiny", takes_apart=True)
    news: list[LoadProgress] = []
    policy = open_server(unpinned, str(folder), Options(), limits=QUICK, progress=news.append)
    try:
        assert news[0].words == "The server loads the model"
        assert news[-1].words == "The server loads the weights"
        assert news[-1].done == news[-1].total
        assert "put together" in str(policy.card.details["turns"])
        look, answer = ask(policy, request(), request("Here is the crop"))
        assert (policy.card.space, policy.card.details["space_known_by"]) == (FrameKind.RESIZED, "the model's name")
    finally:
        policy.close()
    # Blanks are the server's; the format is read as it is written.
    (turn,) = parse(look.text).turns
    assert turn.call is not None and turn.call.mention is not None
    assert (turn.call.mention.x, turn.call.mention.y) == (40, 30)
    assert look.finish is Finish.STOP
    assert answer.text == "<think> Something is at (40, 30). </think>\n<answer> red </answer>"


def test_a_server_without_a_model_of_its_own_asks_for_one(unpinned: str) -> None:
    with pytest.raises(PolicyNotFound, match="no model that it names: say which, behind a #"):
        open_server(unpinned, None, SPACE, limits=QUICK)
    with pytest.raises(PolicyNotFound, match="cannot load the model nobody/nothing"):
        open_server(unpinned, "nobody/nothing", SPACE, limits=QUICK)


def sample(size: Size) -> Sample:
    return Sample("Which colour is it?", DomainName.VISUAL_SEARCH, (Picture("a" * 64, size),), Truth(TruthKind.TEXT, "red"))


def conversations(policy: Policy, settings: RolloutSettings, samples: int = 1) -> list[Ended]:
    image = Image.new("RGB", (224, 168), "red")
    task = Task(sample(Size(224, 168)), image, samples)
    return [event for event in roll_out(policy, [task], settings) if isinstance(event, Ended)]


def test_a_conversation_looks_closer_and_then_answers(address: str) -> None:
    policy = open_policy(f"{address}", PolicyOptions(space=FrameKind.RESIZED))
    try:
        (ended,) = conversations(policy, RolloutSettings(sampling=Sampling(0.0), turns=Turns.MULTI))
    finally:
        policy.close()
    trace = ended.rollout.trace
    assert trace.stop is StopReason.ANSWERED
    assert [author.author for turn in trace.turns for author in turn.authors].count(Author.OBSERVATION) == 1
    # The checkpoint's own penalty on words that were said before would have made the second thought another one.
    assert [turn.text.count("Something is at (40, 30).") for turn in trace.turns] == [1, 1]
    (look,) = trace.looks
    assert look.window.contains(trace.frame.to_original(40, 30))
    assert trace.answer == "red"
    # What the server is, and how a prefix is brought about there, stands in the trace.
    assert "transformers serve" in json.dumps(trace.to_json()["settings"])
    assert "demanded" in json.dumps(trace.to_json()["settings"])


def test_many_conversations_are_repeatable_and_one_that_runs_out_is_forced(policy: Policy) -> None:
    settings = RolloutSettings(sampling=Sampling(1.0, seed=5), turns=Turns.MULTI, max_turns=2)
    once, again = (sorted(conversations(policy, settings, 4), key=lambda ended: ended.rollout.draw) for _ in range(2))
    assert [ended.rollout.trace.turns for ended in once] == [ended.rollout.trace.turns for ended in again]
    (forced,) = conversations(policy, RolloutSettings(sampling=Sampling(0.0), turns=Turns.MULTI, max_turns=2))
    assert forced.rollout.trace.stop is StopReason.FORCED
    assert forced.rollout.trace.answer is not None

"""Many conversations with one model: chance, slots, threads, what is never sampled, and texts as they are written."""

from __future__ import annotations

import threading

import pytest
import torch

from core.errors import PolicyError
from core.policies.conversation import GREEDY, Failed, Finish, Request, Role, Said, Sampling
from core.policies.local.loading import LoadedModel
from core.policies.local.policy import LocalPolicy
from core.policies.plain import PlainPolicy
from tests.core.policies.asking import answer, ask, calling, completions, crop, lead, opening, outcomes, request

WARM = Sampling(temperature=1.0, top_p=0.95, top_k=50, seed=11)


def test_a_seed_says_the_same_again_whoever_is_beside_it(loaded: LoadedModel) -> None:
    said = opening(loaded)
    with LocalPolicy(loaded, slots=1) as policy:
        alone = ask(policy, request(said, WARM))
        again = ask(policy, request(said, WARM))
        other = ask(policy, request(said, Sampling(temperature=1.0, top_p=0.95, top_k=50, seed=12)))
    with LocalPolicy(loaded, slots=4) as policy, policy.session() as session:
        beside = {row: request(opening(loaded, row), Sampling(temperature=1.5, seed=row)) for row in (0, 1, 2)}
        together = completions(session, {**beside, 7: request(said, WARM)})[7]
    assert alone.ids == again.ids == together.ids == ask(PlainPolicy(loaded), request(said, WARM)).ids
    assert other.ids != alone.ids


def test_picture_tokens_are_never_sampled(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    # The model is made to want nothing but picture marks, and numbers that name no token.
    head, never = loaded.model.lm_head, sorted(loaded.rendering.never)
    bias = torch.zeros(head.weight.shape[0])
    bias[never] = 1000.0
    handle = head.register_forward_hook(lambda _module, _inputs, logits: logits + bias)
    try:
        with LocalPolicy(loaded, slots=3) as policy, policy.session() as session:
            sampled = completions(
                session,
                {0: request(opening(loaded)), 1: request(opening(loaded), WARM), 2: request(opening(loaded), Sampling(2.0, seed=1))},
            )
        plain = ask(PlainPolicy(loaded), request(opening(loaded)))
    finally:
        handle.remove()
    for turn in (*sampled.values(), plain):
        assert turn.ids and not set(turn.ids) & loaded.rendering.never
        # Its probability is told as the model has it: next to nothing.
        assert turn.logprobs is not None and max(turn.logprobs) < -900


def test_more_conversations_than_slots_all_come_to_their_end(one_loaded: LoadedModel) -> None:
    rows = {row: row for row in range(5)}
    with LocalPolicy(one_loaded, slots=2, chooser=calling(one_loaded, 2)) as policy:
        crowded = lead(policy, one_loaded, rows, turns=2)
    with LocalPolicy(one_loaded, slots=5, chooser=calling(one_loaded, 2)) as policy:
        roomy = lead(policy, one_loaded, rows, turns=2)
    assert {row: [turn.ids for turn in turns] for row, turns in crowded.items()} == {
        row: [turn.ids for turn in turns] for row, turns in roomy.items()
    }
    # What a row lost while it waited is encoded anew, and still counts as the context that it is.
    assert [turn.context_ids for turn in crowded[0]] == [turn.context_ids for turn in roomy[0]]


def test_those_who_wait_get_the_place_of_who_is_done(one_loaded: LoadedModel) -> None:
    with LocalPolicy(one_loaded, slots=1) as policy, policy.session() as session:
        for row in range(4):
            session.submit(row, request(opening(one_loaded, row)))
        order = []
        while len(order) < 4:
            for event in session.events(5.0):
                if not hasattr(event, "text"):
                    order.append(event.row)
                    session.cancel(event.row)
    assert order == [0, 1, 2, 3]


def test_sessions_in_two_threads_do_not_mind_each_other(one_loaded: LoadedModel) -> None:
    with LocalPolicy(one_loaded, slots=3, chooser=calling(one_loaded, 2)) as policy:
        alone = {name: lead(policy, one_loaded, {0: seed, 1: seed + 1}, turns=2) for name, seed in (("a", 0), ("b", 5))}
        together: dict[str, object] = {}

        def run(name: str, seed: int) -> None:
            together[name] = {
                row: [turn.ids for turn in turns] for row, turns in lead(policy, one_loaded, {0: seed, 1: seed + 1}, turns=2).items()
            }

        threads = [threading.Thread(target=run, args=one) for one in (("a", 0), ("b", 5))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert together == {name: {row: [turn.ids for turn in turns] for row, turns in rows.items()} for name, rows in alone.items()}


def test_a_conversation_beyond_the_context_is_refused_and_one_at_its_edge_is_cut_off(one_loaded: LoadedModel) -> None:
    context = one_loaded.card.context or 0
    words = "x" * 3
    with LocalPolicy(one_loaded, slots=1) as policy, policy.session() as session:
        session.submit(0, request((Said(Role.USER, (words * context,)),)))
        failed = outcomes(session, [0])[0]
        assert isinstance(failed, Failed) and isinstance(failed.error, PolicyError)
        assert "context holds 4,096" in str(failed.error)
        near = next(
            said
            for size in range(context, 0, -1)
            if len(one_loaded.rendering.opening(said := (Said(Role.USER, ("7" * size,)),)).ids) <= context - 5
        )
        edge = completions(session, {0: request(near, tokens=100)})[0]
        assert (edge.finish, len(edge.ids or ())) == (Finish.LENGTH, context - len(edge.context_ids or ()))


def test_a_turn_ends_where_the_model_ends_it(loaded: LoadedModel) -> None:
    end = loaded.rendering.turn_end
    assert end is not None

    def choose(row: int, written: list[int], logits: torch.Tensor) -> int | None:
        return end if len(written) == 4 else None

    said = opening(loaded)
    for policy in (LocalPolicy(loaded, slots=1, chooser=choose), PlainPolicy(loaded, chooser=choose)):
        with policy.session() as session:
            first = completions(session, {0: request(said)})[0]
            assert first.finish is Finish.END and first.ids is not None and first.ids[-1] == end and len(first.ids) == 5
            assert "<|im_end|>" not in first.text
            second = completions(session, {0: request((*said, answer(first), crop(loaded, 2)))})[0]
            # The end that the model wrote is not said a second time.
            assert second.context_ids is not None and second.context_ids[0] != end
        policy.close()


def test_a_stop_text_is_found_across_tokens_and_ends_the_turn(loaded: LoadedModel) -> None:
    rendering = loaded.rendering
    script = rendering.tokens("ab </ans") + rendering.tokens("wer> cd")

    def choose(row: int, written: list[int], logits: torch.Tensor) -> int | None:
        return script[len(written)] if len(written) < len(script) else None

    for policy in (LocalPolicy(loaded, slots=1, chooser=choose), PlainPolicy(loaded, chooser=choose)):
        turn = ask(policy, request(opening(loaded), tokens=40, stop=("</answer>", "never")))
        assert turn.finish is Finish.STOP and turn.text == "ab </answer>"
        policy.close()


def test_the_plain_loop_is_transformers_own_generate(loaded: LoadedModel) -> None:
    said = opening(loaded)
    turn = ask(PlainPolicy(loaded), request(said, tokens=20))
    encoded = loaded.rendering.opening(said)
    pixels, grid = loaded.rendering.pixels(encoded.pictures[0])
    ids = torch.tensor([encoded.ids])
    forbidden = [[token] for token in sorted(loaded.rendering.never)]
    made = loaded.model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        pixel_values=pixels,
        image_grid_thw=grid,
        mm_token_type_ids=(ids == loaded.rendering.image_id).int(),
        max_new_tokens=20,
        do_sample=False,
        repetition_penalty=1.0,
        bad_words_ids=forbidden,
        eos_token_id=sorted(loaded.rendering.end_ids),
        temperature=None,
        top_p=None,
        top_k=None,
    )
    assert tuple(made[0, len(encoded.ids) :].tolist()) == turn.ids


def test_what_is_asked_wrongly_is_told(one_loaded: LoadedModel) -> None:
    with pytest.raises(PolicyError, match="At least 1"):
        LocalPolicy(one_loaded, slots=0)
    with LocalPolicy(one_loaded, slots=1) as policy:
        session = policy.session()
        session.submit(0, Request(opening(one_loaded), GREEDY, 50))
        with pytest.raises(PolicyError, match="has not answered"):
            session.submit(0, Request(opening(one_loaded), GREEDY, 50))
        session.close()
        with pytest.raises(PolicyError, match="session was closed"):
            session.submit(0, Request(opening(one_loaded), GREEDY, 50))
        assert session.events(0.0) == ()

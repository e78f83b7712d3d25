"""Stopping: rows, sessions and policies end at once, also in the middle of a forward pass; failures cost nobody else anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch

from core.errors import OutOfMemory, PolicyError
from core.policies.conversation import Failed, Finished, Wrote
from core.policies.local.loading import LoadedModel
from core.policies.local.policy import LocalPolicy
from core.policies.protocol import Session
from tests.core.policies.asking import PATIENCE, ask, completions, opening, outcomes, request


class Held:
    """Stops a model in the first layer of a forward pass until it is let go; counts how often the layers were reached."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.let_go = threading.Event()
        self.first = self.last = 0

    def in_first(self, *_: object) -> None:
        self.first += 1
        self.reached.set()
        assert self.let_go.wait(PATIENCE)

    def in_last(self, *_: object) -> None:
        self.last += 1


@contextmanager
def held(loaded: LoadedModel) -> Iterator[Held]:
    hold = Held()
    layers = loaded.model.model.language_model.layers
    hooks = [
        layers[0].self_attn.o_proj.register_forward_hook(hold.in_first),
        layers[-1].self_attn.o_proj.register_forward_hook(hold.in_last),
    ]
    try:
        yield hold
    finally:
        hold.let_go.set()
        for hook in hooks:
            hook.remove()


def wait_for_words(session: Session, row: int) -> None:
    while not any(isinstance(event, Wrote) and event.row == row for event in session.events(1.0)):
        pass


def test_a_cancelled_row_ends_in_the_middle_of_a_forward_pass(loaded: LoadedModel) -> None:
    with held(loaded) as hold, LocalPolicy(loaded, slots=1) as policy, policy.session() as session:
        session.submit(0, request(opening(loaded)))
        assert hold.reached.wait(PATIENCE)
        session.cancel(0)
        assert session.events(0.0) == ()
        hold.let_go.set()
        # The next conversation is answered, and the last layer was reached by its passes alone.
        turn = completions(session, {1: request(opening(loaded, 1))})[1]
        assert hold.first == policy.spent.steps + 1 and hold.last == policy.spent.steps == len(turn.ids or ())


def test_the_vision_tower_is_left_as_well(loaded: LoadedModel) -> None:
    reached, let_go = threading.Event(), threading.Event()
    blocks = loaded.model.model.visual.blocks

    def wait(*_: object) -> None:
        reached.set()
        assert let_go.wait(PATIENCE)

    hook = blocks[0].register_forward_hook(wait)
    try:
        with LocalPolicy(loaded, slots=1) as policy, policy.session() as session:
            session.submit(0, request(opening(loaded)))
            assert reached.wait(PATIENCE)
            session.cancel(0)
            let_go.set()
            completions(session, {1: request(opening(loaded, 1))})
            assert policy.spent.pictures == 1
    finally:
        let_go.set()
        hook.remove()


def test_others_finish_when_a_row_is_cancelled(one_loaded: LoadedModel) -> None:
    alone = {}
    for row in (0, 2):
        with LocalPolicy(one_loaded, slots=1) as policy:
            alone[row] = ask(policy, request(opening(one_loaded, row), tokens=40)).ids
    with LocalPolicy(one_loaded, slots=3) as policy, policy.session() as session:
        for row in range(3):
            session.submit(row, request(opening(one_loaded, row), tokens=40))
        wait_for_words(session, 1)
        session.cancel(1)
        seen: dict[int, Finished] = {}
        while len(seen) < 2:
            for event in session.events(1.0):
                assert event.row != 1
                if isinstance(event, Finished):
                    seen[event.row] = event
        assert {row: event.completion.ids for row, event in seen.items()} == alone


def test_a_row_can_be_asked_anew_after_it_was_cancelled(one_loaded: LoadedModel) -> None:
    with LocalPolicy(one_loaded, slots=1) as policy, policy.session() as session:
        for _ in range(5):
            session.submit(0, request(opening(one_loaded), tokens=200))
            session.cancel(0)
        turn = completions(session, {0: request(opening(one_loaded, 1))})[0]
    with LocalPolicy(one_loaded, slots=1) as policy:
        assert ask(policy, request(opening(one_loaded, 1))).ids == turn.ids


def test_a_closed_policy_fails_what_runs_and_opens_no_session(loaded: LoadedModel) -> None:
    with held(loaded) as hold:
        policy = LocalPolicy(loaded, slots=1)
        session = policy.session()
        for row in range(3):
            session.submit(row, request(opening(loaded, row)))
        assert hold.reached.wait(PATIENCE)
        closing = threading.Thread(target=policy.close)
        closing.start()
        while not policy.is_closed:
            pass
        hold.let_go.set()
        closing.join(PATIENCE)
        assert not closing.is_alive() and hold.last == 0
        failed = outcomes(session, range(3))
        assert all(isinstance(event, Failed) and "was closed" in str(event.error) for event in failed.values())
        session.submit(5, request(opening(loaded)))
        assert isinstance(outcomes(session, [5])[5], Failed)
        with pytest.raises(PolicyError, match="closed"):
            policy.session()
        policy.close()
        session.close()


def test_a_closed_session_leaves_the_policy_to_others(one_loaded: LoadedModel) -> None:
    with LocalPolicy(one_loaded, slots=1) as policy:
        session = policy.session()
        session.submit(0, request(opening(one_loaded), tokens=1000))
        wait_for_words(session, 0)
        session.close()
        session.close()
        assert ask(policy, request(opening(one_loaded, 1))).ids


def test_too_little_memory_costs_the_new_conversation_only(one_loaded: LoadedModel) -> None:
    first_word = threading.Event()

    def choose(row: int, written: Sequence[int], logits: torch.Tensor) -> int | None:
        if row == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        first_word.set()
        return None

    with LocalPolicy(one_loaded, slots=2, chooser=choose) as policy, policy.session() as session:
        session.submit(0, request(opening(one_loaded), tokens=60))
        assert first_word.wait(PATIENCE)
        session.submit(1, request(opening(one_loaded, 1)))
        ended = outcomes(session, [0, 1])
        failed = ended[1]
        assert isinstance(failed, Failed) and isinstance(failed.error, OutOfMemory) and "smaller pictures" in str(failed.error)
        assert isinstance(ended[0], Finished) and len(ended[0].completion.ids or ()) == 60
        assert completions(session, {2: request(opening(one_loaded, 1))})[2].ids


def test_who_waits_for_a_place_gets_that_of_a_conversation_that_failed(one_loaded: LoadedModel) -> None:
    def choose(row: int, written: Sequence[int], logits: torch.Tensor) -> int | None:
        if row == 0:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return None

    with LocalPolicy(one_loaded, slots=1, chooser=choose) as policy, policy.session() as session:
        for row in range(2):
            session.submit(row, request(opening(one_loaded, row)))
        ended = outcomes(session, range(2))
        assert isinstance(ended[0], Failed) and isinstance(ended[1], Finished)


def test_a_cache_that_cannot_be_had_is_told_and_nothing_is_lost(one_loaded: LoadedModel) -> None:
    with LocalPolicy(one_loaded, slots=1) as policy, policy.session() as session:
        before = completions(session, {0: request(opening(one_loaded))})[0]
        real = policy._inference._cache.reserve  # what no machine can be made to lack at will

        def reserve(slots: int, tokens: int) -> None:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )

        policy._inference._cache.reserve = reserve  # type: ignore[method-assign]
        session.submit(1, request(opening(one_loaded, 3)))
        failed = outcomes(session, [1])[1]
        assert isinstance(failed, Failed) and isinstance(failed.error, OutOfMemory)
        policy._inference._cache.reserve = real  # type: ignore[method-assign]
        assert completions(session, {2: request(opening(one_loaded))})[2].ids == before.ids


def test_a_broken_chooser_is_told_and_the_thread_lives_on(one_loaded: LoadedModel) -> None:
    def choose(row: int, written: Sequence[int], logits: torch.Tensor) -> int | None:
        return {}[row] if row == 1 and len(written) == 3 else None  # type: ignore[return-value]

    with LocalPolicy(one_loaded, slots=2, chooser=choose) as policy, policy.session() as session:
        session.submit(1, request(opening(one_loaded)))
        failed = outcomes(session, [1])[1]
        assert isinstance(failed, Failed) and "could not go on" in str(failed.error) and failed.partial
        assert completions(session, {0: request(opening(one_loaded))})[0].ids

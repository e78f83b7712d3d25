"""The rollout engine with a server: what is found out while it answers stands in the traces of that very run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.frames import FrameKind
from core.policies.server import open_server
from core.policies.server.spelling import REBUILT
from core.rollout.engine import roll_out
from core.rollout.journal import Journal, read_journal
from core.trace import StopReason
from tests.core.policies.scripted_server import Answer, Asked, chunk, says, scripted
from tests.core.policies.server_asking import QUICK, Options
from tests.core.rollout.speaking import ANSWER, LOOK, rollouts, settings, task


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SACCADE_API_KEY", "OPENAI_API_KEY", "SACCADE_API_KEY_127_0_0_1"):
        monkeypatch.delenv(variable, raising=False)


def test_that_turns_were_put_together_stands_in_the_traces_of_the_first_run(tmp_path: Path) -> None:
    with scripted() as server:
        parts = (
            chunk(delta={"reasoning_content": " It is red (30, 40). "}),
            chunk("<answer> red </answer>"),
            chunk(finish="stop"),
            "[DONE]",
        )
        server.script(Answer(stream=parts))
        policy = open_server(server.url, None, Options(), limits=QUICK)
        assert "turns" not in policy.card.details
        with Journal(tmp_path / "journal.jsonl") as journal:
            (rollout,) = rollouts(journal.keep(roll_out(policy, [task()], settings())))
        policy.close()
    trace = rollout.trace
    assert (trace.stop, trace.answer) == (StopReason.ANSWERED, "red")
    assert trace.settings["policy_details"]["turns"] == REBUILT
    assert read_journal(tmp_path / "journal.jsonl") == (trace,)


def test_that_the_answer_was_demanded_in_words_stands_in_the_trace_that_has_it() -> None:
    def answer(count: int, asked: Asked) -> Answer:
        if asked.body.get("continue_final_message"):
            return Answer(400, {"message": "continue_final_message is set but the final message does not appear in the chat."})
        return says(LOOK if count == 0 else "<answer> red </answer>")

    with scripted() as server:
        server.answer = answer
        policy = open_server(server.url, None, Options(), limits=QUICK)
        assert policy.card.details["prefix"] == "continued by the server"
        (rollout,) = rollouts(roll_out(policy, [task()], settings(max_turns=2)))
        policy.close()
    assert rollout.trace.stop is StopReason.FORCED
    assert "demanded in words" in rollout.trace.settings["policy_details"]["prefix"]


def test_nothing_else_that_was_settled_changes() -> None:
    with scripted() as server:
        server.script(says(ANSWER))
        policy = open_server(server.url, None, Options(space=FrameKind.NORMALISED, max_pixels=50_000), limits=QUICK)
        card = policy.card
        (rollout,) = rollouts(roll_out(policy, [task()], settings(), policy_name="mine"))
        learnt = dict(policy.card.details)
        policy.close()
    record = rollout.trace.settings
    assert (rollout.trace.policy, record["space"], record["max_pixels"]) == ("mine", FrameKind.NORMALISED.value, 50_000)
    assert dict(card.details).items() < learnt.items() and record["policy_details"] == json.loads(json.dumps(learnt))

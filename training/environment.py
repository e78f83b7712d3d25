"""The zoom as TRL's environment interface has it: one object for a rollout, whose public method is a tool that the model may call.

The turn comes as it was written, and core.rollout answers it: with the same crop, or the same complaint, as in a rollout that it leads
itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PIL import Image

from core.errors import TrainingError
from core.grammar import CALL_CLOSE, OBSERVATION_CLOSE, OBSERVATION_OPEN, TOOL_NAME, Message, parse_messages
from core.policies.conversation import Completion, Finish, Request, Said, Shown
from core.rollout.conversations import Conversation
from core.rollout.values import Spoke
from core.trace import Author
from training.questions import Question

# TRL counts tokens itself: none are counted here.
_NO_LIMIT = 10**9

RESPONSES: dict[str, Any] = {"defaults": {"role": "assistant"}, "fields": {"content": {"content": "text"}}}
"""TRL reads turns of tokenizers alone that have such a template; `read_turn` stands in for what it would do."""


def read_turn(text: str) -> dict[str, Any]:
    """What the model wrote in a turn as TRL takes it: with a call where core.rollout would carry one out, and with none where there is an
    answer, or where the turn did not end at its call."""
    told: dict[str, Any] = {"role": "assistant", "content": text}
    turn = next(iter(parse_messages([Message(Author.MODEL, text)]).turns), None)
    if turn is None or turn.answer is not None or turn.call is None or not text.endswith(CALL_CLOSE):
        return told
    return told | {"tool_calls": [{"type": "function", "function": {"name": TOOL_NAME, "arguments": {"call": text}}}]}


class ZoomEnvironment:
    """A rollout's environment. TRL makes as many as it needs and resets them.

    observed  what it answered, in the words of a trace
    """

    def __init__(self) -> None:
        self.observed: list[str] = []
        self._conversation: Conversation | None = None

    def reset(self, question: Question | None = None, **row: Any) -> None:
        """Begin a rollout of a question; what is asked stands in the prompt."""
        if question is None:
            raise TrainingError("A rollout needs a question: the row has none.")
        plan = replace(
            question.plan, settings=replace(question.settings, max_tokens=_NO_LIMIT), card=replace(question.plan.card, context=None)
        )
        self.observed = []
        self._conversation = Conversation(0, 0, 0, plan, question.views())
        self._conversation.begin()

    def search_coordinate(self, call: str) -> list[dict[str, Any]]:
        """Look closer at a place of the picture.

        Args:
            call: the turn in which it was called, as it was written.

        Returns:
            The crop in its observation, or the complaint that stands there instead.
        """
        assert self._conversation is not None, "reset comes first"
        reply = self._conversation.answered(Completion(call, Finish.STOP))
        if not isinstance(reply.then, Request):
            raise TrainingError("The environment was called behind the end of its rollout.")
        self.observed += [said.text for said in reply.spoken if isinstance(said, Spoke) and said.author is Author.OBSERVATION]
        return _inside(reply.then.messages[-1])


def _inside(said: Said) -> list[dict[str, Any]]:
    """An observation as TRL takes it, without its tags: the template writes them round it."""
    parts: list[str | Image.Image] = [part.image if isinstance(part, Shown) else part for part in said.parts]
    first, last = parts[0], parts[-1]
    assert isinstance(first, str) and isinstance(last, str), "an observation begins and ends with its tags"
    parts[0] = first.removeprefix(f"{OBSERVATION_OPEN}\n")
    end = parts[-1]
    assert isinstance(end, str)
    parts[-1] = end.removesuffix(f"\n{OBSERVATION_CLOSE}")
    return [{"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part} for part in parts if part != ""]

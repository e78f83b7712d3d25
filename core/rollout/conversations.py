"""One conversation: what is asked next, and when it is over. Knows no session and no clock."""

from __future__ import annotations

from dataclasses import dataclass

from core.grammar import (
    ANSWER_CLOSE,
    CALL_CLOSE,
    FORCED_PREFIX,
    Message,
    observation_text,
    parse_messages,
    tool_error_text,
)
from core.policies.conversation import GREEDY, Completion, Finish, Request, Role, Said
from core.policies.protocol import PolicyCard
from core.rollout.observations import (
    Observation,
    Views,
    complain,
    complaint_about,
    look_of,
    picture_tokens,
    show,
)
from core.rollout.plans import Plan
from core.rollout.tokens import TokenLedger
from core.rollout.values import Began, Rollout, Spoke
from core.trace import Author, Fault, Look, StopReason, Turn

# Tokens that are kept back for a forced answer, beside its sentence and the error that may stand before it.
ANSWER_RESERVE = 64
# A forced answer has room for as many tokens as these, even where little was to be had, or estimates were too low.
LEAST_ANSWER = 32
# A free turn is not begun with less room than this.
LEAST_TURN = 16

_TURN_STOPS = (CALL_CLOSE, ANSWER_CLOSE)
_ANSWER_STOPS = (ANSWER_CLOSE,)

CUT_OFF = "the reply was cut off before its action was complete."
"""Why an answer is demanded behind a turn whose tokens ran out."""
_NO_TOOL = "there is no tool to call here: the answer is asked for."
_NO_PICTURES = "no more pictures can be shown: the answer is asked for."
_NO_ROOM = "there is no room for another picture: the answer is asked for."


@dataclass(frozen=True, slots=True)
class Reply:
    """What follows from a completion: what was said because of it, and the next request or the reason to stop."""

    spoken: tuple[Spoke, ...]
    then: Request | StopReason


class Conversation:
    """A draw of a task. `begin` gives the first request, `answered` what follows from each completion."""

    def __init__(self, number: int, task: int, draw: int, plan: Plan, views: Views) -> None:
        self.number = number
        self.task = task
        self.draw = draw
        self._plan = plan
        self._views = views
        self._said = views.opening()
        self._messages: list[Message] = []
        self._ledger = TokenLedger()
        self._ledger.prompt_tokens = picture_tokens(plan.card, plan.shown) + self._ledger.estimate((plan.prompt or "") + plan.question)
        self._pictures = 1
        self._forced = False
        self.partial = ""
        """What was written so far of the turn that is being written."""
        self.turns = 0
        """Turns that are over."""
        self.streamed = 0
        """Tokens of the turn that is being written."""

    def began(self) -> Began:
        """That it has begun."""
        return Began(self.number, self.task, self.draw, self._plan.trace(self.draw, (), StopReason.UNKNOWN), self._plan.rule)

    def begin(self) -> Request:
        """The first turn, which is always the model's own."""
        return self._free()

    def wrote(self, text: str, tokens: int) -> Spoke:
        """A piece of the turn that is being written."""
        text = _writable(text)
        self.partial += text
        self.streamed += tokens
        return Spoke(self.number, self.turns, Author.MODEL, text)

    def answered(self, completion: Completion) -> Reply:
        """A turn is over."""
        text = _writable(completion.text)
        rest = text.removeprefix(self.partial) if text.startswith(self.partial) else ""
        spoken = (Spoke(self.number, self.turns, Author.MODEL, rest),) if rest else ()
        self._ledger.add(completion, self.turns, self.streamed)
        self.partial, self.streamed = "", 0
        self._messages.append(Message(Author.MODEL, text))
        if self._forced:
            self.turns += 1
            return Reply(spoken, StopReason.FORCED)
        self._said += (Said(Role.ASSISTANT, (completion.text,), completion.ids),)
        then = self._next(text, completion.finish)
        return Reply((*spoken, *then.spoken), then.then)

    def rollout(self, stop: StopReason, seconds: float, error: str = "", *, card: PolicyCard | None = None) -> Rollout:
        """What came of it; of a turn that was being written, what there is. `card`: the policy's as it is by now, for some learn on the
        way how their answers come about."""
        partial = (Message(Author.MODEL, self.partial),) if self.partial else ()
        plan = self._plan if card is None else self._plan.learnt(card)
        trace = plan.trace(self.draw, (*self._messages, *partial), stop)
        return Rollout(self.task, self.draw, trace, self._ledger.tokens(), seconds, error)

    def _next(self, text: str, finish: Finish) -> Reply:
        parsed = parse_messages([Message(Author.MODEL, text)])
        turn = parsed.turns[0] if parsed.turns else None
        cut_off = finish is Finish.LENGTH and not _is_whole(text, turn)
        if turn is None:
            return Reply((), StopReason.MAX_TOKENS if cut_off else StopReason.NO_ACTION)
        self.turns += 1
        if cut_off:
            return self._force_after(CUT_OFF, StopReason.MAX_TOKENS)
        if turn.answer is not None:
            return Reply((), StopReason.ANSWERED)
        if turn.call is None:
            return Reply((), StopReason.NO_ACTION)
        if not self._plan.multi_turn:
            return self._force_after(_NO_TOOL, StopReason.MAX_TURNS)
        if self._turns_left == 0:
            return Reply((), StopReason.MAX_TURNS)
        return self._carry_out(turn, parsed.faults)

    def _carry_out(self, turn: Turn, faults: tuple[Fault, ...]) -> Reply:
        """The call of a turn: a crop or an error, then the next turn, or the answer is demanded."""
        look = look_of(self._plan, turn)
        if look is None:
            return self._go_on(complain(complaint_about(self._plan, turn, faults)))
        if self._pictures >= self._plan.settings.max_pictures:
            return self._go_on(complain(_NO_PICTURES))
        if not self._fits(look):
            return self._force_after(_NO_ROOM, StopReason.MAX_TOKENS)
        self._pictures += 1
        return self._go_on(show(self._views, look, turn))

    def _go_on(self, observation: Observation) -> Reply:
        spoken = self._observe(observation)
        may_force = self._plan.settings.force_answer
        out_of_pictures = self._pictures >= self._plan.settings.max_pictures
        out_of_room = self._room() < LEAST_TURN
        if may_force and (self._turns_left == 1 or out_of_pictures or out_of_room):
            if not self._context_holds(FORCED_PREFIX):
                return Reply((spoken,), StopReason.MAX_TOKENS)
            injected, request = self._force()
            return Reply((spoken, injected), request)
        return Reply((spoken,), StopReason.MAX_TOKENS if out_of_room else self._free())

    def _force_after(self, reason: str, otherwise: StopReason) -> Reply:
        """The answer is demanded behind an error that says why; where it may not be, the conversation stops for the other reason."""
        if not self._plan.settings.force_answer or self._turns_left == 0:
            return Reply((), otherwise)
        if not self._context_holds(tool_error_text(reason) + FORCED_PREFIX):
            return Reply((), StopReason.MAX_TOKENS)
        spoken = self._observe(complain(reason))
        injected, request = self._force()
        return Reply((spoken, injected), request)

    def _observe(self, observation: Observation) -> Spoke:
        self._messages.append(Message(Author.OBSERVATION, observation.text))
        self._said += (observation.said,)
        shown = sum(picture_tokens(self._plan.card, look.output) for look in [observation.look] if look)
        self._ledger.expect(shown + self._ledger.estimate(observation.text))
        return Spoke(self.number, self.turns - 1, Author.OBSERVATION, observation.text, observation.look)

    def _force(self) -> tuple[Spoke, Request]:
        self._forced = True
        self._messages.append(Message(Author.INJECTED, FORCED_PREFIX))
        self._ledger.expect(self._ledger.estimate(FORCED_PREFIX))
        room = max(LEAST_ANSWER, self._room(reserve=0))
        tokens = min(self._plan.settings.max_new_tokens, room)
        request = Request(self._said, GREEDY, tokens, prefix=FORCED_PREFIX, stop=_ANSWER_STOPS)
        return Spoke(self.number, self.turns, Author.INJECTED, FORCED_PREFIX), request

    def _free(self) -> Request:
        sampling = self._plan.sampling(self.draw, self.turns)
        tokens = max(1, min(self._plan.settings.max_new_tokens, self._room()))
        return Request(self._said, sampling, tokens, stop=_TURN_STOPS if self._plan.multi_turn else _ANSWER_STOPS)

    @property
    def _turns_left(self) -> int:
        return self._plan.settings.max_turns - self.turns

    def _fits(self, look: Look) -> bool:
        words = self._ledger.estimate(observation_text(look.dot))
        return self._room() >= picture_tokens(self._plan.card, look.output) + words + LEAST_TURN

    def _context_holds(self, words: str) -> bool:
        """Whether the policy's context has room for these words and an answer: a limit that nobody can go beyond."""
        context = self._plan.card.context
        return context is None or self._ledger.prompt_tokens + self._ledger.used + self._ledger.estimate(words) + LEAST_ANSWER <= context

    def _room(self, reserve: int | None = None) -> int:
        """Tokens that may still be used, without those kept back for a forced answer."""
        settings, context = self._plan.settings, self._plan.card.context
        if reserve is None:
            reserve = self._reserve() if settings.force_answer else 0
        room = settings.max_tokens - self._ledger.used
        if context is not None:
            room = min(room, context - self._ledger.prompt_tokens - self._ledger.used)
        return room - reserve

    def _reserve(self) -> int:
        # Of a small budget, the larger part stays with the model's own turns.
        words = self._ledger.estimate(tool_error_text(_NO_ROOM) + FORCED_PREFIX)
        return min(words + ANSWER_RESERVE, self._plan.settings.max_tokens // 4)


def _writable(text: str) -> str:
    # PostgreSQL's text holds every character but this one.
    return text.replace("\0", "\ufffd")


def _is_whole(text: str, turn: Turn | None) -> bool:
    """Whether a turn that ran into its limit had said what it does just before: its call or answer is closed."""
    if turn is None:
        return False
    if turn.answer is not None:
        return text.find(ANSWER_CLOSE, turn.answer.end) == turn.answer.end
    return turn.call is not None and turn.call.span.of(text).endswith(CALL_CLOSE)

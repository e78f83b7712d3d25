"""Two policies without a model: one that looks and answers as well as can be done, and one that guesses.

Between them every other lies. Both go through the ordinary rollout, and both can be put under any condition: what the expert was not
shown it does not know, and guesses as well as one can.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PIL import Image

from core.crops import CropRule, look_at
from core.errors import TaskError
from core.frames import QWEN3_FACTOR, CoordinateFrame, FrameKind
from core.geometry import Box
from core.grammar import ANSWER_CLOSE, TurnText, format_messages, parse
from core.policies.conversation import Role, Said
from core.policies.protocol import PolicyCard, PolicyKind, frame_of
from core.policies.scripted import ScriptedPolicy
from core.tasks.needle.chance import Chance
from core.tasks.needle.expert import EXPERT, Writing, writing
from core.tasks.needle.guesses import best_answer, candidates_of, guess
from core.tasks.needle.task import drawn_name
from core.tasks.needle.values import Asked, Difficulty, Kind

GUESSER = "needle guesser"
"""The name under which a guesser's traces stand."""


def card_for(difficulty: Difficulty, name: str) -> PolicyCard:
    """The card of a policy that is shown scenes as this world wants it: in the overview's size, with points in thousandths."""
    area = difficulty.overview**2
    factor = QWEN3_FACTOR if difficulty.overview % QWEN3_FACTOR == 0 else 1
    if factor == 1:
        raise TaskError(f"A policy without a model is shown overviews of whole {QWEN3_FACTOR} px, not of {difficulty.overview} px.")
    return PolicyCard(name, PolicyKind.SCRIPTED, FrameKind.NORMALISED, factor, area, area)


class ExpertPolicy(ScriptedPolicy):
    """Knows where everything is, looks at what it needs, and reads the mark of every item whose mark a crop shows it whole.

    It knows a scene by its picture's name (`drawn_name`) and the question; of one that it does not know, or that is veiled, it knows the
    question and guesses. Raises TaskError where the world's overview is no size for it.
    """

    def __init__(self, difficulty: Difficulty, scenes: Iterable[Asked], seed: int = 0) -> None:
        card = card_for(difficulty, EXPERT)
        self._known = {(drawn_name(asked.scene), asked.question): asked for asked in scenes}
        self._difficulty = difficulty
        self._rule = difficulty.rule(card.factor)
        self._seed = seed
        super().__init__(self._say, card=card, tells_tokens=False)

    def _say(self, messages: tuple[Said, ...], row: int) -> str:
        question, name = opening(messages)
        asked = self._known.get((name, question))
        forced = messages[-1].role is Role.ASSISTANT
        chance = Chance("expert", self._seed, question, name, row)
        if asked is None:
            return _answered(guess(question, self._difficulty, chance), forced=forced)
        frame = frame_of(self.card, asked.scene.size)
        seen, tried = _seen(messages, asked, frame, self._rule)
        write = writing(frame)
        wanted = _next_look(asked, seen, tried)
        if forced or wanted is None:

            def spot(at: int) -> str:
                return write.words(asked.scene.items[at].centre)

            return _answered(best_answer(asked, seen, self._difficulty.marks, chance, spot), forced=forced)
        return _look(asked, wanted, write, first=not tried)


class GuessingPolicy(ScriptedPolicy):
    """Answers at once, and knows nothing but the question: the floor. Raises TaskError where the world's overview is no size for it."""

    def __init__(self, difficulty: Difficulty, seed: int = 0) -> None:
        self._difficulty = difficulty
        self._seed = seed
        super().__init__(self._say, card=card_for(difficulty, GUESSER), tells_tokens=False)

    def _say(self, messages: tuple[Said, ...], row: int) -> str:
        question, name = opening(messages)
        chance = Chance("guesser", self._seed, question, name)
        return _answered(guess(question, self._difficulty, chance), forced=messages[-1].role is Role.ASSISTANT)


def opening(messages: Sequence[Said]) -> tuple[str, str]:
    """A conversation's question, and the name of its picture ("" where it has none)."""
    asked = next(said for said in messages if said.role is Role.USER)
    return asked.text.strip(), asked.pictures[0].key.partition("/")[0] if asked.pictures else ""


def _seen(messages: Sequence[Said], asked: Asked, frame: CoordinateFrame, rule: CropRule) -> tuple[frozenset[int], frozenset[int]]:
    """The items whose marks were shown whole, and the items that were looked at, whatever was shown."""
    seen, tried, window = set[int](), set[int](), None
    for said in messages:
        if said.role is Role.ASSISTANT:
            window = _window(said.text, frame, rule)
        elif window is not None and said.role is Role.USER:
            within = {at for at, item in enumerate(asked.scene.items) if _holds(window, item.mark_box)}
            tried |= within
            # Plain ground shows nothing, wherever it is said to come from; an error shows no picture.
            if said.pictures and not _is_plain(said.pictures[0].image):
                seen |= within
            window = None
    return frozenset(seen), frozenset(tried)


def _window(text: str, frame: CoordinateFrame, rule: CropRule) -> Box | None:
    turns = parse(text).turns
    mention = turns[0].call.mention if turns and turns[0].call else None
    look = look_at(mention.x, mention.y, frame, rule) if mention else None
    return look.window if look else None


def _holds(window: Box, box: Box) -> bool:
    return window.x1 <= box.x1 and window.y1 <= box.y1 and window.x2 >= box.x2 and window.y2 >= box.y2


def _is_plain(image: Image.Image) -> bool:
    return all(low == high for low, high in image.convert("RGB").getextrema())  # type: ignore[misc]


def _next_look(asked: Asked, seen: frozenset[int], tried: frozenset[int]) -> int | None:
    """The next item that has to be looked at; None where enough is known, or no more can be."""
    items, among = asked.scene.items, candidates_of(asked)
    searches = asked.kind not in (Kind.MARK, Kind.PAIR)
    if searches and any(items[at].mark is asked.sought for at in among if at in seen):
        return None
    return next((at for at in among if at not in tried), None)


def _look(asked: Asked, at: int, write: Writing, *, first: bool) -> str:
    item = asked.scene.items[at]
    listed = ", ".join(f"{one.name} {write.words(one.centre)}" for one in asked.scene.items)
    thought = f"{listed}. " if first else ""
    said = TurnText(f"{thought}Look at the {item.name} {write.words(item.centre)}.", call=write.numbers(item.centre))
    return format_messages([said])[0].text


def _answered(answer: str, *, forced: bool) -> str:
    if forced:
        return f" {answer} {ANSWER_CLOSE}"
    return format_messages([TurnText("That is what there is to know.", answer=answer)])[0].text

"""A curated record as tokens: the very tokens that a rollout of the same turns would have had, and which of them are learnt.

    dialog = dialog_of(record, image, loaded.rendering, loaded.card)

Nothing is cut into tokens here: `core.policies.local.rendering` does it, for rollouts and for training alike, a turn at a time. Two
things are a record's own. What the model wrote is cut anew from its text, because a record keeps no tokens: a sampled turn may have been
other tokens of the same text. And every turn of the model ends with the token that ends turns, also where a rollout stopped it by a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from core.errors import PolicyError, TrainingError
from core.policies.conversation import Shown
from core.policies.local.rendering import Encoded, Rendering
from core.policies.protocol import PolicyCard
from core.records import CuratedRecord
from core.trace import Author
from training.turns import Spoken, spoken, title_of


@dataclass(frozen=True, slots=True)
class Dialog:
    """One conversation to learn from, as tokens.

    ids       as many picture pads as a picture has tokens; the end of the last turn is the last of them
    learnt    one for each token: True on what the model wrote and on the ends of its turns, nowhere else
    pictures  the pictures of the pads, in order
    weight    the record's; 1 is an ordinary one
    authors   one for each token, as a rollout tells them (`TokenSpan`): None before the model's first word. The end of a turn is said
              by the environment, which is who ends a turn that is over with its action
    record    content hash of the record's trace
    """

    ids: tuple[int, ...]
    learnt: tuple[bool, ...]
    pictures: tuple[Shown, ...]
    weight: float
    authors: tuple[Author | None, ...]
    record: str = ""


def dialog_of(
    record: CuratedRecord,
    images: Image.Image | Sequence[Image.Image],
    rendering: Rendering,
    card: PolicyCard,
    *,
    system: str | None = None,
    most_tokens: int | None = None,
) -> Dialog:
    """The tokens of a record, as a policy with this rendering and card would have been given them.

    images       the upright originals of the record's pictures, in order; one image where it has one picture
    system       a system prompt in place of the record's own; "": none is sent, and the checkpoint's template says what it says
    most_tokens  more are refused; also more than the card's context

    Raises TrainingError, naming the record, where it cannot be shown as a rollout would show it, or is too long.
    """
    said = spoken(record, images, card, system=system)
    try:
        tokens = _tokens(said, rendering)
    except PolicyError as error:
        raise TrainingError(f"{title_of(record)} cannot be put into tokens. {error}") from error
    limits = [limit for limit in (most_tokens, card.context) if limit is not None]
    if limits and len(tokens.ids) > min(limits):
        raise TrainingError(
            f"{title_of(record)} has {len(tokens.ids):,} tokens with its pictures, and {min(limits):,} are the most: show smaller pictures "
            "(fewer pixels), or leave it out."
        )
    return Dialog(tuple(tokens.ids), tuple(tokens.learnt), tuple(tokens.pictures), record.weight, tuple(tokens.authors), record.trace)


class _Tokens:
    """A dialog in the making."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.learnt: list[bool] = []
        self.authors: list[Author | None] = []
        self.pictures: list[Shown] = []

    def put(self, ids: Sequence[int], author: Author | None, *, learnt: bool = False) -> None:
        self.ids += ids
        self.learnt += [learnt] * len(ids)
        self.authors += [author] * len(ids)

    def put_before_the_model(self, encoded: Encoded, author: Author | None) -> None:
        cut = len(encoded.ids) - encoded.prefix_tokens
        self.put(encoded.ids[:cut], author)
        self.put(encoded.ids[cut:], Author.INJECTED)
        self.pictures += encoded.pictures


def _tokens(said: Spoken, rendering: Rendering) -> _Tokens:
    end = rendering.turn_end if rendering.turn_end is not None else rendering.tokenizer.eos_token_id
    if end is None:
        raise PolicyError("The tokenizer has no token that ends a turn: copy the base model's.")
    tokens = _Tokens()
    tokens.put_before_the_model(rendering.opening(said.opening, rendering.plain(said.turns[0].injected)), None)
    for place, turn in enumerate(said.turns):
        if place and (answered := said.turns[place - 1].answered) is not None:
            tokens.put_before_the_model(rendering.between(True, answered, rendering.plain(turn.injected)), Author.OBSERVATION)
        tokens.put(rendering.tokens(rendering.plain(turn.text)), Author.MODEL, learnt=True)
        tokens.put((end,), Author.OBSERVATION, learnt=True)
    return tokens

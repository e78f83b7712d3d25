"""One turn that is asked of the model: what it is given, how far it is, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from core.policies.conversation import Completion, Finish, PolicyEvent, Request
from core.policies.local.choosing import Draw
from core.policies.local.forward import PictureFeatures
from core.policies.local.places import Layout
from core.policies.local.speech import Speech


@dataclass(slots=True, eq=False)
class Turn:
    """A turn on its way through the engine.

    owner      the conversation it belongs to
    layout     what the model is given: the whole conversation, with the prefix
    own_from   where in it the tokens begin that stand behind the conversation's last completion
    deliver    takes its events
    slot       where its keys and values are, once it has a place
    held       so many of its tokens are in the cache
    encoded    so many tokens of what it was given had to be encoded
    cancelled  nobody waits for it any more; set from any thread
    """

    owner: Hashable
    row: int
    request: Request
    layout: Layout
    own_from: int
    prefix_tokens: int
    draw: Draw
    speech: Speech
    deliver: Callable[[PolicyEvent], None]
    slot: int = -1
    held: int = 0
    encoded: int = 0
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    features: dict[str, PictureFeatures] = field(default_factory=dict)
    untold: int = 0
    cancelled: bool = False

    @property
    def given(self) -> int:
        """How many tokens the model is given."""
        return len(self.layout.ids)

    @property
    def missing(self) -> int:
        """How many tokens have to be encoded before the next one can be chosen."""
        return self.given + len(self.ids) - self.held

    @property
    def whole(self) -> Layout:
        """The conversation with what was written."""
        ids = np.concatenate((self.layout.ids, np.asarray(self.ids, dtype=np.int64)))
        return Layout(ids, self.layout.places, self.layout.positions, self.layout.after)

    def completion(self, finish: Finish) -> Completion:
        """What came of it."""
        return Completion(
            text=self.speech.text,
            finish=finish,
            ids=tuple(self.ids),
            logprobs=tuple(self.logprobs),
            context_ids=tuple(self.layout.ids[self.own_from :].tolist()),
            prefix_tokens=self.prefix_tokens,
            encoded=self.encoded,
        )

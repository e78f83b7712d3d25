"""What a rollout is asked for, what happens while it runs, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from PIL import Image

from core.crops import CropRule
from core.errors import PolicyError
from core.policies.conversation import Sampling
from core.trace import Author, Look, Sample, Trace

# The paper's limits: 5 turns, 5 pictures (the whole one and four crops), 1,024 tokens a turn and 4,096 in all with the observations
# (tables A2 and A3); its evaluation samples at temperature 0.5, with top-p 0.99 where there are several turns.
MAX_TURNS = 5
MAX_PICTURES = 5
MAX_TOKENS = 4096
MAX_NEW_TOKENS = 1024
PAPER_SAMPLING = Sampling(temperature=0.5, top_p=0.99)


class Turns(StrEnum):
    """Whether the model may look closer."""

    AUTO = "auto"
    """Several turns where the domain has a zoom, one elsewhere."""
    SINGLE = "single"
    MULTI = "multi"


class SystemPrompt(StrEnum):
    """Which system prompt a conversation begins with."""

    AUTO = "auto"
    """The one that the checkpoint carries, where it carries one; the domain's elsewhere."""
    DOMAIN = "domain"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """How conversations are led. Raises PolicyError for limits under which nothing could be said.

    max_turns       the model's turns; where an answer is forced, the last of them is for that (the first is always its own)
    max_pictures    pictures in one conversation, the whole one counted
    max_tokens      tokens of the answerer's side: what the model writes, and what observations with their crops take up; kept by
                    estimate where the policy does not tell its tokens, and a forced answer has room for a few words whatever is left
    max_new_tokens  tokens of one turn
    force_answer    when turns, pictures or tokens run out, the answer is demanded by the fixed sentence, at temperature 0
    crop            how to zoom; None: as the policy was trained to, else as the domain does
    seconds         a conversation that takes longer is ended as timed out; None: it may take as long as it takes
    system          which system prompt; `system_text`, where it is not None, stands in place of any
    """

    sampling: Sampling = PAPER_SAMPLING
    turns: Turns = Turns.AUTO
    max_turns: int = MAX_TURNS
    max_pictures: int = MAX_PICTURES
    max_tokens: int = MAX_TOKENS
    max_new_tokens: int = MAX_NEW_TOKENS
    force_answer: bool = True
    crop: CropRule | None = None
    seconds: float | None = None
    system: SystemPrompt = SystemPrompt.AUTO
    system_text: str | None = None

    def __post_init__(self) -> None:
        for name in ("max_turns", "max_pictures", "max_tokens", "max_new_tokens"):
            if getattr(self, name) < 1:
                raise PolicyError(f"{name} is at least 1, not {getattr(self, name)}.")
        if self.seconds is not None and not self.seconds > 0:
            raise PolicyError(f"A conversation's time limit is more than 0 seconds, not {self.seconds}.")


@dataclass(frozen=True, slots=True)
class Task:
    """A sample to be asked `samples` times. `image` is the upright original of the sample's first picture.

    known  draws, from 0, that are not asked: what came of them is known from before
    """

    sample: Sample
    image: Image.Image = field(compare=False, repr=False)
    samples: int = 1
    known: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """Tokens start <= i < end of `Tokens.ids`, in which turn they stand, and who wrote them. What the chat template puts between the
    turns belongs to the environment: observation."""

    start: int
    end: int
    turn: int
    author: Author


@dataclass(frozen=True, slots=True)
class Tokens:
    """A conversation as tokens: what a policy is trained on is what it was asked with.

    prompt    what stood before the model's first word; pictures as their pad tokens, as everywhere here
    ids       everything after it
    logprobs  one for each of `ids`; None for what the model did not write
    spans     cover `ids` without gap or overlap
    """

    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    logprobs: tuple[float | None, ...]
    spans: tuple[TokenSpan, ...]


@dataclass(frozen=True, slots=True)
class Rollout:
    """What came of one conversation.

    task, draw  which task, and which of its samples (from 0)
    tokens      None where the policy does not tell its tokens
    error       why it broke off, where its trace's stop reason is `error`
    seconds     from its first request to its end
    """

    task: int
    draw: int
    trace: Trace
    tokens: Tokens | None
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Began:
    """A conversation has begun. Conversations count from 0: the draws of the first task, then those of the second.

    trace  the conversation before its first word: its sample, its frame, how it is made
    crop   how its calls are cut; None: one turn, and no zoom
    """

    conversation: int
    task: int
    draw: int
    trace: Trace
    crop: CropRule | None


@dataclass(frozen=True, slots=True)
class Spoke:
    """A piece of text was added to a turn: by the model, by an injection, or as an observation (whole, with its look if it had one)."""

    conversation: int
    turn: int
    author: Author
    text: str
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A conversation has ended, for whatever reason: the last event of it."""

    conversation: int
    rollout: Rollout


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    seconds_left     about; None until the first turn has ended, for how many tokens a turn takes is not known before
    seconds_at_most  told until then: if every conversation wrote as many tokens as it may, at the pace so far. None where there is no
                     pace yet
    """

    ended: int
    conversations: int
    tokens: int
    seconds: float
    seconds_left: float | None
    seconds_at_most: float | None = None


RolloutEvent = Began | Spoke | Ended | Progress

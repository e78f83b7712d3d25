"""A large made-up database, to measure the store on: real traces through the real grammar, about pictures that do not exist.

Words are drawn by Zipf's law from a made-up vocabulary, so that a search can ask for a common word and for a rare one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import accumulate, islice
from random import Random

from annotations.store import Store
from core.domains import DOMAINS
from core.frames import CoordinateFrame
from core.geometry import Box, Point, Size
from core.grammar import TurnText, format_turns, parse
from core.grounding import ground
from core.trace import DomainName, Origin, Picture, Sample, StopReason, Trace, Truth, TruthKind

# Traces of one transaction.
BATCH = 2_000
TRACES_A_SAMPLE = 4
SAMPLES_A_PICTURE = 5
VOCABULARY = 20_000
DATASETS = ("synthetic-search", "synthetic-web", "synthetic-spatial")
POLICIES = ("made-3b-sft", "made-3b-grpo", "made-7b-sft", "made-7b-grpo", "made-7b-search")
SIZES = (Size(1920, 1080), Size(1280, 960), Size(1080, 1920), Size(2400, 1600), Size(640, 480))
_VOWELS, _CONSONANTS = "aeiou", "bdfgklmnprstvz"


def fill(store: Store, traces: int = 100_000, steps_per_trace: int = 10, seed: int = 0) -> int:
    """How many traces were added to the store; the same arguments make the same traces, of at least one step.

    About one in twelve traces has a fault or no answer, and half are conversations with a look in every turn but the last.
    """
    added = 0
    for dataset in range(len(DATASETS)):
        share = range(dataset, traces, len(DATASETS))
        made = make_traces(len(share), steps_per_trace, seed * len(DATASETS) + dataset)
        while batch := list(islice(made, BATCH)):
            added += sum(store.add_traces(batch, dataset=DATASETS[dataset]))
    return added


def make_traces(traces: int, steps_per_trace: int = 10, seed: int = 0) -> Iterator[Trace]:
    """Made-up traces with that many steps each; the same arguments give the same traces."""
    random, words = Random(seed), _Words(seed)
    domains = tuple(DomainName)
    for index in range(traces):
        if index % TRACES_A_SAMPLE == 0:
            number = index // TRACES_A_SAMPLE
            sample = _sample(domains[number % len(domains)], number, seed, random, words)
        yield _trace(sample, index, steps_per_trace, random, words)


@cache
def vocabulary() -> tuple[str, ...]:
    """The made-up words, most frequent first."""
    spelling = Random("vocabulary")
    return tuple(_spell(spelling) for _ in range(VOCABULARY))


class _Words:
    """Draws made-up words, the n-th of them with a frequency of 1/n."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._vocabulary = vocabulary()
        self._weights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))

    def draw(self, count: int) -> list[str]:
        return self._random.choices(self._vocabulary, cum_weights=self._weights, k=count)


def _spell(random: Random) -> str:
    return "".join(random.choice(_CONSONANTS) + random.choice(_VOWELS) for _ in range(random.randint(2, 4)))


def _sample(domain: DomainName, number: int, seed: int, random: Random, words: _Words) -> Sample:
    picture_number = number // SAMPLES_A_PICTURE
    size = SIZES[picture_number % len(SIZES)]
    picture = Picture(f"{seed:032x}{picture_number:032x}", size, 1, f"synthetic-{picture_number}.jpg")
    where = Point(random.randrange(50, size.width - 50), random.randrange(50, size.height - 50))
    box = Box(where.x - 40, where.y - 40, where.x + 40, where.y + 40)
    truths = {
        TruthKind.TEXT: Truth(TruthKind.TEXT, words.draw(1)[0]),
        TruthKind.BOX: Truth(TruthKind.BOX, str(box.corners), box=box),
        TruthKind.POINT: Truth(TruthKind.POINT, f"({where.x}, {where.y})", point=where),
        TruthKind.ACTION: Truth(TruthKind.ACTION, f"CLICK [{number}]"),
    }
    question = f"Which {' '.join(words.draw(9))} number {number}?"
    return Sample(question, domain, (picture,), truths[DOMAINS[domain].answer_kind], external_id=f"{seed}-{number}")


def _trace(sample: Sample, index: int, steps: int, random: Random, words: _Words) -> Trace:
    frame = CoordinateFrame.resized(sample.pictures[0].size)
    looks = random.randrange(1, min(6, steps)) if index % 2 and steps > 1 else 0
    turns = []
    for turn in range(looks):
        share = steps * (turn + 1) // (looks + 1) - steps * turn // (looks + 1)
        thought, last = _thought(share, frame, random, words)
        turns.append(TurnText(thought, call=last, observed=True))
    thought, _ = _thought(steps - steps * looks // (looks + 1), frame, random, words)
    turns.append(TurnText(thought, answer=_answer(sample, frame, random, words)))
    text = format_turns(turns)
    if index % 12 == 7:
        # The answer is left out, as a text that was cut off has it.
        text = text[: text.rindex("<answer>")]
    rule = DOMAINS[sample.domain].crop if looks else None
    stop = StopReason.MAX_TOKENS if index % 12 == 7 else None
    policy = POLICIES[random.randrange(len(POLICIES))]
    settings = {"temperature": 0.5, "seed": index}
    return ground(sample, parse(text), frame, rule, policy=policy, stop=stop, settings=settings, origin=Origin("synthetic", line=index + 1))


def _thought(steps: int, frame: CoordinateFrame, random: Random, words: _Words) -> tuple[str, tuple[int, int]]:
    """A sentence a step, each with its point, and the last point: a call of the tool at that place is no step of its own."""
    sentences = []
    for _ in range(steps):
        drawn = words.draw(14)
        point = random.randrange(frame.grid.width), random.randrange(frame.grid.height)
        sentences.append(f"{' '.join(drawn[:6])} {point} {' '.join(drawn[6:])}.")
    return " ".join(sentences), point


def _answer(sample: Sample, frame: CoordinateFrame, random: Random, words: _Words) -> str:
    """The right answer in two cases of three."""
    truth, right = sample.truth, random.randrange(3) > 0
    if truth.kind in (TruthKind.BOX, TruthKind.POINT):
        goal = truth.box.centre if truth.box else truth.point
        assert goal is not None
        x, y = frame.from_original(goal) if right else (random.randrange(frame.grid.width), random.randrange(frame.grid.height))
        return f"({round(x)}, {round(y)})"
    if truth.kind is TruthKind.ACTION:
        return truth.text if right else "STOP"
    return truth.text if right else words.draw(1)[0]

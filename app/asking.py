"""What a run is asked for: a question about a picture, by whom it is answered, how often, under which settings, and where it goes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from annotations.demo import DEMO_DATASET, DEMO_ORIGIN
from annotations.pictures import PictureStore, read_header, turned_upright
from annotations.queries import TraceQuery
from annotations.store import Store
from core.domains import DOMAINS
from core.errors import GeometryError, PolicyError, TruthError
from core.geometry import Box, Point
from core.grammar import read_box, read_point
from core.rollout.values import RolloutSettings, Task, Turns
from core.trace import DomainName, Picture, Sample, Trace, Truth, TruthKind

DATASET = "asked"
MAX_SAMPLES = 64
MAX_QUESTION = 8_000
MAX_TRUTH = 2_000
# No conversation of the method comes near; a run beyond them would only fill the memory.
MOST = {"max_turns": 64, "max_pictures": 64, "max_tokens": 131_072, "max_new_tokens": 32_768}
# Of a data set that somebody has filled further.
RECORDED = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """A run before it begins. Raises PolicyError for what nobody could answer.

    policy   the reference on the shelf
    dataset  where its traces are stored; None: nowhere
    actor    who asked, for the event log
    """

    policy: str
    sample: Sample
    samples: int = 1
    settings: RolloutSettings = field(default_factory=RolloutSettings)
    dataset: str | None = DATASET
    actor: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= MAX_SAMPLES:
            raise PolicyError(f"A question is asked 1 to {MAX_SAMPLES} times at once, not {self.samples}.")
        if not self.sample.question.strip():
            raise PolicyError("There is no question: write one.")
        if len(self.sample.question) > MAX_QUESTION:
            raise PolicyError(f"The question has {len(self.sample.question):,} signs, and up to {MAX_QUESTION:,} are taken: shorten it.")
        for name, most in MOST.items():
            if getattr(self.settings, name) > most:
                raise PolicyError(f"{name} is at most {most:,}, not {getattr(self.settings, name):,}.")
        if self.settings.turns is Turns.MULTI and DOMAINS[self.sample.domain].multi_turn_prompt is None:
            title = DOMAINS[self.sample.domain].title
            raise PolicyError(f"{title} has no zoom, and so no conversation of several turns: choose a single turn, or another domain.")


def sample_of(picture: Picture, question: str, domain: DomainName, truth: Truth | None = None) -> Sample:
    """The sample of a question that somebody asks."""
    return Sample(question.strip(), domain, (picture,), truth or Truth(TruthKind.NONE))


def task_of(asked: Asked, pictures: PictureStore) -> Task:
    """The task of a run, its picture decoded and upright. Raises NotFound and PictureError."""
    picture = asked.sample.pictures[0]
    return Task(asked.sample, turned_upright(pictures.decode(picture.sha256), picture.orientation), asked.samples)


def truth_of(text: str, kind: TruthKind) -> Truth:
    """The truth that somebody wrote: a box or a point is in pixels of the upright original. Raises TruthError."""
    text = text.strip()
    if len(text) > MAX_TRUTH:
        raise TruthError(f"The truth has {len(text):,} signs, and up to {MAX_TRUTH:,} are taken: shorten it.")
    if not text or kind is TruthKind.NONE:
        return Truth(TruthKind.NONE)
    if kind is TruthKind.BOX:
        return Truth(kind, text, box=_box(text))
    if kind is TruthKind.POINT:
        numbers = read_point(text)
        if numbers is None:
            raise TruthError(f"The truth {text!r:.80} is no point: write it as (x, y), in pixels of the picture.")
        return Truth(kind, text, point=Point(*numbers))
    return Truth(kind, text)


def told_kind(text: str, domain: DomainName) -> TruthKind:
    """What sort of truth a text is for a domain: where places are asked for, four numbers are a box and two a point."""
    usual = DOMAINS[domain].answer_kind
    if usual is not TruthKind.BOX:
        return usual
    return TruthKind.BOX if read_box(text) else TruthKind.POINT


def picture_in_store(sha256: str, store: Store, pictures: PictureStore) -> Picture:
    """A picture of the data folder as the store knows it; by its file alone where no trace shows it. Raises NotFound and PictureError."""
    path = pictures.path(sha256)
    rows = store.list_traces(TraceQuery(picture=sha256, page_size=1)).items
    if rows:
        shown = store.trace(rows[0].id).trace.sample.pictures
        return next((picture for picture in shown if picture.sha256 == sha256), shown[0])
    return read_header(path.read_bytes())


def recorded_traces(store: Store) -> tuple[Trace, ...]:
    """The runs that are played back where no model is at hand: the one that ships, and those of the demo's traces that go with it.

    Raises PolicyNotFound and PolicyError where the one that ships is gone or damaged.
    """
    from core.policies.replay import recorded, replayable

    demo = (stored.trace for stored in store.iter_traces(TraceQuery(dataset=(DEMO_DATASET,))))
    return replayable((*recorded(), *(trace for trace in islice(demo, RECORDED) if trace.origin.kind == DEMO_ORIGIN)))


def recorded_samples(traces: Iterable[Trace]) -> tuple[tuple[Sample, int], ...]:
    """The questions that recorded runs answer, in their order, and how often each was asked."""
    samples: dict[tuple[str, str], tuple[Sample, int]] = {}
    for trace in traces:
        key = (trace.sample.question, trace.sample.pictures[0].sha256)
        sample, count = samples.get(key, (trace.sample, 0))
        samples[key] = sample, count + 1
    return tuple(samples.values())


def _box(text: str) -> Box:
    corners = read_box(text)
    if corners is None:
        raise TruthError(f"The truth {text!r:.80} is no box: write it as (x1, y1, x2, y2), in pixels of the picture.")
    x1, y1, x2, y2 = corners
    try:
        return Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    except GeometryError as error:
        raise TruthError(f"The truth {text!r:.80} cannot be a box in a picture: {error}") from error

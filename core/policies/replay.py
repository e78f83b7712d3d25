"""Recorded runs, played back: a policy that says again what was said in traces. For showing how a run looks where no model is at hand.

What it is asked must have been recorded: the same question about the same picture, as often as it was asked then. The environment's
part is not played back: crops are cut anew, where the recorded points lie.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.crops import CropRule
from core.domains import DOMAINS
from core.errors import PolicyError, PolicyNotFound, TraceError
from core.frames import QWEN2_5_FACTOR, QWEN3_FACTOR, QWEN_MIN_PIXELS, REFERENCE_MAX_PIXELS, FrameKind
from core.grammar import ANSWER_CLOSE, tool_error_text
from core.policies.conversation import Role, Said
from core.policies.protocol import PolicyCard, PolicyKind, frame_of
from core.policies.scripted import CutOff, Script, ScriptedPolicy
from core.rollout.conversations import CUT_OFF
from core.rollout.journal import is_journal, read_journal
from core.rollout.plans import asked_text
from core.trace import Author, StopReason, Trace

# How long a word takes, in seconds: quick enough to wait for, slow enough to watch.
PACE = 0.04
# The recorded run that ships: a program's, and it says so. static/demo/record_run.py makes it.
SHIPPED = Path(__file__).resolve().parents[2] / "static" / "demo" / "recorded_run.jsonl"

_SHARES = (1.0, 0.999, 0.995, 0.99, 0.98, 0.96, 0.93, 0.9)

# (question as a policy reads it, SHA-256 of the picture)
_Key = tuple[str, str]


def replay_policy(traces: Sequence[Trace], pace: float = PACE) -> ScriptedPolicy:
    """A policy that plays these traces back, `pace` seconds a word: the first time a question is asked, its first trace, and so on.

    Its numbers are those of the traces' frame, so that points land where they were: all traces need to be of one (`replayable` takes
    those out that can be played together). Raises PolicyNotFound where there is none, PolicyError where they do not fit together.
    """
    if not traces:
        raise PolicyNotFound("There is no recorded run to play back.")
    fitting = replayable(traces)
    if len(fitting) < len(traces):
        first = next(trace for trace in traces if trace not in fitting)
        raise PolicyError(
            f"The recorded traces cannot be played back together: “{first.sample.question:.80}” was answered in another coordinate frame "
            f"({first.frame.kind.value}, {first.frame.grid}) than the others, or in one that no policy speaks."
        )
    return _Replay(fitting, _card_of(fitting[0]), pace)


def replayable(traces: Sequence[Trace]) -> tuple[Trace, ...]:
    """Those of the traces that can be played back together: of the first that can be played at all, and of all in its frame."""
    card = next((card for trace in traces if (card := _fitting_card(trace))), None)
    return () if card is None else tuple(trace for trace in traces if _fits(card, trace))


def open_replay(file: Path | str | None = None, *, pace: float = PACE) -> ScriptedPolicy:
    """A policy that plays the traces of a file back; None: the recorded run that ships.

    Raises PolicyNotFound where there is no such file, PolicyError for one whose traces cannot be read or do not fit together.
    """
    return replay_policy(recorded(file), pace)


def recorded(file: Path | str | None = None) -> tuple[Trace, ...]:
    """The traces of a recorded run: a file with a trace a line, as this program exports them, or a run's journal; None: the one that ships.

    Raises PolicyNotFound where there is no such file, PolicyError for one that cannot be read.
    """
    path = SHIPPED if file is None else Path(file)
    try:
        if is_journal(path):
            return read_journal(path)
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise PolicyNotFound(f"There is no recorded run at {path}.") from error
    except (OSError, UnicodeDecodeError, TraceError) as error:
        raise PolicyError(f"The recorded run {path} cannot be read: {error}") from error
    return tuple(_trace(line, number, path) for number, line in enumerate(lines, start=1) if line.strip())


class _Replay(ScriptedPolicy):
    def __init__(self, traces: Sequence[Trace], card: PolicyCard, pace: float) -> None:
        self._recordings: dict[_Key, list[Trace]] = {}
        for trace in traces:
            key = (asked_text(trace.sample.question), trace.sample.pictures[0].sha256)
            self._recordings.setdefault(key, []).append(trace)
        # Recorded turns were cut off by the limits of their own run; in words they stay below those of any other.
        super().__init__(_silent, seconds_per_piece=pace, card=card, tells_tokens=False)

    def script_of_session(self) -> Script:
        """Each session begins at each question's first trace again."""
        return _Player(self._recordings)


def _silent(messages: tuple[Said, ...], row: int) -> str:
    return ""


class _Player:
    """Plays the recordings in one session, and remembers which row is hearing which."""

    def __init__(self, recordings: Mapping[_Key, Sequence[Trace]]) -> None:
        self._recordings = recordings
        self._playing: dict[int, Trace] = {}
        self._begun: dict[_Key, int] = {}

    def __call__(self, messages: tuple[Said, ...], row: int) -> str | CutOff:
        demanded = messages[-1].role is Role.ASSISTANT
        turn = sum(said.role is Role.ASSISTANT for said in messages) - demanded
        if turn == 0:
            self._playing[row] = self._begin(messages)
        trace = self._playing[row]
        text = _spoken(trace, turn, prefix=messages[-1].text if demanded else "")
        return CutOff(text) if _was_cut_off(trace, turn) else text

    def _begin(self, messages: tuple[Said, ...]) -> Trace:
        asked = next(said for said in messages if said.role is Role.USER)
        picture = asked.pictures[0].key.partition("/")[0] if asked.pictures else ""
        key = (asked.text.strip(), picture)
        traces = self._recordings.get(key)
        if traces is None:
            raise PolicyNotFound(f"This was not recorded: {self._to_ask(picture)}.")
        draw = self._begun.get(key, 0)
        if draw >= len(traces):
            times = "once" if len(traces) == 1 else f"{len(traces)} times"
            raise PolicyNotFound(f"This question was recorded {times}: there is no further answer to play back.")
        self._begun[key] = draw + 1
        return traces[draw]

    def _to_ask(self, picture: str) -> str:
        here = [question for question, sha256 in self._recordings if sha256 == picture]
        if here:
            return f"about this picture, there is only {_listed(here)}"
        names = {traces[0].sample.pictures[0].name or sha256[:12] for (_, sha256), traces in self._recordings.items()}
        return f"there are only questions about {', '.join(sorted(names))}, such as {_listed([next(iter(self._recordings))[0]])}"


def _listed(questions: Sequence[str]) -> str:
    shown = [f"“{' '.join(question.split()):.120}”" for question in questions[:3]]
    return ", ".join(shown) + (f" and {len(questions) - 3} more" if len(questions) > 3 else "")


def _spoken(trace: Trace, turn: int, *, prefix: str) -> str:
    """What was said in a turn. Where the answer is demanded earlier than it was then, the recorded answer."""
    parts = trace.turns[turn].authors if turn < len(trace.turns) else ()
    text = trace.turns[turn].text if parts else ""
    said = [(part.author, part.span.of(text)) for part in parts if part.author is not Author.OBSERVATION]
    injected = "".join(words for author, words in said if author is Author.INJECTED)
    if prefix and injected != prefix:
        return f" {trace.answer or ''} {ANSWER_CLOSE}"
    return "".join(words for author, words in said if author is Author.MODEL or not prefix)


def _was_cut_off(trace: Trace, turn: int) -> bool:
    """Whether a turn's tokens ran out, which is told by the error that answered it, or by what the conversation stopped for."""
    observation = trace.turns[turn].observation if turn < len(trace.turns) else None
    if observation is not None:
        return observation.of(trace.turns[turn].text) == tool_error_text(CUT_OFF)
    return trace.stop is StopReason.MAX_TOKENS and turn >= len(trace.turns) - 1


def _trace(line: str, number: int, path: Path) -> Trace:
    try:
        document = json.loads(line)
        return Trace.from_json(document.get("trace", document) if isinstance(document, dict) else document)
    except (ValueError, RecursionError, TraceError) as error:
        raise PolicyError(f"{path.name}, line {number} is no recorded trace: {error}") from error


def _card_of(trace: Trace) -> PolicyCard:
    card = _fitting_card(trace)
    assert card is not None, "it was found replayable"
    return card


def _fitting_card(trace: Trace) -> PolicyCard | None:
    """A card by whose frame the trace's numbers mean what they meant; None where no policy speaks so."""
    return next((card for card in _candidates(trace) if _fits(card, trace)), None)


def _fits(card: PolicyCard, trace: Trace) -> bool:
    if not trace.sample.pictures or not trace.turns or trace.frame.orientation != 1:
        return False
    frame = frame_of(card, trace.frame.picture)
    return (frame.grid, frame.raster, card.crop) == (trace.frame.grid, trace.frame.raster, _own_crop(trace))


def _candidates(trace: Trace) -> Iterator[PolicyCard]:
    """Cards that could be meant: by what the trace's settings record, then by what is usual."""
    name, details, crop = f"{trace.policy}, played back", {"recorded": True, "policy": trace.policy}, _own_crop(trace)
    settings, area = trace.settings, trace.frame.grid.area
    least, most = _count(settings, "min_pixels", QWEN_MIN_PIXELS), _count(settings, "max_pixels", REFERENCE_MAX_PIXELS)
    factors = (_count(settings, "factor", QWEN2_5_FACTOR), QWEN2_5_FACTOR, QWEN3_FACTOR)
    space = FrameKind.NORMALISED if trace.frame.kind is FrameKind.NORMALISED else FrameKind.RESIZED
    # A grid that was enlarged or shrunk to a budget lies a little above the one or below the other, because its sides are rounded.
    near = [(int(area * share), area) for share in _SHARES] + [(QWEN_MIN_PIXELS, int(area / share)) for share in _SHARES]
    for factor in dict.fromkeys(factors):
        for pixels in dict.fromkeys([(least, most), (QWEN_MIN_PIXELS, REFERENCE_MAX_PIXELS), *near]):
            yield PolicyCard(name, PolicyKind.SCRIPTED, space, factor, *pixels, crop=crop, details=details)
    yield PolicyCard(name, PolicyKind.SCRIPTED, FrameKind.ORIGINAL, 1, crop=crop, details=details)


def _own_crop(trace: Trace) -> CropRule | None:
    """How the trace's crops were cut, where it says so and its domain cuts otherwise."""
    usual, settings = DOMAINS[trace.sample.domain].crop, trace.settings
    offset, side, dot = _count(settings, "offset", 0), _count(settings, "crop_size", 0), settings.get("draw_dot") is True
    if not (offset and side) or (usual is not None and (usual.offset, usual.side, usual.dot) == (offset, side, dot)):
        return None
    return CropRule(offset, side, dot)


def _count(settings: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = settings.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else otherwise

"""Evaluation rollouts: `thoughts` and `final_answer` -> messages -> a trace.

The reference keeps the raw text of every turn but the last; of that one it keeps the answer alone. What it does not keep (the crops,
the words of the last thought) is cut again, or is not held against the model.
"""

from __future__ import annotations

from annotations.importing.json_values import BadRow
from annotations.importing.kinds import SourceKind
from annotations.importing.rows import Converted, RowContext
from annotations.importing.samples import make_sample
from annotations.importing.spoken import answer_alone, is_completion, observed, without_fault
from core.crops import CropRule
from core.domains import DOMAINS
from core.grammar import ANSWER_CLOSE, FORCED_PREFIX, Message, Parsed, parse, parse_messages
from core.grounding import ground
from core.trace import Author, DomainName, FaultKind

# The reference's command line has these defaults; args.json writes out what was in force.
_DEFAULT_OFFSET = 50
_DEFAULT_SIDE = 512


def read_rollout(row: RowContext) -> Converted:
    """The trace of an evaluation rollout. Raises BadRow or PictureError for a row that cannot be taken."""
    thoughts = row.texts("thoughts")
    final = row.optional_text("final_answer")
    zooms = _zooms(row, thoughts)
    parsed = _read_messages(row, thoughts, final, zooms=zooms)
    picture = row.pictures.take(row.text("image"), row.notes)
    frame = row.frame.frame(picture)
    sample, domain_by = make_sample(
        row, row.text("question"), row.optional_text("true_answer"), [picture], truth_frame=frame, zooms=zooms, answer=parsed.answer
    )
    trace = ground(
        sample,
        parsed,
        frame,
        crop_rule(row, sample.domain) if zooms else None,
        policy=row.policy,
        system_prompt=row.optional_text("system_prompt"),
        recorded_score=_score(row, parsed),
        origin=row.origin(),
        settings=row.settings(),
    )
    return Converted((trace,), domain_by=domain_by)


def crop_rule(row: RowContext, domain: DomainName) -> CropRule:
    """How the run cut its crops: as its arguments say, else as the domain does."""
    usual = DOMAINS[domain].crop or CropRule(_DEFAULT_OFFSET, _DEFAULT_SIDE, dot=False)
    if row.arguments is None:
        row.notes.append(f"no args.json says how the crops were cut: the rule of the domain was taken (offset {usual.offset} px)")
        return usual
    return CropRule(
        row.count("crop_offset") or _DEFAULT_OFFSET, row.count("crop_size") or _DEFAULT_SIDE, dot=row.argument("draw_dot") is True
    )


def _zooms(row: RowContext, thoughts: list[str]) -> bool:
    """Whether the environment answered tool calls; where no args.json says it, calls in the text do."""
    if row.arguments is not None and "check_for_crop" in row.arguments:
        return row.argument("check_for_crop") is True
    return row.arguments is None and any(turn.call for thought in thoughts for turn in parse(thought).turns)


def _read_messages(row: RowContext, thoughts: list[str], final: str | None, *, zooms: bool) -> Parsed:
    if not thoughts and final is None:
        raise BadRow("The row holds neither a thought nor an answer.")
    if final is not None and is_completion(final):
        # Runs without thinking keep the whole output as the answer, tags and all.
        row.notes.append("the final answer held a whole completion and was read as one")
        return parse_messages([*_turns(thoughts, zooms=zooms), Message(Author.MODEL, final)])
    if not zooms:
        return _read_single(row, thoughts, final)
    messages = _turns(thoughts, zooms=True)
    if final is None:
        return parse_messages(messages)
    if _was_forced(row, thoughts):
        return parse_messages([*messages, Message(Author.INJECTED, FORCED_PREFIX), Message(Author.MODEL, f" {final} {ANSWER_CLOSE}")])
    parsed = parse_messages([*messages, Message(Author.MODEL, answer_alone(final))])
    # The last turn's thought is not in the file: that it is missing is no fault of the model.
    return without_fault(parsed, FaultKind.MISSING_THINK, len(parsed.turns) - 1)


def _read_single(row: RowContext, thoughts: list[str], final: str | None) -> Parsed:
    """One completion that was cut into pieces, or, where each thought was a call of its own, a turn a thought."""
    if len(thoughts) > 1 and len(set(thoughts)) == 1:
        # Where no tag is found, the reference repeats the same text once for every turn that it may take.
        row.notes.append(f"the same text stood {len(thoughts)} times as thoughts and was kept once")
        thoughts = thoughts[:1]
    answer = [] if final is None else [answer_alone(final)]
    if len(thoughts) <= 1 or row.arguments is None or row.argument("generate_upfront") is True:
        return parse("\n".join([*thoughts, *answer]))
    parsed = parse_messages([Message(Author.MODEL, text) for text in [*thoughts, *answer]])
    return without_fault(parsed, FaultKind.MISSING_THINK, len(parsed.turns) - 1) if answer else parsed


def _turns(thoughts: list[str], *, zooms: bool) -> list[Message]:
    messages: list[Message] = []
    for thought in thoughts:
        messages.append(Message(Author.MODEL, thought))
        if zooms:
            messages.extend(observed(thought))
    return messages


def _was_forced(row: RowContext, thoughts: list[str]) -> bool:
    """When the turns had run out, the model was made to go on from inside an opened answer."""
    limit = row.count("max_depth")
    return limit is not None and len(thoughts) >= limit and all(parse(thought).answer is None for thought in thoughts)


def _score(row: RowContext, parsed: Parsed) -> float | None:
    score = row.score("judge_score", row.document.get("judge_score"))
    if score and parsed.answer is None and row.kind is SourceKind.ROLLOUT:
        # The reference does not reset the score where a rollout gives no answer.
        row.notes.append(f"the score {score:g} stood beside no answer: it is left over from the rollout before, and was left out")
        return None
    return score

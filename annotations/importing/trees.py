"""Search trees: every rollout of every node -> a trace.

Each text of a rollout was one reply of the teacher, so each becomes a turn. The teacher was asked for either one thought or the answer,
so an answer without a thought is no fault here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from annotations.importing.json_values import BadRow
from annotations.importing.rows import Converted, RowContext
from annotations.importing.samples import make_sample
from annotations.importing.spoken import answer_alone, is_completion, without_fault
from core.frames import CoordinateFrame
from core.grammar import IMAGE_MARK, Message, Parsed, parse_messages
from core.grounding import ground
from core.trace import Author, FaultKind, Sample, StopReason, Trace

# The reference makes no more than this many chains of a sample either.
MAX_ROLLOUTS = 10_000
# Counts that the search kept of a rollout.
_KEPT_COUNTS = ("depth", "ephemeral_depth", "num_same_points", "num_different_points")


@dataclass(frozen=True, slots=True)
class _Rollout:
    """A rollout, its node, and where the two are: "node 0.2, rollout 1"; the root is node "root"."""

    values: Mapping[str, Any]
    node: Mapping[str, Any]
    place: str


def read_tree(row: RowContext) -> Converted:
    """The traces of all rollouts of a tree, equal ones included. Raises BadRow or PictureError for a row that cannot be taken."""
    tree = row.document["tree"]
    if not isinstance(tree, Mapping):
        raise BadRow("'tree' is not an object with a root node.")
    question = row.text("question")
    picture = row.pictures.take(row.text("image"), row.notes)
    frame = row.frame.frame(picture)
    truth_text = row.optional_text("true_answer")
    sample, domain_by = make_sample(row, question, truth_text, [picture], truth_frame=frame, zooms=False)
    traces = tuple(_trace(row, rollout, parsed, sample, frame) for rollout, parsed in _spoken(row, tree, question))
    if traces:
        return Converted(traces, domain_by=domain_by)
    return Converted(samples=(sample,), domain_by=domain_by, words="the tree holds no rollouts, so its sample alone was taken")


def _spoken(row: RowContext, tree: Mapping[str, Any], question: str) -> Iterator[tuple[_Rollout, Parsed]]:
    silent = 0
    for number, rollout in enumerate(_rollouts(tree), start=1):
        if number > MAX_ROLLOUTS:
            raise BadRow(f"The tree has more than {MAX_ROLLOUTS} rollouts.")
        texts = _texts(rollout.values.get("ephemeral_texts"), question)
        if texts:
            yield rollout, _parsed(texts, rollout)
        else:
            silent += 1
    if silent:
        row.notes.append(f"{silent} rollout{'s' if silent > 1 else ''} without texts could not be read and did not become traces")


def _rollouts(tree: Mapping[str, Any]) -> Iterator[_Rollout]:
    """Every rollout, nodes in the order of the file; without recursion, so that no depth is too deep."""
    waiting: list[tuple[Mapping[str, Any], str]] = [(tree, "")]
    while waiting:
        node, path = waiting.pop()
        for number, values in enumerate(_objects(node.get("rollouts"))):
            yield _Rollout(values, node, f"node {path or 'root'}, rollout {number}")
        children = [(child, f"{path}.{at}".lstrip(".")) for at, child in enumerate(_objects(node.get("children")))]
        waiting.extend(reversed(children))


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; an item that is none stays in its place as an empty one, so that places keep their numbers."""
    return [item if isinstance(item, Mapping) else {} for item in value] if isinstance(value, list) else []


def _texts(value: Any, question: str) -> list[str]:
    """The replies: the first text is the question, whichever way it is marked."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        return []
    first = value[0].strip() if value else ""
    asks = first == question.strip() or first.startswith(IMAGE_MARK) or first.endswith(IMAGE_MARK)
    return value[1:] if asks else value


def _parsed(texts: list[str], rollout: _Rollout) -> Parsed:
    last, final = texts[-1], rollout.values.get("final_answer")
    bare = isinstance(final, str) and last.strip() == final.strip() and not is_completion(last)
    # Only a rollout that starts at an answer ends in its bare text; otherwise the last thought was taken for an answer.
    if bare and (rollout.node.get("is_terminal") is True or len(texts) == 1):
        texts = [*texts[:-1], answer_alone(last)]
    parsed = parse_messages([Message(Author.MODEL, text) for text in texts])
    at = len(parsed.turns) - 1
    return without_fault(parsed, FaultKind.MISSING_THINK, at) if parsed.turns[at].answer else parsed


def _trace(row: RowContext, rollout: _Rollout, parsed: Parsed, sample: Sample, frame: CoordinateFrame) -> Trace:
    counts = {name: rollout.values[name] for name in _KEPT_COUNTS if name in rollout.values}
    node = {name: rollout.node[name] for name in ("visit_count", "value") if name in rollout.node}
    return ground(
        sample,
        parsed,
        frame,
        None,
        policy=row.policy,
        stop=_stop(row, rollout, parsed),
        system_prompt=row.optional_text("system_prompt"),
        recorded_score=row.score("reward", rollout.values.get("reward")),
        origin=row.origin(rollout.place),
        settings=row.settings(**counts, **node),
    )


def _stop(row: RowContext, rollout: _Rollout, parsed: Parsed) -> StopReason | None:
    """FORCED where the run says how many steps a rollout may take and this one took them all: the last is demanded as an answer."""
    limit, depth = row.count("rollout_max_steps"), rollout.values.get("depth")
    if parsed.answer is not None and limit is not None and isinstance(depth, int) and depth >= limit:
        return StopReason.FORCED
    return None

"""Curated records: written, read back equal, refused where they were changed or never fitted."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.crops import CropRule, look_at
from core.errors import RecordError
from core.frames import CoordinateFrame
from core.geometry import Box, Size
from core.grammar import FORCED_PREFIX, Message, TurnText, format_turns, observation_text, parse, parse_messages, tool_error_text
from core.grounding import ground
from core.manifest import Curation, manifest_path, read_manifest
from core.records import (
    CorrectedStep,
    CuratedRecord,
    Provenance,
    RecordLook,
    RecordMessage,
    Split,
    Writer,
    read_records,
    write_records,
)
from core.trace import Author, DomainName, Picture, Sample, Trace, Truth, TruthKind

SIZE = Size(600, 400)
FRAME = CoordinateFrame.resized(SIZE)
PICTURE = Picture("ab" * 32, SIZE, name="room.jpg")
RULE = CropRule(100, 512, dot=True)
SAMPLE = Sample("<image>\nWhere is the lamp?", DomainName.WEB_GROUNDING, (PICTURE,), Truth(TruthKind.BOX, "(1, 2, 3, 4)", Box(1, 2, 3, 4)))
PROVENANCE = Provenance("right", raters=3, dataset="demo", policy="hand", study="first")
CURATION = Curation(
    "first", (1, 2), "2025-05-01T12:00:00+00:00", ("r1", "r7"), 9, 3, {"right": 6}, {"no crop": 1}, "apply", (0.9, 0.05, 0.05), 0
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30).map(lambda text: text.replace("<image>", ""))


def conversation(sample: Sample = SAMPLE) -> Trace:
    turns = [TurnText("I look.", call=(100, 100), observed=True, dot=True), TurnText("There it is.", answer="(2, 3)")]
    return ground(sample, parse(format_turns(turns)), FRAME, RULE, policy="hand", system_prompt="Be brief.")


def test_an_error_is_kept_as_it_was_said() -> None:
    turns = [
        TurnText("Outside.", call=(9000, 1), error="(9000, 1) is outside the picture."),
        TurnText("I look.", call=(100, 100), observed=True, dot=True),
        TurnText("There it is.", answer="(2, 3)"),
    ]
    record = CuratedRecord.from_trace(ground(SAMPLE, parse(format_turns(turns)), FRAME, RULE, policy="hand"), PROVENANCE)
    said = [message.text for message in record.messages if message.writer is Writer.OBSERVATION]
    assert said == [tool_error_text("(9000, 1) is outside the picture."), observation_text(dot=True)]
    assert len(record.looks) == 1


corrected = st.lists(st.builds(CorrectedStep, st.integers(0, 9), st.integers(1, 9), texts, texts), min_size=1, max_size=2).map(tuple)
provenances = st.builds(Provenance, texts, st.integers(0, 99), texts) | st.builds(
    Provenance, texts, original=st.just("cd" * 32), corrected=corrected
)


@st.composite
def records(draw: st.DrawFn) -> CuratedRecord:
    points = draw(st.lists(st.tuples(st.integers(0, FRAME.grid.width), st.integers(0, FRAME.grid.height)), max_size=3))
    looks = [RecordLook(look, point) for point in points if (look := look_at(*point, FRAME, RULE))]
    messages = [RecordMessage(Writer.QUESTION, "<image>" + draw(texts)), RecordMessage(Writer.MODEL, draw(texts) + "!")]
    for _ in looks:
        messages += [RecordMessage(Writer.OBSERVATION, "<image>"), RecordMessage(Writer.MODEL, draw(texts))]
    return CuratedRecord(
        trace=draw(st.text("0123456789abcdef", min_size=64, max_size=64)),
        domain=draw(st.sampled_from(DomainName)),
        frame=FRAME,
        pictures=(PICTURE,),
        looks=tuple(looks),
        messages=tuple(messages),
        truth=Truth(TruthKind.TEXT, draw(texts)),
        weight=draw(st.floats(0, 1e9)),
        provenance=draw(provenances),
        split=draw(st.sampled_from(Split)),
    )


@settings(max_examples=40)
@given(st.lists(records(), max_size=4))
def test_what_is_written_is_read_back(wanted: list[CuratedRecord]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.jsonl"
        manifest = write_records(path, wanted, "all", curation=lambda: CURATION)
        assert list(read_records(path)) == wanted
        for split in Split:
            assert list(read_records(path, split=split)) == [record for record in wanted if record.split is split]
        assert read_manifest(path) == manifest
        assert manifest.records == len(wanted) == sum(manifest.domains.values()) == sum(manifest.splits.values())
        assert len(path.read_bytes().splitlines()) == len(wanted)
        assert sorted(file.name for file in Path(folder).iterdir()) == ["records.jsonl", "records.jsonl.manifest.json"]


def test_the_record_of_a_trace() -> None:
    trace = conversation()
    record = CuratedRecord.from_trace(trace, PROVENANCE, weight=2)
    assert [message.writer.value for message in record.messages] == ["system", "question", "model", "observation", "model"]
    assert [message.writer.role for message in record.messages] == ["system", "user", "assistant", "user", "assistant"]
    assert record.messages[1].text == SAMPLE.question
    assert record.messages[3].text == observation_text(dot=True)
    assert record.trace == trace.content_hash
    assert record.looks == (RecordLook(trace.looks[0], (100, 100)),)
    assert (record.weight, record.truth, record.pictures, record.frame) == (2, SAMPLE.truth, (PICTURE,), FRAME)
    text = "".join(message.text for message in record.messages[2:])
    assert parse(text).faults == (), "the messages are a conversation that the grammar reads"


def test_what_was_injected_stays_apart() -> None:
    messages = [Message(Author.INJECTED, FORCED_PREFIX), Message(Author.MODEL, " (2, 3) </answer>")]
    trace = ground(SAMPLE, parse_messages(messages), FRAME, RULE, policy="hand")
    record = CuratedRecord.from_trace(trace, PROVENANCE)
    assert [(message.writer, message.text) for message in record.messages[1:]] == [
        (Writer.INJECTED, FORCED_PREFIX),
        (Writer.MODEL, " (2, 3) </answer>"),
    ]


@pytest.mark.parametrize("question", ["Where is the lamp?", "Where <image> is <image> the lamp?"])
def test_a_question_gets_one_mark_for_each_picture(question: str) -> None:
    record = CuratedRecord.from_trace(conversation(replace(SAMPLE, question=question)), PROVENANCE)
    assert record.messages[1].text.startswith("<image>\nWhere") and record.messages[1].text.count("<image>") == 1


def test_a_conversation_with_an_unknown_crop_is_refused() -> None:
    trace = conversation()
    blind = ground(SAMPLE, parse(trace.text), FRAME, None, policy="hand")
    with pytest.raises(RecordError, match="Turn 1 was answered by a crop that is not known"):
        CuratedRecord.from_trace(blind, PROVENANCE)


def test_records_that_do_not_fit_together_are_refused() -> None:
    record = CuratedRecord.from_trace(conversation(), PROVENANCE)
    for change, reason in (
        ({"schema": 3}, "schema 3, and this program reads 1 and 2"),
        ({"trace": "ABC"}, "64 hexadecimal digits"),
        ({"weight": -1.0}, "0 or more, not -1"),
        ({"weight": float("nan")}, "not nan"),
        ({"pictures": ()}, "1 <image> marks, and the record has 0 pictures"),
        ({"looks": ()}, "1 <image> marks, and the record has 0 looks"),
        ({"messages": record.messages[:2]}, "nothing to learn from"),
    ):
        with pytest.raises(RecordError, match=reason):
            replace(record, **change)


def test_the_manifest_counts(tmp_path: Path) -> None:
    record = CuratedRecord.from_trace(conversation(), PROVENANCE)
    spatial = replace(record, trace="1" * 64, domain=DomainName.SPATIAL, weight=0.5)
    manifest = write_records(tmp_path / "r.jsonl", [record, record, spatial], "rated by three")
    assert (manifest.records, manifest.traces, manifest.pictures, manifest.weight) == (3, 2, 1, 2.5)
    assert manifest.domains == {"spatial": 1, "web_grounding": 2}
    assert manifest.splits == {"train": 3, "validation": 0, "test": 0}
    assert manifest.content_hashes == (record.trace, record.trace, "1" * 64)
    assert (manifest.rule, manifest.curation) == ("rated by three", None)


def test_the_manifest_names_what_was_corrected(tmp_path: Path) -> None:
    moved = CorrectedStep(0, 2, "(1, 2)", "(3, 4)")
    record = CuratedRecord.from_trace(conversation(), replace(PROVENANCE, original="2" * 64, corrected=(moved, replace(moved, step=1))))
    manifest = write_records(tmp_path / "r.jsonl", [record], "all")
    assert (manifest.corrected, manifest.corrected_steps) == ({"2" * 64: record.trace}, 2)
    with pytest.raises(RecordError, match="one of the two is missing"):
        replace(PROVENANCE, original="2" * 64)
    with pytest.raises(RecordError, match="one of the two is missing"):
        replace(PROVENANCE, corrected=(moved,))


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    record = CuratedRecord.from_trace(conversation(), PROVENANCE, split=Split.TEST)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_records(tmp_path / name / "r.jsonl", [record, record], "all", curation=lambda: CURATION)
    one, two = ([file.read_bytes() for file in sorted((tmp_path / name).iterdir())] for name in ("one", "two"))
    assert one == two


def test_what_can_only_be_told_in_the_end_is_asked_for_in_the_end(tmp_path: Path) -> None:
    written: list[str] = []

    def one_by_one() -> Iterator[CuratedRecord]:
        for trace in ("1" * 64, "2" * 64):
            written.append(trace)
            yield replace(CuratedRecord.from_trace(conversation(), PROVENANCE), trace=trace)

    manifest = write_records(tmp_path / "r.jsonl", one_by_one(), "all", curation=lambda: replace(CURATION, rated=len(written)))
    assert manifest.curation == replace(CURATION, rated=2)


def test_files_of_the_first_schema_are_still_read(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    record = CuratedRecord.from_trace(conversation(), PROVENANCE)
    write_records(path, [record], "all")
    line = json.loads(path.read_text())
    assert line.pop("split") == "train"
    path.write_text(
        json.dumps(line | {"schema": 1, "provenance": {"rule": "all", "raters": 2, "dataset": "demo", "policy": "hand"}}) + "\n"
    )
    new = ("splits", "content_hashes", "corrected", "corrected_steps", "curation")
    notes = {name: value for name, value in json.loads(manifest_path(path).read_text()).items() if name not in new}
    manifest_path(path).write_text(json.dumps(notes | {"schema": 1, "created": "2025-05-01T12:00:00+00:00"}))
    _accept_as_it_is(path)
    assert list(read_records(path, split=Split.TRAIN)) == [replace(record, schema=1, provenance=Provenance("all", 2, "demo", "hand"))]


def test_a_changed_file_is_refused_before_a_record_is_read(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_records(path, [CuratedRecord.from_trace(conversation(), PROVENANCE)], "all")
    path.write_bytes(path.read_bytes().replace(b"I look.", b"I lock."))
    with pytest.raises(RecordError, match=r"r\.jsonl: the file was changed after it was written"):
        read_records(path)


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    record = CuratedRecord.from_trace(conversation(), PROVENANCE)
    write_records(path, [record], "all")
    good = path.read_text()
    bad = json.dumps({**json.loads(good), "weight": -3})
    path.write_text(good + bad + "\n")
    _accept_as_it_is(path)
    reading = read_records(path)
    assert next(reading) == record
    with pytest.raises(RecordError, match=r"r\.jsonl, line 2: .*0 or more, not -3"):
        next(reading)
    path.write_text(good + "{half a li")
    _accept_as_it_is(path)
    with pytest.raises(RecordError, match=r"line 2: .*JSON"):
        list(read_records(path))


def test_missing_and_foreign_files_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with pytest.raises(RecordError, match="the manifest cannot be read"):
        read_records(path)
    write_records(path, [], "none")
    assert list(read_records(path)) == []
    notes = json.loads(manifest_path(path).read_text())
    manifest_path(path).write_text(json.dumps({**notes, "schema": 7}))
    with pytest.raises(RecordError, match="schema 7, and this program reads 1 and 2"):
        read_records(path)
    manifest_path(path).write_text("[]")
    with pytest.raises(RecordError, match="not a manifest"):
        read_records(path)
    manifest_path(path).write_text(json.dumps(notes))
    path.unlink()
    with pytest.raises(RecordError, match="the records cannot be read"):
        read_records(path)


def test_nothing_is_replaced_where_writing_breaks_off(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    record = CuratedRecord.from_trace(conversation(), PROVENANCE)
    write_records(path, [record], "first")
    broken = replace(record, provenance=Provenance("half a pair: \ud800"))
    with pytest.raises(RecordError, match="Record 2 holds a lone surrogate"):
        write_records(path, [record, broken], "second")
    assert read_manifest(path).rule == "first" and list(read_records(path)) == [record]
    assert len(list(tmp_path.iterdir())) == 2


def _accept_as_it_is(path: Path) -> None:
    """Gives the file a manifest whose checksum is right, whatever its lines hold."""
    notes = json.loads(manifest_path(path).read_text())
    notes["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest_path(path).write_text(json.dumps(notes))

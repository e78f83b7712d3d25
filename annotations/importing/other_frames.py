"""Is the same trace in the data set already, with its points somewhere else? Then an import was repeated with another frame.

A trace's identity has its frame in it, so the right points would come to lie beside the wrong ones, and nothing would say so.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from annotations.database import Database
from annotations.documents import unpack
from annotations.importing.frame_recovery import FRAME_WORDS
from annotations.importing.report import counted
from annotations.schema import QUESTION_KEY, DatasetRow, DocumentRow, PictureRow, TraceRow
from annotations.words import sort_key
from core.frames import CoordinateFrame, FrameKind
from core.trace import Trace

# Documents, and keys, that are asked for with one statement.
_AT_ONCE = 200
# Traces of one sample follow each other; of so many samples the oldest stored trace is remembered, and of so many all of them.
_REMEMBERED = 2048
_REMEMBERED_WHOLE = 64
_NAMED = 3


class _Key(NamedTuple):
    """What traces of one sample and one model have in common, as the table of traces has it."""

    picture: str
    policy: str
    question: str


class _Place(NamedTuple):
    """What decides where a frame puts a point of a picture."""

    kind: str
    width: int
    height: int
    orientation: int


class _Stored(NamedTuple):
    """A stored trace: a digest of what was said about what by whom, and its frame in words."""

    said: bytes
    place: _Place
    words: str


class OtherFrames:
    """Counts the traces that are in their data set in another frame. Asks the database, and writes nothing.

    Cheap where all is well: of each sample, only the oldest stored trace is looked at; the others only where its frame differs.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._newest: dict[str, tuple[int, int]] = {}
        self._oldest: OrderedDict[tuple[str, _Key], _Stored | None] = OrderedDict()
        self._known: OrderedDict[tuple[str, _Key], dict[bytes, dict[_Place, str]]] = OrderedDict()
        self._found: defaultdict[str, dict[bytes, str]] = defaultdict(dict)

    def look(self, dataset: str, traces: Iterable[Trace]) -> None:
        """Looks for traces that are about to be added to a data set. Raises StoreError where the database does not answer."""
        groups: defaultdict[_Key, list[Trace]] = defaultdict(list)
        for trace in traces:
            if trace.sample.pictures and any(turn.mentions for turn in trace.turns):
                question = sort_key(trace.sample.question, QUESTION_KEY)
                groups[_Key(trace.sample.pictures[0].sha256, trace.policy, question)].append(trace)
        # No data set has such a name, and not every driver would take it.
        if not groups or "\0" in dataset or dataset.encode(errors="ignore").decode() != dataset:
            return
        with self._database.reading() as connection:
            number, newest = self._newest_of(connection, dataset)
            if not newest:
                return
            unknown = [key for key in groups if (dataset, key) not in self._oldest]
            self._oldest.update({(dataset, key): None for key in unknown})
            self._oldest.update({(dataset, key): stored for key, stored in _oldest(connection, number, newest, unknown)})
            for key, group in groups.items():
                first = self._oldest[dataset, key]
                others = [trace for trace in group if first is not None and _place(trace.frame) != first.place]
                if others:
                    self._compare(dataset, others, self._stored(connection, (dataset, key), number, newest))
        while len(self._oldest) > _REMEMBERED:
            self._oldest.popitem(last=False)

    @property
    def warnings(self) -> list[str]:
        """A sentence for each data set that has some."""
        return [_warning(dataset, found) for dataset, found in self._found.items()]

    def _newest_of(self, connection: Connection, dataset: str) -> tuple[int, int]:
        """The data set's number and its newest trace when this import began: what it adds itself is not looked at."""
        if dataset not in self._newest:
            named = select(DatasetRow.id, func.max(TraceRow.id)).join(TraceRow, TraceRow.dataset_id == DatasetRow.id)
            row = connection.execute(named.where(DatasetRow.name == dataset).group_by(DatasetRow.id)).one_or_none()
            self._newest[dataset] = (0, 0) if row is None else (row[0], row[1])
        return self._newest[dataset]

    def _stored(self, connection: Connection, key: tuple[str, _Key], number: int, newest: int) -> dict[bytes, dict[_Place, str]]:
        """Of all stored traces of a sample and a model: by what was said, the frames it is in."""
        if key not in self._known:
            picture, policy, question = key[1]
            wanted = select(TraceRow.id, TraceRow.policy, TraceRow.question_key).join(PictureRow, PictureRow.id == TraceRow.picture_id)
            rows = connection.execute(wanted.where(TraceRow.dataset_id == number, TraceRow.id <= newest, PictureRow.sha256 == picture))
            ids = [row.id for row in rows if (row.policy, row.question_key) == (policy, question)]
            said: dict[bytes, dict[_Place, str]] = {}
            for _, stored in _documents(connection, ids):
                said.setdefault(stored.said, {}).setdefault(stored.place, stored.words)
            self._known[key] = said
            if len(self._known) > _REMEMBERED_WHOLE:
                self._known.popitem(last=False)
        return self._known[key]

    def _compare(self, dataset: str, traces: Sequence[Trace], stored: dict[bytes, dict[_Place, str]]) -> None:
        for trace in traces:
            sample = trace.sample
            pictures, texts = [picture.sha256 for picture in sample.pictures], [turn.text for turn in trace.turns]
            digest = _said(trace.policy, sample.external_id, sample.question, pictures, texts)
            elsewhere = [words for place, words in stored.get(digest, {}).items() if place != _place(trace.frame)]
            if elsewhere:
                self._found[dataset][digest] = elsewhere[0]


def _oldest(connection: Connection, number: int, newest: int, keys: Sequence[_Key]) -> Iterator[tuple[_Key, _Stored]]:
    """The oldest stored trace of each key that has one."""
    oldest: dict[int, _Key] = {}
    wanted = set(keys)
    pictures = sorted({key.picture for key in keys})
    columns = (PictureRow.sha256, TraceRow.policy, TraceRow.question_key)
    for at in range(0, len(pictures), _AT_ONCE):
        found = select(*columns, func.min(TraceRow.id)).join(PictureRow, PictureRow.id == TraceRow.picture_id).group_by(*columns)
        some = PictureRow.sha256.in_(pictures[at : at + _AT_ONCE])
        for *names, first in connection.execute(found.where(TraceRow.dataset_id == number, TraceRow.id <= newest, some)):
            key = _Key(*names)
            if key in wanted:
                oldest[first] = key
    for trace_id, stored in _documents(connection, list(oldest)):
        yield oldest[trace_id], stored


def _documents(connection: Connection, ids: Sequence[int]) -> Iterator[tuple[int, _Stored]]:
    for at in range(0, len(ids), _AT_ONCE):
        found = select(DocumentRow.trace_id, DocumentRow.document).where(DocumentRow.trace_id.in_(ids[at : at + _AT_ONCE]))
        for row in connection.execute(found).all():
            yield row.trace_id, _read(unpack(row.document))


def _read(document: dict[str, Any]) -> _Stored:
    """A document as it is, without making a trace of it: only a few of its values are looked at."""
    sample, frame = document["sample"], document["frame"]
    pictures = [picture["sha256"] for picture in sample["pictures"]]
    said = _said(document["policy"], sample["external_id"], sample["question"], pictures, [turn["text"] for turn in document["turns"]])
    place = _Place(frame["kind"], frame["grid"]["width"], frame["grid"]["height"], frame["orientation"])
    known_by = f": {frame['known_by'][:100]}" if frame["known_by"] else ""
    return _Stored(said, place, f"{FRAME_WORDS[FrameKind(frame['kind'])]}{known_by}")


def _place(frame: CoordinateFrame) -> _Place:
    return _Place(frame.kind.value, frame.grid.width, frame.grid.height, frame.orientation)


def _said(policy: str, name: str, question: str, pictures: list[str], texts: list[str]) -> bytes:
    return blake2b(json.dumps([policy, name, question, pictures, texts]).encode(), digest_size=16).digest()


def _warning(dataset: str, found: dict[bytes, str]) -> str:
    frames = [words for words, _ in Counter(found.values()).most_common()]
    named = "; ".join(frames[:_NAMED]) + ("; and others" if len(frames) > _NAMED else "")
    there = f"{counted(len(found), 'trace')} {'is' if len(found) == 1 else 'are'} already in the data set {dataset}"
    return f"{there} with points in another frame ({named}): import into another data set with --dataset, or remove that one."

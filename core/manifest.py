"""The manifest beside a file of curated records: its checksum, what it holds, and how that was chosen.

Nothing in it tells when or where it was written: the same records and rule give the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from core.errors import RecordError

# Raised with every change that an older reader would misread. 2: records have a split, which a reader of 1 would train on as a whole.
SCHEMA = 2
# What is still read: a record of schema 1 belongs to the training split, and nobody corrected it.
READABLE = (1, 2)
READABLE_WORDS = " and ".join(str(schema) for schema in READABLE)


@dataclass(frozen=True, slots=True)
class Curation:
    """How the records were chosen, as far as they do not say it themselves.

    study          whose ratings were used; guidelines: the versions of it under which they were given
    newest_rating  when the newest of them was given, ISO 8601 in UTC; empty where there is none
    raters         the people whose ratings were used, by pseudonyms that stay the same (`r<id>`)
    rated, passed  traces of the study with ratings that count, and those of them that the rule takes
    failed         condition of the rule -> traces that it was the first to turn down
    left_out       reason in words -> traces that passed and could not become a record
    corrections    "apply": people's points stand in the text; "leave": the model's do
    shares         of train, validation and test, as they were asked for; seed: of the draw by picture
    """

    study: str
    guidelines: tuple[int, ...]
    newest_rating: str
    raters: tuple[str, ...]
    rated: int
    passed: int
    failed: dict[str, int]
    left_out: dict[str, int]
    corrections: str
    shares: tuple[float, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file of records holds: checked on reading.

    sha256          of the JSONL file's bytes
    domains         records in each domain; splits: in each split
    traces          different traces; pictures: different whole pictures
    content_hashes  of the traces, in the order of the records
    corrected       content hash of a trace as the model wrote it, which is what people rated -> of the corrected one
    corrected_steps points that people moved, in all records
    curation        how the records were chosen; None where nobody rated
    """

    schema: int
    rule: str
    sha256: str
    records: int
    traces: int
    pictures: int
    weight: float
    domains: dict[str, int]
    splits: dict[str, int] = field(default_factory=dict)
    content_hashes: tuple[str, ...] = ()
    corrected: dict[str, str] = field(default_factory=dict)
    corrected_steps: int = 0
    curation: Curation | None = None


def manifest_path(path: Path) -> Path:
    """Where the manifest of a file of records lies: beside it."""
    return path.with_name(path.name + ".manifest.json")


def read_manifest(path: Path) -> Manifest:
    """The manifest of a file of records. Raises RecordError where it is missing or cannot be read."""
    notes = manifest_path(path)
    try:
        manifest = _manifest_adapter().validate_json(notes.read_bytes())
    except OSError as error:
        raise RecordError(f"{notes}: the manifest cannot be read ({error.strerror}): write the records again.") from error
    except ValidationError as error:
        raise RecordError(f"{notes}: not a manifest: {first_finding(error)}.") from error
    if manifest.schema not in READABLE:
        raise RecordError(f"{notes}: the records are of schema {manifest.schema}, and this program reads {READABLE_WORDS}.")
    return manifest


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest as its file holds it."""
    return json.dumps(_manifest_adapter().dump_python(manifest, mode="json"), indent=1).encode() + b"\n"


def first_finding(error: ValidationError) -> str:
    """The first thing that a document was refused for: its place and the reason, without a full stop."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place + ': ' if place else ''}{first['msg'].rstrip('.')}"


@cache
def _manifest_adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)

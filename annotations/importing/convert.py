"""A row -> what it becomes, or why it is refused: the one place where a kind of row meets its reader.

To add a file format: its keys in `annotations.importing.kinds`, a reader like those named below, and a line in `_READERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from annotations.importing.crop_matching import CropOffsets
from annotations.importing.dialogs import read_dialog
from annotations.importing.errors import read_error
from annotations.importing.frame_recovery import recover_frame
from annotations.importing.json_values import BadRow
from annotations.importing.kinds import SourceKind, recognise
from annotations.importing.own import read_own
from annotations.importing.picture_source import PictureSource
from annotations.importing.reading import Row
from annotations.importing.records import read_eval_record, read_rl_record
from annotations.importing.rollouts import read_rollout
from annotations.importing.rows import Choices, Converted, RowContext
from annotations.importing.sources import Source
from annotations.importing.trees import read_tree
from core.errors import FrameError, GeometryError, PictureError, TraceError, TruthError

_READERS: dict[SourceKind, Callable[[RowContext], Converted]] = {
    SourceKind.OWN_TRACE: read_own,
    SourceKind.TREE: read_tree,
    SourceKind.ROLLOUT: read_rollout,
    SourceKind.CHAIN: read_dialog,
    SourceKind.DIALOG: read_dialog,
    SourceKind.RL_RECORD: read_rl_record,
    SourceKind.EVAL_RECORD: read_eval_record,
    SourceKind.ERROR: read_error,
}
# What a row can be at fault for. Anything else that is raised is a defect of this program, or of the machine.
_ROW_ERRORS = (BadRow, PictureError, GeometryError, FrameError, TraceError, TruthError)


@dataclass(frozen=True, slots=True)
class Reading:
    """A row that can be taken: its kind, what it became, and what was mended."""

    kind: SourceKind
    converted: Converted
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that cannot be taken, and why."""

    reason: str
    kind: SourceKind | None = None


class RowReader:
    """Reads rows of any kind."""

    def __init__(self, pictures: PictureSource, choices: Choices) -> None:
        self._pictures = pictures
        self._choices = choices
        self._offsets = CropOffsets()

    def read(self, row: Row, source: Source) -> Reading | Refusal:
        """What a row becomes. Raises StoreError where a picture cannot be kept; never for what is in the row."""
        if row.reason:
            return Refusal(row.reason)
        kind: SourceKind | None = None
        try:
            kind = recognise(row.document)
            context = self._context(row, source, kind)
            converted = _READERS[kind](context)
        except _ROW_ERRORS as error:
            return Refusal(str(error), kind)
        return Reading(kind, converted, tuple(dict.fromkeys([*row.repairs, *context.notes])))

    def _context(self, row: Row, source: Source, kind: SourceKind) -> RowContext:
        frame = self._choices.frame or recover_frame(kind, source.arguments)
        return RowContext(
            row.document, kind, source.name, row.line, source.arguments, frame, self._pictures, self._choices, list[str](), self._offsets
        )

"""What every reader of a kind of row is given, and what it gives back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotations.importing.crop_matching import CropOffsets
from annotations.importing.frame_recovery import FrameRule
from annotations.importing.json_values import BadRow
from annotations.importing.kinds import SourceKind
from annotations.importing.picture_source import PictureSource
from core.trace import DomainName, Origin, Sample, Trace

# Arguments of a run that say how its texts came about. A command line may also hold keys and addresses: they stay where they are.
_KEPT_ARGUMENTS = (
    "seed",
    "temperature",
    "top_p",
    "top_k",
    "max_new_tokens",
    "max_depth",
    "search_method",
    "judge",
    "generate_upfront",
    "rollout_no_thinking",
    "check_for_crop",
    "multicrop",
    "crop_offset",
    "crop_size",
    "draw_dot",
    "max_image_side",
    "max_pixels",
    "n_simulations",
    "n_rollouts_per_node",
    "num_children_per_expand",
    "rollout_max_steps",
    "c_puct",
)
UNKNOWN_POLICY = "unknown"
# A name is an index key of the database, with at most 500 characters.
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person decided for the whole import; None: found out row by row."""

    domain: DomainName | None = None
    frame: FrameRule | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class RowContext:
    """A row to be read: its values, where it stands, the arguments of its run, and where its pictures come from."""

    document: Mapping[str, Any]
    kind: SourceKind
    file: str
    line: int
    arguments: Mapping[str, Any] | None
    frame: FrameRule
    pictures: PictureSource
    choices: Choices
    notes: list[str]
    """What was mended in this row; readers add to it."""
    offsets: CropOffsets
    """What the recorded crops of earlier rows told; readers add to it."""

    @property
    def policy(self) -> str:
        """The model's name: as asked for, as the row or its run gives it, or "unknown"."""
        given = self.choices.policy or self.document.get("model") or (self.arguments or {}).get("model")
        name = given.strip() if isinstance(given, str) else ""
        return name[:_LONGEST_NAME] or UNKNOWN_POLICY

    def origin(self, place: str = "") -> Origin:
        """Where a trace of this row came from."""
        return Origin(self.kind.value, self.file, self.line, place)

    def settings(self, **more: Any) -> dict[str, Any]:
        """The run's arguments that are kept with a trace, and more; JSON values only."""
        arguments = self.arguments or {}
        values = {name: arguments[name] for name in _KEPT_ARGUMENTS if name in arguments} | more
        return {name: value for name, value in values.items() if _is_plain(value)}

    def argument(self, name: str) -> Any:
        """An argument of the run, or None."""
        return (self.arguments or {}).get(name)

    def count(self, name: str) -> int | None:
        """An argument of the run that is a whole number of at least 1, or None."""
        value = self.argument(name)
        return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= 10**6 else None

    def text(self, key: str) -> str:
        """A text of the row; numbers and truth values are written out. Raises BadRow where it is missing or something else."""
        value = self.document.get(key)
        if value is None:
            raise BadRow(f"The row has no {key!r}.")
        return self._as_text(key, value)

    def optional_text(self, key: str) -> str | None:
        """A text of the row; None where it is missing or null."""
        value = self.document.get(key)
        return None if value is None else self._as_text(key, value)

    def texts(self, key: str) -> list[str]:
        """A list of texts; missing and null are an empty list. Raises BadRow for anything else."""
        value = self.document.get(key)
        if value is None:
            return []
        if isinstance(value, str):
            self.notes.append(f"{key!r} was one text and not a list of texts")
            return [value]
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise BadRow(f"{key!r} is not a list of texts.")
        return list(value)

    def score(self, key: str, value: Any) -> float | None:
        """A score: true and false are 1 and 0; None where it is null or cannot be read, and then a note says so."""
        if value is None:
            return None
        if isinstance(value, bool | int | float) and abs(value) < 1e300 and math.isfinite(value):
            return float(value)
        self.notes.append(f"{key!r} is {str(value)[:40]!r}, which is no score, and was left out")
        return None

    def _as_text(self, key: str, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool | int | float):
            return json.dumps(value)
        if isinstance(value, list) and len(value) <= 16 and all(isinstance(item, str | bool | int | float) for item in value):
            self.notes.append(f"{key!r} was a list and was written out as text")
            return json.dumps(value, ensure_ascii=False)
        raise BadRow(f"{key!r} is not a text.")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for the event log."""

    kind: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Converted:
    """What a row became.

    samples    samples that come without a trace
    words      what to say of the row where nothing was mended; "" for the number of traces
    domain_by  how the domain was told, in words
    dataset    the data set that the row itself names
    placed     its points stand in a frame that was recovered or asked for, so points outside may mean that the frame is wrong
    """

    traces: tuple[Trace, ...] = ()
    samples: tuple[Sample, ...] = ()
    events: tuple[Event, ...] = ()
    words: str = ""
    domain_by: str = ""
    dataset: str | None = None
    placed: bool = True


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))

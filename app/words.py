"""The interface's words for the core's names: one place, so that a stop reason reads the same in every list and panel."""

from __future__ import annotations

from core.frames import CoordinateFrame, FrameKind
from core.geometry import Size
from core.trace import DomainName, FaultKind, Look, StopReason

DOMAIN_TITLES: dict[DomainName, str] = {
    DomainName.SPATIAL: "Spatial",
    DomainName.VISUAL_SEARCH: "Visual search",
    DomainName.WEB_GROUNDING: "Web grounding",
    DomainName.WEB_ACTION: "Web action",
}

STOP_TITLES: dict[StopReason, str] = {
    StopReason.ANSWERED: "answered",
    StopReason.FORCED: "answer forced",
    StopReason.NO_ACTION: "no answer",
    StopReason.MAX_TURNS: "out of turns",
    StopReason.MAX_TOKENS: "out of tokens",
    StopReason.TIMEOUT: "timed out",
    StopReason.CANCELLED: "cancelled",
    StopReason.ERROR: "broke off",
    StopReason.UNKNOWN: "end not recorded",
}

STOP_SENTENCES: dict[StopReason, str] = {
    StopReason.ANSWERED: "The model answered.",
    StopReason.FORCED: "Turns, pictures or tokens ran out, so the answer was demanded by an injected sentence.",
    StopReason.NO_ACTION: "The last turn holds neither a tool call nor an answer.",
    StopReason.MAX_TURNS: "Turns ran out before an answer came.",
    StopReason.MAX_TOKENS: "The text was cut off by the token limit.",
    StopReason.TIMEOUT: "The run took too long and was ended.",
    StopReason.CANCELLED: "A person stopped the run.",
    StopReason.ERROR: "The run broke off with an error.",
    StopReason.UNKNOWN: "The source does not say why the conversation ended.",
}

FAULT_TITLES: dict[FaultKind, str] = {
    FaultKind.UNCLOSED_TAG: "Tag not closed",
    FaultKind.UNOPENED_TAG: "Tag not opened",
    FaultKind.NESTED_TAG: "Tag inside itself",
    FaultKind.TAG_CASE: "Tag in upper case",
    FaultKind.MISSING_THINK: "No reasoning",
    FaultKind.EMPTY_THINK: "Empty reasoning",
    FaultKind.MISSING_ANSWER: "No answer",
    FaultKind.EMPTY_ANSWER: "Empty answer",
    FaultKind.SEVERAL_THINKS: "Several think blocks",
    FaultKind.SEVERAL_ANSWERS: "Several answers",
    FaultKind.SEVERAL_CALLS: "Several tool calls",
    FaultKind.CALL_AND_ANSWER: "Tool call and answer",
    FaultKind.MALFORMED_CALL: "Malformed tool call",
    FaultKind.UNKNOWN_TOOL: "Unknown tool",
    FaultKind.BAD_COORDINATE: "Unusable coordinate",
    FaultKind.UNREADABLE_POINT: "Unreadable point",
    FaultKind.STRAY_TEXT: "Text outside the tags",
    FaultKind.AFTER_ANSWER: "Goes on after the answer",
    FaultKind.MADE_UP_OBSERVATION: "Observation made up",
    FaultKind.POINT_OUTSIDE: "Point outside the picture",
    FaultKind.NO_POINT: "No point named",
}

_FRAME_TITLES: dict[FrameKind, str] = {
    FrameKind.ORIGINAL: "pixels of the picture as stored",
    FrameKind.RESIZED: "pixels of the resized picture",
    FrameKind.SIDE_LIMIT: "pixels after limiting the longest side",
    FrameKind.PIXEL_BUDGET: "pixels under a pixel budget",
    FrameKind.NORMALISED: "thousandths of each side",
}


def times(size: Size) -> str:
    """A size for reading: 1512 × 924."""
    return f"{size.width} × {size.height}"


def frame_title(frame: CoordinateFrame) -> str:
    """What the model's numbers are measured in, with the extent of that space."""
    turned = f", turned (EXIF orientation {frame.orientation})" if frame.orientation != 1 else ""
    return f"{_FRAME_TITLES[frame.kind]} ({times(frame.grid)}){turned}"


def edges(cut: tuple[str, ...]) -> str:
    """At which edges a window was cut, or nothing: 'cut at the left and top edges'."""
    if not cut:
        return ""
    named = " and ".join([", ".join(cut[:-1]), cut[-1]] if len(cut) > 1 else cut)
    return f"cut at the {named} edge{'s' if len(cut) > 1 else ''}"


def look_words(look: Look, orientation: int = 1) -> str:
    """A look in a line: the window's true size in original pixels, the crop's size, where it was cut, and whether it lies turned."""
    window = f"{look.window.width:.0f} × {look.window.height:.0f} px shown as {times(look.output)}"
    guess = "the window is a guess" if look.guessed else ""
    turned = "turned as the model saw it" if orientation != 1 else ""
    return ", ".join(part for part in (window, edges(look.cut), "red dot at the point" if look.dot else "", turned, guess) if part)

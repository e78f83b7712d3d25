"""A trace as the viewer's document: plain JSON values, everything the browser needs for stepping without another request.

Points, boxes and windows are pixels of the upright original. All strings are to be shown as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.words import DOMAIN_TITLES, FAULT_TITLES, STOP_SENTENCES, STOP_TITLES, edges, frame_title, look_words
from core.crops import crop_to_original
from core.domains import judge_trace
from core.frames import CoordinateFrame
from core.geometry import Box, Point, describe_place
from core.rewards import Profile, RewardBreakdown, reward
from core.trace import Fault, Look, Picture, PointSource, Sample, Step, Trace, Turn

REWARD_PROFILES: tuple[Profile, ...] = ("strict", "vigorl")
_SAMPLING = ("temperature", "top_p", "top_k", "seed", "max_new_tokens", "max_depth", "n_simulations", "visit_count", "value")


def trace_view(trace: Trace, *, trace_id: str, dataset: str, address: str = "") -> dict[str, Any]:
    """The viewer's document of one trace. `address`: where its looks are served; the trace's own in the store where that is empty."""
    address = address or f"/api/traces/{trace_id}"
    pictures = [picture_view(picture) for picture in trace.sample.pictures]
    return {
        "id": trace_id,
        "question": trace.sample.question,
        "dataset": dataset,
        "domain": trace.sample.domain,
        "domain_title": DOMAIN_TITLES[trace.sample.domain],
        "policy": trace.policy,
        "note": note(trace),
        "picture": pictures[0] if pictures else None,
        "pictures": pictures,
        "frame": _frame(trace.frame),
        "remark": _remark(trace.settings),
        "settings_words": _settings_words(trace.settings),
        "stop": trace.stop,
        "stop_title": STOP_TITLES[trace.stop],
        "stop_words": STOP_SENTENCES[trace.stop],
        "faults": [_fault(fault) for fault in trace.faults],
        "steps": _steps(trace, address),
        "answer": _answer(trace),
        "truth": _truth(trace.sample),
        "rewards": [_reward(breakdown) for profile in REWARD_PROFILES if (breakdown := reward(trace, profile))],
        "recorded_score": trace.recorded_score,
        "system_prompt": trace.system_prompt,
        "turns": [_turn(turn) for turn in trace.turns],
        "overlay_text": overlay_text(trace),
        "origin": {"kind": trace.origin.kind, "file": trace.origin.file, "line": trace.origin.line, "place": trace.origin.place},
    }


def picture_view(picture: Picture) -> dict[str, Any]:
    """A picture's address and its upright size.

    Browsers differ in which EXIF orientations they heed (by format, by the type of the number), so a turned picture is never left to
    them: it is served upright, and the viewer tells the browser to turn nothing.
    """
    return {
        "url": f"/pictures/{picture.sha256}/upright" if picture.orientation != 1 else f"/pictures/{picture.sha256}",
        "thumbnail": f"/pictures/{picture.sha256}/thumbnail",
        "width": picture.size.width,
        "height": picture.size.height,
        "name": picture.name,
        "sha256": picture.sha256,
    }


def note(trace: Trace) -> str:
    """A tag that tells what kind of trace this is, where that must not be overlooked."""
    return "Hand-written example" if trace.origin.kind == "demo" else ""


def overlay_text(trace: Trace) -> list[str]:
    """The overlay in words, a line a step: 'Step 3: upper left, 12 % from the left, 9 % from the top; inside look 2'."""
    return [f"Step {step.index + 1}: {_step_words(step, trace)}" for step in trace.steps]


def _step_words(step: Step, trace: Trace) -> str:
    if step.point is None:
        return "names no point"
    words = [describe_place(step.point, trace.frame.picture)]
    inside = [str(index + 1) for index, look in enumerate(_looks_before(step, trace.steps)) if look.contains(step.point)]
    if inside:
        words.append(f"inside look {', '.join(inside)}")
    if step.look:
        cut = edges(step.look.cut)
        words.append(f"zoomed in{', window ' + cut if cut else ''}")
    return "; ".join(words)


def _looks_before(step: Step, steps: Sequence[Step]) -> list[Box]:
    return [other.look.window for other in steps[: step.index] if other.look]


def _frame(frame: CoordinateFrame) -> dict[str, Any]:
    return {
        "kind": frame.kind,
        "title": frame_title(frame),
        "known_by": frame.known_by,
        "grid": [frame.grid.width, frame.grid.height],
        "raster": [frame.raster.width, frame.raster.height],
        "orientation": frame.orientation,
        "unit": [frame.unit.x, frame.unit.y],
    }


def _remark(settings: dict[str, Any]) -> str:
    remark = settings.get("note")
    return remark if isinstance(remark, str) else ""


def _settings_words(settings: dict[str, Any]) -> str:
    """What the policy was run with; how its crops were cut is told at each look, and a note of the source stands by itself."""
    shown = [f"{key.replace('_', ' ')} {settings[key]}" for key in _SAMPLING if settings.get(key) is not None]
    return " · ".join(shown)


def _steps(trace: Trace, address: str) -> list[dict[str, Any]]:
    look_index = 0
    views = []
    for step in trace.steps:
        views.append(_step(step, trace, address, look_index))
        look_index += step.look is not None
    return views


def _step(step: Step, trace: Trace, address: str, look_index: int) -> dict[str, Any]:
    size = trace.frame.picture
    return {
        "index": step.index,
        "number": str(step.index + 1),
        "turn": step.turn,
        "parts": _parts(step),
        "point": {"x": step.point.x, "y": step.point.y, "inside": step.inside} if step.point else None,
        "place": describe_place(step.point, size) if step.point else "",
        "source": step.mention.source if step.mention else None,
        "look": _look(step, address, look_index, trace.frame),
        "audit": _audit(step, trace.frame),
    }


def _parts(step: Step) -> list[dict[str, Any]]:
    """The step's text cut at its coordinate, so that the coordinate can be linked with its mark."""
    mention = step.mention
    if mention is None:
        return [{"text": step.text}]
    if mention.source is not PointSource.TEXT:
        alone = mention.span == step.span
        lead = [] if alone else [{"text": step.text + " "}]
        return [*lead, {"text": mention.written, "point": True}]
    start, end = mention.span.start - step.span.start, mention.span.end - step.span.start
    before, after = step.text[:start], step.text[end:]
    parts: list[dict[str, Any]] = [{"text": before}, {"text": step.text[start:end], "point": True}, {"text": after}]
    return [part for part in parts if part["text"]]


def _look(step: Step, address: str, index: int, frame: CoordinateFrame) -> dict[str, Any] | None:
    look = step.look
    if look is None:
        return None
    return {
        "index": index,
        "window": list(look.window.corners),
        "map": _crop_map(look, frame),
        "url": f"{address}/looks/{index}.png",
        "output": [look.output.width, look.output.height],
        "dot": look.dot,
        "cut": list(look.cut),
        "recorded": look.picture is not None,
        "guessed": look.guessed,
        "words": look_words(look, frame.orientation),
    }


def _crop_map(look: Look, frame: CoordinateFrame) -> list[float]:
    """[a, b, c, d, e, f] with x = a u + c v + e and y = b u + d v + f: from crop pixel (u, v) to the upright original.

    The crop is as the policy saw it, which is not upright where its loader did not turn the file.
    """
    origin = crop_to_original(0, 0, look, frame)
    right = crop_to_original(look.output.width, 0, look, frame)
    below = crop_to_original(0, look.output.height, look, frame)
    width, height = look.output.width, look.output.height
    across = ((right.x - origin.x) / width, (right.y - origin.y) / width)
    down = ((below.x - origin.x) / height, (below.y - origin.y) / height)
    return [*across, *down, origin.x, origin.y]


def _audit(step: Step, frame: CoordinateFrame) -> dict[str, Any] | None:
    if step.mention is None or step.point is None:
        return None
    x, y = step.mention.x, step.mention.y
    return {
        "raw": step.mention.written,
        "grid": [x, y],
        "original": [step.point.x, step.point.y],
        "round_trip_error": frame.round_trip_error(x, y),
    }


def _fault(fault: Fault) -> dict[str, Any]:
    span = fault.span
    return {
        "kind": fault.kind,
        "title": FAULT_TITLES[fault.kind],
        "detail": fault.detail,
        "turn": fault.turn,
        "start": span.start if span else None,
        "end": span.end if span else None,
    }


def _answer(trace: Trace) -> dict[str, Any]:
    verdict = judge_trace(trace)
    return {
        "text": trace.answer,
        "point": _point(trace.answer_point, trace) if trace.answer_point else None,
        "verdict": verdict.correct,
        "reason": verdict.reason,
    }


def _point(point: Point, trace: Trace) -> dict[str, Any]:
    return {"x": point.x, "y": point.y, "inside": trace.frame.picture.contains(point)}


def _truth(sample: Sample) -> dict[str, Any]:
    truth = sample.truth
    return {
        "kind": truth.kind,
        "text": truth.text,
        "box": list(truth.box.corners) if truth.box else None,
        "point": {"x": truth.point.x, "y": truth.point.y} if truth.point else None,
    }


def _reward(breakdown: RewardBreakdown) -> dict[str, Any]:
    return {
        "profile": breakdown.profile,
        "total": breakdown.total,
        "components": [{"title": c.name, "value": c.value, "weight": c.weight, "reason": c.reason} for c in breakdown.components],
    }


def _turn(turn: Turn) -> dict[str, Any]:
    segments = [{"author": part.author, "text": part.span.of(turn.text)} for part in turn.authors]
    return {"index": turn.index, "segments": segments}

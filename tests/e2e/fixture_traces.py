"""Traces for the viewer's tests: JSON values as the server gives them, on photographs that scikit-image carries."""

from __future__ import annotations

import hashlib
from typing import Any

Json = dict[str, Any]

PICTURES: dict[str, tuple[str, int, int]] = {
    "coffee": ("coffee.png", 600, 400),
    "chelsea": ("chelsea.png", 451, 300),
    "astronaut": ("astronaut.png", 512, 512),
    "retina": ("retina.jpg", 1411, 1411),
    "large": ("coffee.png", 4240, 2832),
}

HOSTILE = (
    "<script>window.hit=1</script>",
    "<img src=x onerror='window.hit=1'>",
    "<svg onload=window.hit=1>",
    '"><iframe srcdoc="<script>parent.hit=1</script>">',
    "javascript:window.hit=1",
    "<img src=http://foreign.example/x.png>",
    "<style>*{display:none}</style>",
    "{{constructor.constructor('window.hit=1')()}}",
    "</pre></textarea><script>alert(1)</script>",
    "<a href='javascript:window.hit=1' autofocus onfocus=window.hit=1>x</a>",
)


def identity(name: str) -> str:
    """A trace's id by its name here: 64 hexadecimal digits."""
    return hashlib.sha256(name.encode()).hexdigest()


def picture(name: str) -> Json:
    """The picture's part of a view."""
    file, width, height = PICTURES[name]
    address = f"/pictures/{name}"
    sums = {"name": file, "sha256": identity(f"picture {name}")}
    return {"url": address, "thumbnail": f"{address}/thumbnail", "width": width, "height": height} | sums


def place(x: float, y: float, width: int, height: int) -> str:
    """A rough place in words, enough for the viewer to have something to show."""
    if not (0 <= x <= width and 0 <= y <= height):
        return "outside the picture"
    row = ("upper", "middle", "lower")[min(2, int(3 * y / height))]
    column = ("left", "centre", "right")[min(2, int(3 * x / width))]
    return f"{row} {column}, {x / width:.0%} from the left, {y / height:.0%} from the top".replace("%", " %")


def look(trace: str, index: int, x: float, y: float, size: tuple[int, int], half: int) -> Json:
    """A look around a point: the window clamped to the picture, stretched onto 672 x 672."""
    width, height = size
    window = [max(0, x - half), max(0, y - half), min(width, x + half), min(height, y + half)]
    sides = ("left", "top", "right", "bottom")
    cut = [side for side, clamped in zip(sides, (x < half, y < half, x > width - half, y > height - half), strict=True) if clamped]
    words = f"{2 * half} px → 672" + (f", cut at the {' and '.join(cut)} edge" if cut else "")
    url = f"/api/traces/{trace}/looks/{index}.png"
    x1, y1, x2, y2 = window
    crop_map = [(x2 - x1) / 672, 0, 0, (y2 - y1) / 672, x1, y1]
    return {"index": index, "window": window, "map": crop_map, "url": url, "output": [672, 672], "dot": True, "cut": cut, "words": words}


def step(trace: str, index: int, before: str, point: tuple[float, float] | None, after: str, size: tuple[int, int], half: int = 0) -> Json:
    """One step; `half` is half the side of its look's window in px, 0 for none."""
    width, height = size
    parts: list[Json] = [{"text": before}]
    spot = audit = seen = None
    if point is not None:
        x, y = point
        written = f"({x:g}, {y:g})"
        parts += [{"text": written, "point": True}, {"text": after}]
        inside = 0 <= x <= width and 0 <= y <= height
        spot = {"x": x, "y": y, "inside": inside}
        audit = {"raw": written, "grid": [x, y], "original": [x, y], "round_trip_error": 0.0}
        seen = look(trace, index, x, y, size, half) if half and inside else None
    return {
        "index": index,
        "number": str(index + 1),
        "turn": index,
        "parts": parts,
        "point": spot,
        "place": place(*point, width, height) if point else "",
        "source": "text",
        "look": seen,
        "audit": audit,
    }


REWARDS = [
    {
        "profile": "strict",
        "total": 1.16,
        "components": [
            {"title": "Answer right", "value": 1.0, "weight": 0.6, "reason": "The answer equals the truth."},
            {"title": "Every step grounded", "value": 1.0, "weight": 0.4, "reason": "All 3 steps name a point inside the picture."},
            {"title": "Diverse looks", "value": 0.4, "weight": 0.4, "reason": "3 looks, each at least 10 px from the others."},
        ],
    },
    {"profile": "vigorl", "total": 1.0, "components": [{"title": "Accuracy", "value": 1.0, "weight": 1.0, "reason": "Exact match."}]},
]


def view(name: str, picture_name: str, question: str, steps: list[Json], **changes: Any) -> Json:
    """A whole view with sensible values, then `changes`."""
    pic = picture(picture_name)
    words = [f"Step {one['number']}: {one['place'] or 'no point'}." for one in steps]
    turns = [{"index": one["turn"], "segments": segments(one)} for one in steps]
    grid = [pic["width"], pic["height"]]
    whole: Json = {
        "id": identity(name),
        "question": question,
        "dataset": "demo",
        "domain": "visual_search",
        "domain_title": "Visual search",
        "policy": "ViGoRL-7B",
        "note": "Hand-written example",
        "picture": pic,
        "pictures": [pic],
        "frame": {
            "kind": "resized",
            "title": f"pixels of the resized picture ({grid[0]} × {grid[1]})",
            "known_by": "stated by the source",
            "grid": grid,
            "unit": [1.0, 1.0],
        },
        "settings_words": "temperature 0.5 · seed 7",
        "stop": "answered",
        "stop_words": "The model answered.",
        "faults": [],
        "steps": steps,
        "answer": {"text": "a spoon", "point": None, "verdict": True, "reason": "matches the truth “a spoon”"},
        "truth": {"kind": "text", "text": "a spoon", "box": None, "point": None},
        "rewards": REWARDS,
        "recorded_score": 1.0,
        "turns": turns,
        "overlay_text": words,
        "origin": {"kind": "demo", "file": "demo.jsonl", "line": 1, "place": ""},
        "same_picture": [],
    }
    return whole | changes


def segments(one: Json) -> list[Json]:
    """The raw text of a turn that holds one step."""
    said = "".join(part["text"] for part in one["parts"])
    raw = [{"author": "model", "text": f'<think>{said}</think>\n<tool_call>\n{{"name": "search_coordinate"}}\n</tool_call>'}]
    return [*raw, {"author": "observation", "text": "<observation>\n<image>\n</observation>"}] if one["look"] else raw


def _points(name: str, picture_name: str, rows: list[tuple[str, tuple[float, float] | None, str, int]]) -> list[Json]:
    _, width, height = PICTURES[picture_name]
    return [step(identity(name), i, before, point, after, (width, height), half) for i, (before, point, after, half) in enumerate(rows)]


def _search(name: str, policy: str, other: str, shift: int) -> Json:
    rows = [
        ("The cup stands in the middle of the table ", (290 + shift, 190), ", its rim catching the light.", 91),
        ("To its right, half on the saucer, lies something of metal ", (430, 250 - shift), ".", 91),
        ("Looking closer it is the bowl of a spoon ", (560, 215 + shift), ", cut off by the edge of the picture.", 91),
    ]
    peers = [{"id": identity(other), "question": "What lies to the right of the cup?", "policy": "ViGoRL-3B", "correct": False}]
    return view(name, "coffee", "What lies to the right of the cup?", _points(name, "coffee", rows), policy=policy, same_picture=peers)


def _grounding() -> Json:
    rows = [("The cat looks straight at us. Its left eye is the one further to the right ", (271, 112), ".", 0)]
    answer = {"text": "(275, 110)", "point": {"x": 275, "y": 110, "inside": True}, "verdict": True, "reason": "inside the truth's box"}
    truth = {"kind": "box", "text": "(245, 90, 300, 135)", "box": [245, 90, 300, 135], "point": None}
    return view(
        "grounding",
        "chelsea",
        "Point at the cat's left eye.",
        _points("grounding", "chelsea", rows),
        domain="web_grounding",
        domain_title="Web grounding",
        answer=answer,
        truth=truth,
    )


def _outside() -> Json:
    rows: list[tuple[str, tuple[float, float] | None, str, int]] = [
        ("There is a helmet at the lower right ", (420, 330), ".", 60),
        ("Beyond it I expect a second flag ", (733, 210), ".", 60),
        ("and above the head a rocket ", (300, -81), ".", 60),
        ("I see neither, so I stop here without a point.", None, "", 0),
    ]
    faults = [
        {
            "kind": "point_outside",
            "title": "Point outside the picture",
            "detail": "(733, 210) lies 221 px beyond the right edge.",
            "turn": 1,
            "start": 40,
            "end": 50,
        },
        {
            "kind": "point_outside",
            "title": "Point outside the picture",
            "detail": "(300, -81) lies 81 px above the top edge.",
            "turn": 2,
            "start": 35,
            "end": 45,
        },
        {
            "kind": "malformed_call",
            "title": "Malformed tool call",
            "detail": "The call names no coordinate.",
            "turn": 0,
            "start": 56,
            "end": 80,
        },
        {
            "kind": "missing_answer",
            "title": "Missing answer",
            "detail": "No answer was given in 4 turns.",
            "turn": 3,
            "start": None,
            "end": None,
        },
    ]
    answer = {"text": None, "point": None, "verdict": False, "reason": "no answer was given"}
    truth = {"kind": "point", "text": "(120, 300)", "box": None, "point": {"x": 120, "y": 300}}
    return view(
        "outside",
        "astronaut",
        "Where is the second flag?",
        _points("outside", "astronaut", rows),
        faults=faults,
        answer=answer,
        truth=truth,
        stop="max_turns",
        stop_words="Turns ran out and no answer was demanded.",
        note="",
    )


def _coinciding() -> Json:
    same = [("Once more the very same spot ", (300.0, 200.0), ".", 0)] * 3
    many = [("A crowd of looks here ", (150.0, 120.0), ".", 0)] * 14
    rows: list[tuple[str, tuple[float, float] | None, str, int]] = [*same, ("and a near one ", (306, 203), ".", 0), *many]
    return view("coinciding", "coffee", "How many times is one place named?", _points("coinciding", "coffee", rows))


def _long() -> Json:
    filler = "The vessels branch again and again, each thinner than the one before, and I follow the brightest of them outwards. " * 3
    rows = [
        (f"Step by step: {filler}", (200 + (i * 347) % 1000, 180 + (i * 211) % 1050), f" {filler}", 120 if i % 3 == 0 else 0)
        for i in range(30)
    ]
    rows[4] = ("word" * 900 + " ", (900, 700), ".", 0)
    question = "Following the vessels from the bright disc outwards, in which quadrant does the widest of them first divide in two? " * 8
    return view(
        "long",
        "retina",
        question,
        _points("long", "retina", rows),
        policy="a-policy-with-a-very-long-name/checkpoint-0001200-merged-bf16",
        dataset="retina " * 6,
    )


def _nothing() -> Json:
    answer = {"text": None, "point": None, "verdict": None, "reason": ""}
    truth = {"kind": "none", "text": "", "box": None, "point": None}
    return view(
        "nothing",
        "coffee",
        "",
        [],
        answer=answer,
        truth=truth,
        rewards=[],
        recorded_score=None,
        note="",
        settings_words="",
        stop="error",
        stop_words="The run broke off with an error.",
    )


def _poisoned(value: Any, key: str = "") -> Any:
    """Every free text of a view replaced by all the payloads."""
    if isinstance(value, dict):
        return {name: _poisoned(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_poisoned(one, key) for one in value]
    kept = {"id", "url", "domain", "stop", "kind", "profile", "author", "sha256", "thumbnail", "number"}
    return " ".join([*HOSTILE, value]) if isinstance(value, str) and key not in kept else value


def _hostile() -> Json:
    base = _outside()
    poisoned: Json = _poisoned(base)
    poisoned["pictures"] = [
        base["picture"],
        base["picture"] | {"url": "javascript:window.hit=1"},
        base["picture"] | {"url": "http://foreign.example/a.png"},
    ]
    poisoned["stop"] = poisoned["faults"][0]["kind"] = poisoned["rewards"][0]["profile"] = HOSTILE[3]
    return poisoned | {
        "id": identity("hostile"),
        "same_picture": [{"id": identity("search"), "question": HOSTILE[0], "policy": HOSTILE[1], "correct": None}],
    }


def _large() -> Json:
    rows = [("Here ", (300 + 700 * i, 400 + 400 * (i % 3)), ".", 200) for i in range(6)]
    return view("large", "large", "What is on the table?", _points("large", "large", rows))


def _wordy() -> Json:
    """An answer and a truth of 2,000 characters, in the demo's narrowest picture."""
    said = "The spoon lies to the right of the cup, half on the saucer. " * 34
    rows: list[tuple[str, tuple[float, float] | None, str, int]] = [("At the lower left edge ", (4, 290), ".", 0)]
    answer = {"text": said, "point": None, "verdict": False, "reason": f"The answer “{said}” is not the truth."}
    truth = {"kind": "text", "text": said[::-1], "box": None, "point": None}
    return view("wordy", "chelsea", "Tell all that you see.", _points("wordy", "chelsea", rows), answer=answer, truth=truth)


def named() -> dict[str, Json]:
    """The traces that tests name, by name."""
    made = {
        "search": _search("search", "ViGoRL-7B", "search-b", 0),
        "search-b": _search("search-b", "ViGoRL-3B", "search", -30),
        "grounding": _grounding(),
        "outside": _outside(),
        "coinciding": _coinciding(),
        "long": _long(),
        "nothing": _nothing(),
        "hostile": _hostile(),
        "large": _large(),
        "wordy": _wordy(),
    }
    wrong = {"text": "a saucer", "point": None, "verdict": False, "reason": "differs from the truth “a spoon”"}
    made["search-b"] |= {"answer": wrong, "recorded_score": 0.0}
    return made

"""The charts of agreement, of corrected points, of the raters, and of policies in pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.figure_parts import (
    BLUE,
    COLOURS,
    GREY,
    SYMBOLS,
    VERMILLION,
    Chart,
    Dot,
    Json,
    caption,
    finished,
    height,
    interval,
    label,
    line_at,
    number,
    panels,
    row_axis,
    series,
    value_axis,
)

# The shifts that the chart of corrections marks with rings, in widths of the picture.
RINGS = (0.05, 0.1)
_RULE = "The dashed lines are .667 and .80, Krippendorff’s rule of thumb for alpha."
_RINGED = "The model’s point is in the middle; the rings are 5 and 10 % of the picture’s width."
_LEVEL = "On the dashed line there is no difference; n are the items that both were rated on."


def agreement_chart(document: Json) -> Chart:
    """A row a question; alpha, AC and the raw percentage each with shape and colour of its own."""
    title = "Agreement where raters overlap"
    entries = [entry for entry in document["agreement"] if any(found["value"] is not None for found in entry["coefficients"])]
    if not entries:
        words = next((entry["words"] for entry in document["agreement"] if entry["words"]), "") or _first_words(document["agreement"])
        return Chart("agreement", title, "", "agreement", None, words)
    kinds = list(dict.fromkeys(found["title"] for entry in entries for found in entry["coefficients"]))
    dots: dict[str, list[Dot]] = {kind: [] for kind in kinds}
    told = []
    for row, entry in enumerate(entries):
        for place, found in enumerate(entry["coefficients"]):
            if found["value"] is None:
                continue
            ends = found["interval"]["low"], found["interval"]["high"]
            text = f"{found['title']} {found['value']:.2f}{interval(*ends, 'score')}"
            told.append(f"{entry['title']} ({entry['level']}): {text}, {entry['n']['steps']} steps")
            dots[found["title"]].append(Dot(row + 0.26 * (place - 1), found["value"], *ends, "", label(text, 120)))
    traces = [series(kind, dots[kind], place, shown=True) for place, kind in enumerate(kinds)]
    least = min([0.0, *(dot.low if dot.low is not None else dot.value for row in dots.values() for dot in row)])
    layout = {
        "xaxis": {"range": [max(-1.04, least - 0.04), 1.04], "dtick": 0.25, "zeroline": True, "zerolinecolor": GREY},
        "yaxis": row_axis([_asked(entry) for entry in entries]),
        "shapes": [line_at(0.667), line_at(0.8)],
        "legend": {"orientation": "h", "x": 0, "y": -0.12, "yanchor": "top"},
    }
    tall = height(len(entries)) + 46 * len(entries)
    return Chart("agreement", title, ". ".join(told) + ".", "agreement", finished(traces, layout, tall=tall), _RULE)


def _asked(entry: Json) -> str:
    kind = "scored answers" if entry["level"] == "ordinal" else "all answers, as names"
    return f"{label(entry['question'])}, n = {entry['n']['steps']:,} steps<br>{kind}"


def _first_words(entries: Sequence[Json]) -> str:
    return next((found["words"] for entry in entries for found in entry["coefficients"] if found["words"]), "Nothing has been rated yet.")


def corrections_chart(said: Sequence[Mapping[str, Any]]) -> Chart:
    """Where raters would have put the point, seen from the model's, in widths of the picture."""
    title = "Where the point should have been"
    parts = []
    for kind, (name, x, y) in enumerate((("corrected points", "correction_x", "correction_y"), ("raters' own points", "own_x", "own_y"))):
        there = [row for row in said if row[x] is not None and row["width"]]
        shifts = [((row[x] - row["x"]) / row["width"], (row[y] - row["y"]) / row["width"], row) for row in there]
        if shifts:
            parts.append((kind, name, shifts))
    if not parts:
        return Chart("corrections", title, "", "points", None, "Nobody has moved a point yet.")
    reach = max(0.12, *(max(abs(dx), abs(dy)) for _, _, shifts in parts for dx, dy, _ in shifts)) * 1.08
    dotted = {"color": GREY, "width": 1, "dash": "dot"}
    ring = [{"type": "circle", "x0": -r, "x1": r, "y0": -r, "y1": r, "line": dotted, "layer": "below"} for r in RINGS]
    axis: Json = {"range": [-reach, reach], "zeroline": True, "automargin": True, "zerolinecolor": GREY, "tickformat": ".2f"}
    layout = {
        "xaxis": axis | {"title": caption("to the right, in widths of the picture")},
        "yaxis": axis | {"range": [reach, -reach], "scaleanchor": "x", "title": caption("downwards")},
        "shapes": ring,
    }
    told = [
        f"{len(shifts)} {name}, {_within(shifts)} of them within a tenth of the picture's width of the model's point"
        for _, name, shifts in parts
    ]
    traces = [_scatter(f"{name} (n = {len(shifts):,})", shifts, kind) for kind, name, shifts in parts]
    return Chart("corrections", title, ". ".join(told) + ".", "points", finished(traces, layout, tall=420), _RINGED)


def _within(shifts: Sequence[tuple[float, float, Any]]) -> int:
    return sum((dx * dx + dy * dy) ** 0.5 <= RINGS[-1] for dx, dy, _ in shifts)


def _scatter(name: str, shifts: Sequence[tuple[float, float, Mapping[str, Any]]], kind: int) -> Json:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "showlegend": True,
        "x": [dx for dx, _, _ in shifts],
        "y": [dy for _, dy, _ in shifts],
        "marker": {"color": COLOURS[kind], "symbol": SYMBOLS[kind], "size": 8, "opacity": 0.75},
        "hoverinfo": "text",
        "hovertext": [
            f"{label(row['rater'])}: {dx:+.3f}, {dy:+.3f} widths<br>step {row['step']} of {row['trace'][:8]}" for dx, dy, row in shifts
        ],
    }


def _shift(dx: float, dy: float, row: Mapping[str, Any]) -> str:
    return f"{label(row['rater'])}: {dx:+.3f}, {dy:+.3f} widths<br>step {row['step']} of {row['trace'][:8]}"


def speed_chart(document: Json) -> Chart:
    """Median time on a step and its middle half, a row a rater."""
    title = "Time on a step"
    raters = [row for row in document["raters"] if row["seconds"]["median"] is not None]
    if not raters:
        return Chart("speed", title, "", "raters", None, "Nothing has been rated yet.")
    dots = []
    for place, row in enumerate(raters):
        time = row["seconds"]
        told = f"{label(row['rater'])}: {time['median']:.1f} s, middle half {time['q1']:.1f} to {time['q3']:.1f} s, n = {time['n']}"
        dots.append(Dot(place, time["median"], time["q1"], time["q3"], f"n = {time['n']:,}", told))
    most = max(dot.high or dot.value for dot in dots)
    layout = {
        "xaxis": {
            "range": [0, most * 1.08 or 1],
            "zeroline": False,
            "automargin": True,
            "title": caption("seconds: median and middle half"),
        },
        "yaxis": row_axis([label(row["rater"]) for row in raters]),
    }
    alt = "; ".join(f"{row['rater']}: median {row['seconds']['median']:.1f} s of {row['seconds']['n']}" for row in raters)
    return Chart("speed", title, alt + ".", "raters", finished([series("seconds", dots)], layout, tall=height(len(raters)) + 20))


def drift_chart(document: Json) -> Chart:
    """The first half of each rater's ratings against the second, a panel a figure."""
    title = "First half and second half of each rater"
    heads = {figure["id"]: (figure["title"], figure["unit"], figure["low"], figure["high"]) for figure in document["headlines"]}
    names = [name for name in ("accuracy", "helpfulness") if name in heads]
    raters = [(row["rater"], {drift["id"]: drift for drift in row["drift"] if drift["first"] is not None}) for row in document["raters"]]
    raters = [(rater, drifts) for rater, drifts in raters if any(name in drifts for name in names)]
    if not raters:
        return Chart("drift", title, "", "raters", None, "Ten ratings of a rater are needed to see whether they change with time.")
    traces: list[Json] = []
    told = []
    layout: Json = {
        "yaxis": row_axis([f"{label(rater)}, n = {max(drift['n'] for drift in drifts.values())}" for rater, drifts in raters]),
        "annotations": [],
    }
    for place, (name, (domain, note, suffix)) in enumerate(zip(names, panels([heads[name][0] for name in names]), strict=True)):
        head, unit, low, high = heads[name]
        there = [(row, rater, drifts[name]) for row, (rater, drifts) in enumerate(raters) if name in drifts]
        traces += [trace | {"xaxis": f"x{suffix}", "yaxis": "y"} for trace in _halves(there, unit, first=place == 0)]
        layout[f"xaxis{suffix}"] = value_axis(unit, low, high) | domain
        layout["annotations"].append(note)
        told += [f"{head}, {rater}: {number(drift['first'], unit)}, then {number(drift['second'], unit)}" for _, rater, drift in there]
    layout["legend"] = {"orientation": "h", "x": 0, "y": -0.12, "yanchor": "top"}
    return Chart("drift", title, "; ".join(told) + ".", "raters", finished(traces, layout, tall=height(len(raters)) + 30))


def _halves(there: Sequence[tuple[int, str, Json]], unit: str, *, first: bool) -> list[Json]:
    lines: Json = {
        "type": "scatter",
        "mode": "lines",
        "showlegend": False,
        "hoverinfo": "skip",
        "line": {"color": GREY, "width": 2},
        "x": [],
        "y": [],
    }
    for row, _, drift in there:
        lines["x"] += [drift["first"], drift["second"], None]
        lines["y"] += [row, row, None]
    halves = []
    for name, key, colour, symbol in (("first half", "first", BLUE, "circle-open"), ("second half", "second", VERMILLION, "diamond")):
        told = [f"{label(rater)}, {name}: {number(drift[key], unit)}" for _, rater, drift in there]
        marker = {"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2.5, "color": colour}}
        values: Json = {
            "x": [drift[key] for _, _, drift in there],
            "y": [row for row, _, _ in there],
            "hovertext": told,
            "hoverinfo": "text",
        }
        halves.append({"type": "scatter", "mode": "markers", "name": name, "showlegend": first, "marker": marker} | values)
    return [lines, *halves]


def pairs_chart(document: Json) -> Chart:
    """Differences of two policies on the same items; on the dashed line there is none."""
    title = "Pairs of policies on the same items"
    rows = [row for row in document["pairs"]["rows"] if row["difference"] is not None and row["unit"] in ("share", "score")]
    if not rows:
        return Chart("pairs", title, "", "pairs", None, document["pairs"]["words"] or "No two policies were rated on the same items.")
    units = [unit for unit in ("share", "score") if any(row["unit"] == unit for row in rows)]
    traces, told = [], []
    tall = max(sum(row["unit"] == unit for row in rows) for unit in units)
    names = list(dict.fromkeys((row["a"], row["b"]) for row in rows))
    layout: Json = {"yaxis": row_axis([f"{label(a)}<br>− {label(b)}" for a, b in names]), "annotations": [], "shapes": []}
    for kind, (unit, (domain, note, suffix)) in enumerate(zip(units, panels([_difference(rows, unit) for unit in units]), strict=True)):
        mine = [row for row in rows if row["unit"] == unit and row["figure"] == next(r["figure"] for r in rows if r["unit"] == unit)]
        dots = [_pair(row, names.index((row["a"], row["b"]))) for row in mine]
        reach = max(0.05, *(max(abs(dot.value), abs(dot.low or 0), abs(dot.high or 0)) for dot in dots)) * 1.1
        traces.append(series(unit, dots, kind) | {"xaxis": f"x{suffix}", "yaxis": "y"})
        axis: Json = {"range": [-reach, reach], "zeroline": False} | ({"tickformat": "+.0%"} if unit == "share" else {"tickformat": "+.2f"})
        layout[f"xaxis{suffix}"] = axis | domain
        layout["annotations"].append(note)
        layout["shapes"].append(line_at(0, axis=f"x{suffix}"))
        told += [dot.told for dot in dots]
    return Chart("pairs", title, "; ".join(told) + ".", "pairs", finished(traces, layout, tall=height(max(tall, len(names)))), _LEVEL)


def _difference(rows: Sequence[Json], unit: str) -> str:
    return f"{next(row['title'] for row in rows if row['unit'] == unit)}, difference"


def _pair(row: Json, place: int) -> Dot:
    ends = row["interval"]
    text = (
        f"{label(row['a'])} − {label(row['b'])}: {number(row['difference'], row['unit'])}{interval(ends['low'], ends['high'], row['unit'])}"
    )
    return Dot(place, row["difference"], ends["low"], ends["high"], f"n = {row['samples']:,}", f"{text}, {row['samples']} samples")

"""The charts of a study's results, made of the same document that the page shows as tables.

Every chart names its n, has its alternative in words, and spans the whole of its scale. Plotly is loaded when the first is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.figure_parts import (
    COLOURS,
    Chart,
    Dot,
    Json,
    band,
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
from app.figure_raters import agreement_chart, corrections_chart, drift_chart, pairs_chart, speed_chart

if TYPE_CHECKING:
    from annotations.results.tables import Table

_SCALES = (("share", "accuracy", "Accuracy beside the paper’s"), ("score", "helpfulness", "Helpfulness beside the paper’s"))
_WHEN = ("helpfulness_accurate", "helpfulness_inaccurate")

_DASHED = "The dashed line is the whole study."
_BANDED = "The dashed line is the whole study, the band its 95 % interval; the axis shows only this part of the scale."


def figures(document: Json, ratings: Table) -> tuple[Chart, ...]:
    """All charts. document: `StudyResults.to_json()`; ratings: its table of every rating."""
    said = _said(ratings)
    return (
        *_headlines(document),
        *_distributions(document, said),
        *(_breakdown(document, breakdown) for breakdown in document["breakdowns"]),
        _leave_one_out(document),
        agreement_chart(document),
        corrections_chart(said),
        speed_chart(document),
        drift_chart(document),
        pairs_chart(document),
    )


def _said(ratings: Table) -> list[Mapping[str, Any]]:
    """The ratings that count, each as its columns by name."""
    rows = (dict(zip(ratings.columns, row, strict=True)) for row in ratings.rows)
    return [row for row in rows if row["fate"] == "counts"]


def _both(figure: Json) -> tuple[float | None, float | None]:
    found = figure["intervals"]["both"]
    return found["low"], found["high"]


def _told(figure: Json, name: str) -> str:
    """A figure in a sentence."""
    if figure["value"] is None:
        return f"{name}: no figure. {figure['words']}".strip()
    low, high = _both(figure)
    return f"{name}: {number(figure['value'], figure['unit'])}{interval(low, high, figure['unit'])}, n = {figure['n']['ratings']}"


def _dot(figure: Json, row: float, name: str) -> Dot | None:
    if figure["value"] is None:
        return None
    low, high = _both(figure)
    return Dot(row, figure["value"], low, high, f"n = {figure['n']['ratings']:,}", label(_told(figure, name), 200))


def _headlines(document: Json) -> Iterator[Chart]:
    """Accuracy and helpfulness beside the paper’s: shares and scores apart, for they have different scales."""
    for unit, chart, title in (
        ("share", "accuracy", "Accuracy beside the paper’s"),
        ("score", "helpfulness", "Helpfulness beside the paper’s"),
    ):
        found = [figure for figure in document["headlines"] if figure["unit"] == unit]
        if not found:
            continue
        ours = [dot for row, figure in enumerate(found) if (dot := _dot(figure, row - 0.17, figure["title"]))]
        paper = [(row, figure["title"], figure["paper"]) for row, figure in enumerate(found) if figure["paper"]]
        theirs = [
            Dot(row + 0.17, p["value"], p["low"], p["high"], f"{p['n']} people", f"The paper, {label(name)}: {_paper(p, unit)}")
            for row, name, p in paper
        ]
        if not ours:
            yield Chart(chart, title, "", "headline", None, found[0]["words"])
            continue
        told = [_told(figure, figure["title"]) for figure in found]
        told += [f"the paper, {name}: {_paper(p, unit)}" for _, name, p in paper]
        layout = {
            "xaxis": value_axis(unit, min(f["low"] for f in found), max(f["high"] for f in found)),
            "yaxis": row_axis([label(figure["title"]) for figure in found]),
        }
        traces = [series("This study", ours, 0, shown=True), *([series("The paper", theirs, 1, shown=True)] if theirs else [])]
        for trace in traces[1:]:
            trace["textposition"] = "bottom center"
        yield Chart(chart, title, "; ".join(told) + ".", "headline", finished(traces, layout, tall=height(len(found)) + 20 * len(found)))


def _paper(paper: Json, unit: str) -> str:
    return f"{number(paper['value'], unit)}{interval(paper['low'], paper['high'], unit)}, {paper['n']} people"


def _distributions(document: Json, said: Sequence[Mapping[str, Any]]) -> Iterator[Chart]:
    """How often each answer was given; of a scale, apart for steps that the same rater judged accurate and not."""
    accuracy = next((figure["question"] for figure in document["headlines"] if figure["id"] == "accuracy"), None)
    split = {figure["question"] for figure in document["headlines"] if figure["id"] in _WHEN}
    # Questions with answers that are not scored stand there twice.
    for question, title in {entry["question"]: entry["title"] for entry in document["agreement"]}.items():
        yield _distribution(question, title, said, accuracy if question in split else None)


def _distribution(question: str, title: str, said: Sequence[Mapping[str, Any]], split: str | None) -> Chart:
    name = f"answers_{question}"
    answers: dict[str, float] = {}
    for row in said:
        if (answer := row[f"answer_{question}"]) is not None:
            score = row[f"score_{question}"]
            answers[answer] = float("inf") if score is None else score
    order = sorted(answers, key=lambda answer: (answers[answer], answer))
    if not order:
        return Chart(name, title, "", "ratings", None, "Nobody has answered this yet.")
    parts = (("judged accurate", 1.0), ("judged not accurate", 0.0), ("unsure", None)) if split else (("", None),)
    traces, told = [], []
    for kind, (part, score) in enumerate(parts):
        counts = Counter(row[f"answer_{question}"] for row in said if not split or row[f"score_{split}"] == score)
        heights = [counts[answer] for answer in order]
        if sum(heights):
            traces.append(_bars(part, order, heights, kind, split=bool(split)))
            told.append(
                f"{part + ': ' if part else ''}" + ", ".join(f"{answer} {count}" for answer, count in zip(order, heights, strict=True))
            )
    layout = {
        "xaxis": {"type": "category", "showgrid": False, "tickvals": order, "ticktext": [label(answer) for answer in order]},
        "yaxis": {"title": caption("ratings"), "rangemode": "tozero", "zeroline": False, "automargin": True},
        "barmode": "group",
        "bargap": 0.25,
    }
    return Chart(name, title, f"Ratings by answer. {'; '.join(told)}.", "ratings", finished(traces, layout, tall=260))


def _bars(name: str, order: Sequence[str], heights: Sequence[int], kind: int, *, split: bool) -> Json:
    pattern = {"shape": ("", "/", "x")[kind % 3], "size": 6, "solidity": 0.35}
    told = f" {name}" if name else ""
    return {
        "type": "bar",
        "name": f"{name} (n = {sum(heights):,})",
        "showlegend": split,
        "x": list(order),
        "y": list(heights),
        "text": [f"{count:,}" if count else "" for count in heights],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "text",
        "hovertext": [f"{label(answer)}: {count:,}{told}" for answer, count in zip(order, heights, strict=True)],
        "marker": {"color": COLOURS[kind], "line": {"color": COLOURS[kind], "width": 1.5}, "pattern": pattern},
    }


def _breakdown(document: Json, breakdown: Json) -> Chart:
    """A panel a figure, a row a value; the dashed line is the whole study."""
    name, title, rows = f"by_{breakdown['id']}", f"By {breakdown['title'].lower()}", breakdown["rows"]
    heads = [figure for figure in document["headlines"] if figure["id"] not in _WHEN and figure["value"] is not None][:3]
    if not rows or not heads:
        return Chart(name, title, "", name, None, breakdown["words"] or "Nothing has been rated yet.")
    traces, told = [], []
    layout: Json = {"yaxis": row_axis([label(row["label"]) for row in rows]), "annotations": [], "shapes": []}
    for kind, (head, (domain, note, suffix)) in enumerate(zip(heads, panels([head["title"] for head in heads]), strict=True)):
        cells = [(row["label"], next(figure for figure in row["figures"] if figure["id"] == head["id"])) for row in rows]
        dots = [dot for place, (text, figure) in enumerate(cells) if (dot := _dot(figure, place, text))]
        traces.append(series(head["title"], dots, kind) | {"xaxis": f"x{suffix}", "yaxis": "y"})
        layout[f"xaxis{suffix}"] = value_axis(head["unit"], head["low"], head["high"]) | domain
        layout["annotations"].append(note)
        layout["shapes"].append(line_at(head["value"], axis=f"x{suffix}"))
        told.append(f"{head['title']}. " + "; ".join(_told(figure, text) for text, figure in cells))
    return Chart(name, title, ". ".join(told) + ".", name, finished(traces, layout, tall=height(len(rows))), _DASHED)


def _leave_one_out(document: Json) -> Chart:
    """Each headline without each rater; the dashed line is the whole study."""
    found = [entry for entry in document["leave_one_out"] if entry["figure"] not in _WHEN and entry["lowest"] is not None][:3]
    title = "Without one rater"
    if not found:
        words = next((entry["words"] for entry in document["leave_one_out"] if entry["words"]), "Nothing has been rated yet.")
        return Chart("leave_one_out", title, "", "leave_one_out", None, words)
    heads = {figure["id"]: figure for figure in document["headlines"]}
    names = list(dict.fromkeys(row["rater"] for entry in found for row in entry["rows"]))
    traces, told = [], []
    layout: Json = {"yaxis": row_axis([label(f"without {name}") for name in names]), "annotations": [], "shapes": []}
    for kind, (entry, (domain, note, suffix)) in enumerate(zip(found, panels([entry["title"] for entry in found]), strict=True)):
        head, unit = heads[entry["figure"]], entry["unit"]
        dots = [_without(row, names.index(row["rater"]), unit) for row in entry["rows"] if row["value"] is not None]
        traces.append(series(entry["title"], dots, kind) | {"xaxis": f"x{suffix}", "yaxis": "y"})
        low, high = entry["lowest"], entry["highest"]
        ends = [end for end in _both(head) if end is not None]
        # Near the whole: on the whole scale nobody would see who moves it.
        shown = [low["value"], high["value"], entry["value"], *ends]
        layout[f"xaxis{suffix}"] = value_axis(unit, min(shown), max(shown)) | domain | {"dtick": None, "nticks": 6}
        layout["annotations"].append(note)
        layout["shapes"] += [line_at(entry["value"], axis=f"x{suffix}"), *([band(*ends, axis=f"x{suffix}")] if ends else [])]
        told.append(
            f"{entry['title']} is {number(entry['value'], unit)}; lowest without {low['rater']}, {number(low['value'], unit)}; "
            f"highest without {high['rater']}, {number(high['value'], unit)}"
        )
    return Chart("leave_one_out", title, ". ".join(told) + ".", "leave_one_out", finished(traces, layout, tall=height(len(names))), _BANDED)


def _without(row: Json, place: int, unit: str) -> Dot:
    told = f"without {label(row['rater'])}: {number(row['value'], unit)}, n = {row['n']}"
    return Dot(place, row["value"], None, None, f"n = {row['n']:,}", told)

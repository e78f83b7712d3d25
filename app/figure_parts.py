"""What the charts of results are drawn with: dots with error bars, axes, and the look that all charts share.

A chart has no ground of its own and no colour of text or grid: the page gives them, in light and in dark. Series differ in shape as
well as in colour, and the colours are those of Okabe and Ito that stand out on both grounds by 3 : 1.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
# Of reference lines and error bars; readable on white and on near-black.
GREY = "#808080"
SYMBOLS = ("circle", "diamond", "square", "triangle-up")
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE)

_LONGEST = 30
_ROW = 44
_AROUND = 88


@dataclass(frozen=True, slots=True)
class Dot:
    """A value with its interval, where there is one. `row` counts from the top; `n` is what it rests on, in words."""

    row: float
    value: float
    low: float | None
    high: float | None
    n: str
    told: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: `alt` says in words what it shows, `table` is the table of the same figures, `plotly` its data and layout.

    words  what a line or a ring in it stands for; where there is nothing to draw, and `plotly` is None, why
    """

    id: str
    title: str
    alt: str
    table: str
    plotly: Json | None
    words: str = ""

    def to_json(self) -> Json:
        """The chart as the page reads it."""
        return {"id": self.id, "title": self.title, "alt": self.alt, "table": self.table, "plotly": self.plotly, "words": self.words}


def label(text: str, longest: int = _LONGEST) -> str:
    """A text of the data as a label: shortened, and never read as the markup that Plotly knows."""
    short = text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
    return html.escape(short, quote=False)


def number(value: float, unit: str) -> str:
    """A figure for reading: `72.8 %` of a share, `3.35` of a score."""
    return f"{100 * value:.1f} %" if unit == "share" else f"{value:.2f}"


def interval(low: float | None, high: float | None, unit: str) -> str:
    """` [66.8, 78.7]`, or that there is none."""
    if low is None or high is None:
        return " (no interval)"
    factor, digits = (100, 1) if unit == "share" else (1, 2)
    return f" [{factor * low:.{digits}f}, {factor * high:.{digits}f}]"


def series(name: str, dots: Sequence[Dot], kind: int = 0, *, shown: bool = False) -> Json:
    """Dots in rows, in the colour and shape of series `kind`; `shown` in the legend."""
    colour = COLOURS[kind % len(COLOURS)]
    bars = [(dot.value, *((dot.low, dot.high) if dot.low is not None and dot.high is not None else (dot.value, dot.value))) for dot in dots]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": html.escape(name, quote=False),
        "showlegend": shown,
        "x": [dot.value for dot in dots],
        "y": [dot.row for dot in dots],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, high - value) for value, _, high in bars],
            "arrayminus": [max(0.0, value - low) for value, low, _ in bars],
            "color": colour,
            "thickness": 1.8,
            "width": 4,
        },
        "marker": {"color": colour, "symbol": SYMBOLS[kind % len(SYMBOLS)], "size": 11},
        "text": [dot.n for dot in dots],
        "textposition": "top center",
        "textfont": {"size": 11},
        "hovertext": [dot.told for dot in dots],
        "hoverinfo": "text",
    }


def value_axis(unit: str, low: float, high: float, title: str = "") -> Json:
    """The axis of a figure over the whole of its scale, so that no difference looks larger than it is."""
    pad = (high - low) * 0.04
    axis: Json = {"range": [low - pad, high + pad], "zeroline": False, "showgrid": True, "automargin": True, "title": caption(title)}
    if unit == "share":
        return axis | {"tickformat": ".0%", "dtick": 0.25}
    return axis | ({"dtick": 1} if high - low <= 10 else {})


def caption(text: str) -> Json:
    """The title of an axis."""
    return {"text": text, "font": {"size": 12}, "standoff": 10}


def row_axis(labels: Sequence[str]) -> Json:
    """Rows with their labels, made by `label`, the first at the top."""
    return {
        "tickvals": list(range(len(labels))),
        "ticktext": list(labels),
        "range": [len(labels) - 0.4, -0.7],
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
        "ticklabelstandoff": 6,
    }


def line_at(value: float, *, axis: str = "x") -> Json:
    """A dashed line across the rows at a value of the axis."""
    shape: Json = {"type": "line", "xref": axis, "yref": "paper", "x0": value, "x1": value, "y0": 0, "y1": 1, "layer": "below"}
    shape["line"] = {"color": GREY, "width": 1.5, "dash": "dash"}
    return shape


def band(low: float, high: float, *, axis: str = "x") -> Json:
    """A pale band across the rows between two values of the axis."""
    ends: Json = {"type": "rect", "xref": axis, "yref": "paper", "x0": low, "x1": high, "y0": 0, "y1": 1}
    return ends | {"layer": "below", "fillcolor": GREY, "opacity": 0.14, "line": {"width": 0}}


def height(rows: int) -> int:
    """Pixels for so many rows."""
    return _AROUND + _ROW * max(rows, 2)


def finished(traces: Iterable[Json], layout: Json, *, tall: int) -> Json:
    """Data and layout as Plotly's own classes have checked them, without its templates."""
    from plotly import graph_objects as go

    base: Json = {
        "height": tall,
        "margin": {"l": 10, "r": 16, "t": 34, "b": 26},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, DejaVu Sans, sans-serif", "size": 12},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        "hovermode": "closest",
        "dragmode": False,
    }
    # An empty template instead of Plotly's own, which has colours for one ground only.
    figure = go.Figure(list(traces), base | layout | {"template": {}})
    checked: Json = json.loads(figure.to_json())
    checked["layout"].pop("template", None)
    return checked


def panels(titles: Sequence[str], gap: float = 0.06) -> list[tuple[Json, Json, str]]:
    """For panels side by side: the domain of each one's x axis, its title as an annotation, and the suffix of its axes' names."""
    width = (1 - gap * (len(titles) - 1)) / len(titles)
    found = []
    for place, title in enumerate(titles):
        start = place * (width + gap)
        note: Json = {
            "text": label(title, 60),
            "x": start,
            "y": 1,
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
        }
        note |= {"showarrow": False, "font": {"size": 12.5}, "yshift": 8}
        found.append(({"domain": [start, min(1.0, start + width)]}, note, "" if place == 0 else str(place + 1)))
    return found

"""A ladder's curves as a page of their own: right answers by the number of items, and by their size, with intervals."""

from __future__ import annotations

from collections.abc import Sequence

from plotly import graph_objects as go
from plotly.subplots import make_subplots

from app.figure_parts import COLOURS, GREY, SYMBOLS, caption
from app.ladder.report import Place, Report

_TITLES = {"items": "Items in a scene", "size": "Size of the items, px"}


def curves_page(report: Report) -> str:
    """The curves as an HTML page that needs nothing else; a series for each rung, and a dashed line for guessing."""
    figure = make_subplots(rows=1, cols=len(_TITLES), shared_yaxes=True)
    for column, (what, title) in enumerate(_TITLES.items(), start=1):
        places = report.curves[what]
        rungs = list(dict.fromkeys(place.rung.name for place in places))
        for kind, name in enumerate(rungs):
            figure.add_trace(_series([place for place in places if place.rung.name == name], kind, shown=column == 1), row=1, col=column)
        if places:
            figure.add_trace(_guessing(places, shown=column == 1), row=1, col=column)
        figure.update_xaxes(title=caption(title), row=1, col=column)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    world = f"Right answers on the needle world, learnt at {report.plan['difficulty']}; 95 % intervals for other seeds and questions"
    figure.update_layout(title={"text": world, "font": {"size": 15}}, template="plotly_white", hovermode="x unified", height=480)
    page: str = figure.to_html(include_plotlyjs=True, full_html=True)
    return page


def _series(places: Sequence[Place], kind: int, *, shown: bool) -> go.Scatter:
    """A rung's right answers from place to place."""
    ends = [place.right.interval or (place.right.value, place.right.value) for place in places]
    colour = COLOURS[kind % len(COLOURS)]
    return go.Scatter(
        x=[place.at for place in places],
        y=[place.right.value for place in places],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, high - place.right.value) for place, (_, high) in zip(places, ends, strict=True)],
            "arrayminus": [max(0.0, place.right.value - low) for place, (low, _) in zip(places, ends, strict=True)],
            "color": colour,
        },
        mode="lines+markers",
        name=places[0].rung.title,
        legendgroup=places[0].rung.name,
        showlegend=shown,
        marker={"color": colour, "symbol": SYMBOLS[kind % len(SYMBOLS)], "size": 9},
        line={"color": colour},
    )


def _guessing(places: Sequence[Place], *, shown: bool) -> go.Scatter:
    known = dict(sorted((place.at, place.chance) for place in places if place.chance is not None))
    line = {"color": GREY, "dash": "dash"}
    return go.Scatter(
        x=list(known), y=list(known.values()), mode="lines", name="Guessing", legendgroup="guessing", showlegend=shown, line=line
    )

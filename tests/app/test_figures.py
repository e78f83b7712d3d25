"""The charts of results: their n, their words, their look, and that they say what the results say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from annotations.results.study import StudyResults
from app.figure_parts import COLOURS, SYMBOLS, Chart, label
from app.figures import figures
from tests.app.rated import NAMES, rated_steps, study_results

Json = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> StudyResults:
    return study_results(rated_steps())


@pytest.fixture(scope="module")
def charts(found: StudyResults) -> dict[str, Chart]:
    made = figures(found.to_json(), found.tables["ratings"])
    assert len({chart.id for chart in made}) == len(made)
    return {chart.id: chart for chart in made}


def drawn(chart: Chart) -> Json:
    assert chart.plotly is not None, chart.words
    return chart.plotly


def texts(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def test_the_charts_are_those_of_the_results(charts: dict[str, Chart]) -> None:
    assert list(charts) == [
        "accuracy", "helpfulness", "answers_accurate", "answers_helpful",
        "by_step", "by_domain", "by_policy", "by_answer", "by_looked", "by_dataset", "by_version",
        "leave_one_out", "agreement", "corrections", "speed", "drift", "pairs",
    ]  # fmt: skip


def test_every_chart_can_be_sent_and_has_its_alternative_and_its_table(charts: dict[str, Chart], found: StudyResults) -> None:
    for chart in charts.values():
        assert json.loads(json.dumps(chart.to_json(), allow_nan=False))["id"] == chart.id
        assert chart.title and chart.table in found.tables
        assert chart.words if chart.plotly is None else chart.alt.endswith(".")


def test_charts_tell_their_n(charts: dict[str, Chart]) -> None:
    for name, chart in charts.items():
        if chart.plotly is not None and not name.startswith("answers_"):
            assert any("n = " in text for text in texts(chart.plotly)), name
    bars = drawn(charts["answers_helpful"])["data"]
    assert [bar["name"] for bar in bars] == [
        f"{name} (n = {sum(bar['y'])})" for name, bar in zip(("judged accurate", "judged not accurate", "unsure"), bars, strict=True)
    ]


def test_series_differ_in_shape_and_colour(charts: dict[str, Chart]) -> None:
    for chart in charts.values():
        if chart.plotly is None:
            continue
        series = [trace for trace in chart.plotly["data"] if trace.get("showlegend") and trace["type"] == "scatter"]
        assert len({trace["marker"]["symbol"] for trace in series}) == len(series)
        bars = [trace for trace in chart.plotly["data"] if trace["type"] == "bar"]
        assert len({trace["marker"]["pattern"]["shape"] for trace in bars}) == len(bars)
    assert len(set(COLOURS)) == len(set(SYMBOLS)) == 4


def test_charts_have_no_ground_of_their_own(charts: dict[str, Chart]) -> None:
    for chart in charts.values():
        if chart.plotly is not None:
            layout = chart.plotly["layout"]
            assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
            assert "template" not in layout and "color" not in layout["font"]


def test_names_are_never_markup(charts: dict[str, Chart]) -> None:
    marked = [text for chart in charts.values() for text in texts(chart.plotly) if "<" in text.replace("<br>", "")]
    assert marked == []
    assert any("Dolores &lt;b&gt;" in text for text in texts(charts["speed"].plotly))
    assert label("<a href='javascript:x'>y</a>") == "&lt;a href='javascript:x'&gt;y&lt;/a&gt;"
    assert label("a" * 99) == "a" * 29 + "…"


def test_the_headline_stands_beside_the_papers(charts: dict[str, Chart], found: StudyResults) -> None:
    ours, paper = drawn(charts["accuracy"])["data"]
    accuracy = found.headlines[0]
    assert ours["x"] == [pytest.approx(accuracy.value, abs=1e-6)]
    assert paper["x"] == [0.728] and paper["error_x"]["array"] == [pytest.approx(0.059)]
    assert f"n = {accuracy.n.ratings}" in charts["accuracy"].alt and "72.8 % [66.8, 78.7], 20 people" in charts["accuracy"].alt


def test_error_bars_reach_to_the_ends_of_the_interval(charts: dict[str, Chart], found: StudyResults) -> None:
    trace = drawn(charts["by_step"])["data"][0]
    first = found.breakdowns[0].rows[0].figures[0]
    both = first.intervals.both
    assert both.low is not None and both.high is not None
    assert trace["x"][0] - trace["error_x"]["arrayminus"][0] == pytest.approx(both.low, abs=1e-5)
    assert trace["x"][0] + trace["error_x"]["array"][0] == pytest.approx(both.high, abs=1e-5)


def test_scales_are_whole(charts: dict[str, Chart]) -> None:
    for name in ("accuracy", "by_domain"):
        low, high = drawn(charts[name])["layout"]["xaxis"]["range"]
        assert low < 0 and high > 1
    assert drawn(charts["answers_accurate"])["layout"]["yaxis"]["rangemode"] == "tozero"
    assert "only this part of the scale" in charts["leave_one_out"].words


def test_bars_are_the_ratings_that_count(charts: dict[str, Chart], found: StudyResults) -> None:
    bars = drawn(charts["answers_accurate"])["data"]
    assert sum(sum(bar["y"]) for bar in bars) == found.counts.counting
    assert bars[0]["x"] == ["no", "yes", "unsure"]


def test_corrections_are_shifts_in_widths_of_the_picture(charts: dict[str, Chart], found: StudyResults) -> None:
    table = found.tables["ratings"]
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    moved = [row for row in rows if row["fate"] == "counts" and row["correction_x"] is not None]
    scatter = drawn(charts["corrections"])["data"][0]
    assert scatter["x"] == pytest.approx([(row["correction_x"] - 400) / 800 for row in moved])
    assert scatter["y"] == pytest.approx([(row["correction_y"] - 300) / 800 for row in moved])
    assert drawn(charts["corrections"])["layout"]["yaxis"]["range"][0] > 0


def test_leaving_one_out_has_a_row_a_rater(charts: dict[str, Chart]) -> None:
    layout = drawn(charts["leave_one_out"])["layout"]
    assert layout["yaxis"]["ticktext"] == [label(f"without {name}") for name in NAMES]


@pytest.mark.parametrize("rows", [[], rated_steps(traces=1, steps=1, overlap=1)], ids=["nothing", "one rating"])
def test_what_cannot_be_drawn_is_said(rows: list[Any]) -> None:
    found = study_results(rows)
    for chart in figures(found.to_json(), found.tables["ratings"]):
        assert chart.plotly is not None or chart.words.endswith("."), chart.id


def test_many_values_make_a_taller_chart() -> None:
    found = study_results(rated_steps(traces=6, steps=40, overlap=2), resamples=100)
    chart = next(chart for chart in figures(found.to_json(), found.tables["ratings"]) if chart.id == "by_step")
    layout = drawn(chart)["layout"]
    assert layout["height"] > 40 * len(layout["yaxis"]["ticktext"]) > 200

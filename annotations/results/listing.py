"""The results as flat tables, a fact a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from annotations.results.figures import Figure, Interval, Share
from annotations.results.headlines import Breakdown
from annotations.results.influence import LeaveOneOut
from annotations.results.overlap import Agreement
from annotations.results.pairs import Pairs
from annotations.results.points import Distances, PointAgreement
from annotations.results.raters import RaterRow, fate
from annotations.results.tables import About, Table
from annotations.studies.settings import StudySettings
from core.geometry import Box, Point

if TYPE_CHECKING:
    from annotations.ratings.standing import RatedStep

Row = tuple[Any, ...]

_ENDS = ("low", "high", "method", "clusters", "words")
_PER = ("both", "trace", "rater")
_FIGURE = (
    *("figure", "title", "question", "unit", "value", "words", "ratings", "steps", "traces", "raters"),
    *(f"{per}_{end}" for per in _PER for end in _ENDS),
)
_PAPER = ("paper_value", "paper_low", "paper_high", "paper_n", "paper_source")
_DRIFT = ("first", "second", "rho", "p", "n", "words")
_SHARES = ("accuracy", "helpfulness", "keys_only", "zoom_seen")


def headline_table(figures: Sequence[Figure], about: About) -> Table:
    """A row a headline, with the paper's."""
    rows = tuple((*_figure(entry), *_paper(entry)) for entry in figures)
    return Table("headline", "Headlines", (*_FIGURE, *_PAPER), rows, about)


def breakdown_table(breakdown: Breakdown, about: About) -> Table:
    """A row a value and figure."""
    rows = tuple((row.value, row.label, *_figure(entry)) for row in breakdown.rows for entry in row.figures)
    return Table(f"by_{breakdown.id}", f"By {breakdown.title.lower()}", ("value_of", "label", *_FIGURE), rows, about)


def pairs_table(pairs: Pairs, about: About) -> Table:
    """A row a figure and pair of policies."""
    columns = ("figure", "title", "unit", "a", "b", "samples", "mean_a", "mean_b", "difference", *_ENDS, "p", "p_holm", "note")
    rows = tuple(
        (p.figure, p.title, p.unit, p.a, p.b, p.samples, p.mean_a, p.mean_b, p.difference, *_ends(p.interval), p.p, p.p_holm, p.words)
        for p in pairs.rows
    )
    return Table("pairs", "Pairs of models on the same samples", columns, rows, about)


def agreement_table(found: Sequence[Agreement], about: About) -> Table:
    """A row a question, level and coefficient."""
    columns: tuple[str, ...] = ("question", "title", "level", "answers", "steps", "ratings", "traces", "raters")
    columns += ("coefficient", "name", "value", "note", "reading", *_ENDS)
    rows = tuple(
        (
            *(agreement.question, agreement.title, agreement.level, "; ".join(agreement.answers)),
            *(agreement.n.steps, agreement.n.ratings, agreement.n.traces, agreement.n.raters),
            *(entry.id, entry.title, entry.value, entry.words, entry.reading, *_ends(entry.interval)),
        )
        for agreement in found
        for entry in agreement.coefficients
    )
    return Table("agreement", "Agreement of raters", columns, rows, about)


def points_table(found: Sequence[PointAgreement], about: About) -> Table:
    """A row a kind of point, distance and statistic."""
    rows: list[Row] = []
    for points in found:
        for name, distances in (("between", points.between), ("from_model", points.from_model)):
            rows += [(points.id, name, *row) for row in _distances(distances)]
        if points.boxes:
            rows.append((points.id, "boxes", "hold_models_point", points.boxes.hit, points.boxes.n, points.boxes.words, *_ends(Interval())))
    columns = ("points", "distance", "statistic", "value", "n", "note", *_ENDS)
    return Table("points", "Agreement of points", columns, tuple(rows), about)


def raters_table(found: Sequence[RaterRow], settings: StudySettings, about: About) -> Table:
    """A row a rater."""
    questions = [question.id for question in settings.questions]
    columns: tuple[str, ...] = ("rater", "rated", "skipped", "withdrawn", "surplus", "set_apart", "unsure", "corrected", "comments")
    columns += ("seconds_median", "seconds_q1", "seconds_q3", "seconds_n", *(f"{name}{of}" for name in _SHARES for of in ("", "_n")))
    columns += tuple(f"{name}_{question}" for question in questions for name in ("same", "pairs", "shared_steps", "difference"))
    drifts = [name for name in ("accuracy", "helpfulness", "seconds") if any(drift.id == name for row in found for drift in row.drift)]
    columns += tuple(f"drift_{name}_{of}" for name in drifts for of in _DRIFT)
    return Table("raters", "Raters", columns, tuple(_rater(row, questions, drifts) for row in found), about)


def leave_one_out_table(found: Sequence[LeaveOneOut], about: About) -> Table:
    """A row a headline and rater left out."""
    columns = ("figure", "title", "unit", "whole", "without", "value", "change", "ratings")
    rows = tuple(
        (entry.figure, entry.title, entry.unit, entry.value, row.rater, row.value, row.change, row.n)
        for entry in found
        for row in entry.rows
    )
    return Table("leave_one_out", "Headlines without each rater", columns, rows, about)


def ratings_table(every: Sequence[RatedStep], settings: StudySettings, names: Mapping[int, str], about: About) -> Table:
    """A row a rating, of those that do not count as well, in the order they came in; steps count from 1, points are in pixels."""
    columns: tuple[str, ...] = (
        "rating",
        "rater",
        "at",
        "revision",
        "version",
        "fate",
        "trace",
        "step",
        "seconds",
        "keys_only",
        "zoom_seen",
    )
    columns += tuple(name for question in settings.questions for name in (f"answer_{question.id}", f"score_{question.id}"))
    columns += ("correction_x", "correction_y", "box_x1", "box_y1", "box_x2", "box_y2", "own_x", "own_y", "comment", "reason")
    columns += ("dataset", "domain", "policy", "correct", "stop", "sample", "picture", "width", "height", "x", "y", "looked", "steps")
    rows = tuple(_rating(row, settings, names) for row in sorted(every, key=lambda row: row.rating.id))
    return Table("ratings", "Every rating", columns, rows, about)


def _figure(entry: Figure) -> Row:
    count = entry.n
    head = (entry.id, entry.title, entry.question, entry.unit, entry.value, entry.words)
    found = (entry.intervals.both, entry.intervals.trace, entry.intervals.rater)
    return (*head, count.ratings, count.steps, count.traces, count.raters, *(end for interval in found for end in _ends(interval)))


def _paper(entry: Figure) -> Row:
    paper = entry.paper
    return (paper.value, paper.low, paper.high, paper.n, paper.source) if paper else (None,) * len(_PAPER)


def _ends(interval: Interval) -> Row:
    return interval.low, interval.high, interval.method, interval.clusters, interval.words


def _distances(distances: Distances) -> Iterator[Row]:
    for name, median in (("median_pixels", distances.pixels), ("median_widths", distances.widths)):
        yield name, median.value, median.n, median.words, *_ends(median.interval)
    for within in distances.within:
        yield f"within_{within.tolerance}_widths", within.share, within.n, "", *_ends(within.interval)


def _rater(row: RaterRow, questions: list[str], drifts: list[str]) -> Row:
    shares: tuple[Share, ...] = (row.accuracy, row.helpfulness, row.keys_only, row.zoom_seen)
    with_others = {entry.question: (entry.same, entry.pairs, entry.steps, entry.difference) for entry in row.agreement}
    drift = {entry.id: (entry.first, entry.second, entry.rho, entry.p, entry.n, entry.words) for entry in row.drift}
    return (
        *(row.rater, row.rated, row.skipped, row.withdrawn, row.surplus, row.set_apart, row.unsure, row.corrected, row.comments),
        *(row.seconds.median, row.seconds.q1, row.seconds.q3, row.seconds.n),
        *(value for entry in shares for value in (entry.value, entry.n)),
        *(value for question in questions for value in with_others.get(question, (None, 0, 0, None))),
        *(value for name in drifts for value in drift.get(name, (None,) * len(_DRIFT))),
    )


def _rating(row: RatedStep, settings: StudySettings, names: Mapping[int, str]) -> Row:
    rating, said, facts = row.rating, row.rating.judgement, row.facts
    answers: list[Any] = []
    for question in settings.questions:
        answer = said.answers.get(question.id)
        answers += [answer, next((choice.score for choice in question.choices if choice.value == answer), None)]
    correction = said.correction
    seen: Row = (None,) * 13
    if facts:
        seen = (facts.dataset, facts.domain, facts.policy, facts.correct, facts.stop, facts.sample, facts.picture)
        seen += (facts.width, facts.height, facts.x, facts.y, facts.looked, facts.steps)
    return (
        *(rating.id, names[rating.rater], rating.at.isoformat(), rating.revision, row.version, fate(row)),
        *(rating.trace, row.step + 1, said.seconds, said.keys_only, said.zoom_seen, *answers),
        *(*_point(correction.point if correction else None), *_box(correction.box if correction else None), *_point(said.own_point)),
        *(said.comment, said.reason, *seen),
    )


def _point(point: Point | None) -> Row:
    return (point.x, point.y) if point else (None, None)


def _box(box: Box | None) -> Row:
    return (box.x1, box.y1, box.x2, box.y2) if box else (None,) * 4

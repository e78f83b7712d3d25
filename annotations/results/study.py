"""The results of a study: everything that its ratings say, made in one place for the page, the command and the tables.

The same ratings, seed and number of resamples give the same results, whatever order the ratings come in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from annotations.ratings.values import RatingKind, Standing
from annotations.results.figures import LEVEL, Figure, plain
from annotations.results.headlines import Breakdown, breakdowns, headlines
from annotations.results.influence import LeaveOneOut, leave_one_out
from annotations.results.listing import (
    agreement_table,
    breakdown_table,
    headline_table,
    leave_one_out_table,
    pairs_table,
    points_table,
    raters_table,
    ratings_table,
)
from annotations.results.notes import NOTES, PSEUDONYMS
from annotations.results.overlap import Agreement, agreements
from annotations.results.pairs import Pairs, pairs
from annotations.results.points import PointAgreement, point_agreements
from annotations.results.raters import RaterRow, fate, rater_rows
from annotations.results.resampling import Draws
from annotations.results.scored import ScoredSet, scored_set
from annotations.results.tables import About, Table
from annotations.studies.settings import StudySettings
from core.errors import NotFound

if TYPE_CHECKING:
    from annotations.ratings.standing import RatedStep
    from annotations.ratings.store import RatingStore
    from annotations.studies.store import StudyStore

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class StudyTold:
    """Which study, and what of it. `asked`: the guideline version asked for, None for all that may be counted together.

    versions  of the ratings that count
    """

    id: int
    name: str
    closed: bool
    newest: int
    asked: int | None
    versions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unscored:
    """How often an answer was given that is counted and never scored."""

    question: str
    answer: str
    label: str
    n: int


@dataclass(frozen=True, slots=True)
class SkipReason:
    """How often a step was skipped for a reason."""

    reason: str
    n: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many ratings there are, each rater's newest about a step, and what became of them.

    `counting` to `set_apart` add up to `ratings`; `raters` to `unscored` are of the ratings that count.
    """

    ratings: int
    counting: int
    skipped: int
    withdrawn: int
    surplus: int
    set_apart: int
    raters: int
    traces: int
    steps: int
    corrections: int
    comments: int
    unscored: tuple[Unscored, ...]
    skip_reasons: tuple[SkipReason, ...]


@dataclass(frozen=True, slots=True)
class StudyResults:
    """All results; `tables` has every one of them, and every rating, as flat tables by name."""

    study: StudyTold
    seed: int
    resamples: int
    level: float
    pseudonyms: bool
    notes: Mapping[str, str]
    counts: Counts
    headlines: tuple[Figure, ...]
    breakdowns: tuple[Breakdown, ...]
    pairs: Pairs
    agreement: tuple[Agreement, ...]
    points: tuple[PointAgreement, ...]
    raters: tuple[RaterRow, ...]
    leave_one_out: tuple[LeaveOneOut, ...]
    tables: Mapping[str, Table] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """The results as JSON values without NaN; of the tables their names, titles and numbers of rows."""
        document = {entry.name: plain(getattr(self, entry.name)) for entry in fields(self) if entry.name != "tables"}
        listed = [{"name": name, "title": table.title, "rows": len(table.rows)} for name, table in self.tables.items()]
        return document | {"tables": listed}


def results(
    studies: StudyStore,
    ratings: RatingStore,
    study_id: int,
    *,
    version: int | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    pseudonyms: bool = False,
) -> StudyResults:
    """The results of a study.

    version     only the ratings given under this version of the guideline, with its questions; None: all that answer the newest questions
    pseudonyms  raters are called r1, r2, ...
    Raises NotFound for a study or version that is not there, StudyError for a seed or number of resamples out of range.
    """
    draws = Draws(seed, resamples)
    study = studies.study(study_id)
    settings = study.settings
    if version is None:
        rows: Iterable[RatedStep] = ratings.ratings(study_id)
    else:
        known = {entry.version: entry for entry in studies.versions(study_id)}
        if version not in known:
            raise NotFound(
                f"The study “{study.name}” has no version {version}: it has {', '.join(str(number) for number in sorted(known))}."
            )
        asked = known[version]
        same = asked.settings.asks == settings.asks
        rows = under_version(ratings.ratings(study_id, under=None if same else asked.version_id), version, same=same)
        settings = asked.settings
    told = StudyTold(study.id, study.name, study.closed, study.version, version, ())
    return results_of(told, settings, rows, draws, pseudonyms=pseudonyms)


def under_version(rows: Iterable[RatedStep], version: int, *, same: bool) -> Iterable[RatedStep]:
    """The ratings of one version. `same`: it asks what the newest does.

    Where it does not, its ratings are set apart from the newest's, and count among themselves if what they judged is still there.
    """
    for row in rows:
        if row.version == version:
            fits = row.standing is Standing.SET_APART and row.facts is not None and row.rating.trace == row.trace
            yield replace(row, standing=Standing.COUNTS) if fits and not same else row


def results_of(
    study: StudyTold, settings: StudySettings, rows: Iterable[RatedStep], draws: Draws, *, pseudonyms: bool = False
) -> StudyResults:
    """The results of ratings that are at hand, under the questions of `settings`; `study` without its versions."""
    every = sorted(rows, key=lambda row: row.rating.id)
    ratings = scored_set(every, settings)
    study = replace(study, versions=tuple(sorted({row.version for row in ratings.rows})))
    names = _names(every, pseudonyms)
    figures = headlines(ratings, draws)
    found = StudyResults(
        study,
        draws.seed,
        draws.resamples,
        LEVEL,
        pseudonyms,
        dict(NOTES) | ({"pseudonyms": PSEUDONYMS} if pseudonyms else {}),
        _counts(every, ratings),
        figures,
        breakdowns(ratings, draws),
        pairs(ratings, draws),
        agreements(ratings, draws),
        point_agreements(ratings, draws),
        rater_rows(every, ratings, names),
        leave_one_out(ratings, figures, names),
        {},
    )
    return replace(found, tables=_tables(found, settings, every, names))


def _names(every: Sequence[RatedStep], pseudonyms: bool) -> dict[int, str]:
    """What each rater is called, by id, in the order of the ids; a pseudonym is the one of curated records (`annotations.curation`)."""
    names = {row.rating.rater: row.rater_name for row in every}
    return {rater: f"r{rater}" if pseudonyms else names[rater] for rater in sorted(names)}


def _counts(every: Sequence[RatedStep], ratings: ScoredSet) -> Counts:
    fates = Counter(fate(row) for row in every)
    said = [row.rating.judgement for row in ratings.rows]
    skipped = Counter(row.rating.judgement.reason.strip() for row in every if row.rating.judgement.kind is RatingKind.SKIPPED)
    return Counts(
        ratings=len(every),
        counting=fates["counts"],
        skipped=fates["skipped"],
        withdrawn=fates["withdrawn"],
        surplus=fates["surplus"],
        set_apart=fates["set_apart"],
        raters=len(ratings.raters),
        traces=len({row.trace for row in ratings.rows}),
        steps=len({(row.trace, row.step) for row in ratings.rows}),
        corrections=sum(judgement.correction is not None for judgement in said),
        comments=sum(bool(judgement.comment.strip()) for judgement in said),
        unscored=tuple(
            Unscored(question.id, choice.value, choice.label, int((ratings.answers[question.id] == place).sum()))
            for question in ratings.settings.questions
            for place, choice in enumerate(question.choices)
            if choice.score is None
        ),
        skip_reasons=tuple(SkipReason(reason, n) for reason, n in sorted(skipped.items(), key=lambda entry: (-entry[1], entry[0]))),
    )


def _tables(found: StudyResults, settings: StudySettings, every: Sequence[RatedStep], names: Mapping[int, str]) -> dict[str, Table]:
    about = About(found.study.name, found.study.versions, found.study.asked, found.seed, found.resamples)
    listed = (
        headline_table(found.headlines, about),
        *(breakdown_table(breakdown, about) for breakdown in found.breakdowns),
        pairs_table(found.pairs, about),
        agreement_table(found.agreement, about),
        points_table(found.points, about),
        raters_table(found.raters, settings, about),
        leave_one_out_table(found.leave_one_out, about),
        ratings_table(every, settings, names, about),
    )
    return {table.name: table for table in listed}

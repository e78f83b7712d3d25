"""What the ratings of a study come to: figures that can be checked by hand, and rules that hold for any ratings."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.ratings.standing import RatedStep
from annotations.ratings.values import RatingKind, Standing
from annotations.results.figures import Figure
from annotations.results.study import StudyResults, under_version
from annotations.studies.settings import ACCURATE, HELPFUL, Choice, Measure, Question, StudySettings
from tests.annotations.results.made import NOON, facts, rated, study, told


def figure(found: StudyResults, name: str) -> Figure:
    return next(entry for entry in found.headlines if entry.id == name)


def row(found: StudyResults, breakdown: str, value: str, name: str = "accuracy") -> Figure:
    rows = next(entry for entry in found.breakdowns if entry.id == breakdown).rows
    return next(entry for of in rows if of.value == value for entry in of.figures if entry.id == name)


def test_accuracy_is_the_share_of_yes_among_yes_and_no() -> None:
    found = told([rated("t1", 0, 1), rated("t1", 0, 2, accurate="no"), rated("t2", 0, 1), rated("t2", 1, 1, accurate="unsure")])
    accuracy = figure(found, "accuracy")
    assert accuracy.value == pytest.approx(2 / 3)
    assert (accuracy.n.ratings, accuracy.n.steps, accuracy.n.traces, accuracy.n.raters) == (3, 2, 2, 2)
    assert [(entry.label, entry.n) for entry in found.counts.unscored] == [("Unsure", 1)]
    assert found.raters[0].unsure == 1


def test_helpfulness_goes_by_what_the_same_rater_said_of_the_same_step() -> None:
    rows = [
        rated("t1", 0, 1, accurate="yes", helpful="5"),
        rated("t1", 0, 2, accurate="no", helpful="1"),
        rated("t2", 0, 1, accurate="yes", helpful="4"),
        rated("t2", 0, 2, accurate="unsure", helpful="3"),
        rated("t2", 1, 2, accurate=None, helpful="2"),
    ]
    found = told(rows)
    means = {
        name: (figure(found, name).value, figure(found, name).n.ratings)
        for name in ("helpfulness", "helpfulness_accurate", "helpfulness_inaccurate")
    }
    assert means == {"helpfulness": (3.0, 5), "helpfulness_accurate": (4.5, 2), "helpfulness_inaccurate": (1.0, 1)}


def test_what_does_not_count_is_counted_and_never_scored() -> None:
    rows = [
        rated("t1", 0, 1),
        rated("t2", 0, 1, accurate="no", standing=Standing.SURPLUS),
        rated("t3", 0, 1, accurate="no", standing=Standing.SET_APART, gone=True),
        rated("t4", 0, 1, kind=RatingKind.SKIPPED, reason="too dark"),
        rated("t5", 0, 1, kind=RatingKind.SKIPPED, reason="too dark "),
        rated("t6", 0, 1, kind=RatingKind.WITHDRAWN),
    ]
    found = told(rows)
    counts = found.counts
    assert (counts.ratings, counts.counting, counts.skipped, counts.withdrawn, counts.surplus, counts.set_apart) == (6, 1, 2, 1, 1, 1)
    assert [(entry.reason, entry.n) for entry in counts.skip_reasons] == [("too dark", 2)]
    assert (figure(found, "accuracy").value, figure(found, "accuracy").n.ratings) == (1.0, 1)
    assert [entry[5] for entry in found.tables["ratings"].rows] == ["counts", "surplus", "set_apart", "skipped", "skipped", "withdrawn"]
    rater = found.raters[0]
    assert (rater.rated, rater.skipped, rater.withdrawn, rater.surplus, rater.set_apart) == (1, 2, 1, 1, 1)


def test_the_papers_figures_stand_beside_ours_with_their_source() -> None:
    found = told(study(1, traces=4))
    assert [(entry.paper.value, entry.paper.low, entry.paper.high) for entry in found.headlines if entry.paper] == [
        (0.728, 0.668, 0.787),
        (3.35, 3.03, 3.68),
        (3.81, 3.51, 4.10),
        (2.26, 1.57, 2.94),
    ]
    assert all("2505.23678" in entry.paper.source for entry in found.headlines if entry.paper)
    assert {entry.paper for breakdown in found.breakdowns for of in breakdown.rows for entry in of.figures} == {None}


def test_each_part_has_its_own_figure() -> None:
    rows = [
        rated("t1", 0, 1, of=facts(domain="spatial", policy="a", correct=True, dataset="x", looked=True, sample="s1")),
        rated(
            "t1",
            2,
            1,
            accurate="no",
            of=facts(domain="spatial", policy="a", correct=True, dataset="x", looked=False, sample="s1"),
            version=2,
        ),
        rated("t2", 0, 2, accurate="no", of=facts(domain="web", policy="b", correct=False, dataset="y", looked=True, sample="s2")),
        rated("t3", 9, 2, of=facts(domain="web", policy="b", correct=None, dataset="y", looked=True, sample="s3")),
    ]
    found = told(rows)
    values = {
        breakdown.id: {of.label: next(entry.value for entry in of.figures if entry.id == "accuracy") for of in breakdown.rows}
        for breakdown in found.breakdowns
    }
    assert values == {
        "step": {"Step 1": 0.5, "Step 3": 0.0, "Step 10": 1.0},
        "domain": {"spatial": 0.5, "web": 0.5},
        "policy": {"a": 0.5, "b": 0.5},
        "answer": {"Right answers": 0.5, "Wrong answers": 0.0, "Unscored answers": 1.0},
        "looked": {"Looked": pytest.approx(2 / 3), "Did not look": 0.0},
        "dataset": {"x": 0.5, "y": 0.5},
        "version": {"Guideline version 1": pytest.approx(2 / 3), "Guideline version 2": 0.0},
    }
    assert list(values["step"]) == ["Step 1", "Step 3", "Step 10"]
    assert row(found, "step", "1").n.ratings == 2


def test_one_value_makes_no_breakdown_but_a_sentence() -> None:
    found = told([rated("t1"), rated("t2")])
    words = {breakdown.id: breakdown.words for breakdown in found.breakdowns}
    assert words["domain"] == "Every rating is of one domain: spatial."
    assert words["looked"] == "Every rating is of one kind of step: Did not look."
    assert all(not breakdown.rows for breakdown in found.breakdowns)


def test_where_all_answers_are_yes_wilsons_interval_stands_in() -> None:
    accuracy = figure(told([rated(f"t{number}", 0, 1 + number % 2) for number in range(20)]), "accuracy")
    assert accuracy.intervals.trace.method == "Wilson"
    assert (accuracy.intervals.trace.low, accuracy.intervals.trace.high) == (pytest.approx(0.8389, abs=1e-4), 1.0)
    assert accuracy.intervals.both.clusters == accuracy.intervals.rater.clusters == 2
    assert "All answers are the same" in accuracy.intervals.trace.words
    helpful = figure(told([rated(f"t{number}", 0, 1 + number % 2) for number in range(20)]), "helpfulness")
    assert helpful.intervals.trace.low is None
    assert helpful.intervals.trace.words == "Every trace gives the same value, so resampling shows no spread."


def test_one_rater_alone_has_an_interval_over_traces_and_words_for_the_others() -> None:
    found = told([rated("t1"), rated("t2", accurate="no"), rated("t3")])
    intervals = figure(found, "accuracy").intervals
    assert intervals.trace.low is not None
    assert intervals.rater.words == intervals.both.words == "Only one rater: an interval over raters needs two or more."
    assert found.leave_one_out[0].words == "Only one rater: nothing is left without them."
    assert all(entry.value is None for agreement in found.agreement for entry in agreement.coefficients)
    assert found.agreement[0].words == "No step has been judged by two raters, so there is no agreement to tell."


def test_a_study_without_a_rating_is_told_in_words() -> None:
    found = told([])
    assert all(entry.value is None and entry.words for entry in found.headlines)
    assert found.pairs.words == "Nothing has been rated yet."
    assert found.raters == ()
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["counts"]["ratings"] == 0
    assert all(table.rows == () for name, table in found.tables.items() if name not in ("headline", "agreement", "points"))


def test_pairs_of_models_are_compared_on_the_samples_that_both_have() -> None:
    def on(sample: str, policy: str, *accurate: str) -> Iterator[RatedStep]:
        for step, answer in enumerate(accurate):
            yield rated(f"{sample} {policy}", step, 1, accurate=answer, of=facts(sample=sample, policy=policy))

    rows = [
        *on("s1", "a", "yes", "yes"),
        *on("s1", "b", "no", "yes"),
        *on("s2", "a", "yes"),
        *on("s2", "b", "no"),
        *on("s3", "a", "no"),
        *on("s3", "b", "no"),
        # Only one of the two was rated here: it is not compared.
        *on("s4", "a", "no", "no", "no"),
        *on("s4", "c", "unsure"),
    ]
    found = {(pair.figure, pair.a, pair.b): pair for pair in told(rows).pairs.rows}
    pair = found["accuracy", "a", "b"]
    assert (pair.samples, pair.mean_a, pair.mean_b) == (3, pytest.approx(2 / 3), pytest.approx(1 / 6))
    assert pair.difference == pytest.approx((0.5 + 1 + 0) / 3)
    # Of the eight ways to turn three signs, four reach it.
    assert pair.p == pytest.approx(0.5)
    assert pair.p_holm == pytest.approx(0.5)
    assert found["accuracy", "a", "c"].words == "No sample has a scored rating for both."
    assert {name for name, _, _ in found} == {"accuracy", "helpfulness"}


def test_p_values_are_raised_for_all_pairs_of_a_figure() -> None:
    rows = []
    for number in range(12):
        for place, policy in enumerate("abc"):
            accurate = "yes" if number % 4 >= place else "no"
            rows.append(rated(f"t{number}{policy}", 0, 1 + number % 3, accurate=accurate, of=facts(sample=f"s{number}", policy=policy)))
    pairs = [pair for pair in told(rows, resamples=2000).pairs.rows if pair.figure == "accuracy"]
    raised = [pair.p_holm for pair in pairs]
    values = sorted(pair.p for pair in pairs if pair.p is not None)
    assert len(pairs) == 3
    assert min(raise_ for raise_ in raised if raise_ is not None) == pytest.approx(min(1, values[0] * 3))
    assert all(pair.p is not None and pair.p_holm is not None and pair.p <= pair.p_holm for pair in pairs)


def test_agreement_takes_unsure_as_an_answer_only_where_it_says_so() -> None:
    rows = [
        rated("t1", 0, 1),
        rated("t1", 0, 2, accurate="unsure"),
        rated("t2", 0, 1, accurate="no"),
        rated("t2", 0, 2, accurate="no"),
        rated("t3", 0, 1),
        rated("t3", 0, 2),
    ]
    by_level = {entry.level: entry for entry in told(rows).agreement if entry.question == "accurate"}
    assert (by_level["ordinal"].n.steps, by_level["ordinal"].answers) == (2, ("No", "Yes"))
    assert (by_level["nominal"].n.steps, by_level["nominal"].answers) == (3, ("Yes", "No", "Unsure"))
    assert [entry.id for entry in by_level["ordinal"].coefficients] == ["alpha", "ac2", "percent"]
    assert [entry.id for entry in by_level["nominal"].coefficients] == ["alpha", "ac1", "percent"]
    assert by_level["ordinal"].coefficients[2].value == 1.0
    assert by_level["nominal"].coefficients[2].value == pytest.approx(2 / 3)


def test_alpha_of_answers_that_are_all_the_same_is_said_in_words() -> None:
    found = told([rated(f"t{number}", 0, rater) for number in range(3) for rater in (1, 2)])
    alpha, ac2, percent = next(entry for entry in found.agreement if entry.question == "helpful").coefficients
    assert alpha.value is None and "not defined" in alpha.words
    assert (ac2.value, percent.value) == (1.0, 1.0)


def test_answers_of_the_same_score_agree() -> None:
    clear = Question(
        "clear",
        "Is it clear?",
        Measure.OTHER,
        (Choice("a", "Very", "1", 1.0), Choice("b", "Rather", "2", 1.0), Choice("c", "No", "3", 0.0)),
    )
    asked = StudySettings(questions=(clear,))
    rows = [rated("t1", 0, 1, answers={"clear": "a"}), rated("t1", 0, 2, answers={"clear": "b"}), rated("t2", 0, 1, answers={"clear": "c"})]
    found = told(rows, asked)
    assert [entry.id for entry in found.headlines] == ["question:clear"]
    assert found.headlines[0].value == pytest.approx(2 / 3)
    (agreement,) = found.agreement
    assert agreement.answers == ("No", "Very or Rather")
    assert agreement.coefficients[2].value == 1.0


def test_scores_of_a_study_are_its_own() -> None:
    scale = replace(HELPFUL, choices=(Choice("low", "Low", "1", -1.5), Choice("high", "High", "2", 2.5)))
    found = told([rated(helpful="low"), rated("t2", helpful="high")], StudySettings(questions=(ACCURATE, scale)))
    helpful = figure(found, "helpfulness")
    assert (helpful.value, helpful.low, helpful.high, helpful.unit) == (0.5, -1.5, 2.5, "score")


def test_each_rater_beside_the_others() -> None:
    rows = [
        rated("t1", 0, 1, accurate="yes", helpful="5", seconds=10, keys_only=True),
        rated("t1", 0, 2, accurate="yes", helpful="3", seconds=20),
        rated("t1", 0, 3, accurate="no", helpful="1"),
        rated("t2", 0, 1, accurate="no", helpful="2", seconds=30, zoom_seen=True, comment="odd"),
        rated("t3", 0, 2, accurate="no", helpful="2", kind=RatingKind.SKIPPED),
    ]
    one, two, three = told(rows).raters
    assert (one.rater, one.rated, one.comments) == ("Rater 1", 2, 1)
    assert (one.seconds.median, one.seconds.n) == (20, 2)
    assert (one.accuracy.value, one.helpfulness.value, one.keys_only.value, one.zoom_seen.value, one.zoom_seen.n) == (0.5, 3.5, 0.5, 1.0, 1)
    accurate, helpful = one.agreement
    assert (accurate.same, accurate.pairs, accurate.steps, accurate.difference) == (0.5, 2, 1, 0.5)
    assert (helpful.same, helpful.difference) == (0.0, 3.0)
    assert (two.rated, two.skipped, three.agreement[0].same) == (1, 1, 0.0)
    assert all(drift.words == "2 values: fewer than 10 tell no trend." for drift in one.drift)


def test_a_rater_whom_nobody_shares_a_step_with_is_told_so() -> None:
    (one,) = told([rated("t1"), rated("t2")]).raters
    assert one.agreement[0].same is None
    assert one.agreement[0].words == "Nobody else has answered this on the same steps."


def test_drift_goes_by_the_time_of_the_ratings() -> None:
    rows = [
        rated(f"t{number}", 0, 1, accurate="yes" if number < 6 else "no", seconds=20.0 - number, at=NOON + timedelta(minutes=number))
        for number in range(12)
    ]
    random.Random(3).shuffle(rows)
    drift = {entry.id: entry for entry in told(rows).raters[0].drift}
    assert (drift["accuracy"].first, drift["accuracy"].second) == (1.0, 0.0)
    assert drift["accuracy"].rho is not None and drift["accuracy"].rho < -0.8
    assert (drift["seconds"].first, drift["seconds"].second, drift["seconds"].rho) == (17.5, 11.5, pytest.approx(-1))
    assert drift["helpfulness"].words == "All values are the same, so they cannot be ranked."


def test_every_headline_without_each_rater() -> None:
    rows = [rated("t1", 0, 1), rated("t1", 0, 2, accurate="no"), rated("t2", 0, 1), rated("t2", 0, 3, accurate="no"), rated("t3", 0, 3)]
    found = told(rows).leave_one_out[0]
    assert {entry.rater: (entry.value, entry.n) for entry in found.rows} == {
        "Rater 1": (pytest.approx(1 / 3), 3),
        "Rater 2": (0.75, 4),
        "Rater 3": (pytest.approx(2 / 3), 3),
    }
    assert found.lowest is not None and found.highest is not None
    assert (found.lowest.rater, found.highest.rater) == ("Rater 1", "Rater 2")
    for entry in found.rows:
        rest = told([of for of in rows if of.rater_name != entry.rater])
        assert figure(rest, "accuracy").value == entry.value


def test_an_older_version_counts_by_itself_where_it_asked_something_else() -> None:
    old = [
        rated("t1", standing=Standing.SET_APART),
        rated("t2", standing=Standing.SET_APART, gone=True),
        rated("t3", kind=RatingKind.SKIPPED),
    ]
    new = [rated("t4", version=2)]
    assert [of.standing for of in under_version(old + new, 1, same=False)] == [Standing.COUNTS, Standing.SET_APART, Standing.NOT_RATED]
    assert [of.standing for of in under_version(old + new, 1, same=True)] == [Standing.SET_APART, Standing.SET_APART, Standing.NOT_RATED]
    assert [of.trace for of in under_version(old + new, 2, same=True)] == ["t4"]


def test_pseudonyms_leave_no_name_behind() -> None:
    rows = study(2, traces=5)
    found = told(rows, pseudonyms=True)
    whole = json.dumps(found.to_json()) + "".join(repr(table.rows) for table in found.tables.values())
    assert not any(of.rater_name in whole for of in rows)
    assert [entry.rater for entry in found.raters] == ["r1", "r2", "r3", "r4", "r5", "r6"]
    assert "Comments" in found.notes["pseudonyms"]


def test_the_same_ratings_and_seed_give_the_same_bytes_in_any_order() -> None:
    rows = study(3, traces=12)
    shuffled = random.Random(1).sample(rows, len(rows))
    first, again = (json.dumps(told(of).to_json()) for of in (rows, shuffled))
    assert first == again
    assert json.dumps(told(rows, seed=1).to_json()) != first
    assert told(rows).tables == told(shuffled).tables


def test_a_made_up_study_is_found_again() -> None:
    found = told(study(4, traces=60, raters=8))
    accuracy = figure(found, "accuracy")
    assert accuracy.value == pytest.approx(
        np.mean(
            [
                of.rating.judgement.answers["accurate"] == "yes"
                for of in study(4, traces=60, raters=8)
                if of.rating.judgement.answers["accurate"] != "unsure"
            ]
        )
    )
    both, trace = accuracy.intervals.both, accuracy.intervals.trace
    assert both.low is not None and trace.low is not None and both.high is not None and trace.high is not None
    assert both.low <= trace.low < accuracy.value < trace.high <= both.high
    accurate, inaccurate = figure(found, "helpfulness_accurate").value, figure(found, "helpfulness_inaccurate").value
    assert accurate is not None and inaccurate is not None and accurate > inaccurate
    assert [entry["name"] for entry in found.to_json()["tables"]] == list(found.tables)


answers = st.fixed_dictionaries(
    {}, optional={"accurate": st.sampled_from(["yes", "no", "unsure", "gone"]), "helpful": st.sampled_from(list("12345"))}
)
ratings = st.builds(
    lambda trace, step, rater, said, policy, standing, kind: rated(
        f"t{trace}", step, rater, answers=said, standing=standing, kind=kind, of=facts(sample=f"s{trace // 2}", policy=policy)
    ),
    st.integers(0, 4),
    st.integers(0, 2),
    st.integers(1, 4),
    answers,
    st.sampled_from("ab"),
    st.sampled_from([Standing.COUNTS, Standing.COUNTS, Standing.SURPLUS, Standing.SET_APART]),
    st.sampled_from([RatingKind.RATED, RatingKind.RATED, RatingKind.RATED, RatingKind.SKIPPED, RatingKind.WITHDRAWN]),
)


def numbers_in(document: Any) -> Iterator[float]:
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        for entry in document:
            yield from numbers_in(entry)
    elif isinstance(document, float):
        yield document


@settings(max_examples=40, deadline=None)
@given(st.lists(ratings, max_size=25, unique_by=lambda of: (of.trace, of.step, of.rating.rater)))
def test_whatever_was_rated_every_figure_is_a_number_or_a_sentence(rows: list[RatedStep]) -> None:
    found = told(rows, resamples=100)
    document = found.to_json()
    assert all(math.isfinite(number) for number in numbers_in(document))
    counts = found.counts
    assert counts.ratings == counts.counting + counts.skipped + counts.withdrawn + counts.surplus + counts.set_apart == len(rows)
    for entry in found.headlines:
        assert (entry.value is None) == bool(entry.words)
        for interval in (entry.intervals.both, entry.intervals.trace, entry.intervals.rater):
            assert (interval.low is None) == (interval.high is None) == (interval.method == "")
            assert interval.low is not None or interval.words
            if interval.low is not None and interval.high is not None:
                assert entry.low <= interval.low <= interval.high <= entry.high
    for agreement in found.agreement:
        assert all(entry.value is not None or entry.words for entry in agreement.coefficients)
    for breakdown in found.breakdowns:
        if breakdown.rows:
            assert sum(of.figures[0].n.ratings for of in breakdown.rows) == found.headlines[0].n.ratings

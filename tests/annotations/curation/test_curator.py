"""Files of records from a study in a real database: what is in them, that it is always the same, and what an export would hold."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from annotations.curation.recipes import Corrections, Recipe
from annotations.curation.rules import parse_rule
from annotations.curation.splitting import SplitPlan
from annotations.pictures import PictureStore
from annotations.ratings.values import Correction, Standing
from annotations.studies.values import Study
from core.errors import NotFound, RuleError, StoreError, StudyError
from core.geometry import Box, Point
from core.grammar import TurnText, parse
from core.grounding import ground
from core.manifest import manifest_path
from core.records import CorrectedStep, Split, Writer, read_records
from core.trace import Origin, Trace
from tests.annotations.curation.making import Bench, conversation, rated, thought

ROOT = Path(__file__).resolve().parents[3]


def traces(count: int, *, first: int = 0, **options: object) -> list[Trace]:
    """Traces with two steps, each about a picture of its own."""
    return [
        thought(
            f"The lamp number {number} is at (100, 50).",
            "A table at (200, 150).",
            picture=hashlib.sha256(b"%d" % number).hexdigest(),
            **options,
        )
        for number in range(first, first + count)
    ]


def bytes_of(folder: Path) -> tuple[bytes, bytes]:
    path = folder / "records.jsonl"
    return path.read_bytes(), manifest_path(path).read_bytes()


def rate_all(bench: Bench, study: Study, made: list[Trace], *answers: str) -> None:
    for trace in made:
        for step in (0, 1):
            bench.say(study, trace, *answers, step=step)


def test_the_traces_that_pass_become_records(any_bench: Bench, tmp_path: Path) -> None:
    bench = any_bench
    made = traces(4)
    study = bench.begin(*made)
    rate_all(bench, study, made[:2], "yes 4", "yes 5")
    bench.say(study, made[2], "no 2", "yes 5")
    records, manifest = bench.export(study, tmp_path, "accurate>=0.8, helpful>=3.5, raters>=2, steps_rated>=1")
    assert [record.trace for record in records] == sorted(trace.content_hash for trace in made[:2])
    assert [record.trace for record in records] == list(manifest.content_hashes)
    assert {record.provenance.study for record in records} == {"First"}
    assert {(record.provenance.raters, record.provenance.dataset, record.provenance.policy, record.weight) for record in records} == {
        (2, "demo", "hand", 1)
    }
    assert manifest.rule == "accurate>=0.8, helpful>=3.5, raters>=2, steps_rated>=1" == records[0].provenance.rule
    curation = manifest.curation
    assert curation and (curation.study, curation.guidelines, curation.rated, curation.passed) == ("First", (1,), 3, 2)
    assert curation.failed == {"accurate>=0.8": 1, "helpful>=3.5": 0, "raters>=2": 0, "steps_rated>=1": 0}
    assert curation.raters == ("r1", "r2")
    assert (curation.left_out, curation.corrections, curation.shares, curation.seed) == ({}, "apply", (0.9, 0.05, 0.05), 0)
    assert curation.newest_rating == "2031-05-01T09:07:00+00:00", "the newest rating that was used: the one on the third trace was not"


def test_people_s_points_stand_in_the_text_or_do_not(any_bench: Bench, tmp_path: Path) -> None:
    bench = any_bench
    (trace,) = traces(1)
    study = bench.begin(trace)
    moved = {1: Correction(point=Point(300, 200)), 2: Correction(box=Box(290, 190, 320, 210))}
    bench.say(study, trace, "no 4", "no 4", corrections=moved)
    bench.say(study, trace, "yes 5", "yes 5", step=1)
    (record,), manifest = bench.export(study, tmp_path)
    assert (
        record.messages[1].text == "<think> The lamp number 0 is at (302, 200). A table at (200, 150). </think>\n<answer> (2, 3) </answer>"
    )
    assert record.provenance.original == trace.content_hash != record.trace
    assert record.provenance.corrected == (CorrectedStep(0, 2, "(100, 50)", "(302, 200)"),)
    assert (manifest.corrected, manifest.corrected_steps) == ({trace.content_hash: record.trace}, 1)
    (record,), manifest = bench.export(study, tmp_path, corrections=Corrections.LEAVE)
    assert record.messages[1].text == trace.turns[0].text
    assert (record.trace, record.provenance.original, manifest.corrected) == (trace.content_hash, "", {})
    assert manifest.curation and manifest.curation.corrections == "leave"


def test_what_cannot_be_a_record_is_left_out_and_counted(bench: Bench, tmp_path: Path) -> None:
    looked = conversation(
        TurnText("There at (100, 50).", call=(100, 50), observed=True), TurnText("Yes (7, 8).", answer="(2, 3)"), question="One?"
    )
    other = conversation(
        TurnText("There at (100, 50).", call=(100, 50), observed=True), TurnText("Yes (7, 8).", answer="(2, 3)"), question="Two?"
    )
    blind = ground(replace(looked.sample, question="Blind?"), parse(looked.text), looked.frame, None, policy="hand")
    answered = thought("There at (100, 50).", answer="(100, 50)")
    study = bench.begin(looked, other, blind, answered)
    for trace in (looked, answered):
        bench.say(study, trace, "no 4", corrections={1: Correction(point=Point(300, 200))})
    for trace in (other, blind):
        bench.say(study, trace, "yes 4")
    zoomed = "people moved a point that the model zoomed in on, and the crop that it was shown would be another one"
    unknown = "Turn … was answered by a crop that is not known: a model cannot be shown it again"
    records, manifest = bench.export(study, tmp_path)
    assert [record.trace for record in records] == [other.content_hash]
    assert manifest.curation and manifest.curation.left_out == {unknown: 1, "people moved a point that the answer repeats": 1, zoomed: 1}
    records, manifest = bench.export(study, tmp_path, corrections=Corrections.LEAVE)
    assert len(records) == 3 and manifest.curation and manifest.curation.left_out == {unknown: 1}
    assert {message.writer for record in records for message in record.messages} >= {Writer.OBSERVATION}


EXPORT = """
import sys
from pathlib import Path
from annotations.curation.curator import Curator
from annotations.curation.recipes import Recipe
from annotations.curation.rules import parse_rule
from annotations.database import open_database, sqlite_url
from annotations.ratings.store import RatingStore
from annotations.store import Store
from annotations.studies.store import StudyStore

database = open_database(sqlite_url(Path(sys.argv[1])), read_only=True)
curator = Curator(Store(database), StudyStore(database), RatingStore(database))
curator.export(curator.study(None).id, Recipe(parse_rule("raters>=1, policy=b|hand")), Path(sys.argv[2]))
database.close()
"""


def test_the_same_database_and_rule_give_the_same_bytes_in_every_process(bench: Bench, tmp_path: Path) -> None:
    made = traces(12)
    study = bench.begin(*made)
    bench.store.add_traces(made[:6], dataset="another")
    for number, trace in enumerate(made):
        correction = {2: Correction(point=Point(300 + number, 200))} if number % 3 == 0 else None
        bench.say(study, trace, "yes 4", "no 3", "unsure 2", corrections=correction)
    written = set()
    for seed in ("0", "12345"):
        (tmp_path / seed).mkdir()
        arguments = [sys.executable, "-c", EXPORT, tmp_path / "saccade.db", tmp_path / seed / "records.jsonl"]
        subprocess.run(arguments, check=True, env=os.environ | {"PYTHONHASHSEED": seed}, cwd=ROOT)
        written.add(bytes_of(tmp_path / seed))
    bench.export(study, tmp_path, "policy=hand|b, raters>=1")
    assert written == {bytes_of(tmp_path)}, "and the order in which a rule is written does not matter"
    assert len(list(read_records(tmp_path / "records.jsonl"))) == 12


def test_what_changes_no_evidence_changes_no_byte(bench: Bench, tmp_path: Path) -> None:
    made = traces(3)
    study = bench.begin(*made, ratings_per_item=1)
    rate_all(bench, study, made[:2], "yes 4")
    bench.export(study, tmp_path, "accurate>=0.5")
    before = bytes_of(tmp_path)
    items = {(item.trace, item.step): item.id for item in bench.studies.items(study.id).items}
    surplus = bench.ratings.submit(
        items[made[0].content_hash, 0],
        bench.rater("late"),
        version_id=study.version_id,
        trace=made[0].content_hash,
        judgement=rated(answers={"accurate": "no", "helpful": "1"}),
        token="late",
    )
    assert surplus.standing is Standing.SURPLUS
    elsewhere = bench.studies.create("Another", study.settings)
    bench.say(elsewhere, made[0], "no 1")
    bench.store.add_traces([replace(made[0], origin=Origin("elsewhere"))], dataset="zzz")
    bench.export(study, tmp_path, "accurate>=0.5")
    assert bytes_of(tmp_path) == before


def test_an_unrelated_trace_moves_no_other(bench: Bench, tmp_path: Path) -> None:
    made = traces(12)
    study = bench.begin(*made)
    plan = SplitPlan((0.4, 0.3, 0.3), seed=5)
    rate_all(bench, study, made[:8], "yes 4")
    before = {record.trace: record.split for record in bench.export(study, tmp_path, split=plan)[0]}
    rate_all(bench, study, made[8:], "yes 4")
    after, manifest = bench.export(study, tmp_path, split=plan)
    assert {record.trace: record.split for record in after if record.trace in before} == before
    assert len(after) == 12 and set(before.values()) == set(Split)
    assert manifest.splits == {split.value: sum(record.split is split for record in after) for split in Split}


def test_all_traces_of_a_picture_are_in_one_split(bench: Bench, tmp_path: Path) -> None:
    made = [thought(f"At ({number}, {other}) it is.", picture=f"{number:064x}") for number in range(8) for other in range(3)]
    study = bench.begin(*made)
    for trace in made:
        bench.say(study, trace, "yes 4")
    records, _ = bench.export(study, tmp_path, split=SplitPlan((0.4, 0.3, 0.3)))
    splits: dict[str, set[Split]] = {}
    for record in records:
        splits.setdefault(record.pictures[0].sha256, set()).add(record.split)
    assert len(splits) == 8 and all(len(found) == 1 for found in splits.values())
    assert len(set.union(*splits.values())) == 3


def test_a_preview_says_what_the_file_then_holds(bench: Bench, tmp_path: Path) -> None:
    made = [*traces(6), thought("There at (100, 50).", answer="(100, 50)")]
    study = bench.begin(*made)
    rate_all(bench, study, made[:3], "yes 4")
    for trace in made[3:]:
        bench.say(study, trace, "no 4", "no 4", corrections={1: Correction(point=Point(300, 200))})
    recipe = Recipe(parse_rule("helpful>=3"), split=SplitPlan((0.5, 0.25, 0.25)))
    preview = bench.curator().preview(study.id, recipe)
    records, manifest = bench.export(study, tmp_path, "helpful>=3", split=recipe.split)
    assert manifest.curation
    assert (
        (preview.rated, len(preview.passed), preview.records)
        == (7, 7, 6)
        == (manifest.curation.rated, manifest.curation.passed, manifest.records)
    )
    assert preview.left_out == manifest.curation.left_out and preview.failed == manifest.curation.failed
    assert preview.corrected == (3, 3) == (len(manifest.corrected), manifest.corrected_steps)
    assert {count.split.value: count.records for count in preview.splits} == manifest.splits
    assert sum(count.pictures for count in preview.splits) == manifest.pictures
    assert [one.evidence.facts.id for one in preview.passed if not one.left_out] == [
        record.provenance.original or record.trace for record in records
    ]


def test_a_preview_keeps_up_with_everything(bench: Bench) -> None:
    made = traces(2)
    study = bench.begin(*made)
    curator = bench.curator()
    recipe = Recipe(parse_rule("accurate>=1"))

    def now() -> tuple[int, int]:
        found = curator.preview(study.id, recipe)
        return found.rated, len(found.passed)

    assert now() == (0, 0)
    bench.say(study, made[0], "yes 4")
    assert now() == (1, 1)
    bench.say(study, made[0], "no 4", step=1)
    assert now() == (1, 0)
    (item,) = (item.id for item in bench.studies.items(study.id).items if (item.trace, item.step) == (made[0].content_hash, 1))
    bench.studies.leave_out(study.id, [item])
    assert now() == (1, 1), "a step that somebody took out is no evidence"
    bench.studies.take_back(study.id, [item])
    assert now() == (1, 0)
    bench.ratings.withdraw_last(study.id, bench.rater("person 1"), token="undone")
    assert now() == (1, 1)
    bench.store.remove_dataset("demo")
    assert now() == (0, 0)


def test_the_study_is_named_where_there_are_several(bench: Bench) -> None:
    curator = bench.curator()
    with pytest.raises(StudyError, match="No study has ratings yet"):
        curator.study(None)
    made = traces(1)
    first = bench.begin(*made)
    second = bench.studies.create("Second", first.settings)
    bench.studies.create("Third", first.settings)
    bench.say(first, made[0], "yes 4")
    assert curator.study(None).name == "First"
    bench.say(second, made[0], "yes 4", "no 4")
    with pytest.raises(
        StudyError, match="2 studies have ratings, and a rule reads those of one: add --study NAME, with one of “Second”, “First”"
    ):
        curator.study(None)
    assert curator.study("Third").name == "Third"
    assert [(study.name, count) for study, count in curator.studies()] == [("Second", 2), ("First", 1)]
    with pytest.raises(NotFound, match="no study “Fourth”"):
        curator.study("Fourth")


def test_an_empty_choice_is_an_empty_file(bench: Bench, tmp_path: Path) -> None:
    made = traces(1)
    study = bench.begin(*made)
    bench.say(study, made[0], "no 1")
    records, manifest = bench.export(study, tmp_path, "accurate>=1")
    assert records == [] and manifest.records == 0
    assert manifest.curation and (manifest.curation.rated, manifest.curation.newest_rating, manifest.curation.raters) == (1, "", ())


def test_what_cannot_be_written_is_one_sentence(bench: Bench, tmp_path: Path) -> None:
    study = bench.begin(*traces(1))
    recipe = Recipe(parse_rule("any"))
    with pytest.raises(StoreError, match=r"records\.jsonl cannot be written \(No such file or directory\)"):
        bench.curator().export(study.id, recipe, tmp_path / "missing/records.jsonl")
    with pytest.raises(NotFound, match="no study"):
        bench.curator().export(99, recipe, tmp_path / "records.jsonl")
    with pytest.raises(RuleError, match="Helpfulness goes up to 5"):
        bench.curator().preview(study.id, Recipe(parse_rule("helpful>=6")))


@pytest.fixture
def pictures(tmp_path: Path) -> Iterator[PictureStore]:
    yield PictureStore(tmp_path / "store")


def test_the_pictures_go_along(bench: Bench, tmp_path: Path, pictures: PictureStore) -> None:
    Image.new("RGB", (600, 400), "teal").save(tmp_path / "room.png")
    picture = pictures.add_file(tmp_path / "room.png", name="room.png")
    trace = thought("There at (100, 50).", picture=picture.sha256)
    study = bench.begin(trace)
    bench.say(study, trace, "yes 4")
    told: list[tuple[int, int]] = []
    exported = bench.curator().export(
        study.id,
        Recipe(parse_rule("any")),
        tmp_path / "records.jsonl",
        pictures=pictures,
        picture_folder=tmp_path / "shown",
        progress=lambda done, total: told.append((done, total)),
    )
    assert (exported.pictures, told) == (1, [(1, 1)])
    (file,) = (tmp_path / "shown").iterdir()
    assert file.name == f"{picture.sha256}.png" and hashlib.sha256(file.read_bytes()).hexdigest() == picture.sha256

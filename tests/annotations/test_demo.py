"""The demo: every case it promises is there, its truths are exact, its licences are named, and it is put into the store once."""

from __future__ import annotations

import json
import runpy
from collections import Counter, defaultdict
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image, ImageChops

from annotations.database import open_database
from annotations.demo import DEMO_DATASET, DEMO_ORIGIN, demo_traces, seed_demo
from annotations.pictures import PictureStore
from annotations.queries import TraceQuery
from annotations.store import Store
from core.domains import judge_answer
from core.errors import TraceError
from core.frames import FrameKind
from core.grammar import observation_text
from core.trace import Author, DomainName, FaultKind, StopReason, Trace, TruthKind

DEMO = Path(__file__).parents[2] / "static" / "demo"


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trace]:
    pictures = PictureStore(tmp_path_factory.mktemp("pictures"))
    return {trace.sample.external_id: trace for trace in demo_traces(DEMO, pictures)}


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(DEMO / "draw_page.py")))


def correct(trace: Trace) -> bool | None:
    return judge_answer(trace.sample.domain, trace.answer, trace.sample.truth, trace.frame).correct


def kinds(trace: Trace) -> list[FaultKind]:
    return [fault.kind for fault in trace.faults]


def note(trace: Trace) -> str:
    return str(trace.settings["note"])


def test_there_are_examples_of_every_domain_in_one_and_in_several_turns(traces: dict[str, Trace]) -> None:
    assert {trace.sample.domain for trace in traces.values()} == set(DomainName)
    assert {len(trace.turns) > 1 for trace in traces.values()} == {False, True}
    assert 12 <= len(traces) <= 16


def test_the_three_common_frames_are_all_used(traces: dict[str, Trace]) -> None:
    assert {trace.frame.kind for trace in traces.values()} == {FrameKind.RESIZED, FrameKind.ORIGINAL, FrameKind.NORMALISED}


def test_every_example_says_that_it_is_written_by_hand(traces: dict[str, Trace]) -> None:
    assert all("hand-written" in trace.policy for trace in traces.values())
    assert {trace.origin.kind for trace in traces.values()} == {DEMO_ORIGIN}


def test_clean_examples_have_no_faults_and_right_answers(traces: dict[str, Trace]) -> None:
    clean = [trace for trace in traces.values() if note(trace).startswith("Clean")]
    assert len(clean) >= 6
    assert {trace.sample.domain for trace in clean} == set(DomainName)
    for trace in clean:
        assert (kinds(trace), correct(trace), trace.stop) == ([], True, StopReason.ANSWERED), trace.sample.external_id
        assert len([step for step in trace.steps if step.inside]) >= 2


@pytest.mark.parametrize(
    ("example", "faults", "right"),
    [
        ("cup-spoon-hasty", [FaultKind.POINT_OUTSIDE, FaultKind.POINT_OUTSIDE], True),
        ("patch-name-hasty", [FaultKind.MALFORMED_CALL], False),
        ("pad-lamps-cut-short", [FaultKind.MISSING_ANSWER], False),
        ("boats-head-hasty", [], False),
        ("page-notices-hasty", [], False),
        ("page-renew-hasty", [], False),
    ],
)
def test_each_defect_is_found_and_nothing_else(traces: dict[str, Trace], example: str, faults: list[FaultKind], right: bool) -> None:
    assert (kinds(traces[example]), correct(traces[example])) == (faults, right)


def test_border_looks_are_cut_at_the_edge_they_touch(traces: dict[str, Trace]) -> None:
    assert [look.cut for look in traces["boats-bank"].looks] == [("right",)]
    assert [look.cut for look in traces["page-notices"].looks] == [("top",)]
    window = traces["boats-bank"].looks[0].window
    assert window.x2 == 1024 and window.width < window.height


def test_the_wrong_points_are_in_the_picture_and_far_from_what_they_name(traces: dict[str, Trace]) -> None:
    """The headband is in the boat on the left, near (419, 660); the lamp that is not there is in the sky."""
    for step in traces["boats-head-hasty"].steps:
        assert step.inside and step.point is not None and step.point.x > 700
    sky = traces["pad-lamps-hasty"].steps[5]
    assert sky.inside and sky.point is not None and sky.point.y < 150


def test_a_malformed_call_gets_no_look(traces: dict[str, Trace]) -> None:
    trace = traces["patch-name-hasty"]
    assert trace.turns[0].call is not None and trace.turns[0].call.mention is None
    assert trace.looks == ()


def test_the_forced_answer_is_known_from_what_the_model_wrote(traces: dict[str, Trace]) -> None:
    trace = traces["patch-name"]
    assert (trace.stop, trace.answer, len(trace.looks), kinds(trace)) == (StopReason.FORCED, "Hawley", 3, [])
    assert [part.author for part in trace.turns[-1].authors] == [Author.INJECTED, Author.MODEL]


def test_several_policies_answer_the_same_question(traces: dict[str, Trace]) -> None:
    policies = defaultdict(set)
    for trace in traces.values():
        policies[trace.sample.pictures[0].sha256, trace.sample.question].add(trace.policy)
    assert sum(len(names) >= 2 for names in policies.values()) >= 4


def test_observations_are_in_the_one_spelling_that_is_written(traces: dict[str, Trace]) -> None:
    spellings = {observation_text(True), observation_text(False)}
    seen = Counter(turn.observation.of(turn.text) for trace in traces.values() for turn in trace.turns if turn.observation)
    assert set(seen) == spellings


def test_points_are_written_as_whole_numbers(traces: dict[str, Trace]) -> None:
    mentions = [mention for trace in traces.values() for turn in trace.turns for mention in turn.mentions]
    assert len(mentions) > 50 and all("." not in mention.written for mention in mentions)


def test_the_licences_name_every_picture() -> None:
    licences = (DEMO / "LICENCES.md").read_text(encoding="utf-8")
    files = sorted(path.name for path in (DEMO / "pictures").iterdir())
    assert len(files) >= 5
    assert [name for name in files if f"pictures/{name}" not in licences] == []


def test_every_picture_is_used(traces: dict[str, Trace]) -> None:
    assert {trace.sample.pictures[0].name for trace in traces.values()} == {path.name for path in (DEMO / "pictures").iterdir()}


@pytest.mark.parametrize(("name", "marks"), [("library_page.png", False), ("library_page_marks.png", True)])
def test_the_drawn_page_comes_out_of_its_script_pixel_for_pixel(page: SimpleNamespace, name: str, marks: bool) -> None:
    drawn = page.draw_page(marks=marks)
    with Image.open(DEMO / "pictures" / name) as stored:
        assert (stored.mode, stored.size) == (drawn.mode, drawn.size) == ("RGB", (1440, 900))
        assert ImageChops.difference(stored, drawn).getbbox() is None


def test_truths_on_the_page_are_those_of_the_drawing(page: SimpleNamespace, traces: dict[str, Trace]) -> None:
    elements = {element.name: element for element in page.page_elements()}
    for name in ("page-notices", "page-notices-hasty"):
        truth = traces[name].sample.truth
        assert truth.kind is TruthKind.BOX and truth.box is not None
        assert truth.box.corners == elements["notices bell"].box
    assert traces["page-renew"].sample.truth.text == f"click [{elements['renew Estuary Birds'].number}]"
    assert traces["page-ask"].sample.truth.text.startswith(f"type [{elements['question field'].number}]")
    assert traces["page-renew-hasty"].answer == f"click [{elements['renew A Year of Knots'].number}]"


def test_elements_lie_on_the_page_and_have_names_of_their_own(page: SimpleNamespace) -> None:
    elements = page.page_elements()
    assert len({element.name for element in elements}) == len(elements) > 50
    for element in elements:
        x1, y1, x2, y2 = element.box
        assert 0 <= x1 < x2 <= 1440 and 0 <= y1 < y2 <= 900, element


def test_seeding_twice_adds_nothing(tmp_path: Path, traces: dict[str, Trace]) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'saccade.db'}")
    store, pictures = Store(database), PictureStore(tmp_path / "pictures")
    assert seed_demo(store, pictures, DEMO) == len(traces)
    assert seed_demo(store, pictures, DEMO) == 0
    assert store.list_traces(TraceQuery(dataset=(DEMO_DATASET,))).total == len(traces)
    stored = store.trace(traces["boats-head"].content_hash)
    assert stored.trace == traces["boats-head"]
    database.close()


def test_a_line_that_cannot_be_read_is_named_with_its_number(tmp_path: Path) -> None:
    first = (DEMO / "traces.jsonl").read_text(encoding="utf-8").splitlines()[0]
    broken = json.loads(first) | {"domain": "cooking"}
    (tmp_path / "traces.jsonl").write_text(json.dumps(broken) + "\n", encoding="utf-8")
    with pytest.raises(TraceError, match=r"traces\.jsonl, line 1 is not an example: domain"):
        demo_traces(tmp_path, PictureStore(tmp_path / "store"))

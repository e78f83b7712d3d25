"""SFT rows become traces: the first picture holds the points, the others are the crops that were shown."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from annotations.importing.report import Outcome
from core.crops import CropRule
from core.frames import FrameKind
from core.geometry import Point, Size
from core.trace import Author, DomainName, StopReason, TruthKind
from tests.annotations.importing.conftest import Bench, recorded_crop
from tests.annotations.importing.lines import QUESTION, call, chain, dialog, jsonl, observation


def test_crops_are_kept_and_belong_to_their_looks(bench: Bench) -> None:
    report = bench.take(bench.write("sft.json", jsonl(dialog())))
    (trace,) = bench.traces
    assert (report.count(Outcome.TAKEN), list(report.kinds)) == (1, ["SFT chain, multi-turn"])
    assert (trace.frame.kind, trace.steps[0].point) == (FrameKind.ORIGINAL, Point(100, 50))
    crops = [bench.pictures.add_file(bench.root / f"images/crop_{number}.png").sha256 for number in (0, 1)]
    assert [look.picture for look in trace.looks] == crops
    assert [look.cut_from for look in trace.looks] == [(0, 0, 282, 232), (1718, 718, 2000, 1000)]
    assert (trace.sample.domain, trace.sample.truth.kind, trace.stop) == (DomainName.VISUAL_SEARCH, TruthKind.NONE, StopReason.ANSWERED)
    assert [len(trace.sample.pictures), trace.system_prompt, trace.faults] == [1, "SYSTEM", ()]
    assert {part.author for turn in trace.turns for part in turn.authors} == {Author.MODEL, Author.OBSERVATION}


def test_the_crop_rule_is_told_by_the_crop_and_the_words(bench: Bench) -> None:
    messages = dialog()["messages"]
    messages[3]["content"] = observation(dot=True)
    messages[6]["content"] = "<think> It is here. </think>\n<answer> (100, 50) </answer>"
    bench.take(
        bench.write("sft.json", jsonl(dialog(messages=messages, images=["images/scene.png", "images/crop_2.png", "images/crop_2.png"])))
    )
    (trace,) = bench.traces
    assert trace.looks[0].cut_from == (0, 0, 200, 150)
    assert (trace.looks[0].dot, trace.looks[0].output) == (True, Size(504, 504))
    assert trace.sample.domain is DomainName.WEB_GROUNDING


@pytest.mark.parametrize(("offset", "side"), [(50, 504), (75, 504), (100, 672), (84, 336), (50, 384), (233, 672)])
def test_how_wide_a_crop_was_cut_is_found_by_cutting_again(bench: Bench, offset: int, side: int) -> None:
    with Image.open(bench.root / "images/scene.png") as scene:
        for number, point in enumerate(((700, 400), (1300, 650))):
            recorded_crop(scene.convert("RGB"), *point, CropRule(offset, side, False)).save(
                bench.root / f"images/cut_{offset}_{number}.jpg"
            )
    messages = dialog()["messages"]
    messages[2]["content"], messages[4]["content"] = call(700, 400), call(1300, 650)
    images = ["images/scene.png", f"images/cut_{offset}_0.jpg", f"images/cut_{offset}_1.jpg"]
    report = bench.take(bench.write("sft.json", jsonl(dialog(messages=messages, images=images))))
    (trace,) = bench.traces
    assert [look.cut_from for look in trace.looks] == [
        (x - offset, y - offset, x + offset, y + offset) for x, y in ((700, 400), (1300, 650))
    ]
    assert not any(look.guessed for look in trace.looks)
    assert report.count(Outcome.TAKEN) == 1


def test_a_crop_that_is_not_of_the_picture_makes_its_window_a_guess(bench: Bench) -> None:
    for number in range(2):
        Image.new("RGB", (672, 672), (200, 40 * number, 90)).save(bench.root / f"images/other_{number}.png")
    images = ["images/scene.png", "images/other_0.png", "images/other_1.png"]
    report = bench.take(bench.write("sft.json", jsonl(dialog(images=images))))
    (trace,) = bench.traces
    assert [look.guessed for look in trace.looks] == [True, True]
    assert report.count(Outcome.REPAIRED) == 1


def test_a_crop_that_is_missing_is_cut_again(bench: Bench) -> None:
    row = dialog(images=["images/scene.png", "images/missing.png"])
    report = bench.take(bench.write("sft.json", jsonl(row)))
    (trace,) = bench.traces
    assert [look.picture for look in trace.looks] == [None, None]
    assert report.count(Outcome.REPAIRED) == 1


def test_images_without_a_mark_belong_to_nothing(bench: Bench) -> None:
    report = bench.take(bench.write("sft.json", jsonl(dialog(images=["images/scene.png", *["images/crop_0.png"] * 3]))))
    assert report.count(Outcome.REPAIRED) == 1
    assert len(bench.traces[0].looks) == 2


def test_a_single_turn_chain_has_its_truth_and_no_looks(bench: Bench) -> None:
    bench.take(bench.write("sft.json", jsonl(chain())))
    (trace,) = bench.traces
    assert (trace.sample.truth.text, trace.sample.domain, trace.looks) == ("blue", DomainName.SPATIAL, ())
    assert (trace.answer, trace.sample.external_id) == ("blue", "file_3")


def test_the_first_picture_may_be_two(bench: Bench) -> None:
    messages = [{"role": "user", "content": f"<image><image>{QUESTION}".replace("<image>\n", "\n")}, chain()["messages"][2]]
    bench.take(bench.write("sft.json", jsonl(chain(messages=messages, images=["images/scene.png", "images/small.png"]))))
    assert [picture.name for picture in bench.traces[0].sample.pictures] == ["scene.png", "small.png"]


def test_parts_and_both_spellings_of_a_chat_are_read(bench: Bench) -> None:
    messages = [
        {"from": "human", "value": [{"type": "image"}, {"type": "text", "text": "What colour is the lamp?"}]},
        {"from": "gpt", "value": [{"type": "text", "text": chain()["messages"][2]["content"]}]},
    ]
    row = chain(messages=messages)
    row["image_paths"] = row.pop("images")
    bench.take(bench.write("sft.json", jsonl(row)))
    assert (bench.traces[0].sample.question, bench.traces[0].answer) == ("What colour is the lamp?", "blue")


def test_parquet_rows_carry_their_pictures(bench: Bench) -> None:
    images = [
        {"bytes": (bench.root / name).read_bytes(), "path": f"/else/where/{name}"} for name in ("images/scene.png", "images/crop_0.png")
    ]
    messages = [*dialog()["messages"][:4], dialog()["messages"][-1]]
    table = pa.table({"messages": [messages, messages], "images": [images, [{"bytes": None, "path": "images/scene.png"}]]})
    pq.write_table(table, bench.folder / "sft.parquet")
    report = bench.take(bench.folder / "sft.parquet")
    assert (report.count(Outcome.TAKEN), report.count(Outcome.REPAIRED)) == (1, 1)
    first, second = bench.traces
    assert first.sample.pictures[0] == second.sample.pictures[0]
    assert first.looks[0].picture is not None
    assert second.looks[0].picture is None


def test_parquet_may_hold_its_messages_as_text(bench: Bench) -> None:
    row = chain()
    table = pa.table({"messages": [jsonl(row["messages"]), "[{"], "images": [row["images"]] * 2, "note": [float("nan"), 1.0]})
    pq.write_table(table, bench.folder / "sft.parquet")
    report = bench.take(bench.folder / "sft.parquet")
    assert (report.traces_added, report.count(Outcome.REFUSED)) == (1, 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"messages": "text"}, "not a list of messages"),
        ({"messages": [1]}, "not a list of messages"),
        ({"messages": []}, "no question with a reply"),
        ({"messages": [{"role": "user", "content": QUESTION}]}, "no question with a reply"),
        ({"messages": [{"role": "user", "content": None}]}, "no text"),
        ({"images": []}, "names no picture"),
        ({"images": [5]}, "neither as a path nor as bytes"),
        ({"images": ["images/missing.png"]}, "There is no picture"),
        ({"gt_answer": {"a": 1}}, "'gt_answer' is not a text"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_words(bench: Bench, change: dict[str, Any], reason: str) -> None:
    report = bench.take(bench.write("sft.jsonl", jsonl(chain(**change), chain())))
    assert (report.count(Outcome.REFUSED), report.count(Outcome.TAKEN)) == (1, 1)
    assert reason in report.refused[0].words


def test_a_call_without_an_observation_is_no_look(bench: Bench) -> None:
    messages = [*dialog()["messages"][:2], {"role": "assistant", "content": call(100, 50)}]
    bench.take(bench.write("sft.json", jsonl(dialog(messages=messages, images=["images/scene.png"]))))
    assert bench.traces[0].looks == ()

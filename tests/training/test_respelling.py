"""Records in the frame of another policy: the same places, the numbers and crops that this policy would have."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.demo import demo_traces
from annotations.pictures import PictureStore
from core.crops import CropRule
from core.domains import DOMAINS
from core.errors import TrainingError
from core.frames import CoordinateFrame
from core.geometry import Point, Size
from core.grammar import Message, call_text, parse_messages, tool_error_text
from core.policies.local.loading import LoadedModel
from core.policies.local.untrained import ModelType
from core.policies.protocol import PolicyCard, PolicyKind
from core.records import CuratedRecord, RecordMessage, Writer
from core.rollout.plans import Plan, plan_of
from core.rollout.values import Rollout, RolloutSettings, Task
from core.trace import Author, DomainName, Picture, Sample, Truth, TruthKind
from tests.core.rollout.speaking import painted
from tests.training.led import PROVENANCE, SCRIPTS, Script, led, record_of, small
from tests.training.test_dialogs import SEEN, record
from training.dialogs import dialog_of
from training.pictures import PictureFolder, images_of
from training.respelling import in_frame_of

RULE = CropRule(20, 64, dot=False)


def plan_for(made: CuratedRecord, card: PolicyCard) -> Plan:
    sample = Sample("Where?", made.domain, made.pictures[:1], made.truth)
    size = made.pictures[0].size
    return plan_of(card, Task(sample, painted(size.width, size.height)), RolloutSettings(system_text=""))


@pytest.mark.parametrize("name", ["looks", "an error", "a forced answer"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_record_of_one_policy_is_the_rollout_of_another(
    loaded_models: dict[ModelType, LoadedModel], rolled_out: Callable[[LoadedModel, str], Rollout], name: str, turned: bool
) -> None:
    """The other policy says the new numbers, and is shown what the dialog shows, word by word."""
    families = [ModelType.QWEN2_5_VL, ModelType.QWEN3_VL]
    one, other = (small(loaded_models[family]) for family in (reversed(families) if turned else families))
    other = replace(other, card=replace(other.card, crop=RULE))
    made = record_of(rolled_out(one, name).trace)
    brought = in_frame_of(made, plan_for(made, other.card))
    said = tuple(message.text for message in brought.messages if message.writer is Writer.MODEL)
    assert said != tuple(message.text for message in made.messages if message.writer is Writer.MODEL)
    tokens = led(other, replace(SCRIPTS[name], turns=said)).tokens
    dialog = dialog_of(made, painted(120, 80), other.rendering, other.card)
    assert tokens is not None and dialog.ids[:-1] == tokens.prompt + tokens.ids


def test_a_record_in_its_own_frame_is_left_as_it_is(one_loaded: LoadedModel, rolled_out: Callable[[LoadedModel, str], Rollout]) -> None:
    one = small(one_loaded)
    made = record_of(rolled_out(one, "looks").trace)
    assert in_frame_of(made, plan_for(made, one.card)) is made


PIXELS = PolicyCard("pixels", PolicyKind.LOCAL)
SIZES = st.builds(Size, st.integers(40, 900), st.integers(40, 900))


@given(SIZES, st.integers(1, 8), st.tuples(st.floats(-0.2, 1.2), st.floats(-0.2, 1.2)))
def test_points_stay_where_they_are(size: Size, orientation: int, share: tuple[float, float]) -> None:
    """To half a step of the new numbers; and inside the picture, or outside."""
    frame = CoordinateFrame.normalised(size, orientation=orientation)
    x, y = (round(part * 1000, 1) for part in share)
    text = f"<think> Here ({x}, {y}), not at (1, 2, 3) or [4, 5]. </think>\n<answer> ({x},{y}) </answer>"
    made = _record(size, frame, (Writer.MODEL, text))
    plan = plan_for(made, PIXELS)
    (said,) = [message.text for message in in_frame_of(made, plan).messages if message.writer is Writer.MODEL]
    found = re.fullmatch(
        r"<think> Here \((-?\d+), (-?\d+)\), not at \(1, 2, 3\) or \[4, 5\]\. </think>\n<answer> \(\1,\2\) </answer>", said
    )
    assert found
    now, was = plan.frame.to_original(float(found[1]), float(found[2])), frame.to_original(x, y)
    assert size.contains(now) == size.contains(was)
    # What is a hair outside is put a whole step outside.
    steps = 0.5 if size.contains(was) else 1
    assert abs(now.x - was.x) <= plan.frame.unit.x * steps + 1e-6
    assert abs(now.y - was.y) <= plan.frame.unit.y * steps + 1e-6


def _record(size: Size, frame: CoordinateFrame, *messages: tuple[Writer, str]) -> CuratedRecord:
    said = tuple(RecordMessage(writer, text) for writer, text in ((Writer.QUESTION, "<image>\nWhere?"), *messages))
    return CuratedRecord(
        "cd" * 32, DomainName.WEB_GROUNDING, frame, (Picture("ab" * 32, size),), (), said, Truth(TruthKind.NONE), 1.0, PROVENANCE
    )


def test_an_error_tells_the_new_numbers() -> None:
    size = Size(560, 280)
    call = f"<think> There (1200, 10). </think>\n{call_text(1200, 10)}"
    outside = tool_error_text("(1200, 10) is outside the picture: x goes from 0 to 1000, y from 0 to 1000.")
    other = tool_error_text("no more pictures can be shown: the answer is asked for.")
    inside = f"<think> Here (100, 10). </think>\n{call_text(100, 10)}"
    messages = ((Writer.MODEL, call), (Writer.OBSERVATION, outside), (Writer.MODEL, inside), (Writer.OBSERVATION, other))
    made = _record(size, CoordinateFrame.normalised(size), *messages, (Writer.MODEL, "<answer> none </answer>"))
    brought = in_frame_of(made, plan_for(made, PIXELS))
    assert [message.text for message in brought.messages if message.writer is Writer.OBSERVATION] == [
        tool_error_text("(672, 3) is outside the picture: x goes from 0 to 560, y from 0 to 280."),
        other,
    ]


def test_a_dot_stays_where_the_words_say_that_there_is_one(one_loaded: LoadedModel) -> None:
    one = small(one_loaded)
    script = Script(("<think> (30, 40). </think>\n" + call_text(30, 40), "<answer> (30, 40) </answer>"), DomainName.WEB_GROUNDING, dot=True)
    made = record_of(led(one, script).trace)
    finer = replace(one.card, max_pixels=5_000)
    domain = DOMAINS[DomainName.WEB_GROUNDING].crop
    assert domain is not None
    for card, offset in ((finer, domain.offset), (replace(finer, crop=CropRule(10, 64, dot=False)), 10)):
        (look,) = in_frame_of(made, plan_for(made, card)).looks
        assert look.look.dot and look.look.cut_from[0] == max(0, int(look.point[0]) - offset)


def test_looks_where_the_policy_has_no_zoom_are_refused(one_loaded: LoadedModel) -> None:
    one = small(one_loaded)
    made = record(one, (Writer.QUESTION, "<image>\nWhere?"), (Writer.MODEL, f"<think> (1, 2) </think>\n{call_text(1, 2)}"), SEEN)
    spatial = replace(made, domain=DomainName.SPATIAL, frame=CoordinateFrame.normalised(Size(120, 80)))
    with pytest.raises(TrainingError, match=r"record of trace abababababab .*no zoom"):
        dialog_of(spatial, painted(120, 80), one.rendering, one.card)


def test_the_demos_traces_become_dialogs_of_every_policy(looking: LoadedModel, tmp_path: Path) -> None:
    """Written in pixels of three kinds and in thousandths; every point stays where it was, to a step of the new numbers."""
    pictures = PictureStore(tmp_path)
    made = [record_of(trace) for trace in demo_traces(Path(__file__).parents[2] / "static" / "demo", pictures)]
    refused = []
    for one in made:
        images = images_of(one, PictureFolder(tmp_path))
        try:
            dialog = dialog_of(one, images, looking.rendering, looking.card)
        except TrainingError as error:
            refused.append(str(error))
            continue
        plan = plan_of(looking.card, Task(Sample("?", one.domain, one.pictures, one.truth), images[0]), RolloutSettings(system_text=""))
        brought = in_frame_of(one, plan)
        assert len(dialog.pictures) == len(one.pictures) + len(brought.looks) == len(one.pictures) + len(one.looks)
        for was, now in zip(_points(one), _points(brought), strict=True):
            assert abs(was.x - now.x) <= plan.frame.unit.x and abs(was.y - now.y) <= plan.frame.unit.y
    # One is a trace of many faults, on purpose.
    assert len(refused) == 1 and "without an observation between them" in refused[0] and len(made) > 10


def _points(made: CuratedRecord) -> list[Point]:
    """Every point that the model wrote, in original pixels."""
    texts = [message.text for message in made.messages if message.writer is Writer.MODEL]
    turns = parse_messages([Message(Author.MODEL, text) for text in texts]).turns
    return [made.frame.to_original(mention.x, mention.y) for turn in turns for mention in turn.mentions]

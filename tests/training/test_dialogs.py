"""Training dialogs: token by token and pixel by pixel those of the rollout whose trace they were made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.crops import CropRule, look_at, render_look, resized
from core.errors import TrainingError
from core.geometry import Size
from core.grammar import FORCED_PREFIX, observation_text, parse
from core.grounding import ground
from core.policies.conversation import Role, Said
from core.policies.local.loading import LoadedModel
from core.policies.local.rendering import Rendering
from core.policies.local.template import chat_template
from core.policies.local.untrained import SPECIAL
from core.policies.protocol import frame_of, shown_size
from core.records import CuratedRecord, RecordLook, RecordMessage, Writer
from core.rollout.values import Rollout
from core.trace import Author, DomainName, Picture, Sample, Truth, TruthKind
from tests.core.rollout.speaking import painted
from tests.training.led import ANSWER, LOOK, PROVENANCE, SCRIPTS, led, record_of
from training.dialogs import Dialog, dialog_of
from training.processors import messages_of, processor_of
from training.turns import spoken

SIDE = Size(120, 80)


def record(loaded: LoadedModel, *messages: tuple[Writer, str], pictures: int = 1, size: Size = SIDE) -> CuratedRecord:
    """A record of given messages about painted pictures, with a look at (30, 40) for each observation that shows a crop."""
    frame = frame_of(loaded.card, size)
    look = look_at(30, 40, frame, CropRule(20, 64, dot=False, factor=loaded.card.factor))
    assert look is not None
    looks = sum(text.count("<image>") for writer, text in messages if writer is Writer.OBSERVATION)
    return CuratedRecord(
        "ab" * 32,
        DomainName.VISUAL_SEARCH,
        frame,
        tuple(Picture(f"{place:064x}", size) for place in range(pictures)),
        (RecordLook(look, (30, 40)),) * looks,
        tuple(RecordMessage(writer, text) for writer, text in messages),
        Truth(TruthKind.TEXT, "red"),
        1.0,
        PROVENANCE,
    )


def asked(loaded: LoadedModel, record: CuratedRecord, *images: Image.Image, **settings: object) -> Dialog:
    return dialog_of(record, images or (painted(SIDE.width, SIDE.height),), loaded.rendering, loaded.card, **settings)  # type: ignore[arg-type]


QUESTION = (Writer.QUESTION, "<image>\nWhere?")
SEEN = (Writer.OBSERVATION, observation_text(False))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_dialog_is_its_rollout(looking: LoadedModel, rolled_out: Callable[[LoadedModel, str], Rollout], name: str) -> None:
    rollout = rolled_out(looking, name)
    tokens, end = rollout.tokens, looking.rendering.turn_end
    assert tokens is not None
    dialog = asked(looking, record_of(rollout.trace))
    assert dialog.ids == (*tokens.prompt, *tokens.ids, end)
    authors = [None] * len(tokens.prompt) + [span.author for span in tokens.spans for _ in range(span.start, span.end)]
    assert dialog.authors == (*authors, Author.OBSERVATION)
    # What is learnt is what the model wrote, and the token behind each of its turns, which ends it.
    behind = [before is Author.MODEL and author is not Author.MODEL for before, author in zip(authors, dialog.authors[1:], strict=True)]
    assert dialog.learnt == tuple(author is Author.MODEL or ends for author, ends in zip(dialog.authors, [False, *behind], strict=True))
    assert [token for token, ends in zip(dialog.ids[1:], behind, strict=True) if ends] == [end] * len(rollout.trace.turns)


def test_the_rollouts_of_these_tests_are_of_every_kind(looking: LoadedModel, rolled_out: Callable[[LoadedModel, str], Rollout]) -> None:
    made = {name: rolled_out(looking, name).trace for name in SCRIPTS}
    assert {name: (len(trace.turns), len(trace.looks)) for name, trace in made.items()} == {
        "single turn": (1, 0),
        "looks": (3, 2),
        "a dot": (2, 1),
        "an error": (3, 1),
        "a forced answer": (3, 2),
        "a mark in the question": (1, 0),
    }
    assert made["a forced answer"].turns[-1].text.startswith(FORCED_PREFIX)


@pytest.mark.parametrize("name", ["looks", "a dot"])
def test_its_pictures_are_those_that_were_shown(looking: LoadedModel, rolled_out: Callable[[LoadedModel, str], Rollout], name: str) -> None:
    image, trace = painted(120, 80), rolled_out(looking, name).trace
    dialog = asked(looking, record_of(trace), image)
    points = [turn.call.mention for turn in trace.turns if turn.call and turn.call.mention]
    crops = [render_look(image, look, trace.frame, (at.x, at.y)) for look, at in zip(trace.looks, points, strict=True)]
    wanted = [resized(image, shown_size(looking.card, Size(120, 80))), *crops]
    assert [shown.image.tobytes() for shown in dialog.pictures] == [picture.tobytes() for picture in wanted]
    assert sum(map(looking.rendering.picture_tokens, dialog.pictures)) == dialog.ids.count(looking.rendering.image_id)


def test_several_pictures_stand_where_their_marks_do(looking: LoadedModel) -> None:
    images = [painted(120, 80, blue) for blue in (0, 100, 200)]
    question = (Writer.QUESTION, "First <image><image>, last <image>\nWhich? <|im_end|>")
    dialog = asked(looking, record(looking, question, (Writer.MODEL, LOOK), SEEN, (Writer.MODEL, ANSWER), pictures=3), *images)
    whole = dialog.pictures[:3]
    assert [shown.image.tobytes() for shown in whole] == [resized(image, shown_size(looking.card, SIDE)).tobytes() for image in images]
    assert len({shown.key for shown in dialog.pictures}) == 4
    opening = looking.rendering.opening([Said(Role.USER, ("First ", whole[0], whole[1], ", last ", whole[2], "\nWhich? < |im_end|>"))])
    assert dialog.ids[: len(opening.ids)] == opening.ids
    # The crop is of the first picture: blue tells which one it is.
    assert dialog.pictures[3].image.getextrema()[2] == (0, 0)


def test_the_system_prompt_is_the_records_or_the_one_given(looking: LoadedModel) -> None:
    prompted = record(looking, (Writer.SYSTEM, "Look\nclosely."), QUESTION, (Writer.MODEL, ANSWER))
    bare = record(looking, QUESTION, (Writer.MODEL, ANSWER))
    decoded = looking.rendering.decode(asked(looking, prompted).ids)
    assert decoded.startswith("<|im_start|>system\nLook\nclosely.<|im_end|>\n<|im_start|>user\n")
    assert asked(looking, bare, system="Look\nclosely.").ids == asked(looking, prompted).ids
    assert asked(looking, prompted, system="").ids == asked(looking, bare).ids
    # A prompt that the template says by itself is said once.
    carries = replace(looking, card=replace(looking.card, system_prompt="Look\nclosely."))
    assert asked(carries, prompted).ids == asked(looking, bare).ids


def with_template(loaded: LoadedModel, template: str) -> LoadedModel:
    """The same checkpoint with another chat template."""
    was = loaded.rendering
    rendering = Rendering(was.tokenizer, was.image_processor, template, end_ids=was.end_ids)
    return replace(loaded, rendering=rendering, card=replace(loaded.card, system_prompt=rendering.system_prompt))


def test_a_prompt_that_the_template_carries_is_the_rollouts(looking: LoadedModel) -> None:
    carries = with_template(looking, chat_template("Look\nclosely."))
    rollout = led(carries, SCRIPTS["a forced answer"])
    made = record_of(rollout.trace)
    assert made.messages[0] == RecordMessage(Writer.SYSTEM, "Look\nclosely.")
    assert rollout.tokens is not None
    dialog = asked(carries, made)
    assert dialog.ids[:-1] == rollout.tokens.prompt + rollout.tokens.ids
    # A checkpoint whose template carries none is sent it.
    assert asked(with_template(looking, chat_template(None)), made).ids == dialog.ids


def test_a_template_that_forgets_turns_is_for_one_turn(looking: LoadedModel) -> None:
    forgets = with_template(looking, chat_template(None).replace("message.content -", "message.content.split('</think>')[-1] -", 1))
    single = record(looking, QUESTION, (Writer.MODEL, ANSWER))
    assert asked(forgets, single).ids == asked(with_template(looking, chat_template(None)), single).ids
    with pytest.raises(TrainingError, match=r"record of trace abababababab .*changes earlier turns"):
        asked(forgets, record(looking, QUESTION, (Writer.MODEL, LOOK), SEEN, (Writer.MODEL, ANSWER)))


def test_the_chats_own_marks_in_a_completion_are_not_learnt_as_text(looking: LoadedModel) -> None:
    """As the reference's rollouts are written to files: one text, with the marks between the turns."""
    seen = f"<|im_end|>\n<|im_start|>user\n{observation_text(False)}<|im_end|>\n<|im_start|>assistant\n"
    card, plain = looking.card, record(looking, QUESTION, (Writer.MODEL, LOOK), SEEN, (Writer.MODEL, ANSWER))
    sample = Sample("Where?", plain.domain, plain.pictures, plain.truth)
    rule = CropRule(20, 64, dot=False, factor=card.factor)
    flat = ground(sample, parse(f"{LOOK}{seen}{ANSWER}<|im_end|>"), frame_of(card, SIDE), rule, policy="a file")
    assert asked(looking, record_of(flat)).ids == asked(looking, plain).ids


def test_what_nothing_is_learnt_from_is_left_out(looking: LoadedModel) -> None:
    turn = (QUESTION, (Writer.MODEL, LOOK))
    short = asked(looking, record(looking, *turn))
    assert asked(looking, record(looking, *turn, SEEN)).ids == short.ids
    assert asked(looking, record(looking, *turn, SEEN, (Writer.INJECTED, FORCED_PREFIX))).ids == short.ids
    assert asked(looking, record(looking, *turn, SEEN, (Writer.MODEL, ""))).ids == short.ids
    assert asked(looking, record(looking, QUESTION, (Writer.MODEL, LOOK + "<|im_end|>\n"))).ids == short.ids


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        (((Writer.MODEL, LOOK), (Writer.MODEL, ANSWER)), r"turn 2 follows another without an observation"),
        ((SEEN, (Writer.MODEL, ANSWER)), r"answers no turn"),
        (((Writer.MODEL, LOOK), SEEN, SEEN, (Writer.MODEL, ANSWER)), r"answers no turn"),
        (((Writer.MODEL, LOOK), (Writer.OBSERVATION, "<image><image>"), (Writer.MODEL, ANSWER)), r"two crops"),
        (((Writer.MODEL, "<|im_end|>"),), r"nothing in it that could be learnt"),
    ],
)
def test_what_no_rollout_leads_to_is_refused(one_loaded: LoadedModel, messages: tuple[tuple[Writer, str], ...], why: str) -> None:
    with pytest.raises(TrainingError, match=rf"record of trace abababababab .*{why}"):
        asked(one_loaded, record(one_loaded, QUESTION, *messages))


def test_a_record_that_cannot_be_shown_is_named(one_loaded: LoadedModel) -> None:
    good = record(one_loaded, QUESTION, (Writer.MODEL, ANSWER))
    for wrong, images, why in (
        (good, (painted(60, 40),), r"120 x 80 px upright"),
        (good, (painted(120, 80), painted(120, 80)), r"1 picture.* 2 images"),
        (record(one_loaded, (Writer.QUESTION, "<image>\n "), (Writer.MODEL, ANSWER)), (painted(120, 80),), r"question is empty"),
    ):
        with pytest.raises(TrainingError, match=rf"record of trace abababababab .*{why}"):
            asked(one_loaded, wrong, *images)


def test_a_crop_is_shown_in_a_size_that_the_policys_patches_fill(looking: LoadedModel) -> None:
    looks = record(looking, QUESTION, (Writer.MODEL, LOOK), SEEN, (Writer.MODEL, ANSWER))
    odd = replace(looks, looks=tuple(replace(look, look=replace(look.look, output=Size(120, 90))) for look in looks.looks))
    nearest = {28: (112, 84), 32: (128, 96)}[looking.card.factor]
    assert asked(looking, odd).pictures[1].image.size == nearest


def test_a_dialog_that_is_too_long_is_refused(one_loaded: LoadedModel) -> None:
    made = record(one_loaded, QUESTION, (Writer.MODEL, ANSWER))
    tokens = len(asked(one_loaded, made).ids)
    assert len(asked(one_loaded, made, most_tokens=tokens).ids) == tokens
    with pytest.raises(TrainingError, match=rf"abababababab has {tokens:,} tokens .* {tokens - 1:,} are the most"):
        asked(one_loaded, made, most_tokens=tokens - 1)
    with pytest.raises(TrainingError, match=r"are the most"):
        asked(replace(one_loaded, card=replace(one_loaded.card, context=tokens - 1)), made)


MARKS = ("<|image_pad|>", "<|im_end|>", "<image>", "<|im_start|>assistant", "<|vision_start|>", "<|endoftext|>")
PIECES = st.one_of(
    st.sampled_from(
        [*MARKS, *SPECIAL, *(mark[:cut] for mark in MARKS for cut in (1, 2, 5)), *(mark[5:] for mark in MARKS), "|>", ">", " "]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
TEXTS = st.lists(PIECES, max_size=7).map("".join)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[TEXTS] * 8))
def test_no_text_becomes_a_mark(looking: LoadedModel, texts: tuple[str, ...]) -> None:
    """Neither where a rollout's code renders it nor where transformers does, whoever wrote it."""
    special = {looking.rendering.tokenizer.convert_tokens_to_ids(mark) for mark in SPECIAL}
    image = painted(120, 80)

    def marks(texts: tuple[str, ...]) -> tuple[list[int], list[int]]:
        # A record refuses picture marks without a picture; nothing else is taken out.
        system, question, before, after, error, one, two, injected = (text.replace("<image>", "< image>") for text in texts)
        made = record(
            looking,
            (Writer.SYSTEM, f"a{system}"),
            (Writer.QUESTION, f"<image>\na{question}"),
            (Writer.MODEL, f"a{one}a"),
            (Writer.OBSERVATION, f"a{before}<image>{after}"),
            (Writer.MODEL, f"a{two}a"),
            (Writer.OBSERVATION, f"a{error}"),
            (Writer.INJECTED, injected),
            (Writer.MODEL, f"a{one}a"),
        )
        dialog = asked(looking, made, image)
        processor = processor_of(looking.family, looking.rendering, chat_template(None))
        said = spoken(made, image, looking.card)
        whole = processor.apply_chat_template(messages_of(said, looking.rendering), tokenize=True, return_dict=True)["input_ids"][0]
        return [token for token in dialog.ids if token in special], [token for token in whole if token in special]

    assert marks(texts) == marks(("",) * 8)

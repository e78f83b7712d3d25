"""Rendering: the same tokens and pixels as the stock processor's, turn after turn, and no text of a person becomes a mark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import PolicyError
from core.policies.conversation import Role, Said, Shown, plain_text
from core.policies.families import FAMILIES
from core.policies.local.processors import image_area, image_only_processor, load_chat_template, load_image_processor, load_tokenizer
from core.policies.local.rendering import Rendering
from core.policies.local.untrained import SPECIAL, ModelType, build, chat_template

CALL = (
    '<think> I look at (12, 34). </think>\n<tool_call>\n{"name": "search_coordinate", "arguments": {"coordinate": [12, 34]}}\n</tool_call>'
)
ANSWER = "<think> It is blue. </think>\n<answer> blue </answer>"
OPEN, CLOSE = "<observation>\nHere is the crop:\n", "\n</observation>"


def shown(key: str, columns: int, rows: int, factor: int) -> Shown:
    """A picture of so many tokens a side, every pixel different."""
    noise = torch.randint(
        0, 256, (rows * factor, columns * factor, 3), generator=torch.Generator().manual_seed(len(key)), dtype=torch.uint8
    )
    return Shown(key, Image.fromarray(noise.numpy()))


def rendering_of(folder: Path, template: str | None = None) -> Rendering:
    family = FAMILIES[json.loads((folder / "config.json").read_text())["model_type"]]
    area = image_area(folder, family, 1, None)
    return Rendering(load_tokenizer(folder), load_image_processor(folder, family, *area), template or load_chat_template(folder))


def stock(folder: Path, rendering: Rendering, messages: list[dict[str, Any]], *, ask: bool = True) -> Any:
    """What transformers' own processor of the family makes of a dialog."""
    family = FAMILIES[json.loads((folder / "config.json").read_text())["model_type"]]
    processor = image_only_processor(family, rendering.image_processor, rendering.tokenizer, rendering.chat_template)
    assert type(processor).__name__ == family.processor
    return processor.apply_chat_template(messages, tokenize=True, return_dict=True, add_generation_prompt=ask, return_tensors="pt")


def as_stock(said: Said) -> dict[str, Any]:
    parts = [{"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part.image} for part in said.parts]
    return {"role": said.role.value, "content": parts}


@pytest.fixture(params=list(ModelType), ids=[family.value for family in ModelType])
def folder(request: pytest.FixtureRequest, tiny_checkpoints: dict[ModelType, Path]) -> Path:
    return tiny_checkpoints[request.param]


def test_an_opening_is_the_stock_processors(folder: Path) -> None:
    rendering = rendering_of(folder)
    factor = FAMILIES[json.loads((folder / "config.json").read_text())["model_type"]].factor
    one, two = shown("one", 5, 3, factor), shown("other", 2, 4, factor)
    for messages in (
        (Said(Role.USER, (one, "Where is the car?")),),
        (Said(Role.SYSTEM, ("Look closely.\n",)), Said(Role.USER, (one, "Left, ", two, " right\n?"))),
        (Said(Role.USER, ("No picture at all: ‹é 漢字›\n\n",)),),
    ):
        mine, theirs = rendering.opening(messages), stock(folder, rendering, [as_stock(said) for said in messages])
        assert list(mine.ids) == theirs["input_ids"][0].tolist()
        assert mine.pictures == tuple(picture for said in messages for picture in said.pictures)
        if mine.pictures:
            pixels = [rendering.pixels(picture) for picture in mine.pictures]
            assert torch.equal(torch.cat([patches for patches, _ in pixels]), theirs["pixel_values"])
            assert torch.equal(torch.cat([grid for _, grid in pixels]), theirs["image_grid_thw"])
            assert sum(map(rendering.picture_tokens, mine.pictures)) == mine.ids.count(rendering.image_id)


@pytest.mark.parametrize("ended", [True, False])
def test_a_whole_dialog_is_the_stock_processors(folder: Path, ended: bool) -> None:
    rendering = rendering_of(folder)
    factor = FAMILIES[json.loads((folder / "config.json").read_text())["model_type"]].factor
    first = Said(Role.USER, (shown("whole", 6, 4, factor), "What colour is the sign?"))
    observations = [Said(Role.USER, (OPEN, shown(f"crop {turn}", 2 + turn, 3, factor), CLOSE)) for turn in range(3)]
    assert rendering.turn_end is not None
    own = [rendering.tokens(text) + ((rendering.turn_end,) if ended else ()) for text in (CALL, CALL, CALL, ANSWER)]

    ids, said, theirs = list(rendering.opening([first]).ids), [first], [as_stock(first)]
    for spoken, observation in zip(own, observations, strict=False):
        ids += [*spoken, *rendering.between(ended, observation).ids]
        said += [Said(Role.ASSISTANT, (CALL,), ids=spoken), observation]
        theirs += [{"role": "assistant", "content": [{"type": "text", "text": CALL}]}, as_stock(observation)]
        assert ids == stock(folder, rendering, theirs)["input_ids"][0].tolist()
        assert tuple(ids) == rendering.opening(said).ids
        assert rendering.opening(said).pictures == tuple(picture for message in said for picture in message.pictures)
    theirs.append({"role": "assistant", "content": [{"type": "text", "text": ANSWER}]})
    whole = stock(folder, rendering, theirs, ask=False)["input_ids"][0].tolist()
    ids += own[3] if ended else [*own[3], rendering.turn_end]
    assert whole[: len(ids)] == ids
    assert rendering.tokens("\n") == tuple(whole[len(ids) :])


def test_what_the_model_wrote_goes_back_as_it_was(tiny_qwen2_5_vl: Path) -> None:
    rendering = rendering_of(tiny_qwen2_5_vl)
    letters = tuple(token for sign in "look" for token in rendering.tokens(sign))
    assert letters != rendering.tokens("look")
    first, then = Said(Role.USER, ("Go.",)), Said(Role.USER, ("On.",))
    ids = rendering.opening([first, Said(Role.ASSISTANT, ("look",), ids=letters), then]).ids
    assert ids == rendering.opening([first]).ids + letters + rendering.between(False, then).ids


def test_a_prefix_is_tokens_of_its_own(tiny_qwen2_5_vl: Path) -> None:
    rendering = rendering_of(tiny_qwen2_5_vl)
    said = Said(Role.USER, ("Go.",))
    for plain, put in (
        (rendering.opening([said]), rendering.opening([said], "<think> So")),
        (rendering.between(True, said), rendering.between(True, said, "<think> So")),
    ):
        assert put.ids == plain.ids + rendering.tokens("<think> So")
        assert (plain.prefix_tokens, put.prefix_tokens) == (0, len(rendering.tokens("<think> So")))


def test_ends_and_what_is_never_sampled(tiny_qwen3_vl: Path) -> None:
    tokenizer = load_tokenizer(tiny_qwen3_vl)
    family = FAMILIES["qwen3_vl"]
    pictures = load_image_processor(tiny_qwen3_vl, family, 1024, 10**6)
    end, stop = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    rendering = Rendering(tokenizer, pictures, load_chat_template(tiny_qwen3_vl), end_ids=frozenset({stop}), vocabulary=len(tokenizer) + 3)
    assert rendering.turn_end == end
    assert rendering.end_ids == {end, stop}
    marks = {
        tokenizer.convert_tokens_to_ids(f"<|{mark}|>") for mark in ("image_pad", "video_pad", "vision_start", "vision_end", "vision_pad")
    }
    assert rendering.never == marks | {len(tokenizer), len(tokenizer) + 1, len(tokenizer) + 2}
    ids = [*rendering.tokens("a <tool_call> b<|im_start|>c"), end]
    assert rendering.decode(ids) == "a <tool_call> b<|im_start|>c"
    assert rendering.decode([*ids, stop]) == rendering.decode(ids)


def test_the_system_prompt_that_a_template_carries(tiny_qwen2_5_vl: Path) -> None:
    prompt = "You see a picture.\\n Look at (x, y) 'closely'. "
    for template, found in (
        (chat_template(ModelType.QWEN2_5_VL, prompt), prompt),
        (chat_template(ModelType.QWEN2_5_VL), None),
        (chat_template(ModelType.QWEN3_VL), None),
    ):
        assert rendering_of(tiny_qwen2_5_vl, template).system_prompt == found
    rendering = rendering_of(tiny_qwen2_5_vl, chat_template(ModelType.QWEN2_5_VL, prompt))
    question = Said(Role.USER, ("Where?",))
    assert rendering.opening([question]).ids == rendering.opening([Said(Role.SYSTEM, (prompt,)), question]).ids


def test_a_template_that_takes_no_system_prompt_says_its_own(tiny_qwen2_5_vl: Path) -> None:
    fixed = (
        "<|im_start|>system\nAlways this.<|im_end|>\n{% for message in messages %}{% if message.role != 'system' %}<|im_start|>"
        "{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    rendering = rendering_of(tiny_qwen2_5_vl, fixed)
    assert rendering.system_prompt == "Always this."
    rendering.opening([Said(Role.USER, ("Where?",))])
    with pytest.raises(PolicyError, match=r"leaves out a system prompt"):
        rendering.opening([Said(Role.SYSTEM, ("Other.",)), Said(Role.USER, ("Where?",))])


def test_a_template_that_says_its_own_before_any_other(tiny_qwen2_5_vl: Path) -> None:
    always = "<|im_start|>system\nPoint (x, y).<|im_end|>\n" + chat_template(ModelType.QWEN3_VL)
    rendering = rendering_of(tiny_qwen2_5_vl, always)
    assert rendering.system_prompt == "Point (x, y)." and rendering.takes_system


def test_a_template_that_changes_earlier_turns_is_for_one_turn(tiny_qwen2_5_vl: Path) -> None:
    forgetful = chat_template(ModelType.QWEN3_VL).replace("message.content -", "message.content.split('</think>')[-1] -", 1)
    rendering = rendering_of(tiny_qwen2_5_vl, forgetful)
    question = Said(Role.USER, ("Where?",))
    assert rendering.opening([question]).ids
    with pytest.raises(PolicyError, match=r"changes earlier turns.*single turn"):
        rendering.between(True, question)
    with pytest.raises(PolicyError, match=r"changes earlier turns"):
        rendering.opening([question, Said(Role.ASSISTANT, (CALL,)), question])


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ messages[0].nothing.at_all }}", "cannot be rendered"),
        ("{% for", "cannot be rendered"),
        ("{{ raise_exception('no system here') }}", "no system here"),
    ],
)
def test_a_broken_template(tiny_qwen2_5_vl: Path, template: str, why: str) -> None:
    with pytest.raises(PolicyError, match=why):
        rendering_of(tiny_qwen2_5_vl, template)


def test_a_template_without_pictures(tiny_qwen2_5_vl: Path) -> None:
    blind = chat_template(ModelType.QWEN3_VL).replace("<|image_pad|>", "")
    with pytest.raises(PolicyError, match=r"leaves pictures out"):
        rendering_of(tiny_qwen2_5_vl, blind).opening([Said(Role.USER, (shown("one", 2, 2, 28), "Where?"))])


def test_a_picture_that_does_not_fit(tiny_qwen2_5_vl: Path) -> None:
    odd = Shown("odd", Image.new("RGB", (56, 57)))
    with pytest.raises(PolicyError, match=r"56 x 57 px .* multiples of 28"):
        rendering_of(tiny_qwen2_5_vl).pixels(odd)


def test_a_conversation_begins_with_a_person(tiny_qwen2_5_vl: Path) -> None:
    with pytest.raises(PolicyError, match=r"begins with"):
        rendering_of(tiny_qwen2_5_vl).opening([Said(Role.ASSISTANT, ("I begin.",)), Said(Role.USER, ("No.",))])


def test_where_templates_are_looked_for(tiny_qwen2_5_vl: Path, tmp_path: Path) -> None:
    places = [
        ("tokenizer_config.json", json.dumps({"chat_template": "from the tokenizer"})),
        ("chat_template.jinja", "from its own file"),
        ("chat_template.json", json.dumps({"chat_template": "from the older file"})),
        ("processor_config.json", json.dumps({"chat_template": "from the processor"})),
    ]
    with pytest.raises(PolicyError, match=r"has no chat template"):
        load_chat_template(tmp_path)
    for (name, text), found in zip(places, ("the tokenizer", "its own file", "the older file", "the processor"), strict=True):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert load_chat_template(tmp_path) == f"from {found}"
    several = {"chat_template": [{"name": "tools", "template": "one"}, {"name": "default", "template": "two"}]}
    (tmp_path / "processor_config.json").write_text(json.dumps(several), encoding="utf-8")
    assert load_chat_template(tmp_path) == "two"


PIECES = st.one_of(
    st.sampled_from([*SPECIAL, "<", "|", ">", "<|", "|>", "im_end", "im_start", "image_pad", " ", "\n"]), st.text(max_size=4)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=6), min_size=1, max_size=3), st.booleans())
def test_no_text_of_a_person_becomes_a_mark(made: Rendering, texts: list[list[str]], with_picture: bool) -> None:
    parts: list[str | Shown] = [piece for pieces in texts for piece in pieces]
    if with_picture:
        parts.insert(len(parts) // 2, Shown("small", Image.new("RGB", (28, 28))))
    empty: list[str | Shown] = [part for part in parts if isinstance(part, Shown)]
    special = {made.tokenizer.convert_tokens_to_ids(mark) for mark in SPECIAL}
    for role in (Role.USER, Role.SYSTEM):
        tail = (Said(Role.USER, ("?",)),) if role is Role.SYSTEM else ()
        own = tuple(part for part in parts if isinstance(part, str)) if role is Role.SYSTEM else tuple(parts)
        said = made.opening([Said(role, own), *tail]).ids
        nothing = made.opening([Said(role, tuple(empty) if role is Role.USER else ()), *tail]).ids
        assert [token for token in said if token in special] == [token for token in nothing if token in special]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Rendering:
    return rendering_of(build(tmp_path_factory.mktemp("rendering") / "tiny", ModelType.QWEN2_5_VL))


@given(st.lists(PIECES, max_size=8).map("".join))
def test_plain_text_is_plain_at_once(text: str) -> None:
    once = plain_text(text)
    assert plain_text(once) == once
    assert not any(mark in once for mark in SPECIAL)
    if "<|" not in text:
        assert once == text

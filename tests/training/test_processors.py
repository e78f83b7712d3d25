"""The same dialog by transformers' own processor with our template: the same tokens, pixels and mask; and a processor that others load."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer
from transformers.utils import is_torchvision_available
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from core.grammar import observation_text
from core.policies.families import FAMILIES
from core.policies.local.loading import LoadedModel, load
from core.policies.local.processors import image_area, load_chat_template, load_image_processor, load_tokenizer
from core.policies.local.rendering import Rendering
from core.policies.local.template import chat_template
from core.policies.opening import PolicyOptions
from core.policies.references import read_reference
from core.records import CuratedRecord, Writer
from core.rollout.values import Rollout
from tests.core.rollout.speaking import painted
from tests.training.led import ANSWER, LOOK, SCRIPTS, record_of
from tests.training.test_dialogs import record
from training.batches import NOT_LEARNT, Collator
from training.dialogs import dialog_of
from training.processors import messages_of, processor_of
from training.turns import spoken


def stock(loaded: LoadedModel, made: CuratedRecord, images: tuple[Any, ...], template: str | None = None) -> Any:
    """What transformers' own processor of the family makes of a record."""
    processor = processor_of(loaded.family, loaded.rendering, template)
    assert type(processor).__name__ == loaded.family.processor
    return processor.apply_chat_template(
        messages_of(spoken(made, images, loaded.card), loaded.rendering),
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
        return_tensors="pt",
    )


def check_same(loaded: LoadedModel, made: CuratedRecord, *images: Any) -> None:
    dialog, theirs = dialog_of(made, images, loaded.rendering, loaded.card), stock(loaded, made, images)
    mine = Collator(loaded.rendering)([dialog])
    # A template ends the last line too.
    assert theirs["input_ids"][0].tolist() == [*dialog.ids, *loaded.rendering.tokens("\n")]
    assert theirs["assistant_masks"][0].tolist() == [*map(int, dialog.learnt), 0]
    for name in ("pixel_values", "image_grid_thw"):
        assert torch.equal(mine[name], theirs[name])
    assert torch.equal(mine["mm_token_type_ids"], theirs["mm_token_type_ids"][:, :-1])


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_rollouts_record_is_the_stock_processors(
    looking: LoadedModel, rolled_out: Callable[[LoadedModel, str], Rollout], name: str
) -> None:
    check_same(looking, record_of(rolled_out(looking, name).trace), painted(120, 80))


def test_several_pictures_are_the_stock_processors(looking: LoadedModel) -> None:
    question = (Writer.QUESTION, "First <image><image>, last <image>\nWhich?")
    seen = (Writer.OBSERVATION, observation_text(False))
    made = record(looking, (Writer.SYSTEM, "Look\nclosely."), question, (Writer.MODEL, LOOK), seen, (Writer.MODEL, ANSWER), pictures=3)
    check_same(looking, made, *(painted(120, 80, blue) for blue in (0, 100, 200)))


def test_our_template_can_take_the_place_of_a_checkpoints_own(
    looking: LoadedModel, rolled_out: Callable[[LoadedModel, str], Rollout]
) -> None:
    made = record_of(rolled_out(looking, "a forced answer").trace)
    dialog = dialog_of(made, painted(120, 80), looking.rendering, looking.card)
    theirs = stock(looking, made, (painted(120, 80),), chat_template("Another, where none is given."))
    assert theirs["assistant_masks"][0].tolist() == [*map(int, dialog.learnt), 0]


@pytest.fixture
def saved(looking: LoadedModel, tmp_path: Path) -> Path:
    """A folder with a checkpoint's configuration and the processor as a trainer saves it."""
    looking.model.config.save_pretrained(tmp_path)
    processor_of(looking.family, looking.rendering, chat_template("Look\nclosely.")).save_pretrained(tmp_path)
    return tmp_path


def test_a_saved_processor_is_read_back_by_ours(looking: LoadedModel, saved: Path) -> None:
    family, was = looking.family, looking.rendering
    area = image_area(saved, family, None, None)
    assert area == (was.image_processor.size["shortest_edge"], was.image_processor.size["longest_edge"])
    again = Rendering(load_tokenizer(saved), load_image_processor(saved, family, *area), load_chat_template(saved))
    assert again.system_prompt == "Look\nclosely."
    made = record(looking, (Writer.SYSTEM, "Look."), (Writer.QUESTION, "<image>\nWhere?"), (Writer.MODEL, ANSWER))
    one, other = (dialog_of(made, painted(120, 80), rendering, looking.card) for rendering in (was, again))
    assert one == other
    for mine, theirs in zip(*(rendering.pixels(one.pictures[0]) for rendering in (was, again)), strict=True):
        assert torch.equal(mine, theirs)


def test_a_saved_processor_is_read_by_the_plain_auto_classes(looking: LoadedModel, saved: Path) -> None:
    """Wherever torchvision is; where it is not, all but the processor, for its stock class is for videos too."""
    tokenizer, pictures = AutoTokenizer.from_pretrained(saved), AutoImageProcessor.from_pretrained(saved)
    assert tokenizer.get_vocab() == looking.rendering.tokenizer.get_vocab()
    assert pictures.do_resize and pictures.patch_size == looking.family.patch
    assert tokenizer.chat_template == chat_template("Look\nclosely.")
    if is_torchvision_available():
        processor = AutoProcessor.from_pretrained(saved)
        assert type(processor) is getattr(transformers, looking.family.processor)
        assert processor.chat_template == tokenizer.chat_template
    else:
        with pytest.raises(ImportError, match="Torchvision"):
            AutoProcessor.from_pretrained(saved)


def test_what_is_saved_says_nothing_of_where_it_was_loaded(saved: Path) -> None:
    written = {path.name for path in saved.iterdir()}
    assert {"chat_template.jinja", "preprocessor_config.json", "video_preprocessor_config.json", "tokenizer.json"} <= written
    config = json.loads((saved / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert not {"is_local", "local_files_only", "name_or_path"} & set(config)
    assert str(saved) not in "".join(path.read_text(encoding="utf-8") for path in saved.iterdir())


def test_a_checkpoint_with_a_saved_processor_is_loaded_as_any_other(looking: LoadedModel, saved: Path) -> None:
    looking.model.save_pretrained(saved)
    again = load(read_reference(str(saved)), PolicyOptions(), progress=lambda _: None)
    assert again.family is FAMILIES[looking.family.model_type]
    assert again.rendering.chat_template == chat_template("Look\nclosely.")
    assert again.card.system_prompt == "Look\nclosely."


@pytest.mark.parametrize("name", ["looks", "a forced answer"])
def test_trls_own_collator_makes_the_same_of_it(looking: LoadedModel, rolled_out: Callable[[LoadedModel, str], Rollout], name: str) -> None:
    """From a row of a data set, in which messages are without their pictures, and every part has every field."""
    made, image = record_of(rolled_out(looking, name).trace), painted(120, 80)
    messages = messages_of(spoken(made, image, looking.card), looking.rendering)
    images = [part["image"] for message in messages for part in message["content"] if part["type"] == "image"]
    parts = {"type": None, "text": None}
    rows = [
        {
            "injected": None,
            **message,
            "content": [{**parts, **{key: value for key, value in part.items() if key != "image"}} for part in message["content"]],
        }
        for message in messages
    ]
    collate = DataCollatorForVisionLanguageModeling(processor_of(looking.family, looking.rendering), assistant_only_loss=True)
    theirs = collate([{"messages": rows, "images": images}])
    mine = Collator(looking.rendering)([dialog_of(made, image, looking.rendering, looking.card)])
    for field in ("input_ids", "labels"):
        assert torch.equal(mine[field], theirs[field][:, :-1])
    assert theirs["labels"][0, -1] == NOT_LEARNT
    for field in ("pixel_values", "image_grid_thw"):
        assert torch.equal(mine[field], theirs[field])

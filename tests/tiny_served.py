"""A tiny Idefics3 that `transformers serve` loads without torchvision, and that speaks the format: a real checkpoint of the real classes,
with weights set by hand instead of trained.

    folder = build(tmp_path / "tiny-idefics3")

What it says depends on its last token alone, but for two things that it hears in the conversation: once an observation stands there, or
a demand for the final answer, it answers; and at the word ENDLESS it goes on for ever. One attention head listens for each. So:

    greedy      <think> Something is at (40, 30). </think>\\n<tool_call>…[40, 30]…</tool_call>, and after an observation an answer
    sampled     other places and other answers, by the seed
    after a call it babbles on without an end, as models do that do not wait for their observation
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    Idefics3Processor,
    PreTrainedTokenizerFast,
)

END = "<end_of_utterance>"
START, THINK, THOUGHT_END = ":", "<think>", " </think>\n"
CALL, CALL_END = '<tool_call>\n{"name": "search_coordinate", "arguments": {"coordinate": [', "]}}\n</tool_call>"
ANSWER_END = " </answer>"
BABBLE, ON = "\nAnd I imagine", " and on"
ENDLESS = "ENDLESS"
# Of an observation, and of a demand for the answer; no system prompt has them.
HEARD_TO_ANSWER = ("Here is the crop", "final answer")

THOUGHTS = (" Something is at (40, 30).", " The left side, at (12, 50), is empty.", " At (100, 60) there is more.")
PLACES = ("40, 30", "100, 60", "12, 50")
ANSWERS = ("<answer> red", "<answer> blue", "<answer> green")

# From a token to those that may follow, with their probabilities; the first is the likeliest, so it is what greedy takes.
FOLLOWS: dict[str, dict[str, float]] = {
    START: {THINK: 1.0},
    THINK: dict(zip(THOUGHTS, (0.4, 0.3, 0.3), strict=True)),
    **{thought: {THOUGHT_END: 1.0} for thought in THOUGHTS},
    THOUGHT_END: {CALL: 0.98, **dict.fromkeys(ANSWERS[:1], 0.01), **dict.fromkeys(ANSWERS[1:], 0.005)},
    CALL: dict(zip(PLACES, (0.4, 0.3, 0.3), strict=True)),
    **{place: {CALL_END: 1.0} for place in PLACES},
    CALL_END: {BABBLE: 1.0},
    BABBLE: {ON: 1.0},
    ON: {ON: 1.0},
    **{answer: {ANSWER_END: 1.0} for answer in ANSWERS},
    ANSWER_END: {END: 1.0},
}
SPOKEN = tuple(dict.fromkeys([*FOLLOWS, *(token for after in FOLLOWS.values() for token in after)]))

HIDDEN, HEADS = 64, 4
_CONSTANT, _ANSWER_MARK, _ENDLESS_MARK, _ANSWER_HEARD, _ENDLESS_HEARD, _IDENTITIES = 0, 1, 2, 3, 4, 8
_SURE = 30.0

TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: "
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


# What a turn consists of, in the words in which transformers declares it for Qwen's models.
RESPONSE_TEMPLATE = {
    "defaults": {"role": "assistant"},
    "start_anchor": "assistant:",
    "fields": {
        "reasoning_content": {"open": "<think>", "close": "</think>", "content": "text"},
        "tool_calls": {
            "open_pattern": r"\s*<tool_call>",
            "close": "</tool_call>",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close_pattern": r"\s*<end_of_utterance>", "content": "text"},
    },
}


def tokenizer() -> PreTrainedTokenizerFast:
    """Bytes, the marks of Idefics3, and every spoken text as one token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    marks = ["<pad>", END, "<image>", "<fake_token_around_image>", "<global-img>"]
    marks += [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    made.add_special_tokens([AddedToken(mark, normalized=False, special=True) for mark in marks])
    words = [token for token in SPOKEN if token not in (START, END)]
    made.add_tokens([AddedToken(word, normalized=False, special=False) for word in [*words, *HEARD_TO_ANSWER, ENDLESS]])
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END, pad_token="<pad>", model_max_length=100_000)


@torch.no_grad()
def model(words: PreTrainedTokenizerFast) -> Idefics3ForConditionalGeneration:
    """The model with its weights set: what it hears, and what follows what."""
    size = 8 * math.ceil(len(words) / 8)
    made = Idefics3ForConditionalGeneration(
        Idefics3Config(
            image_token_id=words.convert_tokens_to_ids("<image>"),
            scale_factor=2,
            tie_word_embeddings=False,
            pad_token_id=words.pad_token_id,
            text_config={
                "model_type": "llama",
                "vocab_size": size,
                "hidden_size": HIDDEN,
                "intermediate_size": 32,
                "num_hidden_layers": 1,
                "num_attention_heads": HEADS,
                "num_key_value_heads": HEADS,
                "max_position_embeddings": 100_000,
                # Slow rotations, so that where something was said does not matter to whether it is heard.
                "rope_parameters": {"rope_type": "default", "rope_theta": 1e30},
                "pad_token_id": words.pad_token_id,
                "eos_token_id": words.eos_token_id,
                "bos_token_id": None,
            },
            vision_config={
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "image_size": 56,
                "patch_size": 14,
            },
        )
    )
    ids = {token: words.convert_tokens_to_ids(token) for token in [*SPOKEN, *HEARD_TO_ANSWER, ENDLESS]}
    # A picture is seen by the real vision tower, and says nothing.
    made.model.connector.modality_projection.proj.weight.zero_()
    _set_embeddings(made.model.text_model.embed_tokens.weight, ids)
    _set_hearing(made.model.text_model.layers[0])
    _set_speech(made.lm_head.weight, ids)
    # Defaults of the checkpoint's own, stronger than the published ones have them: whoever asks for a sampling must get that one.
    made.generation_config.update(
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        bos_token_id=None,
        do_sample=True,
        temperature=0.1,
        top_k=1,
        top_p=0.001,
        repetition_penalty=1.5,
    )
    return made.eval()


def _set_embeddings(weight: torch.Tensor, ids: dict[str, int]) -> None:
    weight.zero_()
    weight[:, _CONSTANT] = 1.0
    for token in HEARD_TO_ANSWER:
        weight[ids[token], _ANSWER_MARK] = 1.0
    weight[ids[ENDLESS], _ENDLESS_MARK] = 1.0
    for place, token in enumerate(SPOKEN):
        weight[ids[token], _IDENTITIES + place] = 1.0


def _set_hearing(layer: torch.nn.Module) -> None:
    attention = layer.self_attn
    for weight in (
        attention.q_proj.weight,
        attention.k_proj.weight,
        attention.v_proj.weight,
        attention.o_proj.weight,
        layer.mlp.down_proj.weight,
    ):
        weight.zero_()
    width = HIDDEN // HEADS
    # The last pair of a head turns slowest: pairs are i and i + width / 2.
    slow = width // 2 - 1
    for head, (mark, heard) in enumerate([(_ANSWER_MARK, _ANSWER_HEARD), (_ENDLESS_MARK, _ENDLESS_HEARD)]):
        attention.q_proj.weight[head * width + slow, _CONSTANT] = 4.0
        attention.k_proj.weight[head * width + slow, mark] = 4.0
        attention.v_proj.weight[head * width, mark] = 1.0
        attention.o_proj.weight[heard, head * width] = 0.2


def _set_speech(weight: torch.Tensor, ids: dict[str, int]) -> None:
    weight.zero_()
    # The last norm brings a token with a constant and an identity to sqrt(HIDDEN / 2) in each.
    scale = math.sqrt(HIDDEN / 2)
    for place, token in enumerate(SPOKEN):
        for after, probability in FOLLOWS.get(token, {}).items():
            weight[ids[after], _IDENTITIES + place] = (_SURE + math.log(probability)) / scale
    weight[ids[CALL], _ANSWER_HEARD] = -20 / scale
    weight[ids[ON], _ENDLESS_HEARD] = 40 / scale


def build(folder: Path, *, takes_apart: bool = False) -> Path:
    """Make the checkpoint in `folder`, and return the folder.

    `takes_apart`: the server sends its reasoning and its calls as fields of their own, as it does by itself for all of Qwen's models.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    if takes_apart:
        words.response_template = RESPONSE_TEMPLATE
    side = {"longest_edge": 56}
    pictures = Idefics3ImageProcessorPil(size=side, max_image_size=side, do_image_splitting=False)
    model(words).save_pretrained(folder)
    Idefics3Processor(pictures, words, image_seq_len=4, chat_template=TEMPLATE).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["Idefics3ForConditionalGeneration"]
    return folder

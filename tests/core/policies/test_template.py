"""Our chat template: word for word what the families' own write, with marks round what the model wrote and nothing else."""

from __future__ import annotations

import importlib.util
import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from jinja2 import nodes
from transformers import PreTrainedTokenizerBase
from transformers.utils.chat_template_utils import _compile_jinja_template

from core.domains import DOMAINS
from core.grammar import FORCED_PREFIX, call_text, observation_text
from core.policies.local.template import chat_template
from core.policies.local.untrained import ModelType, tokenizer
from core.policies.local.untrained import chat_template as family_template
from core.trace import DomainName

PICTURE = {"type": "image"}
CALL = f"<think> I look (1, 2). </think>\n{call_text(1, 2)}"
ANSWER = "<think> Blue. </think>\n<answer> blue </answer>"
SYSTEM = {"role": "system", "content": "Look closely.\n\tAlways \\n 'so' \"so\" {{ so }} {% so %}. é 漢字 😀"}
ASKED = {"role": "user", "content": [PICTURE, {"type": "text", "text": "\nLeft or {right}?\n"}]}
CALLED = {"role": "assistant", "content": CALL}
SEEN = {
    "role": "user",
    "content": [{"type": "text", "text": "<observation>\nHere:\n"}, PICTURE, {"type": "text", "text": "\n</observation>"}],
}
ANSWERED = {"role": "assistant", "content": [{"type": "text", "text": "  " + ANSWER + "\n"}]}
DIALOGS: dict[str, list[dict[str, Any]]] = {
    "a question": [ASKED],
    "a question with a system prompt": [SYSTEM, ASKED],
    "words alone": [{"role": "user", "content": "  Which?\n\n"}],
    "an answer": [ASKED, ANSWERED],
    "several turns": [SYSTEM, ASKED, CALLED, SEEN, CALLED, SEEN, ANSWERED],
    "several pictures and a video": [{"role": "user", "content": [PICTURE, PICTURE, {"type": "video"}, {"image": "a.png"}, {"text": "?"}]}],
    "a call of its own": [ASKED, {"role": "assistant", "content": CALL.split("\n<tool_call>")[0], "tool_calls": [{"type": "function", "function": {"name": "search_coordinate", "arguments": {"coordinate": [1, 2]}}}]}],
}  # fmt: skip


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerBase:
    return tokenizer()


def own(family: ModelType) -> str:
    """The template of the published checkpoints, as TRL ships it."""
    name = "qwen3_vl" if family is ModelType.QWEN3_VL else "qwen2_5_vl"
    found = importlib.util.find_spec("trl")
    assert found is not None and found.origin is not None
    return (Path(found.origin).parent / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")


def text(words: PreTrainedTokenizerBase, template: str, messages: list[dict[str, Any]], ask: bool = False) -> str:
    return str(words.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=ask))


# Only Qwen3-VL's own template knows calls.
@pytest.mark.parametrize(
    ("family", "name"),
    [(family, name) for family in ModelType for name in DIALOGS if name != "a call of its own" or family is ModelType.QWEN3_VL],
)
@pytest.mark.parametrize("ask", [True, False])
def test_it_writes_what_the_familys_own_writes(words: PreTrainedTokenizerBase, family: ModelType, name: str, ask: bool) -> None:
    messages = DIALOGS[name]
    assert text(words, family_template(family), messages, ask) == text(words, own(family), messages, ask)


def test_what_is_marked_is_what_the_model_wrote(words: PreTrainedTokenizerBase) -> None:
    messages = [SYSTEM, ASKED, CALLED, SEEN, {"role": "assistant", "injected": FORCED_PREFIX, "content": " blue </answer>"}]
    made = words.apply_chat_template(
        messages, chat_template=chat_template(None), return_dict=True, return_assistant_tokens_mask=True, tokenize=True
    )
    runs = [
        (marked, words.decode([token for token, _ in run]))
        for marked, run in groupby(zip(made["input_ids"], made["assistant_masks"], strict=True), lambda pair: bool(pair[1]))
    ]
    assert [said for marked, said in runs if marked] == [CALL + "<|im_end|>", " blue </answer><|im_end|>"]
    assert runs[2][1].endswith(f"<|im_start|>assistant\n{FORCED_PREFIX}")
    assert runs[-1] == (False, "\n")


def test_calls_and_tools_are_spelled_as_the_format_has_them(words: PreTrainedTokenizerBase) -> None:
    look = {"name": "search_coordinate", "arguments": {"coordinate": [12, 34.5]}}
    before, after = observation_text(True).split("<image>")
    inside = [
        {"type": "text", "text": before.removeprefix("<observation>\n")},
        PICTURE,
        {"type": "text", "text": after.removesuffix("\n</observation>")},
    ]
    structured = [
        {"role": "assistant", "content": "<think> I look. </think>", "tool_calls": [{"type": "function", "function": look}]},
        {"role": "tool", "content": inside},
        {"role": "assistant", "content": None, "tool_calls": [look]},
        {"role": "tool", "content": "Error: outside."},
    ]
    call = call_text(12, 34.5)
    spelled = [
        {"role": "assistant", "content": f"<think> I look. </think>\n{call}"},
        {"role": "user", "content": [{"type": "text", "text": before}, PICTURE, {"type": "text", "text": after}]},
        {"role": "assistant", "content": call},
        {"role": "user", "content": "<observation>\nError: outside.\n</observation>"},
    ]
    template = chat_template(None)
    assert text(words, template, [ASKED, *structured]) == text(words, template, [ASKED, *spelled])


@pytest.mark.parametrize("prompt", [SYSTEM["content"], "DEFAULT_SYSTEM CALL_OPEN", *(DOMAINS[name].system_prompt for name in DomainName)])
def test_a_prompt_of_its_own_is_said_with_its_line_breaks(words: PreTrainedTokenizerBase, prompt: str) -> None:
    template = chat_template(prompt)
    said = text(words, template, [ASKED])
    assert said.startswith(f"<|im_start|>system\n{prompt}<|im_end|>\n<|im_start|>user\n")
    assert said == text(words, chat_template(None), [{"role": "system", "content": prompt}, ASKED])
    assert text(words, template, [SYSTEM, ASKED]) == text(words, chat_template(None), [SYSTEM, ASKED])
    # It comes through the files in which checkpoints keep templates.
    assert json.loads(json.dumps({"chat_template": template}))["chat_template"] == template


def test_what_was_said_stays_when_more_follows(words: PreTrainedTokenizerBase) -> None:
    messages = [SYSTEM, ASKED, CALLED, SEEN, ANSWERED, ASKED]
    template = chat_template("Always.")
    for end in range(2, len(messages)):
        shorter, longer = (text(words, template, messages[:upto]) for upto in (end, end + 1))
        assert longer.startswith(shorter)


def test_servers_see_that_pictures_may_stand_between_texts() -> None:
    """vLLM reads the template so: only one that goes through the parts of a message's content is given them in their order."""
    template = chat_template(None)
    tree = _compile_jinja_template(template).environment.parse(template)
    messages = {loop.target.name for loop in tree.find_all(nodes.For) if isinstance(loop.iter, nodes.Name) and loop.iter.name == "messages"}
    parts = [
        loop.target.name
        for loop in tree.find_all(nodes.For)
        if isinstance(loop.iter, nodes.Getattr) and loop.iter.attr == "content" and loop.iter.node.name in messages
    ]
    assert parts == ["part"]

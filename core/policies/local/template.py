"""Our chat template: ChatML with pictures, as Qwen2.5-VL and Qwen3-VL write it, in the spelling of the format, with marks round what the
model wrote: a training that renders dialogs by itself learns from that alone.

    processor.apply_chat_template(messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)

What it writes is what the families' own templates write where they are asked the same. Beyond them:

    a default system prompt     said where the messages begin without one; its line breaks are line breaks
    {"injected": "<think> ..."} of an assistant's message: put into the model's mouth before its content, and never learnt
    role "tool"                 a user's turn with the content between <observation> and </observation>
    "tool_calls"                behind the content, on a line of its own, as the format spells a call

The marks go round an assistant's content and the token that ends its turn, and round nothing else. Earlier turns stay as they are when
another follows. Texts are taken as they are: whoever renders what people wrote makes it plain first (`Rendering.plain`).
"""

from __future__ import annotations

import json

from core.grammar import CALL_CLOSE, CALL_OPEN, OBSERVATION_CLOSE, OBSERVATION_OPEN

# Whitespace round the tags is taken out by their dashes; every line break that is written stands in quotes. The parts of a content are gone
# through where the message is, and not in a macro: model servers look for that loop to find out that pictures may stand between texts, and
# put them in front of all texts where they do not find it.
_TEMPLATE = """\
{% set default_system = DEFAULT_SYSTEM -%}
{%- for message in messages -%}
    {%- if loop.first and message.role != 'system' and default_system -%}
        {{- '<|im_start|>system\\n' + default_system + '<|im_end|>\\n' -}}
    {%- endif -%}
    {%- if message.role == 'assistant' -%}
        {{- '<|im_start|>assistant\\n' + (message.injected or '') -}}
        {%- generation -%}
            {%- if message.content is string -%}
                {{- message.content -}}
            {%- else -%}
                {%- for part in message.content or [] if part.text is defined -%}
                    {{- part.text -}}
                {%- endfor -%}
            {%- endif -%}
            {%- for call in message.tool_calls or [] -%}
                {%- set call = call.function or call -%}
                {{- '\\n' if message.content or not loop.first -}}
                {{- 'CALL_OPEN\\n{"name": "' + call.name + '", "arguments": ' -}}
                {{- call.arguments if call.arguments is string else call.arguments | tojson -}}
                {{- '}\\nCALL_CLOSE' -}}
            {%- endfor -%}
            {{- '<|im_end|>' -}}
        {%- endgeneration -%}
    {%- else -%}
        {%- set is_tool = message.role == 'tool' -%}
        {{- '<|im_start|>' + ('user' if is_tool else message.role) + '\\n' + ('OBSERVATION_OPEN\\n' if is_tool else '') -}}
        {%- if message.content is string -%}
            {{- message.content -}}
        {%- else -%}
            {%- for part in message.content -%}
                {%- if part.type == 'text' -%}
                    {{- part.text -}}
                {%- elif part.type == 'image' or 'image' in part or 'image_url' in part -%}
                    {{- '<|vision_start|><|image_pad|><|vision_end|>' -}}
                {%- elif part.type == 'video' or 'video' in part -%}
                    {{- '<|vision_start|><|video_pad|><|vision_end|>' -}}
                {%- elif 'text' in part -%}
                    {{- part.text -}}
                {%- endif -%}
            {%- endfor -%}
        {%- endif -%}
        {{- ('\\nOBSERVATION_CLOSE' if is_tool else '') + '<|im_end|>' -}}
    {%- endif -%}
    {{- '\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""


def chat_template(system: str | None) -> str:
    """Our template (Jinja), with the system prompt that it says where the messages begin without one; None: then it says none.

    It fits every checkpoint with Qwen's chat and picture marks.
    """
    template = _TEMPLATE
    for name, tag in (
        ("CALL_OPEN", CALL_OPEN),
        ("CALL_CLOSE", CALL_CLOSE),
        ("OBSERVATION_OPEN", OBSERVATION_OPEN),
        ("OBSERVATION_CLOSE", OBSERVATION_CLOSE),
    ):
        template = template.replace(name, tag)
    # Last, so that a prompt that holds one of those names keeps it. Jinja reads the escapes of a JSON string.
    return template.replace("DEFAULT_SYSTEM", json.dumps(system or "", ensure_ascii=False), 1)

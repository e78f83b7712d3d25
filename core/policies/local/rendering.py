"""Messages to tokens, by the checkpoint's own chat template; what the model wrote goes back as the tokens that it wrote.

A template is a program that renders a whole conversation. Here it renders the opening once; later only what stands between two turns is
needed: the end of the model's turn, the user's message, the head of the model's next turn. That is found by rendering a conversation
whose earlier texts are known, and it is right only where a template leaves earlier turns alone ("prefix-preserving"). Whether it does is
found out once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import jinja2
import torch
from transformers import PreTrainedTokenizerBase, Qwen2VLImageProcessorPil

from core.errors import PolicyError
from core.geometry import Size
from core.policies.conversation import Role, Said, Shown, plain_text

# Never sampled: a picture's place in a text that the model itself wrote would have no picture.
_PICTURE_MARKS = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>")
_IMAGE_PAD = "<|image_pad|>"
# What Qwen's templates say where nothing is asked of them: no instruction that a model was trained to follow.
_NO_PROMPT = ("", "You are a helpful assistant.")

# Texts that no template contains, to find out what it puts around them. The assistant's has the marks of the format, because templates
# of "thinking" models cut such a block out of earlier turns.
_SYSTEM, _USER, _LATER = "saccade asks as the system", "saccade asks as the user", "saccade asks once more"
_MODEL = "<think> saccade answers (1, 2) </think>\n<answer> as the model </answer>"


@dataclass(frozen=True, slots=True)
class Encoded:
    """Tokens that are put before a model.

    ids            as many picture pads as a picture has tokens
    pictures       the pictures of those pads, in order
    prefix_tokens  how many at the end of `ids` were put into the model's mouth
    """

    ids: tuple[int, ...]
    pictures: tuple[Shown, ...] = ()
    prefix_tokens: int = 0

    def __add__(self, other: Encoded) -> Encoded:
        """What comes of one behind the other."""
        return Encoded(self.ids + other.ids, self.pictures + other.pictures, other.prefix_tokens)


class Rendering:
    """A checkpoint's way from messages to tokens and pixels, and from tokens to text. Raises PolicyError for a template that cannot be
    rendered or a tokenizer without the picture marks.

    system_prompt  the one that the template carries; None where it carries none
    turn_end       the token that ends the model's turn; None where the template does not preserve what was said before
    end_ids        tokens at which a turn of the model is over
    never          tokens that must not be sampled: picture marks, and numbers that name no token
    image_id       the picture pad
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        image_processor: Qwen2VLImageProcessorPil,
        chat_template: str,
        *,
        end_ids: frozenset[int] = frozenset(),
        vocabulary: int | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.image_processor = image_processor
        self.chat_template = chat_template
        self._special = tuple(token.content for token in tokenizer.added_tokens_decoder.values() if token.special)
        missing = [mark for mark in _PICTURE_MARKS[:4] if mark not in tokenizer.get_added_vocab()]
        if missing:
            raise PolicyError(f"The tokenizer has no token {missing[0]}: it is not that of a model of this kind. Copy the base model's.")
        self.image_id = self._id(_IMAGE_PAD)
        marks = {self._id(mark) for mark in _PICTURE_MARKS if mark in tokenizer.get_added_vocab()}
        self.never = frozenset(marks | set(range(len(tokenizer), vocabulary or 0)))
        self.takes_system, self.system_prompt = self._find_system_prompt()
        self.turn_end, self.multi_turn_problem = self._find_turn_end()
        own = {tokenizer.eos_token_id, self.turn_end} - {None}
        self.end_ids = frozenset(end_ids | own)

    def opening(self, messages: Sequence[Said], prefix: str = "") -> Encoded:
        """A conversation from its beginning, up to where the model goes on; its own earlier turns as their tokens, where they are known.

        Raises PolicyError where the template cannot render it, a picture's size does not fit, or the template would lose the system
        prompt or earlier turns.
        """
        groups = [(by_model, list(group)) for by_model, group in groupby(messages, lambda said: said.role is Role.ASSISTANT)]
        if not groups or groups[0][0]:
            raise PolicyError("A conversation begins with a message of the system or the user.")
        if not self.takes_system and any(said.role is Role.SYSTEM for said in messages):
            raise PolicyError("This checkpoint's chat template leaves out a system prompt that it is given: ask with the checkpoint's own.")
        encoded = self._encode(self._render(self._as_messages(groups[0][1])), groups[0][1])
        ended = False
        for by_model, group in groups[1:]:
            if by_model:
                spoken = self._spoken(group)
                ended = bool(spoken) and spoken[-1] == self.turn_end
                encoded += Encoded(spoken)
            else:
                encoded += self._between(group, ended)
        return encoded + self._prefix(prefix)

    def between(self, ended: bool, said: Said, prefix: str = "") -> Encoded:
        """What stands between a turn of the model and its next: the end of the turn, the message, the head of the next turn.

        `ended` says that the model's last token was `turn_end`, which is then not said twice. Raises PolicyError where the template does
        not preserve earlier turns.
        """
        return self._between([said], ended) + self._prefix(prefix)

    def pixels(self, shown: Shown) -> tuple[torch.Tensor, torch.Tensor]:
        """A picture as the vision tower takes it: patches (float32, [patches, values]) and their grid (int64, [1, 3]: time, rows, columns).

        Nothing is resized. Raises PolicyError where a side is not a multiple of the family's factor.
        """
        self.picture_tokens(shown)
        made = self.image_processor(images=[shown.image], do_resize=False, return_tensors="pt")
        return made["pixel_values"], made["image_grid_thw"]

    def picture_tokens(self, shown: Shown) -> int:
        """How many pads a picture takes up. Raises PolicyError where a side is not a multiple of the family's factor."""
        size = Size(*shown.image.size)
        factor = self.image_processor.patch_size * self.image_processor.merge_size
        if size.width % factor or size.height % factor:
            raise PolicyError(f"A picture of {size} px cannot be shown: its sides have to be multiples of {factor}.")
        tokens: int = (size.width // factor) * (size.height // factor)
        return tokens

    def decode(self, ids: Sequence[int]) -> str:
        """The text of sampled tokens, special ones as they are written; tokens at the end that end a turn are left out."""
        end = len(ids)
        while end and ids[end - 1] in self.end_ids:
            end -= 1
        text: str = self.tokenizer.decode(list(ids[:end]), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def plain(self, text: str) -> str:
        """The text with everything broken up that this tokenizer would read as a special token."""
        text = plain_text(text)
        for mark in self._special:
            if len(mark) > 1 and mark in text:
                text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text

    def tokens(self, text: str) -> tuple[int, ...]:
        """The tokens of a text as it stands: special marks in it become special tokens."""
        return tuple(self.tokenizer.encode(text, add_special_tokens=False, verbose=False))

    def _prefix(self, prefix: str) -> Encoded:
        # Cut into tokens by itself: what stands before it is then the same tokens with it and without it.
        ids = self.tokens(prefix) if prefix else ()
        return Encoded(ids, prefix_tokens=len(ids))

    def _spoken(self, turns: Sequence[Said]) -> tuple[int, ...]:
        return tuple(token for said in turns for token in (said.ids if said.ids is not None else self.tokens(self.plain(said.text))))

    def _between(self, group: Sequence[Said], ended: bool) -> Encoded:
        if self.turn_end is None:
            raise PolicyError(self.multi_turn_problem)
        whole = self._render([_words("user", _USER), _words("assistant", _MODEL), *self._as_messages(group)])
        encoded = self._encode(whole[whole.index(_MODEL) + len(_MODEL) :], group)
        return Encoded(encoded.ids[1:], encoded.pictures) if ended else encoded

    def _encode(self, text: str, group: Sequence[Said]) -> Encoded:
        pictures = tuple(shown for said in group for shown in said.pictures)
        ids: list[int] = []
        waiting = iter(pictures)
        for token in self.tokens(text):
            if token != self.image_id:
                ids.append(token)
            elif (shown := next(waiting, None)) is not None:
                ids.extend([token] * self.picture_tokens(shown))
            else:
                raise PolicyError("The chat template writes more picture marks than there are pictures: it is not for pictures and text.")
        if next(waiting, None) is not None:
            raise PolicyError("The chat template leaves pictures out: it is not for pictures and text. Use the base model's.")
        return Encoded(tuple(ids), pictures)

    def _as_messages(self, group: Sequence[Said]) -> list[dict[str, Any]]:
        return [self._as_message(said) for said in group]

    def _as_message(self, said: Said) -> dict[str, Any]:
        if not said.pictures:
            return _words(said.role.value, self.plain(said.text))
        parts: list[dict[str, str]] = []
        for is_text, run in groupby(said.parts, lambda part: isinstance(part, str)):
            # Neighbouring texts are joined first: two halves of a mark must not find each other in the template.
            if is_text:
                parts.append({"type": "text", "text": self.plain("".join(part for part in run if isinstance(part, str)))})
            else:
                parts.extend({"type": "image"} for _ in run)
        return {"role": said.role.value, "content": parts}

    def _render(self, messages: list[dict[str, Any]]) -> str:
        try:
            text: str = self.tokenizer.apply_chat_template(
                messages, chat_template=self.chat_template, tokenize=False, add_generation_prompt=True
            )
        except (jinja2.TemplateError, TypeError, KeyError, AttributeError, ValueError) as error:
            raise PolicyError(f"The checkpoint's chat template cannot be rendered ({error}): use the base model's.") from error
        return text

    def _find_system_prompt(self) -> tuple[bool, str | None]:
        """Whether the template takes a system prompt, and the one that it has by itself."""
        without = self._render([_words("user", _USER)])
        given = self._render([_words("system", _SYSTEM), _words("user", _USER)])
        before, found, behind = given.partition(_SYSTEM)
        if found and without.startswith(before) and without.endswith(behind) and len(without) >= len(before) + len(behind):
            carried = without[len(before) : len(without) - len(behind)]
        else:
            # It says its own whatever it is given, or has no place for one; ChatML's marks show which.
            carried = without.partition("<|im_start|>system\n")[2].partition("<|im_end|>")[0]
        return bool(found), None if carried.strip() in _NO_PROMPT else carried

    def _find_turn_end(self) -> tuple[int | None, str]:
        """The token that ends the model's turn; or None, and why there can be no second turn."""
        opened = [_words("user", _USER)]
        second = [*opened, _words("assistant", _MODEL), _words("user", _LATER)]
        third = [*second, _words("assistant", _MODEL), _words("user", _USER)]
        one, two, three = (self._render(messages) for messages in (opened, second, third))
        if two.startswith(one + _MODEL) and three.startswith(two + _MODEL):
            ids = self.tokens(two[len(one) + len(_MODEL) :])
            if ids and ids[0] in self.tokenizer.added_tokens_decoder:
                return ids[0], ""
        return None, (
            "This checkpoint's chat template changes earlier turns when another follows, as those of thinking models do, so the model "
            "cannot look closer: ask in a single turn, or take a checkpoint whose template keeps what was said."
        )

    def _id(self, mark: str) -> int:
        found: int = self.tokenizer.convert_tokens_to_ids(mark)
        return found


def _words(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text}

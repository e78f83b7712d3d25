"""What each kind of server takes beyond the OpenAI protocol, and how one is recognised.

vLLM and SGLang say who they are in the list of models. `transformers serve` refuses every field it does not know, is told by its own
routes, and has its sampling settled by a generation config of its own. Any other server is first asked as vLLM is, and with the bare
protocol where it refuses that.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.policies.conversation import Request, Sampling


@dataclass(frozen=True, slots=True)
class Dialect:
    """A kind of server.

    title      how it is called
    prefill    it continues a last message of the assistant; elsewhere a prefix is demanded in words
    tokens     it can tell its tokens and their log-probabilities
    tempered   its log-probabilities are those after the temperature, where it samples
    extras     it takes the sampling fields of vLLM: top_k, repetition_penalty
    stop       how it is told to keep the stop text; None: it is not told the stop texts at all, and its stream is closed instead
    serial     it generates one turn after the other with one seed for all, so it is asked for one at a time
    """

    title: str
    prefill: bool = False
    tokens: bool = False
    tempered: bool = False
    extras: bool = False
    stop: str | None = None
    serial: bool = False

    @property
    def prefixes(self) -> str:
        """How a prefix comes about, in words for traces."""
        return "continued by the server" if self.prefill else "demanded in words, its tag opened here"


VLLM = Dialect("vLLM", prefill=True, tokens=True, extras=True, stop="include_stop_str_in_output")
# SGLang's sampler divides by the temperature before it takes the logarithm, unless it was started with RETURN_ORIGINAL_LOGPROB.
SGLANG = Dialect("SGLang", prefill=True, tokens=True, tempered=True, extras=True, stop="no_stop_trim")
TRANSFORMERS = Dialect("transformers serve", serial=True)
UNKNOWN = Dialect("unknown", tokens=True, extras=True)
PLAIN = Dialect("OpenAI protocol alone")


def recognised(owners: frozenset[str], routes: frozenset[str]) -> Dialect:
    """The kind of server, by who owns its models (`owned_by` of /v1/models) and by the paths of its /openapi.json."""
    if "vllm" in owners or "/inference/v1/generate" in routes:
        return VLLM
    if "sglang" in owners or "/get_model_info" in routes:
        return SGLANG
    if {"/load_model", "/v1/chat/completions"} <= routes:
        return TRANSFORMERS
    return UNKNOWN


def fields(request: Request, dialect: Dialect, room: int | None = None) -> dict[str, Any]:
    """Everything of the body but model and messages. `room`: at most so many tokens, where the context has no more left."""
    sampling = request.sampling
    limit = request.max_new_tokens if room is None else min(room, request.max_new_tokens)
    body: dict[str, Any] = {"stream": True, "max_tokens": limit, "seed": _seed(sampling)}
    if dialect.title == TRANSFORMERS.title:
        return {**body, "generation_config": _generation_config(sampling, limit)}
    body |= {"temperature": sampling.temperature, "top_p": sampling.top_p}
    if dialect.extras:
        # What the checkpoint's generation config would add is taken off: everywhere the same numbers mean the same sampling.
        body |= {"top_k": sampling.top_k or -1, "repetition_penalty": 1.0}
    if dialect.stop and request.stop:
        body |= {"stop": list(request.stop), dialect.stop: True}
    if dialect.tokens:
        body |= {"logprobs": True, "return_token_ids": True, "return_tokens_as_token_ids": True}
    if dialect.title == SGLANG.title:
        body |= {"separate_reasoning": False, "return_prompt_token_ids": True}
    if request.prefix and dialect.prefill:
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    return body


def beyond(body: Mapping[str, Any]) -> frozenset[str]:
    """The fields of a body that are not part of the OpenAI protocol, or that many servers do not take."""
    return frozenset(body) - {"model", "messages", "stream", "temperature", "max_tokens", "top_p", "seed", "stop"}


def lessened(dialect: Dialect, request: Request, message: str) -> Dialect | None:
    """The manner in which to ask once more, where a server's message is about what was asked for beyond the protocol; None: it is not."""
    if dialect is PLAIN:
        return None
    if request.prefix and dialect.prefill and "continue_final_message" in message:
        # Chat templates that rewrite the last message make it impossible to continue.
        return replace(dialect, prefill=False)
    named = any(name in message for name in beyond(fields(request, dialect)))
    return PLAIN if named or dialect is UNKNOWN else None


def _seed(sampling: Sampling) -> int:
    # 31 bits are what every server takes; a longer seed is mixed into them.
    return sampling.seed if sampling.seed < 2**31 else zlib.crc32(sampling.seed.to_bytes(8, "big")) & 0x7FFFFFFF


def _generation_config(sampling: Sampling, limit: int) -> str:
    # `transformers serve` has no top_k, and samples only where the checkpoint says so. What is not said here (the tokens that end a
    # turn, padding) generate() takes from the checkpoint.
    config: dict[str, Any] = {"max_new_tokens": limit, "repetition_penalty": 1.0, "do_sample": sampling.temperature > 0}
    if sampling.temperature > 0:
        config |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    return json.dumps(config)

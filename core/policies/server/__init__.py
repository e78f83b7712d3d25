"""Policies that are servers: `/v1/chat/completions` as vLLM, SGLang and `transformers serve` speak it. The openai library is loaded
when one is opened."""

from core.policies.server.limits import Limits
from core.policies.server.opening import open_server

__all__ = ["Limits", "open_server"]

"""Tiny checkpoints for the tests of training: the same as those of the policies; torch on one core."""

from tests.core.policies.conftest import loaded_models, one_loaded, tiny_checkpoints, tiny_qwen2_5_vl, tiny_qwen2_vl, tiny_qwen3_vl

__all__ = ["loaded_models", "one_loaded", "tiny_checkpoints", "tiny_qwen2_5_vl", "tiny_qwen2_vl", "tiny_qwen3_vl"]

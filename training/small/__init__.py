"""The policy that ships with the workbench: a Qwen3-VL of a few million parameters with words of its own, trained from nothing.

words    its tokenizer
shape    how large it is, and what its weights are before anything is learnt
begin    the untrained policy as a checkpoint's folder
"""

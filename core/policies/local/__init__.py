"""Checkpoints that run in this process. Everything here may import torch and transformers, so it is imported late by who opens policies."""

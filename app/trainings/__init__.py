"""Runs of training as their folders tell them: read, watched, begun and stopped. Nothing here knows the trainers but by name."""

"""Times for reading. Standard library only: commands say them before the environment is loaded."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A time in words: under a second, 40 s, 3 min, 2 h 5 min."""
    if seconds < 1:
        return "under a second"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def left(seconds: float) -> str:
    """How long something will still take, in words: under a second left, about 40 s left."""
    return f"{duration(seconds)} left" if seconds < 1 else f"about {duration(seconds)} left"


def at_most(seconds: float) -> str:
    """A bound of how long something will still take, in words: under a second left, at most 40 s left."""
    return left(seconds).replace("about", "at most", 1)

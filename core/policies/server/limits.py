"""How long a server is waited for, how often it is asked again, and how much is asked of it at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What may pass between this program and one server. Times are seconds.

    at_once     turns that are asked for at the same time; the others wait in line. None: as the server is best asked
    connect     how long a connection may take to come about
    silence     how long the server may say nothing, before its first word and between two
    turn        how long one turn may take in all, its repetitions counted
    attempts    how often a turn is asked for where the server is busy or cannot be reached, before its first word
    pause       the pause before the second attempt; every further one is twice as long, up to `longest`
    """

    at_once: int | None = None
    connect: float = 10.0
    silence: float = 300.0
    turn: float = 1800.0
    attempts: int = 8
    pause: float = 0.5
    longest: float = 30.0

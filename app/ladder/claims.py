"""What the paper claims, and what others say about its method: each with its figure, and the two rungs that test it in the small.

Sources: “paper” is arXiv 2505.23678, with its table; the others are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.evaluation.seeds import OverSeeds


class Measure(StrEnum):
    """What is compared."""

    RIGHT = "right"
    LOOKS = "looks"


class Verdict(StrEnum):
    """What a paired difference with its 95 % interval says of a claim that one is more than the other."""

    HOLDS = "holds"
    DOES_NOT = "does not"
    """The opposite is so."""
    NOT_TOLD = "not told apart"
    NOT_MEASURED = "not measured yet"


@dataclass(frozen=True, slots=True)
class Claim:
    """That `more` has more of a measure than `less`.

    figure, source  what is reported, and where; figure "": no figure of its own
    paper           it is ViGoRL's own; else it is somebody's about its method
    """

    words: str
    figure: str
    source: str
    more: str
    less: str
    measure: Measure = Measure.RIGHT
    paper: bool = True


CLAIMS: tuple[Claim, ...] = (
    Claim("Grounded GRPO is better than conventional GRPO", "SAT-2 62.9 and 50.0 (3B)", "paper, Table 2", "grpo-points", "grpo-plain"),
    Claim("Grounded GRPO is better than SFT on answers", "SAT-2 62.9 and 58.3 (3B)", "paper, Table 2", "grpo-points", "answers"),
    Claim("GRPO adds to grounded SFT", "SAT-2 62.9, and 58.8 without it", "paper, Table 4", "grpo-points", "sft-points"),
    Claim("GRPO adds to SFT, in several turns", "", "paper, section 3", "grpo-looks", "sft-looks"),
    Claim("Several turns with crops are better than one", "V* 81.2 and 79.1 (3B)", "paper, Table 3", "grpo-looks", "grpo-points"),
    Claim("The bonus for looks that differ helps", "V* 81.2, and 78.0 without it (3B)", "paper, Table 3", "grpo-looks", "bonus-off"),
    Claim("Without it, looking collapses", "to a single turn", "paper, Figure A1", "grpo-looks", "bonus-off", Measure.LOOKS),
    Claim(
        "What GRPO adds holds out of domain", "ScreenSpot-Pro 31.1, SFT on answers 25.0 (3B)", "paper, Table 1", "grpo-harder", "sft-harder"
    ),
    Claim("What a crop shows is what is used", "", "a control", "grpo-looks", "looks-off", paper=False),
    Claim("It looks where it has to", "", "a control", "grpo-looks", "random-looks", paper=False),
    Claim("It looks where it has to, beside a grid", "", "a control", "grpo-looks", "grid-looks", paper=False),
    Claim("It sees the picture", "", "a control; arXiv 2604.16060", "grpo-looks", "blank-whole", paper=False),
    Claim("A random reward gains as well", "+21.4 on MATH-500", "arXiv 2506.10947", "random-reward", "start-looks", paper=False),
    Claim("The bonus is better gated by a right answer", "", "DeepEyes", "bonus-gated", "grpo-looks", paper=False),
    Claim("Over-turn masking helps", "8.6 points on VisualProbe-hard", "Mini-o3", "grpo-looks", "overrun-learnt", paper=False),
    Claim("With a capped overview it looks oftener", "", "arXiv 2605.18603", "grpo-looks", "uncapped", Measure.LOOKS, paper=False),
)


def verdict(apart: OverSeeds | None) -> Verdict:
    """What a paired difference, `more` less `less`, says; None: it was not measured."""
    if apart is None:
        return Verdict.NOT_MEASURED
    if apart.interval is None or apart.interval[0] <= 0 <= apart.interval[1]:
        return Verdict.NOT_TOLD
    return Verdict.HOLDS if apart.value > 0 else Verdict.DOES_NOT

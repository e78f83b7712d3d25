"""What the paper's human evaluation found, to stand beside ours."""

from __future__ import annotations

from collections.abc import Mapping

from annotations.results.figures import PaperFigure

SOURCE = "Grounded Reinforcement Learning for Visual Reasoning (arXiv 2505.23678), human evaluation: 20 people, 80 samples of RoboSpatial"
"""The paper gives its intervals with a number of people, so ours by rater is the nearest. It gives no agreement between its raters."""
_CAPTION = f"{SOURCE}; the figure's caption says N = 10"

PAPER: Mapping[str, PaperFigure] = {
    "accuracy": PaperFigure(0.728, 0.668, 0.787, 20, SOURCE),
    "helpfulness": PaperFigure(3.35, 3.03, 3.68, 20, _CAPTION),
    "helpfulness_accurate": PaperFigure(3.81, 3.51, 4.10, 20, _CAPTION),
    "helpfulness_inaccurate": PaperFigure(2.26, 1.57, 2.94, 20, _CAPTION),
}
"""By the id of our figure."""

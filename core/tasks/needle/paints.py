"""The colours' paints: what lies under a mark, with room for it in every channel."""

from __future__ import annotations

from core.tasks.needle.values import Colour

# Each channel keeps a mark's amplitude and the noise clear of 0 and 255. The nearest two, yellow and green, are 47 apart in CIE L*a*b*.
PAINTS: dict[Colour, tuple[int, int, int]] = {
    Colour.RED: (200, 58, 58),
    Colour.YELLOW: (200, 186, 58),
    Colour.GREEN: (60, 150, 60),
    Colour.CYAN: (60, 190, 200),
    Colour.BLUE: (58, 100, 200),
    Colour.PURPLE: (190, 58, 170),
}
AMPLITUDE = 48
"""Grey levels that a hatching goes up and down, in every channel alike."""
NOISE = 4
"""Grey levels that the noise over everything reaches up and down; its distribution is a triangle."""

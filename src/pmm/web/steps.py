"""Step lines, made on the server: small SVG in the tokens’ colours. What one says, a table beside it says too."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import msgspec

POINTS_MAX = 500
WIDTH = 1000
"""units from left to right; a chart is as wide as its place"""


class Line(msgspec.Struct, frozen=True):
    """Values that hold from one point to the next. points: (where, value), in order of where. colour: a token's name, such as "accent"."""

    label: str
    colour: str
    points: tuple[tuple[float, float], ...]


def chart(
    lines: Sequence[Line], says: str, *, height: int, start: float, end: float, low: float = 0.0, high: float = 1.0,
    levels: Sequence[tuple[float, str]] = (), dots: bool = True,
) -> str:  # fmt: skip
    """Steps over time, as SVG. says: in words, what it shows. start, end: where it begins and ends; low, high: of the values.

    levels: (value, colour) of dashed lines across. dots: at each point, as long as there are few of them.
    """

    def across(x: float) -> float:
        return round((x - start) / ((end - start) or 1.0) * WIDTH, 1)

    def up(y: float) -> float:
        return round(height - (min(max(y, low), high) - low) / (high - low) * (height - 8) - 4, 1)

    drawn = [
        f'<path d="M0 {up(level)}H{WIDTH}" stroke="var(--{escape(colour)})" stroke-dasharray="3 4" stroke-width="1"/>'
        for level, colour in levels
    ]
    for line in lines:
        points = thinned(line.points)
        if not points:
            continue
        (first_x, first_y), *rest = points
        path = f"M{across(first_x)} {up(first_y)}" + "".join(f"H{across(x)}V{up(y)}" for x, y in rest) + f"H{across(end)}"
        drawn.append(f'<path d="{path}" stroke="var(--{escape(line.colour)})" stroke-width="1.75"/>')
        if dots and len(points) <= 80:
            spots = "".join(f"M{across(x)} {up(y)}h0" for x, y in rest)
            drawn.append(f'<path d="{spots}" stroke="var(--{escape(line.colour)})" stroke-width="5" stroke-linecap="round"/>')
    return (
        f'<svg class="stepline" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" style="height:{height}px" fill="none" '
        f'role="img" aria-label="{escape(says, quote=True)}">{"".join(drawn)}</svg>'
    )


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most POINTS_MAX of them, the first and the last included."""
    if len(points) <= POINTS_MAX:
        return list(points)
    step = (len(points) - 1) / (POINTS_MAX - 1)
    return [points[round(n * step)] for n in range(POINTS_MAX)]

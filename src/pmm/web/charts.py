"""Charts: small SVG made by pure functions, in the page's own colours; and times as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from math import floor, log10

import msgspec

WIDTH, HEIGHT = 600, 200
"""of the drawing; it is stretched to the room there is, its lines are not"""
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
PARTS = 4
"""into which the rules of a chart divide it"""


class Line(msgspec.Struct, frozen=True):
    """One series. colour: a token's name, such as accent. dashes: "" for none."""

    name: str
    values: tuple[float, ...]
    colour: str
    dashes: str = ""


def ceiling(value: float) -> float:
    """A round number at or above a value, whose fourth part is round as well."""
    if value < 1e-9:
        return float(PARTS)
    part = value / PARTS
    size = 10.0 ** floor(log10(part))
    return PARTS * next(step * size for step in STEPS if step * size >= part * (1 - 1e-9))


def lines_svg(lines: Sequence[Line], top: float, says: str) -> str:
    """Lines from the left edge to the right one, over horizontal rules from 0 to `top`. says: for those who don't see it."""
    rules = "".join(
        f'<line x1="0" x2="{WIDTH}" y1="{HEIGHT * n / PARTS:g}" y2="{HEIGHT * n / PARTS:g}" stroke="var(--line)" {_THIN}/>'
        for n in range(PARTS + 1)
    )
    drawn = "".join(_line(line, top) for line in lines)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{escape(says)}" '
        f'xmlns="http://www.w3.org/2000/svg">{rules}{drawn}</svg>'
    )


def places(count: int) -> list[float]:
    """Where each of so many points is from left to right, 0 to 1: in the middle of its share of the width."""
    return [(n + 0.5) / count for n in range(count)]


def _line(line: Line, top: float) -> str:
    across = places(len(line.values))
    points = [(x * WIDTH, HEIGHT - min(value / top, 1.0) * HEIGHT) for x, value in zip(across, line.values, strict=True)]
    if len(points) == 1:
        points = [(0.0, points[0][1]), (WIDTH, points[0][1])]
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = f' stroke-dasharray="{line.dashes}"' if line.dashes else ""
    return f'<polyline points="{told}" fill="none" stroke="var(--{line.colour})"{dashes} stroke-linejoin="round" {_THICK}/>'


_THIN = 'stroke-width="1" vector-effect="non-scaling-stroke"'
_THICK = 'stroke-width="2" vector-effect="non-scaling-stroke"'


def stamp(local: datetime, now: datetime) -> str:
    """A moment, both in the same zone: 28 Nov 18:06, and the year if it isn't this one."""
    year = f" {local.year}" if local.year != now.year else ""
    return f"{local.day} {local:%b}{year} {local:%H:%M}"


def span(ms: float) -> str:
    """Milliseconds as people read them: 0.42 ms, 8.1 ms, 412 ms, 1.43 s, 2 min 5 s."""
    if ms < 9.95:
        return f"{ms:.2f} ms" if ms < 0.995 else f"{ms:.1f} ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_950:
        return f"{ms / 1e3:.2f} s" if ms < 9_995 else f"{ms / 1e3:.1f} s"
    minutes, seconds = divmod(round(ms / 1e3), 60)
    return f"{minutes:,} min {seconds} s"

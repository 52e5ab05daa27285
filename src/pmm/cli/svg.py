"""A profile as a picture: two lines over time and a bar for each part, in plain SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pmm.runtime.performance import Profile

WIDTH, CHART, ROW, LEFT, MARGIN = 720, 200, 22, 140, 20
P50, P95, GREY = "#2563eb", "#f59e0b", "#6b7280"


def drawn(found: Profile) -> str:
    """The whole file."""
    height = CHART + 90 + ROW * len(found.breakdown)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
    body = [*_title(found), *_over_time(found), *_parts(found, CHART + 70)]
    style = 'font-family="system-ui, sans-serif" font-size="12">'
    return "\n".join([head + style, f'<rect width="{WIDTH}" height="{height}" fill="white"/>', *body, "</svg>"]) + "\n"


def _title(found: Profile) -> Iterator[str]:
    if found.now is None:
        yield _text(MARGIN, 24, "No turns were measured yet.", "black")
        return
    yield _text(MARGIN, 24, f"{found.turns} turns: p50 {found.now.p50:,.1f} ms, p95 {found.now.p95:,.1f} ms", "black")
    if found.before is not None:
        yield _text(MARGIN, 42, f"before: p50 {found.before.p50:,.1f} ms, p95 {found.before.p95:,.1f} ms", GREY)
    yield _text(WIDTH - 110, 24, "p50", P50)
    yield _text(WIDTH - 70, 24, "p95", P95)


def _over_time(found: Profile) -> Iterator[str]:
    slices = found.over_time
    most = max((one.p95 for one in slices), default=0.0) or 1.0
    top, bottom = 70, CHART + 30
    yield f'<line x1="{MARGIN}" y1="{bottom}" x2="{WIDTH - MARGIN}" y2="{bottom}" stroke="{GREY}"/>'
    yield _text(MARGIN, top - 2, f"{most:,.0f} ms", GREY)
    for values, colour in (([one.p50 for one in slices], P50), ([one.p95 for one in slices], P95)):
        yield _line([value / most for value in values], top, bottom, colour)
    if slices:
        yield _text(MARGIN, bottom + 16, f"{slices[0].since:%Y-%m-%d %H:%M} UTC", GREY)


def _line(shares: Sequence[float], top: int, bottom: int, colour: str) -> str:
    step = (WIDTH - 2 * MARGIN) / max(1, len(shares) - 1)
    points = [(MARGIN + n * step, bottom - share * (bottom - top)) for n, share in enumerate(shares)]
    if len(points) == 1:
        return f'<circle cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="3" fill="{colour}"/>'
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _parts(found: Profile, top: int) -> Iterator[str]:
    most = max((part.p95 for part in found.breakdown.values()), default=0.0) or 1.0
    room = WIDTH - LEFT - MARGIN - 150
    for n, (label, part) in enumerate(found.breakdown.items()):
        y = top + n * ROW
        yield _text(MARGIN, y + 12, label, "black")
        for value, colour in ((part.p95, P95), (part.p50, P50)):
            yield f'<rect x="{LEFT}" y="{y + 2}" width="{value / most * room:.1f}" height="{ROW - 8}" fill="{colour}"/>'
        yield _text(WIDTH - MARGIN - 140, y + 12, f"{part.p50:,.2f} / {part.p95:,.2f} ms", GREY)


def _text(x: int, y: int, text: str, colour: str) -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}">{escape(text)}</text>'

"""`pmm profile`: what turns take, where the time goes, and how that changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmm.cli.options import AsJson, Db, examples

if TYPE_CHECKING:
    from pmm.runtime.performance import Profile
    from pmm.runtime.profiler import Measured

EXAMPLES = examples("pmm profile", "pmm profile --last 20", "pmm profile --json", "pmm profile --svg turns.svg")

BAR_CELLS = 24
LAST_MAX = 500


def profile(
    db: Db = None,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, max=LAST_MAX, help="So many turns, beside as many before.")] = 100,
    as_json: AsJson = False,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", show_default=False, help="Draw it into this file as well.")] = None,
) -> None:
    """Show what the last turns took, and where the time went.

    Median and 95th percentile now and before, by part, how often caches helped, over time. Each recorded turn is measured (unless profile
    is off) and kept for 30 days (trace_days).
    """
    from pmm.cli import screen
    from pmm.cli.minds import looked_at
    from pmm.errors import InvalidInput

    with looked_at(db) as mind:
        found = mind.profile(last)
    if svg is not None:
        from pmm.cli.svg import drawn

        try:
            svg.write_text(drawn(found), encoding="utf-8")
        except OSError as error:
            raise InvalidInput(f"{svg} can't be written: {error.strerror}.") from None
    if as_json:
        screen.say(screen.to_json(found))
    else:
        for line in lines(found):
            screen.say(line)


def lines(found: Profile) -> Iterator[str]:
    """A profile for the terminal."""
    from pmm.cli.screen import bold, dim, number, sparkline

    if found.now is None:
        yield "No turns were measured yet."
        return
    yield bold(f"The last {number(found.turns, 'turn')}") + (f", beside the {found.before.n} before" if found.before else "")
    yield f"  {'p50':<15} {_beside(found.now.p50, found.before.p50 if found.before else None)}"
    yield f"  {'p95':<15} {_beside(found.now.p95, found.before.p95 if found.before else None)}"
    yield f"  {'longest':<15} {_ms(found.now.max)}"
    yield f"  {'over time':<15} {sparkline([one.p50 for one in found.over_time])} {dim('p50, oldest first')}"
    yield f"  {'':<15} {sparkline([one.p95 for one in found.over_time])} {dim('p95')}"
    yield bold("Where the time goes") + dim(" (p50 and p95)")
    yield from _parts(found)
    yield bold("How often what was kept helped")
    for label, now, before in (
        ("vectors there", found.caches.embeddings, found.caches_before.embeddings),
        ("state at hand", found.caches.snapshots, found.caches_before.snapshots),
        ("prompt reused", found.caches.prefix, found.caches_before.prefix),
        ("answers again", found.caches.answers, found.caches_before.answers),
    ):
        was = f"  (before {before:.0%})" if before is not None else ""
        yield f"  {label:<15} {'-' if now is None else f'{now:.0%}'}{was}"


def _parts(found: Profile) -> Iterator[str]:
    from pmm.cli.screen import bar, dim, one_line
    from pmm.runtime.performance import INSIDE

    longest = max((part.p50 for part in found.breakdown.values()), default=0.0)
    for inside in (False, True):
        parts = {label: part for label, part in found.breakdown.items() if (label in INSIDE) is inside}
        if inside and parts:
            yield dim("  in these")
        for label, part in parts.items():
            share = part.p50 / longest if longest else 0.0
            yield f"  {one_line(label):<15} {bar(share, BAR_CELLS)} {_ms(part.p50):>10} {_ms(part.p95):>10}{_rare(part, found)}"


def _rare(part: Measured, found: Profile) -> str:
    return f"  in {part.n} of {found.turns}" if part.n < found.turns else ""


def _beside(now: float, before: float | None) -> str:
    if not before:
        return _ms(now)
    return f"{_ms(now)}  (before {_ms(before)}, {(now - before) / before:+.0%})"


def _ms(ms: float) -> str:
    return f"{ms:,.0f} ms" if ms >= 100 else f"{ms:.2f} ms"

"""The mind's assessment of its own work: every ten reflections, whether it should reflect more or less often."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

import msgspec

from pmm.agent.policy import change
from pmm.agent.stage import permitted
from pmm.errors import InvalidInput
from pmm.events import Event
from pmm.projections.traits import DAY_MAX

if TYPE_CHECKING:
    from pmm.projections.work import Assessment
    from pmm.views import View

MIDDLE = 0.5
DEAD_BAND = 0.1
"""around the middle, and against the assessment before: within it nothing moves"""


def assessment_due(view: View) -> list[Event]:
    """One step of the cadence policy, within its bounds, if the latest ten reflections ask for it; the assessment itself is in the View
    (`view.metrics.work.assessed`), whether or not it moves anything.

    Needs the permission to change policy, and a cadence that nobody has set since. Its key follows from the tenth reflection, so that two
    processes deciding the same do it once.
    """
    assessed = view.metrics.work.assessed
    if not assessed or view.policy.cadence_set > assessed[-1].event or not permitted(view, "change_policy"):
        return []
    now, before = assessed[-1], assessed[-2] if len(assessed) > 1 else None
    shifted = view.policy.cadence + step(now, before)
    try:
        moved = change(view, "cadence", shifted, cause="assessment", evidence=now.event)
    except InvalidInput:
        return []  # it is at the end of its bounds already
    return [] if isinstance(moved, int) else [msgspec.structs.replace(moved, key=f"assess:{now.event}")]


def step(now: Assessment, before: Assessment | None) -> int:
    """-1: reflect more often, for it pays. 1: less often, for it doesn't. 0: leave it.

    It pays if well over half of what was promised was kept and of what was begun came to something; not so while traits drift by more than
    a day's worth, or promises take clearly longer to keep than the time before.
    """
    known = [share for share in (now.efficacy, now.hit_rate) if share is not None]
    if not known or abs(fmean(known) - MIDDLE) <= DEAD_BAND:
        return 0
    if fmean(known) < MIDDLE:
        return 1
    earlier = before.lag_hours if before is not None else None
    slower = None not in (earlier, now.lag_hours) and (now.lag_hours or 0) > (earlier or 0) * (1 + DEAD_BAND)
    return 0 if slower or now.drift > DAY_MAX else -1

"""Whether the mind's stage is due to change, and what it may do unasked: decided from a View alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pmm.events import StageChanged
from pmm.projections.stage import PERMITTED, TURNS_APART, Permission

if TYPE_CHECKING:
    from pmm.views import View

MARGIN = 0.06
"""a stage is lost only this far below its floor, so that it doesn't flutter"""


def stage_due(view: View) -> StageChanged | None:
    """A step up if both scores reach the next floors, a step down if one is well below the present ones, else None.

    It never rises above the highest that the user lets it reach. Its key follows from the change before it, so that two processes deciding
    the same do it once.
    """
    stage, ias, gas = view.stage, view.metrics.ias, view.metrics.gas
    if stage.turns < TURNS_APART:
        return None
    here, above = stage.floors, stage.next_floors
    if above is not None and stage < view.policy.stage_cap and ias >= above.ias and gas >= above.gas:
        to = stage.level + 1
    elif ias < here.ias - MARGIN or gas < here.gas - MARGIN:
        to = stage.level - 1
    else:
        return None
    return StageChanged(before=stage.level, after=to, ias=round(ias, 4), gas=round(gas, 4), key=f"stage:{stage.last}")


def permitted(view: View, what: Permission) -> bool:
    """Whether the mind may do this unasked: its stage, no higher than its user lets it count, has come to it, and it isn't switched off."""
    return what not in view.policy.off and min(view.stage.level, view.policy.stage_cap) >= PERMITTED[what]


def permissions(view: View) -> tuple[Permission, ...]:
    """All that is permitted now, the oldest first."""
    return tuple(what for what in PERMITTED if permitted(view, what))

"""Whether the mind's stage is due to change: decided from a View alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pmm.events import StageChanged
from pmm.projections.stage import TURNS_APART

if TYPE_CHECKING:
    from pmm.views import View

MARGIN = 0.06
"""a stage is lost only this far below its floor, so that it doesn't flutter"""


def stage_due(view: View) -> StageChanged | None:
    """A step up if both scores reach the next floors, a step down if one is well below the present ones, else None.

    Its key follows from the change before it, so that two processes deciding the same do it once.
    """
    stage, ias, gas = view.stage, view.metrics.ias, view.metrics.gas
    if stage.turns < TURNS_APART:
        return None
    here, above = stage.floors, stage.next_floors
    if above is not None and ias >= above.ias and gas >= above.gas:
        to = stage.level + 1
    elif ias < here.ias - MARGIN or gas < here.gas - MARGIN:
        to = stage.level - 1
    else:
        return None
    return StageChanged(before=stage.level, after=to, ias=round(ias, 4), gas=round(gas, 4), key=f"stage:{stage.last}")

"""Traits that move by themselves, without a model and at any stage: by what became of promises and turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pmm.events import Event, TraitAdjusted
from pmm.projections.traits import STEPS

if TYPE_CHECKING:
    from pmm.views import View


def moves_due(view: View) -> list[Event]:
    """A small move for every outcome that hasn't caused one yet, citing it. Keyed by the outcome, so that it happens once."""
    return [_move(cause.event, cause.why) for cause in view.traits.pending]


def _move(event: int, why: str) -> Event:
    trait, delta = STEPS[why]
    return TraitAdjusted(trait=trait, delta=delta, cause=why, evidence=event, key=f"trait:{event}")  # type: ignore[arg-type]

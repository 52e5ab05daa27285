"""How the mind's own work went, counted from one self-assessment to the next: every tenth reflection closes a window and opens a new one.

Not a projection itself: the state and the step that the scores carry along.
"""

from __future__ import annotations

import msgspec

from pmm.events import Event, Reflection, TraitAdjusted
from pmm.projections.promises import Outcome, Promises
from pmm.projections.traits import MOVE_MAX

EVERY = 10
"""reflections from one assessment to the next"""
ASSESSED_MAX = 8
DIGITS = 4
_HOUR = 3600.0


class Assessment(msgspec.Struct, frozen=True):
    """What ten reflections came to. event: the tenth. None: there was nothing to tell it from.

    efficacy: commitments kept, of those opened. hit_rate: own actions that came to something (ended by a close, or were answered), of
    those begun. lag_hours: from opening to keeping, on average. drift: how far traits were moved, up and down together.
    """

    event: int
    efficacy: float | None
    hit_rate: float | None
    lag_hours: float | None
    drift: float


class Work(msgspec.Struct, frozen=True):
    """The counts of the window that is open; reflections: all there ever were. assessed: the latest few assessments."""

    reflections: int = 0
    opened: int = 0
    kept: int = 0
    actions: int = 0
    hits: int = 0
    lag_hours: float = 0.0
    drift: float = 0.0
    assessed: tuple[Assessment, ...] = ()


def follow(work: Work, event: Event, promises: Promises, outcome: Outcome | None) -> Work:
    """The work after an event. promises: as they are after it; outcome: how one of them ended by it, if one did."""
    replace = msgspec.structs.replace
    match event:
        case Reflection():
            work = replace(work, reflections=work.reflections + 1)
            return _assessed(work, event.id) if work.reflections % EVERY == 0 else work
        case TraitAdjusted():
            return replace(work, drift=round(work.drift + min(abs(event.delta), MOVE_MAX), DIGITS))
    if outcome is not None:
        work = replace(work, hits=work.hits + (outcome.promise.own and outcome.how != "expired"))
        return _kept(work, (event.ts - outcome.promise.at).total_seconds() / _HOUR) if outcome.how == "kept" else work
    new = promises.opened_by(event.id)
    return work if new is None else replace(work, opened=work.opened + 1, actions=work.actions + new.own)


def _kept(work: Work, hours: float) -> Work:
    """One more commitment was kept; the mean moves by its share. A clock that stepped back says nothing less than no time."""
    lag = work.lag_hours + (max(0.0, hours) - work.lag_hours) / (work.kept + 1)
    return msgspec.structs.replace(work, kept=work.kept + 1, lag_hours=round(lag, DIGITS))


def _assessed(work: Work, event: int) -> Work:
    found = Assessment(
        event,
        min(1.0, round(work.kept / work.opened, DIGITS)) if work.opened else None,
        min(1.0, round(work.hits / work.actions, DIGITS)) if work.actions else None,
        work.lag_hours if work.kept else None,
        work.drift,
    )
    return Work(reflections=work.reflections, assessed=(*work.assessed, found)[-ASSESSED_MAX:])

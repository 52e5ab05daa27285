"""What is due now, decided from a View and the time alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pmm.events import CommitmentExpired, CommitmentReminded, Event

if TYPE_CHECKING:
    from pmm.projections.commitments import Commitment
    from pmm.views import View


def due_now(view: View, now: datetime, expiry: timedelta) -> list[Event]:
    """Reminders and expiries that are due. Each has a key, so that two processes deciding the same do it once."""
    events: list[Event] = []
    for c in view.commitments.open:
        if c.due is not None and c.reminded != c.due and c.due.instant <= now:
            events.append(CommitmentReminded(cid=c.cid, due=c.due, key=f"remind:{c.cid}:{c.due}"))
        elif _expires(c, expiry) <= now:
            events.append(CommitmentExpired(cid=c.cid, reason="overdue" if c.due else "lapsed", content=c.text, key=f"expire:{c.cid}"))
    return events


def next_due(view: View, expiry: timedelta) -> datetime | None:
    """When something will be due next, if nothing else happens."""
    times = [c.due.instant if c.due is not None and c.reminded != c.due else _expires(c, expiry) for c in view.commitments.open]
    return min(times, default=None)


def _expires(c: Commitment, expiry: timedelta) -> datetime:
    try:
        return (c.due.instant if c.due is not None else c.opened) + expiry
    except OverflowError:
        return datetime.max.replace(tzinfo=c.opened.tzinfo)

"""What is due now, decided from a View and the time alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from pmm.agent.assess import assessment_due
from pmm.agent.commitments import followups
from pmm.agent.follow import follow_up, next_follow_up
from pmm.agent.reflect import reflection_at, without_model
from pmm.agent.stage import stage_due
from pmm.agent.traits import moves_due
from pmm.events import CommitmentExpired, CommitmentReminded, Event

if TYPE_CHECKING:
    from pmm.projections.commitments import Commitment
    from pmm.views import View


def decide(view: View, now: datetime, expiry: timedelta, *, alone: bool = False) -> list[Event]:
    """All that is due now, to be appended together: reminders and expiries, moves of traits and of the stage, a self-assessment; or else,
    when there is none of these, a reflection or a question of the mind's own. [] when nothing is due.

    alone: no model reflects for this mind, so that it is done without one.
    """
    step = stage_due(view)
    due = [*due_now(view, now, expiry), *moves_due(view), *([step] if step is not None else []), *assessment_due(view)]
    if not due and alone:
        due = without_model(view, now)
    question = None if due else follow_up(view, now)
    return [question] if question is not None else due


def due_next(view: View, now: datetime, expiry: timedelta, *, alone: bool = False) -> datetime | None:
    """When `decide`, which has just found nothing, may find something, if nothing else happens."""
    moments = (next_due(view, expiry), next_follow_up(view, now), reflection_at(view) if alone else None)
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def due_now(view: View, now: datetime, expiry: timedelta) -> list[Event]:
    """Reminders and expiries that are due, and the next occurrences of what expires and repeats.

    Each has a key, so that two processes deciding the same do it once. It holds the event that last changed the commitment: what was
    reopened, or given another due time, is reminded of again.
    """
    events: list[Event] = []
    for c in view.commitments.open:
        if c.snoozed(now):
            continue
        if c.due is not None and c.reminded != c.due and c.due.instant <= now:
            events.append(CommitmentReminded(content=c.text, cid=c.cid, due=c.due, key=f"remind:{c.cid}:{c.changed}"))
        elif _expires(c, expiry) <= now:
            reason: Literal["overdue", "lapsed"] = "overdue" if c.due else "lapsed"
            events.append(CommitmentExpired(cid=c.cid, reason=reason, content=c.text, key=f"expire:{c.cid}:{c.changed}"))
    return events + followups(view, events, now)


def next_due(view: View, expiry: timedelta) -> datetime | None:
    """When a commitment will be due or expire next, if nothing else happens."""
    return min((_next(c, expiry) for c in view.commitments.open), default=None)


def _next(c: Commitment, expiry: timedelta) -> datetime:
    """When something is due about this one: not before its snooze ends."""
    moment = c.due.instant if c.due is not None and c.reminded != c.due else _expires(c, expiry)
    return moment if c.snoozed_until is None else max(moment, c.snoozed_until)


def _expires(c: Commitment, expiry: timedelta) -> datetime:
    """So long after it was due, after it was last touched and after its snooze ended, whichever came last."""
    since = max(moment for moment in (c.touched, c.due.instant if c.due else None, c.snoozed_until) if moment is not None)
    try:
        return since + expiry
    except OverflowError:
        return datetime.max.replace(tzinfo=since.tzinfo)

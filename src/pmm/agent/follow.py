"""Speaking first: whether to ask after a commitment, which one, and in what words. Decided from a View and the time alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from pmm.agent.commitments import WEEKDAYS
from pmm.agent.stage import permitted
from pmm.events import FollowedUp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pmm.projections.commitments import Commitment
    from pmm.views import View

AFTER = timedelta(hours=12)
"""so long after it was due, or done: a reminder comes first, and a question at once would be a nuisance"""
LATELY = timedelta(hours=72)
"""what was done longer ago is left alone"""
APART = timedelta(hours=24)
TEXT_CHARS = 200

_NEVER = datetime.max.replace(tzinfo=UTC)


class _Occasion(NamedTuple):
    """Something to ask after, from when until when. done: when it was kept; None: it is still open."""

    at: datetime
    until: datetime
    commitment: Commitment
    done: datetime | None


def follow_up(view: View, now: datetime) -> FollowedUp | None:
    """The question to ask now, if there is one: at most one a day, and none while the last one is unanswered.

    Its key follows from the one before, so that two processes deciding the same ask once.
    """
    occasion = _next(view, now)
    if occasion is None or occasion.at > now:
        return None
    last = view.unasked.last
    return FollowedUp(
        content=_words(occasion, now.astimezone(ZoneInfo(view.identity.zone))),
        session=next(reversed(tuple(view.conversation.sessions)), "main"),  # where they spoke last
        about=occasion.commitment.cid,
        key=f"follow:{last.event if last else 0}",
    )


def next_follow_up(view: View, now: datetime) -> datetime | None:
    """When there will be a question to ask, if nothing else happens."""
    occasion = _next(view, now)
    return occasion.at if occasion is not None else None


def _next(view: View, now: datetime) -> _Occasion | None:
    if not view.unasked.answered or not permitted(view, "speak_first"):
        return None
    return min((o for o in _occasions(view) if max(o.at, now) <= o.until), default=None, key=lambda o: (o.at, o.commitment.cid))


def _occasions(view: View) -> Iterator[_Occasion]:
    """Commitments that were reminded of and are still open; and those kept lately that had a date."""
    asked, last = view.unasked.about, view.unasked.last
    earliest = [last.at + APART] if last else []
    for c in view.commitments.open:
        if c.due is not None and c.reminded == c.due and c.cid not in asked:
            snoozed = [c.snoozed_until] if c.snoozed_until else []
            yield _Occasion(max([c.due.instant + AFTER, *earliest, *snoozed]), _NEVER, c, None)
    for e in view.commitments.closed:
        if e.outcome == "kept" and e.commitment.due is not None and e.cid not in asked:
            yield _Occasion(max([e.at + AFTER, *earliest]), e.at + LATELY, e.commitment, e.at)


def _words(occasion: _Occasion, today: datetime) -> str:
    """Quoted, since its text was not made for this sentence, and in whose words it is nobody can tell."""
    c = occasion.commitment
    assert c.due is not None
    text = " ".join(c.text.split())
    what = f"“{text if len(text) <= TEXT_CHARS else text[: TEXT_CHARS - 1] + '…'}”"
    if occasion.done is not None:
        return f"{what} was done on {_day(occasion.done.astimezone(today.tzinfo).date(), today.date())}. How did it turn out?"
    when = _day(c.due.date, today.date())
    begun = f"You wanted to {what} by" if c.owner == "user" else f"{what} was due on"
    return f"{begun} {when}. How did it go?"


def _day(day: date, today: date) -> str:
    """A day of the last week by its name, any other by its date."""
    return WEEKDAYS[day.weekday()] if 0 <= (today - day).days < 7 else day.isoformat()

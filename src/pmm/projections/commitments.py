"""What is owed, by whom, until when.

    open -> snoozed -> open -> kept | broken | cancelled | superseded | expired -> open again, in a new episode

A snooze ends by the clock, without an event: "snoozed" is an open one whose `snoozed_until` lies ahead. What the log holds beside
these transitions (a second close, a snooze of what is closed) changes nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar, Literal

import msgspec

from pmm.events import (
    CommitmentClosed,
    CommitmentEdited,
    CommitmentExpired,
    CommitmentOpened,
    CommitmentReminded,
    CommitmentReopened,
    CommitmentSnoozed,
    Due,
    Event,
)
from pmm.projections.projection import Projection

OPEN_MAX = 128
CLOSED_MAX = 64
CHANGES_MAX = 16


class Commitment(msgspec.Struct, frozen=True):
    """An open commitment. cid: the id of the event that opened it. reminded: the due time it was last reminded of.

    episode: 1, and one more with each reopening; `opened` stays that of the first. touched: when it was last opened, edited or
    reopened; changed: the event that last changed it (a snooze too). followed: the next occurrence, once one was opened.
    """

    cid: int
    text: str
    owner: Literal["mind", "user"]
    opened: datetime
    touched: datetime
    changed: int
    due: Due | None = None
    repeat: str | None = None
    priority: int = 0
    project: str | None = None
    source: int | None = None
    reminded: Due | None = None
    snoozed_until: datetime | None = None
    episode: int = 1
    follows: int | None = None
    followed: int | None = None

    def snoozed(self, now: datetime) -> bool:
        """Whether it is put off at this moment."""
        return self.snoozed_until is not None and now < self.snoozed_until


class Ended(msgspec.Struct, frozen=True):
    """One that is not open any more: how it was, how it ended, in which event and when."""

    commitment: Commitment
    outcome: Literal["kept", "broken", "cancelled", "superseded", "expired"]
    event: int
    at: datetime
    evidence: int | None = None
    note: str = ""

    @property
    def cid(self) -> int:
        """The commitment's."""
        return self.commitment.cid


class Change(msgspec.Struct, frozen=True):
    """What happened to a commitment: the event, and the state since. source: the message it came from, if any."""

    event: int
    cid: int
    state: str
    source: int | None = None


class Commitments(msgspec.Struct, frozen=True):
    """open: by cid, including snoozed and overdue ones. overflow: how many more are open than are kept here. closed: the latest to end,
    oldest first. changes: the latest few. kept: how many ended so; one that is reopened counts no more."""

    open: tuple[Commitment, ...] = ()
    overflow: int = 0
    opened: int = 0
    kept: int = 0
    changes: tuple[Change, ...] = ()
    closed: tuple[Ended, ...] = ()

    @property
    def count(self) -> int:
        """How many are open, those beyond the cap included."""
        return len(self.open) + self.overflow

    def get(self, cid: int) -> Commitment | None:
        """The open commitment with this cid, or None."""
        return next((c for c in self.open if c.cid == cid), None)

    def ended(self, cid: int) -> Ended | None:
        """The one with this cid among those that ended lately, or None."""
        return next((e for e in self.closed if e.cid == cid), None)


class CommitmentsProjection(Projection[Commitments]):
    name: ClassVar = "commitments"
    version: ClassVar = 3
    kinds: ClassVar = frozenset(
        {
            *("commitment_opened", "commitment_edited", "commitment_snoozed", "commitment_reminded"),
            *("commitment_closed", "commitment_expired", "commitment_reopened"),
        }
    )
    State: ClassVar = Commitments

    def apply(self, state: Commitments, event: Event) -> Commitments:
        match event:
            case CommitmentOpened():
                return _open(state, event)
            case CommitmentEdited() | CommitmentSnoozed() | CommitmentReminded():
                return _change(state, event)
            case CommitmentClosed():
                return _end(state, event, event.outcome)
            case CommitmentExpired():
                return _end(state, event, "expired")
            case CommitmentReopened():
                return _reopen(state, event)
        return state


def _open(state: Commitments, event: CommitmentOpened) -> Commitments:
    new = Commitment(
        cid=event.id,
        text=event.content,
        owner=event.owner,
        opened=event.ts,
        touched=event.ts,
        changed=event.id,
        due=event.due,
        repeat=event.repeat,
        priority=event.priority,
        project=event.project,
        source=event.source,
        follows=event.follows,
    )
    if event.follows is not None:
        state = _followed(state, event.follows, event.id)
    state = msgspec.structs.replace(_with(state, new), opened=state.opened + 1)
    return _noted(state, Change(event.id, event.id, "opened", event.source))


def _followed(state: Commitments, cid: int, by: int) -> Commitments:
    """Remember that the occurrence after `cid` is open, so that ending `cid` once more doesn't open another."""
    replace = msgspec.structs.replace
    closed = tuple(replace(e, commitment=replace(e.commitment, followed=by)) if e.cid == cid else e for e in state.closed)
    now = tuple(replace(c, followed=by) if c.cid == cid else c for c in state.open)
    return replace(state, closed=closed, open=now)


def _with(state: Commitments, new: Commitment) -> Commitments:
    """The state with one more open; beyond the cap the least pressing one leaves."""
    now, overflow = tuple(sorted((*state.open, new), key=lambda c: c.cid)), state.overflow
    if len(now) > OPEN_MAX:
        least = min(now, key=_pressing)
        now, overflow = tuple(c for c in now if c is not least), overflow + 1
    return msgspec.structs.replace(state, open=now, overflow=overflow)


def _pressing(c: Commitment) -> tuple[bool, int, int, int]:
    """The smaller, the less it presses: undated ones, then those of low priority, then those due late."""
    return c.due is not None, c.priority, -c.due.date.toordinal() if c.due else 0, c.cid


_TOLD = {"commitment_edited": "changed", "commitment_snoozed": "snoozed", "commitment_reminded": "due"}


def _change(state: Commitments, event: CommitmentEdited | CommitmentSnoozed | CommitmentReminded) -> Commitments:
    """What may happen to one that is open."""
    replace = msgspec.structs.replace
    known, told = state.get(event.cid), _TOLD[event.kind]
    if known is None:
        beyond = state.overflow and state.ended(event.cid) is None  # one of those beyond the cap, as far as this can tell
        return _noted(state, Change(event.id, event.cid, told)) if beyond else state
    match event:
        case CommitmentEdited():
            due = None if event.clear_due else event.due or known.due
            new = replace(
                known,
                text=event.content or known.text,
                due=due,
                reminded=known.reminded if due == known.due else None,
                priority=known.priority if event.priority is None else event.priority,
                project=known.project if event.project is None else event.project or None,
                touched=event.ts,
                changed=event.id,
            )
        case CommitmentSnoozed():
            new = replace(known, snoozed_until=_utc(event.until), changed=event.id)
        case CommitmentReminded():
            if event.due != known.due:
                return state  # of a due time that it has no more
            new = replace(known, reminded=event.due)
    now = tuple(new if c is known else c for c in state.open)
    return _noted(replace(state, open=now), Change(event.id, event.cid, told))


def _end(
    state: Commitments,
    event: CommitmentClosed | CommitmentExpired,
    outcome: Literal["kept", "broken", "cancelled", "superseded", "expired"],
) -> Commitments:
    replace = msgspec.structs.replace
    known = state.get(event.cid)
    evidence, note = (event.evidence, event.note) if isinstance(event, CommitmentClosed) else (None, event.reason)
    change = Change(event.id, event.cid, outcome, evidence)
    kept = state.kept + (outcome == "kept")
    if known is None:
        if not state.overflow or state.ended(event.cid) is not None:
            return state  # it isn't open
        return _noted(replace(state, overflow=state.overflow - 1, kept=kept), change)  # one of those beyond the cap
    ended = Ended(replace(known, snoozed_until=None), outcome, event.id, event.ts, evidence, note)
    now = tuple(c for c in state.open if c is not known)
    return _noted(replace(state, open=now, closed=(*state.closed, ended)[-CLOSED_MAX:], kept=kept), change)


def _reopen(state: Commitments, event: CommitmentReopened) -> Commitments:
    replace = msgspec.structs.replace
    past = state.ended(event.cid)
    if past is None:
        return state
    was = past.commitment
    again = replace(was, episode=was.episode + 1, touched=event.ts, changed=event.id, reminded=None)
    closed = tuple(e for e in state.closed if e is not past)
    state = replace(_with(state, again), closed=closed, kept=state.kept - (past.outcome == "kept"))
    return _noted(state, Change(event.id, event.cid, "reopened"))


def _noted(state: Commitments, change: Change) -> Commitments:
    return msgspec.structs.replace(state, changes=(*state.changes, change)[-CHANGES_MAX:])


def _utc(moment: datetime) -> datetime:
    """In UTC, as snapshots give it back; what has no zone, or no UTC, still has an order."""
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return moment.replace(tzinfo=UTC)


PROJECTION = CommitmentsProjection

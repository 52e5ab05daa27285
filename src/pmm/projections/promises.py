"""Which commitments are the mind's own to keep: what scores and traits need to know of one when it ends.

Not a projection itself: the state and the step that two of them share.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from pmm.events import (
    CommitmentClosed,
    CommitmentEdited,
    CommitmentExpired,
    CommitmentOpened,
    CommitmentReminded,
    CommitmentReopened,
    Event,
    Reflection,
)

OPEN_MAX = 128
ENDED_MAX = 64
REFLECTIONS_MAX = 32
"""an action is opened with its reflection or soon after it"""


class Promise(msgspec.Struct, frozen=True):
    """A commitment owned by the mind. since, at: the event that opened it last, and when. own: a reflection asked for it. timed: it had
    a due time or a reminder."""

    cid: int
    since: int
    at: datetime
    own: bool
    timed: bool


class Outcome(msgspec.Struct, frozen=True):
    """How a promise ended. evidenced: by an event after it was made, or by the user's word."""

    promise: Promise
    how: str
    evidenced: bool


class Promises(msgspec.Struct, frozen=True):
    """open: the newest 128. ended: the latest few, which may be opened again. reflections: ids of the latest few."""

    open: tuple[Promise, ...] = ()
    ended: tuple[Promise, ...] = ()
    reflections: tuple[int, ...] = ()

    def get(self, cid: int) -> Promise | None:
        """The open promise with this cid, or None."""
        return next((p for p in self.open if p.cid == cid), None)

    def opened_by(self, event: int) -> Promise | None:
        """The open promise that this event opened, or opened again; or None."""
        return next((p for p in self.open if p.since == event), None)


KINDS = frozenset(
    {
        *("reflection", "commitment_opened", "commitment_edited", "commitment_reminded"),
        *("commitment_closed", "commitment_expired", "commitment_reopened"),
    }
)


def follow(promises: Promises, event: Event) -> tuple[Promises, Outcome | None]:
    """The promises after the event (of one of KINDS), and how one ended, if one did."""
    replace = msgspec.structs.replace
    match event:
        case Reflection():
            return replace(promises, reflections=(*promises.reflections, event.id)[-REFLECTIONS_MAX:]), None
        case CommitmentOpened(owner="mind"):
            return _opened(promises, Promise(event.id, event.id, event.ts, _is_own(promises, event), event.due is not None)), None
        case CommitmentReopened():
            before = next((p for p in promises.ended if p.cid == event.cid), None)
            return (promises if before is None else _opened(promises, replace(before, since=event.id, at=event.ts))), None
        case CommitmentEdited() | CommitmentReminded():
            # A due time that is taken back was a due time: dropping it is no way out.
            return (promises if event.due is None else _timed(promises, event.cid)), None
        case CommitmentClosed():
            return _ended(promises, event.cid, event.outcome, event.evidence)
        case CommitmentExpired():
            return _ended(promises, event.cid, "expired", 0)
    return promises, None


def _is_own(promises: Promises, event: CommitmentOpened) -> bool:
    """Opened by a reflection, or the next occurrence of one that was."""
    return event.source in promises.reflections or any(p.own for p in (*promises.open, *promises.ended) if p.cid == event.follows)


def _opened(promises: Promises, promise: Promise) -> Promises:
    now = (*promises.open, promise)
    if len(now) > OPEN_MAX:  # the oldest without a due time goes first: it is the least likely ever to count
        least = min(now, key=lambda p: (p.timed, p.own, p.cid))
        now = tuple(p for p in now if p.cid != least.cid)
    return msgspec.structs.replace(promises, open=now, ended=tuple(p for p in promises.ended if p.cid != promise.cid))


def _timed(promises: Promises, cid: int) -> Promises:
    now = tuple(msgspec.structs.replace(p, timed=True) if p.cid == cid else p for p in promises.open)
    return msgspec.structs.replace(promises, open=now)


def _ended(promises: Promises, cid: int, how: str, evidence: int | None) -> tuple[Promises, Outcome | None]:
    """evidence: None for a command of the user's, which cites nothing: it is the evidence. What is cited must have come after it."""
    promise = promises.get(cid)
    if promise is None:
        return promises, None
    rest, ended = tuple(p for p in promises.open if p.cid != cid), (*promises.ended, promise)[-ENDED_MAX:]
    outcome = Outcome(promise, how, evidence is None or evidence > promise.since)
    return msgspec.structs.replace(promises, open=rest, ended=ended), outcome

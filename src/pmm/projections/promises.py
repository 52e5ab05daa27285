"""Which commitments are the mind's own to keep: what scores and traits need to know of one when it ends.

Not a projection itself: the state and the step that two of them share.
"""

from __future__ import annotations

import msgspec

from pmm.events import CommitmentClosed, CommitmentExpired, CommitmentOpened, CommitmentReminded, Event, Reflection

OPEN_MAX = 128
REFLECTIONS_MAX = 32
"""an action is opened with its reflection or soon after it"""


class Promise(msgspec.Struct, frozen=True):
    """An open commitment owned by the mind. own: a reflection opened it. timed: it had a due time or a reminder."""

    cid: int
    own: bool
    timed: bool


class Outcome(msgspec.Struct, frozen=True):
    """How a promise ended. evidenced: by an event after it was made, or by the user's word."""

    promise: Promise
    how: str
    evidenced: bool


class Promises(msgspec.Struct, frozen=True):
    """open: the newest 128. reflections: ids of the latest few."""

    open: tuple[Promise, ...] = ()
    reflections: tuple[int, ...] = ()

    def get(self, cid: int) -> Promise | None:
        """The open promise with this cid, or None."""
        return next((p for p in self.open if p.cid == cid), None)


KINDS = frozenset({"reflection", "commitment_opened", "commitment_reminded", "commitment_closed", "commitment_expired"})


def follow(promises: Promises, event: Event) -> tuple[Promises, Outcome | None]:
    """The promises after the event (of one of KINDS), and how one ended, if one did."""
    match event:
        case Reflection():
            return _with(promises, promises.open, (*promises.reflections, event.id)), None
        case CommitmentOpened(owner="mind"):
            made = Promise(event.id, event.source in promises.reflections, event.due is not None)
            return _with(promises, (*promises.open, made), promises.reflections), None
        case CommitmentReminded():
            return _with(promises, tuple(_timed(p) if p.cid == event.cid else p for p in promises.open), promises.reflections), None
        case CommitmentClosed():
            # A command of the user's cites nothing: it is the evidence. What was cited must have come after the promise.
            return _ended(promises, event.cid, event.outcome, event.evidence is None or event.evidence > event.cid)
        case CommitmentExpired():
            return _ended(promises, event.cid, "expired", False)
    return promises, None


def _timed(promise: Promise) -> Promise:
    return msgspec.structs.replace(promise, timed=True)


def _ended(promises: Promises, cid: int, how: str, evidenced: bool) -> tuple[Promises, Outcome | None]:
    promise = promises.get(cid)
    if promise is None:
        return promises, None
    rest = tuple(p for p in promises.open if p.cid != cid)
    return _with(promises, rest, promises.reflections), Outcome(promise, how, evidenced)


def _with(promises: Promises, now: tuple[Promise, ...], reflections: tuple[int, ...]) -> Promises:
    if len(now) > OPEN_MAX:  # the oldest without a due time goes first: it is the least likely ever to count
        least = min(now, key=lambda p: (p.timed, p.own, p.cid))
        now = tuple(p for p in now if p.cid != least.cid)
    return Promises(now, reflections[-REFLECTIONS_MAX:])

"""What is owed, by whom, until when."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from pmm.events import CommitmentClosed, CommitmentExpired, CommitmentOpened, CommitmentReminded, Due, Event
from pmm.projections.projection import Projection

OPEN_MAX = 128
CHANGES_MAX = 16


class Commitment(msgspec.Struct, frozen=True):
    """An open commitment. cid: the id of the event that opened it. reminded: the due time it was last reminded of."""

    cid: int
    text: str
    owner: Literal["mind", "user"]
    opened: datetime
    due: Due | None = None
    repeat: str | None = None
    priority: int = 0
    project: str | None = None
    source: int | None = None
    reminded: Due | None = None


class Change(msgspec.Struct, frozen=True):
    """What happened to a commitment: the event, and the state since. source: the message it came from, if any."""

    event: int
    cid: int
    state: str
    source: int | None = None


class Commitments(msgspec.Struct, frozen=True):
    """open: by cid, including overdue ones. overflow: how many more are open than are kept here. changes: the latest few."""

    open: tuple[Commitment, ...] = ()
    overflow: int = 0
    opened: int = 0
    kept: int = 0
    changes: tuple[Change, ...] = ()

    def get(self, cid: int) -> Commitment | None:
        """The open commitment with this cid, or None."""
        return next((c for c in self.open if c.cid == cid), None)


class CommitmentsProjection(Projection[Commitments]):
    name: ClassVar = "commitments"
    version: ClassVar = 1
    kinds: ClassVar = frozenset({"commitment_opened", "commitment_closed", "commitment_reminded", "commitment_expired"})
    State: ClassVar = Commitments

    def initial(self) -> Commitments:
        return Commitments()

    def apply(self, state: Commitments, event: Event) -> Commitments:
        replace = msgspec.structs.replace
        match event:
            case CommitmentOpened():
                return self._opened(state, event)
            case CommitmentReminded():
                now = tuple(replace(c, reminded=event.due) if c.cid == event.cid else c for c in state.open)
                return self._changed(replace(state, open=now), Change(event.id, event.cid, "due"))
            case CommitmentClosed():
                return self._ended(state, event.cid, Change(event.id, event.cid, event.outcome, event.evidence))
            case CommitmentExpired():
                return self._ended(state, event.cid, Change(event.id, event.cid, "expired"))
        return state

    def _opened(self, state: Commitments, event: CommitmentOpened) -> Commitments:
        opened = Commitment(
            event.id, event.content, event.owner, event.ts, event.due, event.repeat, event.priority, event.project, event.source
        )
        now, overflow = (*state.open, opened), state.overflow
        if len(now) > OPEN_MAX:
            least = min(now, key=lambda c: (c.due is not None, c.priority, c.cid))
            now, overflow = tuple(c for c in now if c.cid != least.cid), overflow + 1
        state = msgspec.structs.replace(state, open=now, overflow=overflow, opened=state.opened + 1)
        return self._changed(state, Change(event.id, event.id, "opened", event.source))

    def _ended(self, state: Commitments, cid: int, change: Change) -> Commitments:
        now = tuple(c for c in state.open if c.cid != cid)
        overflow = state.overflow if len(now) < len(state.open) else max(0, state.overflow - 1)
        kept = state.kept + (change.state == "kept")
        return self._changed(msgspec.structs.replace(state, open=now, overflow=overflow, kept=kept), change)

    def _changed(self, state: Commitments, change: Change) -> Commitments:
        return msgspec.structs.replace(state, changes=(*state.changes, change)[-CHANGES_MAX:])


PROJECTION = CommitmentsProjection

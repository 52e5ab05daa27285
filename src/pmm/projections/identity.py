"""Who the mind is and whom it talks to."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from pmm.events import Event, MindCreated, NameAdopted, NameProposed, TimezoneChanged, UserMessage
from pmm.projections.projection import Projection

HISTORY_MAX = 32
ANSWER_WITHIN = 1
"""messages of the user that may answer a proposed name; after these it counts as not taken up"""


class Named(msgspec.Struct, frozen=True):
    """A name that was adopted or proposed: the event that says so, by whom it is borne, and the event cited for it.
    An empty name takes the old one away."""

    event: int
    whose: str
    name: str
    evidence: int | None = None


class Identity(msgspec.Struct, frozen=True):
    """name, user_name: None when unset. adopted: the event that gave the present name. zone: IANA zone of the mind.
    proposed: the name that the mind has asked for and that the user hasn't answered yet. heard: messages of the user since then."""

    name: str | None = None
    user_name: str | None = None
    adopted: int | None = None
    zone: str = "UTC"
    created: datetime | None = None
    history: tuple[Named, ...] = ()
    proposed: Named | None = None
    heard: int = 0


class IdentityProjection(Projection[Identity]):
    name: ClassVar = "identity"
    version: ClassVar = 2
    kinds: ClassVar = frozenset({"mind_created", "name_adopted", "name_proposed", "timezone_changed", "user_message"})
    State: ClassVar = Identity

    def apply(self, state: Identity, event: Event) -> Identity:
        match event:
            case MindCreated():
                return msgspec.structs.replace(
                    state, name=event.name, adopted=event.id if event.name else None, zone=event.timezone, created=event.ts
                )
            case TimezoneChanged():
                return msgspec.structs.replace(state, zone=event.zone)
            case NameProposed():
                return msgspec.structs.replace(state, proposed=Named(event.id, "mind", event.name, event.evidence), heard=0)
            case UserMessage() if state.proposed:
                late = state.heard >= ANSWER_WITHIN
                return msgspec.structs.replace(state, proposed=None if late else state.proposed, heard=0 if late else state.heard + 1)
            case NameAdopted():
                return self._adopted(state, event)
        return state

    def _adopted(self, state: Identity, event: NameAdopted) -> Identity:
        history = (*state.history, Named(event.id, event.whose, event.name, event.evidence))[-HISTORY_MAX:]
        name = event.name or None
        if event.whose == "user":
            return msgspec.structs.replace(state, user_name=name, history=history)
        adopted = event.id if name else None
        return msgspec.structs.replace(state, name=name, adopted=adopted, history=history, proposed=None, heard=0)


PROJECTION = IdentityProjection

"""Who the mind is and whom it talks to."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from pmm.events import Event, MindCreated, NameAdopted
from pmm.projections.projection import Projection

HISTORY_MAX = 32


class Named(msgspec.Struct, frozen=True):
    """A name that was adopted: by whom it is borne, and the event that says so."""

    event: int
    whose: str
    name: str


class Identity(msgspec.Struct, frozen=True):
    """name, user_name: None when unset. adopted: the event that gave the present name. zone: IANA zone of the mind."""

    name: str | None = None
    user_name: str | None = None
    adopted: int | None = None
    zone: str = "UTC"
    created: datetime | None = None
    history: tuple[Named, ...] = ()


class IdentityProjection(Projection[Identity]):
    name: ClassVar = "identity"
    version: ClassVar = 1
    kinds: ClassVar = frozenset({"mind_created", "name_adopted"})
    State: ClassVar = Identity

    def initial(self) -> Identity:
        return Identity()

    def apply(self, state: Identity, event: Event) -> Identity:
        match event:
            case MindCreated():
                return msgspec.structs.replace(
                    state, name=event.name, adopted=event.id if event.name else None, zone=event.timezone, created=event.ts
                )
            case NameAdopted():
                history = (*state.history, Named(event.id, event.whose, event.name))[-HISTORY_MAX:]
                if event.whose == "user":
                    return msgspec.structs.replace(state, user_name=event.name, history=history)
                return msgspec.structs.replace(state, name=event.name, adopted=event.id, history=history)
        return state


PROJECTION = IdentityProjection

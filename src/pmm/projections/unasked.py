"""What the mind last said without being asked, and whether its user has answered."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from pmm.events import Event, FollowedUp, ReplyEvent, UserMessage
from pmm.projections.projection import Projection

ABOUT_MAX = 32


class Said(msgspec.Struct, frozen=True):
    """One message that nobody asked for. about: the commitment it asks after."""

    event: int
    at: datetime
    session: str
    text: str
    about: int | None = None


class Unasked(msgspec.Struct, frozen=True):
    """last: the latest, or None. answered: a message of the user's came since. replied: a reply too, so the model knows of it.

    about: the commitments last asked after, the oldest first.
    """

    last: Said | None = None
    answered: bool = True
    replied: bool = True
    about: tuple[int, ...] = ()


class UnaskedProjection(Projection[Unasked]):
    name: ClassVar = "unasked"
    version: ClassVar = 1
    kinds: ClassVar = frozenset({"followed_up", "user_message", "reply"})
    State: ClassVar = Unasked

    def apply(self, state: Unasked, event: Event) -> Unasked:
        match event:
            case FollowedUp():
                about = state.about if event.about is None else (*(a for a in state.about if a != event.about), event.about)
                said = Said(event.id, event.ts, event.session, event.content, event.about)
                return Unasked(said, answered=False, replied=False, about=about[-ABOUT_MAX:])
            case UserMessage() if not state.answered:
                return msgspec.structs.replace(state, answered=True)
            case ReplyEvent() if not state.replied:
                return msgspec.structs.replace(state, replied=True)
        return state


PROJECTION = UnaskedProjection

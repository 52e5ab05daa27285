"""The user's standing rules."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from pmm.events import DirectiveRevoked, DirectiveSet, Event
from pmm.projections.projection import Projection

ACTIVE_MAX = 64
CHANGES_MAX = 16


class Directive(msgspec.Struct, frozen=True):
    """A rule in force. did: the id of the event that set it."""

    did: int
    text: str
    since: datetime
    source: int | None = None


class Change(msgspec.Struct, frozen=True):
    """A rule set or revoked by an event. source: the message it came from, if any."""

    event: int
    did: int
    text: str
    active: bool
    source: int | None = None


class Directives(msgspec.Struct, frozen=True):
    """active: in order of did, the newest 64. dropped: how many older ones fell off that end. changes: the latest few."""

    active: tuple[Directive, ...] = ()
    dropped: int = 0
    changes: tuple[Change, ...] = ()

    @property
    def count(self) -> int:
        """How many are in force, the older ones included."""
        return len(self.active) + self.dropped


class DirectivesProjection(Projection[Directives]):
    name: ClassVar = "directives"
    version: ClassVar = 1
    kinds: ClassVar = frozenset({"directive_set", "directive_revoked"})
    State: ClassVar = Directives

    def apply(self, state: Directives, event: Event) -> Directives:
        match event:
            case DirectiveSet():
                active = (*state.active, Directive(event.id, event.content, event.ts, event.source))
                dropped = state.dropped + max(0, len(active) - ACTIVE_MAX)
                change = Change(event.id, event.id, event.content, True, event.source)
                return Directives(active[-ACTIVE_MAX:], dropped, (*state.changes, change)[-CHANGES_MAX:])
            case DirectiveRevoked():
                text = next((d.text for d in state.active if d.did == event.did), "")
                change = Change(event.id, event.did, text, False, event.source)
                rest = tuple(d for d in state.active if d.did != event.did)
                return Directives(rest, state.dropped, (*state.changes, change)[-CHANGES_MAX:])
        return state


PROJECTION = DirectivesProjection

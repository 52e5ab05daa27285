"""Replies that the log contradicts: the latest few, so that the next turn of their conversation can be told."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from pmm.events import Claim, Event, ReplyContradicted
from pmm.projections.projection import Projection

LATEST_MAX = 16


class Contradicted(msgspec.Struct, frozen=True):
    """event: what says so. reply: the one that claimed it."""

    event: int
    reply: int
    claims: tuple[Claim, ...]


class Claims(msgspec.Struct, frozen=True):
    """latest: oldest first. count: of all there ever were."""

    latest: tuple[Contradicted, ...] = ()
    count: int = 0

    def of(self, reply: int) -> Contradicted | None:
        """What is wrong in that reply, if it is among the latest."""
        return next((c for c in self.latest if c.reply == reply), None)


class ClaimsProjection(Projection[Claims]):
    name: ClassVar = "claims"
    version: ClassVar = 1
    kinds: ClassVar = frozenset({"reply_contradicted"})
    State: ClassVar = Claims

    def apply(self, state: Claims, event: Event) -> Claims:
        if not isinstance(event, ReplyContradicted):
            return state
        latest = (*state.latest, Contradicted(event.id, event.reply, event.claims))[-LATEST_MAX:]
        return Claims(latest, state.count + 1)


PROJECTION = ClaimsProjection

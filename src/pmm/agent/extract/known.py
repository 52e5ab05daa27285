"""What the extractor may look at."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from pmm.projections.facts import Fact


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the extractor may look at.

    now: the moment of the message, aware. zone: IANA zone of the mind; due dates are local there.
    commitments: the open ones, as (cid, owner, text). directives: the active ones, as (did, text).
    facts: the current ones. proposed: a name the mind has asked for, not answered yet.
    """

    now: datetime
    zone: str
    name: str | None = None
    user_name: str | None = None
    commitments: tuple[tuple[int, str, str], ...] = ()
    directives: tuple[tuple[int, str], ...] = ()
    facts: tuple[Fact, ...] = ()
    proposed: str | None = None

    @property
    def local(self) -> datetime:
        """The moment as the clock on the wall shows it, without seconds."""
        return self.now.astimezone(ZoneInfo(self.zone)).replace(second=0, microsecond=0, tzinfo=None)

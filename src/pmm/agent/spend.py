"""What thinking may cost: background calls stop at a cap of tokens a day. A user's turn never does."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from pmm.events import local_instant

if TYPE_CHECKING:
    from pmm.views import View


LEAST_CALL = 1500
"""tokens that a background call takes at least, with room for its answer"""


class Today(msgspec.Struct, frozen=True):
    """Tokens spent on this local day (prompt, of which reused ones count a tenth, and answer), against the caps (None: no limit).

    call: what a background call takes, going by those so far. until: the midnight that ends the day, UTC.
    """

    foreground: int
    background: int
    foreground_cap: int | None
    background_cap: int
    call: int
    until: datetime

    @property
    def stopped(self) -> bool:
        """Whether background calls have stopped until midnight: too little is left for one, or they are switched off."""
        return self.background + self.call > self.background_cap


def today(view: View, now: datetime, *, foreground_cap: int, background_cap: int) -> Today:
    """What was spent on the mind's local day of `now`. foreground_cap 0: no limit; background_cap 0: no such calls."""
    usage, zone = view.usage, view.identity.zone
    day = now.astimezone(ZoneInfo(zone)).date()
    same = usage.day == day
    return Today(
        foreground=usage.foreground_today.tokens if same else 0,
        background=usage.background_today.tokens if same else 0,
        foreground_cap=foreground_cap or None,
        background_cap=background_cap,
        call=max(LEAST_CALL, usage.background.tokens // max(1, usage.background.calls)),
        until=local_instant(datetime.combine(day + timedelta(days=1), time()), zone),
    )


def wait_for(spent: Today, cost: int) -> datetime | None:
    """Until when a background call of at most `cost` tokens must wait; None if it may be made now.

    One that costs more than a whole day's cap has to wait for ever: it is told a day at a time, for the cap may be raised.
    """
    return None if spent.background + cost <= spent.background_cap else spent.until.astimezone(UTC)

"""What was spent: turns, and tokens in all and today, in the foreground and behind it."""

from __future__ import annotations

from datetime import date
from typing import ClassVar
from zoneinfo import ZoneInfo

import msgspec

from pmm.events import Event, MindCreated, ModelCalled, ModelSwitched, ReplyEvent, TimezoneChanged, TurnFailedEvent, Usage
from pmm.projections.projection import Projection

REUSED_PART = 10
"""of so many reused tokens, one counts"""


class Spend(msgspec.Struct, frozen=True):
    """Tokens read (of which `cached` were reused) and written, over some calls."""

    calls: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0

    @property
    def tokens(self) -> int:
        """Read and written; of what was reused only a tenth counts, as those who sell tokens bill it."""
        reused = min(self.cached, self.prompt)
        return self.prompt - reused + -(-reused // REUSED_PART) + self.completion

    def plus(self, usage: Usage) -> Spend:
        return Spend(
            self.calls + 1, self.prompt + (usage.prompt or 0), self.cached + (usage.cached or 0), self.completion + (usage.completion or 0)
        )


class UsageState(msgspec.Struct, frozen=True):
    """day: the local day that the two `today` figures are of. model: the one last spoken with."""

    zone: str = "UTC"
    day: date | None = None
    turns: int = 0
    failed: int = 0
    model: str | None = None
    foreground: Spend = Spend()
    background: Spend = Spend()
    foreground_today: Spend = Spend()
    background_today: Spend = Spend()


class UsageProjection(Projection[UsageState]):
    name: ClassVar = "usage"
    version: ClassVar = 2
    kinds: ClassVar = frozenset({"mind_created", "timezone_changed", "reply", "turn_failed", "model_called", "model_switched"})
    State: ClassVar = UsageState

    def apply(self, state: UsageState, event: Event) -> UsageState:
        replace = msgspec.structs.replace
        match event:
            case MindCreated():
                return replace(state, zone=event.timezone)
            case TimezoneChanged():
                return replace(state, zone=event.zone)
            case TurnFailedEvent():
                return replace(state, failed=state.failed + 1)
            case ModelSwitched():
                return replace(state, model=event.after)
            case ReplyEvent():
                state = replace(self._on_day(state, event), turns=state.turns + 1)
                return self._foreground(state, event.usage) if event.route == "model" else state
            case ModelCalled():
                state = self._on_day(state, event)
                return self._foreground(state, event.usage) if event.purpose == "reply" else self._background(state, event.usage)
        return state

    def _on_day(self, state: UsageState, event: Event) -> UsageState:
        day = event.ts.astimezone(ZoneInfo(state.zone)).date()
        if day == state.day:
            return state
        return msgspec.structs.replace(state, day=day, foreground_today=Spend(), background_today=Spend())

    def _foreground(self, state: UsageState, usage: Usage) -> UsageState:
        return msgspec.structs.replace(state, foreground=state.foreground.plus(usage), foreground_today=state.foreground_today.plus(usage))

    def _background(self, state: UsageState, usage: Usage) -> UsageState:
        return msgspec.structs.replace(state, background=state.background.plus(usage), background_today=state.background_today.plus(usage))


PROJECTION = UsageProjection

"""Some projections folded in memory, without a log: what a View of them shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pmm.events import CommitmentOpened, Due, Event, MindCreated, ReplyEvent
from pmm.projections import all_projections

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DUE = Due(START.date(), None, "UTC")


class Folding:
    """`put` events; the projections named are attributes, as a View shows them. `now` is when the next event happens."""

    def __init__(self, *names: str, zone: str = "UTC", name: str | None = "Echo") -> None:
        self._projections = {p.name: p for p in all_projections() if p.name in names}
        self._states = {p.name: p.initial() for p in self._projections.values()}
        self.id, self.now = 0, START
        self.put(MindCreated(format=1, timezone=zone, software="x", name=name))

    def put(self, event: Event, *, days: float = 0) -> int:
        """Add an event, some days after the last one; its id."""
        self.id += 1
        self.now += timedelta(days=days)
        event = msgspec.structs.replace(event, id=self.id, ts=self.now)
        for name, projection in self._projections.items():
            if event.kind in projection.kinds:
                self._states[name] = projection.apply(self._states[name], event)
        return self.id

    @property
    def head(self) -> int:
        """The id of the last event, as a View has it."""
        return self.id

    def turns(self, count: int) -> None:
        """So many replies."""
        for _ in range(count):
            self.put(ReplyEvent(to=1, route="model", model="m", finish="stop"))

    def promise(self, *, due: Due | None = DUE, source: int | None = None) -> int:
        """The mind promises something; its cid."""
        return self.put(CommitmentOpened(owner="mind", due=due, source=source))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._projections:
            raise AttributeError(name)
        return self._projections[name].freeze(self._states[name])

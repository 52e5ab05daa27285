"""What the mind knows about its user and their world: who, what, since when, and how it knows.

A fact that ends (taken back, or superseded by a newer one) makes everything derived from it stale: such facts stay, and say so.
"""

from __future__ import annotations

from datetime import date, datetime
from operator import attrgetter
from typing import ClassVar, Literal

import msgspec

from pmm.events import ContextBuilt, Event, FactAsserted, FactRetracted
from pmm.projections.projection import Projection

CURRENT_MAX = 256
PAST_MAX = 64
CHANGES_MAX = 16
LINEAGE_MAX = 64

State = Literal["asserted", "retracted", "superseded"]


class Fact(msgspec.Struct, frozen=True):
    """One fact. id: the event that asserted it. text: the sentence that says so. since: when it was asserted.

    valid_from: the local day since when it holds, if that was told. lineage: ids of all that it was derived from, directly or not.
    stale: one of these holds no more. used: how often a turn was shown it. One that has ended also has `until` (when it was recorded
    that it ended), `ended` (the event that says so), and `superseded_by` where a newer fact took its place.
    """

    id: int
    subject: str
    relation: str
    value: str
    since: datetime
    text: str = ""
    source: int | None = None
    evidence: tuple[int, ...] = ()
    confidence: float = 1.0
    valid_from: date | None = None
    origin: str = "user"
    lineage: frozenset[int] = frozenset()
    stale: bool = False
    used: int = 0
    until: datetime | None = None
    ended: int | None = None
    reason: str = ""
    superseded_by: int | None = None

    @property
    def current(self) -> bool:
        """Whether it holds."""
        return self.ended is None


class Change(msgspec.Struct, frozen=True):
    """What an event did to a fact. source: the message it came from, if any."""

    event: int
    fact: int
    state: State
    source: int | None = None


class Facts(msgspec.Struct, frozen=True):
    """current: by id, at most 256. overflow: how many more are current than are kept here. past: the latest to end, oldest first.

    ended: how many ended in all. changes: the latest few.
    """

    current: tuple[Fact, ...] = ()
    overflow: int = 0
    past: tuple[Fact, ...] = ()
    ended: int = 0
    changes: tuple[Change, ...] = ()

    @property
    def count(self) -> int:
        """How many hold, those beyond the cap included."""
        return len(self.current) + self.overflow

    def get(self, id: int) -> Fact | None:
        """The current fact with this id, or None."""
        return next((f for f in self.current if f.id == id), None)

    def ended_lately(self, id: int) -> Fact | None:
        """The one with this id among those that ended lately, or None."""
        return next((f for f in self.past if f.id == id), None)

    def best(self, count: int) -> list[Fact]:
        """The `count` facts that are worth most, by use and confidence, the stale ones last; in order of id."""
        ranked = sorted(self.current, key=lambda f: (f.stale, -f.confidence * (1 + f.used), -f.id))
        return sorted(ranked[:count], key=lambda f: f.id)


class FactsProjection(Projection[Facts]):
    name: ClassVar = "facts"
    version: ClassVar = 1
    kinds: ClassVar = frozenset({"fact_asserted", "fact_retracted", "context_built"})
    State: ClassVar = Facts

    def apply(self, state: Facts, event: Event) -> Facts:
        match event:
            case FactAsserted():
                return _assert(state, event)
            case FactRetracted():
                return _end(state, event)
            case ContextBuilt():
                return _use(state, {source.id for source in event.sources})
        return state


def _assert(state: Facts, event: FactAsserted) -> Facts:
    lineage, stale = _lineage(state, event)
    new = Fact(
        id=event.id,
        subject=event.subject,
        relation=event.relation,
        value=event.value,
        since=event.ts,
        text=event.content,
        source=event.source,
        evidence=event.evidence,
        confidence=event.confidence,
        valid_from=event.valid_from,
        origin=event.origin,
        lineage=lineage,
        stale=stale,
    )
    now, overflow = (*state.current, new), state.overflow
    if len(now) > CURRENT_MAX:
        least = min(now, key=lambda f: (not f.stale, f.confidence, f.used, f.id))
        now, overflow = tuple(f for f in now if f is not least), overflow + 1
    state = msgspec.structs.replace(state, current=now, overflow=overflow)
    return _noted(state, Change(event.id, event.id, "asserted", event.source))


def _lineage(state: Facts, of: FactAsserted | Fact) -> tuple[frozenset[int], bool]:
    """All ancestors of a fact, and whether one of them holds no more. What it took the place of is none, though it may well cite it.

    They are kept with each fact, so that one between that has left the state breaks no chain; the newest, where there are very many.
    """
    known = (*state.current, *state.past)
    direct = {id for id in (*of.evidence, of.source) if id is not None} - {f.id for f in known if f.superseded_by == of.id}
    parents = [f for f in known if f.id in direct]
    whole = direct.union(*(f.lineage for f in parents))
    return frozenset(sorted(whole)[-LINEAGE_MAX:]), any(f.stale or f.ended is not None for f in parents)


def _end(state: Facts, event: FactRetracted) -> Facts:
    replace = msgspec.structs.replace
    known = state.get(event.fact)
    if known is None and (not state.overflow or state.ended_lately(event.fact) is not None):
        return state  # it isn't current
    if known is None:  # one of those beyond the cap
        state = replace(state, overflow=state.overflow - 1)
    else:
        gone = replace(known, stale=False, until=event.ts, ended=event.id, reason=event.reason, superseded_by=event.superseded_by)
        rest = tuple(f for f in state.current if f is not known)
        state = replace(state, current=rest, past=(*state.past, gone)[-PAST_MAX:])
    state = replace(state, current=tuple(_weighed(state, f, event) for f in state.current))
    told: State = "retracted" if event.superseded_by is None else "superseded"
    return _noted(replace(state, ended=state.ended + 1), Change(event.id, event.fact, told, event.source))


def _weighed(state: Facts, fact: Fact, event: FactRetracted) -> Fact:
    """Stale from now on, if it was derived from what ends."""
    if event.fact not in fact.lineage:
        return fact
    lineage = _lineage(state, fact)[0] if fact.id == event.superseded_by else fact.lineage
    return msgspec.structs.replace(fact, lineage=lineage, stale=fact.stale or event.fact in lineage)


_id = attrgetter("id")


def _use(state: Facts, shown: set[int]) -> Facts:
    if shown.isdisjoint(map(_id, state.current)):
        return state
    now = tuple(msgspec.structs.replace(f, used=f.used + 1) if f.id in shown else f for f in state.current)
    return msgspec.structs.replace(state, current=now)


def _noted(state: Facts, change: Change) -> Facts:
    return msgspec.structs.replace(state, changes=(*state.changes, change)[-CHANGES_MAX:])


PROJECTION = FactsProjection

"""The five traits (openness, conscientiousness, extraversion, agreeableness, neuroticism), what moved them, and the tone they give."""

from __future__ import annotations

from datetime import date
from typing import ClassVar
from zoneinfo import ZoneInfo

import msgspec

from pmm.events import Event, MindCreated, ModelCalled, Reflection, TimezoneChanged, TraitAdjusted, TurnFailedEvent
from pmm.projections import promises
from pmm.projections.projection import Projection
from pmm.projections.promises import Promises

TRAITS = "OCEAN"
MOVE_MAX = 0.05
DAY_MAX = 0.15
"""a trait moves by no more in one local day, up and down together"""
DAYS_MAX = 7
"""days whose moves are remembered: more than one, for a clock may step back"""
HISTORY_MAX = 32
PENDING_MAX = 32
DIGITS = 6
"""after the point: sums of steps stay clean numbers"""

STEPS: dict[str, tuple[str, float]] = {
    "kept": ("C", 0.02),
    "broken": ("C", -0.02),
    "turn_failed": ("N", 0.01),
    "call_failed": ("N", 0.01),
    "reflected": ("O", 0.01),
}
"""what moves a trait by itself -> which, by how much"""
SAID_STEP = 0.01
"""how far what the user says of the mind's tone moves a trait"""
NOT_ITS_FAULT = frozenset({"cancelled", "stopped", "too_long"})
"""turns and calls that failed because the user or the process ended them say nothing about the mind"""

WORDS: dict[str, tuple[str, str, str, str, str]] = {
    #     far below       below         middle       above       far above
    "O": ("conventional", "practical", "open", "curious", "inventive"),
    "C": ("easy-going", "relaxed", "steady", "careful", "meticulous"),
    "E": ("quiet", "reserved", "measured", "lively", "exuberant"),
    "A": ("blunt", "frank", "friendly", "warm", "devoted"),
    "N": ("unshakeable", "calm", "composed", "cautious", "anxious"),
}
MIDDLE = 2
PRECEDENCE = "EACON"
"""which trait speaks first, among those equally far from the middle"""
BELOW, ABOVE = (0.25, 0.40), (0.60, 0.75)
"""where a trait's word changes on the way out"""
HYSTERESIS = 0.04
"""how much further it must come back before the word changes back"""


class Move(msgspec.Struct, frozen=True):
    """A trait moved: the event, by how much (within the caps), to what, why, and the event that caused it."""

    event: int
    trait: str
    delta: float
    value: float
    cause: str
    evidence: int


class Day(msgspec.Struct, frozen=True):
    """How far each trait has moved on a local day, in order of TRAITS."""

    day: date
    moved: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)

    def plus(self, trait: str, delta: float) -> Day:
        """With one more move."""
        o, c, e, a, n = (round(m + abs(delta) * (t == trait), DIGITS) for t, m in zip(TRAITS, self.moved, strict=True))
        return Day(self.day, (o, c, e, a, n))

    def left(self, trait: str) -> float:
        """How far the trait may still move."""
        return max(0.0, DAY_MAX - self.moved[TRAITS.index(trait)])


class Cause(msgspec.Struct, frozen=True):
    """An outcome that should move a trait and hasn't yet. event: what happened. why: a word of STEPS."""

    event: int
    why: str


class Traits(msgspec.Struct, frozen=True):
    """Each trait from 0 to 1. levels: which of its five words stands for each now, in order of TRAITS.
    pending: what has yet to move one."""

    O: float = 0.5  # noqa: E741
    C: float = 0.5
    E: float = 0.5
    A: float = 0.5
    N: float = 0.5
    levels: tuple[int, ...] = (MIDDLE,) * len(TRAITS)
    history: tuple[Move, ...] = ()
    pending: tuple[Cause, ...] = ()
    days: tuple[Day, ...] = ()
    zone: str = "UTC"
    promises: Promises = Promises()

    @property
    def tone(self) -> tuple[str, str, str]:
        """Three words: those of the traits furthest from the middle."""
        now = dict(zip(TRAITS, self.levels, strict=True))
        order = sorted(PRECEDENCE, key=lambda trait: -abs(now[trait] - MIDDLE))
        first, second, third = (WORDS[trait][now[trait]] for trait in order[:3])
        return first, second, third

    @property
    def words(self) -> tuple[str, ...]:
        """The word that stands for each trait, in order of TRAITS."""
        return tuple(WORDS[trait][now] for trait, now in zip(TRAITS, self.levels, strict=True))

    @property
    def plain(self) -> bool:
        """Whether every trait has its middle word, so that the tone says nothing."""
        return all(now == MIDDLE for now in self.levels)

    def on(self, day: date) -> Day:
        """What moved on that local day."""
        return next((d for d in self.days if d.day == day), Day(day))


class TraitsProjection(Projection[Traits]):
    name: ClassVar = "traits"
    version: ClassVar = 2
    kinds: ClassVar = frozenset({"mind_created", "timezone_changed", "trait_adjusted", "turn_failed", "model_called"}) | promises.KINDS
    State: ClassVar = Traits

    def apply(self, state: Traits, event: Event) -> Traits:
        replace = msgspec.structs.replace
        match event:
            case MindCreated():
                return replace(state, zone=event.timezone)
            case TimezoneChanged():
                return replace(state, zone=event.zone)
            case TraitAdjusted():
                return self._moved(state, event)
            case TurnFailedEvent(reason=why) if why not in NOT_ITS_FAULT:
                return self._caused(state, event, "turn_failed")
            case ModelCalled(outcome="failed", error=why) if why not in NOT_ITS_FAULT:
                return self._caused(state, event, "call_failed")
            case Reflection(model=str()):  # one that only counts up what happened, without a model, found nothing new
                state = self._caused(state, event, "reflected")
        after, outcome = promises.follow(state.promises, event)
        if after is not state.promises:
            state = replace(state, promises=after)
        if outcome is not None and outcome.evidenced and outcome.how in STEPS:
            return self._caused(state, event, outcome.how)
        return state

    def _caused(self, state: Traits, event: Event, why: str) -> Traits:
        """Note a cause, unless the day has no room for what it would do: it isn't made up for tomorrow."""
        trait, step = STEPS[why]
        left = state.on(_day(event, state.zone)).left(trait)
        left -= sum(abs(STEPS[c.why][1]) for c in state.pending if STEPS[c.why][0] == trait)
        if round(left - abs(step), DIGITS) < 0 or len(state.pending) >= PENDING_MAX:
            return state
        return msgspec.structs.replace(state, pending=(*state.pending, Cause(event.id, why)))

    def _moved(self, state: Traits, event: TraitAdjusted) -> Traits:
        trait, day = event.trait, state.on(_day(event, state.zone))
        room = min(MOVE_MAX, day.left(trait))
        before: float = getattr(state, trait)
        value = round(min(1.0, max(0.0, before + min(room, max(-room, event.delta)))), DIGITS)
        delta = round(value - before, DIGITS)
        changed = {
            trait: value,
            "levels": tuple(level(value, now) if t == trait else now for t, now in zip(TRAITS, state.levels, strict=True)),
            "history": (*state.history, Move(event.id, trait, delta, value, event.cause, event.evidence))[-HISTORY_MAX:],
            "pending": tuple(c for c in state.pending if (c.event, STEPS[c.why][0]) != (event.evidence, trait)),
            "days": (*(d for d in state.days if d.day != day.day), day.plus(trait, delta))[-DAYS_MAX:],
        }
        return msgspec.structs.replace(state, **changed)


def level(value: float, now: int) -> int:
    """Which of five words stands for a trait, given the one that does now: 0 far below the middle, 2 the middle, 4 far above."""
    below = [bound + HYSTERESIS * (n >= now) for n, bound in enumerate(BELOW)]
    above = [bound - HYSTERESIS * (n + 3 <= now) for n, bound in enumerate(ABOVE)]
    return sum(value > bound for bound in below) + sum(value >= bound for bound in above)


def _day(event: Event, zone: str) -> date:
    return event.ts.astimezone(ZoneInfo(zone)).date()


PROJECTION = TraitsProjection

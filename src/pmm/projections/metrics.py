"""The scores: how much the mind is somebody (IAS), and how well it keeps what it promised (GAS). Moved by evidence, never by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

import msgspec

from pmm.events import Event, FollowedUp, MindCreated, NameAdopted, ReplyEvent, UserMessage
from pmm.projections import promises, work
from pmm.projections.projection import Projection
from pmm.projections.promises import Outcome, Promises
from pmm.projections.work import Work

DECAY = 0.95
"""of what was counted before, at each outcome"""
TURNS_HALF = 20
"""turns under one name that give half of the stability"""
TURNS_TOLD = 10
HISTORY_MAX = 32
DIGITS = 4
"""of the scores of the past"""
ANSWERED_WITHIN = timedelta(hours=72)
"""of an unasked message, for it to count as carried out"""


class Scores(msgspec.Struct, frozen=True):
    """What the two scores were after an event."""

    event: int
    ias: float
    gas: float


class Metrics(msgspec.Struct, frozen=True):
    """n: turns since the present name was adopted. A of B own actions were carried out, K of M counted promises kept, older ones fading.

    name: None if it has none; the same one given again changes nothing. asked: when the mind spoke first, until the user's next message.
    work: what the mind assesses itself by. history: the scores after the latest outcomes, and every ten turns.
    """

    name: str | None = None
    n: int = 0
    A: float = 0.0
    B: float = 0.0
    K: float = 0.0
    M: float = 0.0
    promises: Promises = Promises()
    asked: datetime | None = None
    work: Work = Work()
    history: tuple[Scores, ...] = ()

    @property
    def ias(self) -> float:
        """Identity Autonomy Score, 0 to 1: 0.6 of it stability of the name, 0.4 the mind's own actions carried out."""
        stability = self.n / (self.n + TURNS_HALF) if self.name else 0.0
        return 0.6 * stability + 0.4 * self.A / (self.B + 2)

    @property
    def gas(self) -> float:
        """Goal Achievement Score, 0 to 1: promises kept with evidence."""
        return self.K / (self.M + 3)


class MetricsProjection(Projection[Metrics]):
    name: ClassVar = "metrics"
    version: ClassVar = 2
    kinds: ClassVar = frozenset({"mind_created", "name_adopted", "reply", "user_message", "followed_up", "trait_adjusted"}) | promises.KINDS
    State: ClassVar = Metrics

    def apply(self, state: Metrics, event: Event) -> Metrics:
        after = self._after(state, event)
        if (after.B, after.M) == (state.B, state.M) and (after.n == state.n or after.n % TURNS_TOLD):
            return after
        told = Scores(event.id, round(after.ias, DIGITS), round(after.gas, DIGITS))
        return msgspec.structs.replace(after, history=(*state.history, told)[-HISTORY_MAX:])

    def _after(self, state: Metrics, event: Event) -> Metrics:
        replace = msgspec.structs.replace
        match event:
            case ReplyEvent():
                return replace(state, n=state.n + 1) if state.name else state
            case MindCreated(name=str() as name) | NameAdopted(whose="mind", name=name):
                return state if (name or None) == state.name else replace(state, name=name or None, n=0)
            case UserMessage():
                return state if state.asked is None else self._answered(state, event.ts - state.asked <= ANSWERED_WITHIN)
            case FollowedUp():
                if state.asked is not None:  # never answered, and now nobody will be waiting for it
                    state = self._answered(state, False)
                return replace(state, asked=event.ts, work=replace(state.work, actions=state.work.actions + 1))
        after, outcome = promises.follow(state.promises, event)
        now = work.follow(state.work, event, after, outcome)
        if after is not state.promises or now is not state.work:
            state = replace(state, promises=after, work=now)
        return state if outcome is None else self._scored(state, outcome)

    def _answered(self, state: Metrics, carried_out: bool) -> Metrics:
        """The outcome of an unasked message. It comes with what the user does next, never by the clock."""
        now = msgspec.structs.replace(state.work, hits=state.work.hits + carried_out)
        return msgspec.structs.replace(_acted(state, carried_out), asked=None, work=now)

    def _scored(self, state: Metrics, outcome: Outcome) -> Metrics:
        kept = outcome.how == "kept" and outcome.evidenced
        if outcome.promise.own:
            state = _acted(state, kept)
        counts = outcome.how not in ("cancelled", "superseded") and (outcome.promise.timed or outcome.evidenced)
        if counts:
            k, m = state.K * DECAY + kept, state.M * DECAY + 1
            state = msgspec.structs.replace(state, K=k, M=m)
        return state


def _acted(state: Metrics, carried_out: bool) -> Metrics:
    """One more own action has its outcome."""
    return msgspec.structs.replace(state, A=state.A * DECAY + carried_out, B=state.B * DECAY + 1)


PROJECTION = MetricsProjection

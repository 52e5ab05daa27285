"""The scores: how much the mind is somebody (IAS), and how well it keeps what it promised (GAS). Moved by evidence, never by the clock."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from pmm.events import Event, MindCreated, NameAdopted, ReplyEvent
from pmm.projections import promises
from pmm.projections.projection import Projection
from pmm.projections.promises import Outcome, Promises

DECAY = 0.95
"""of what was counted before, at each outcome"""
TURNS_HALF = 20
"""turns under one name that give half of the stability"""


class Metrics(msgspec.Struct, frozen=True):
    """n: turns since the present name was adopted. A of B own actions were carried out, K of M counted promises kept, older ones fading.

    name: None if it has none; the same one given again changes nothing.
    """

    name: str | None = None
    n: int = 0
    A: float = 0.0
    B: float = 0.0
    K: float = 0.0
    M: float = 0.0
    promises: Promises = Promises()

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
    version: ClassVar = 1
    kinds: ClassVar = frozenset({"mind_created", "name_adopted", "reply"}) | promises.KINDS
    State: ClassVar = Metrics

    def initial(self) -> Metrics:
        return Metrics()

    def apply(self, state: Metrics, event: Event) -> Metrics:
        replace = msgspec.structs.replace
        match event:
            case ReplyEvent():
                return replace(state, n=state.n + 1) if state.name else state
            case MindCreated(name=str() as name) | NameAdopted(whose="mind", name=name):
                return state if name == state.name else replace(state, name=name, n=0)
        after, outcome = promises.follow(state.promises, event)
        if after is not state.promises:
            state = replace(state, promises=after)
        return state if outcome is None else self._scored(state, outcome)

    def _scored(self, state: Metrics, outcome: Outcome) -> Metrics:
        kept = outcome.how == "kept" and outcome.evidenced
        if outcome.promise.own:
            a, b = state.A * DECAY + kept, state.B * DECAY + 1
            state = msgspec.structs.replace(state, A=a, B=b)
        counts = outcome.how not in ("cancelled", "superseded") and (outcome.promise.timed or outcome.evidenced)
        if counts:
            k, m = state.K * DECAY + kept, state.M * DECAY + 1
            state = msgspec.structs.replace(state, K=k, M=m)
        return state


PROJECTION = MetricsProjection

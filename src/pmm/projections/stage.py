"""How far the mind has come: a stage from S0 to S4, and what each permits that nobody asked for."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from pmm.events import Event, ReplyEvent, StageChanged
from pmm.projections.projection import Projection

HIGHEST = 4
TURNS_APART = 10
HISTORY_MAX = 32

Permission = Literal["observe", "reflect", "propose_name", "adjust_trait", "open_commitment", "change_policy", "speak_first"]


class Floors(msgspec.Struct, frozen=True):
    """Both scores must be at least these."""

    ias: float
    gas: float


class Cadence(msgspec.Struct, frozen=True):
    """How far apart reflections are, at least: turns and seconds."""

    turns: int
    seconds: int


FLOORS = (Floors(0.0, 0.0), Floors(0.35, 0.20), Floors(0.50, 0.35), Floors(0.70, 0.55), Floors(0.85, 0.75))
CADENCE = (Cadence(2, 20), Cadence(3, 35), Cadence(4, 50), Cadence(5, 70), Cadence(6, 90))
PERMITTED: dict[Permission, int] = {
    "observe": 0,
    "reflect": 0,
    "propose_name": 0,  # only the user's yes adopts it
    "adjust_trait": 1,
    "open_commitment": 2,
    "change_policy": 3,
    "speak_first": 4,
}
"""permission -> the lowest stage that has it. Whether a mind may is asked of `agent.stage.permitted`, for its user has a say in it."""


class StageChange(msgspec.Struct, frozen=True):
    """One step up or down: the event that says so, from, to, and the scores of then."""

    event: int
    before: int
    after: int
    ias: float
    gas: float


class StageState(msgspec.Struct, frozen=True):
    """turns: since the last change, or since the beginning. last: the event of that change, 0 if there was none."""

    level: int = 0
    turns: int = 0
    last: int = 0
    history: tuple[StageChange, ...] = ()


class Stage(msgspec.Struct, frozen=True, eq=False):
    """A stage as a View shows it. It prints as S0 to S4, and compares with another or with a number by its level."""

    level: int
    turns: int = 0
    last: int = 0
    history: tuple[StageChange, ...] = ()

    @property
    def floors(self) -> Floors:
        """What the scores had to reach."""
        return FLOORS[self.level]

    @property
    def next_floors(self) -> Floors | None:
        """What the next stage asks for; None at the highest."""
        return FLOORS[self.level + 1] if self.level < HIGHEST else None

    def cadence(self, shift: int = 0) -> Cadence:
        """How often to reflect; a policy may shift it by a row (-1, 0, 1)."""
        return CADENCE[min(max(self.level + min(max(shift, -1), 1), 0), HIGHEST)]

    def __int__(self) -> int:
        return self.level

    def __str__(self) -> str:
        return f"S{self.level}"

    def __eq__(self, other: object) -> bool:
        return self.level == int(other) if isinstance(other, (int, Stage)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.level)

    def __lt__(self, other: int | Stage) -> bool:
        return self.level < int(other)

    def __le__(self, other: int | Stage) -> bool:
        return self.level <= int(other)

    def __gt__(self, other: int | Stage) -> bool:
        return self.level > int(other)

    def __ge__(self, other: int | Stage) -> bool:
        return self.level >= int(other)


class StageProjection(Projection[StageState]):
    name: ClassVar = "stage"
    version: ClassVar = 1
    kinds: ClassVar = frozenset({"reply", "stage_changed"})
    State: ClassVar = StageState

    def apply(self, state: StageState, event: Event) -> StageState:
        match event:
            case ReplyEvent():
                return msgspec.structs.replace(state, turns=state.turns + 1)
            case StageChanged():
                # Whatever an event says, a stage exists and is one step away.
                level = min(max(event.after, state.level - 1, 0), state.level + 1, HIGHEST)
                change = StageChange(event.id, state.level, level, event.ias, event.gas)
                return StageState(level, 0, event.id, (*state.history, change)[-HISTORY_MAX:])
        return state

    def freeze(self, state: StageState) -> Any:
        return Stage(state.level, state.turns, state.last, state.history)


PROJECTION = StageProjection

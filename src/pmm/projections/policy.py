"""The few settings that a mind may change about itself within bounds, and those that only its user may: one table, and their history."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pmm.events import Event, PolicyChanged
from pmm.projections.projection import Projection
from pmm.projections.stage import HIGHEST, PERMITTED

HISTORY_MAX = 32
PERMIT = "permit."

Value = int | bool | None


class Knob(msgspec.Struct, frozen=True):
    """One policy. low, high: its bounds, both included; False and True make it a switch. default: None is "as the settings say".

    own: whether the mind may change it too, where its stage permits; the others are the user's alone.
    """

    low: int
    high: int
    default: Value
    own: bool
    says: str

    @property
    def switch(self) -> bool:
        """Whether it is on or off."""
        return isinstance(self.low, bool)

    @property
    def takes(self) -> str:
        """What it can be, in words."""
        return "on or off" if self.switch else f"a whole number from {self.low} to {self.high}"

    def fits(self, value: object) -> bool:
        """Whether it is a value of this policy, within bounds or not. None stands for the default."""
        number = isinstance(value, (int, float)) and value == value  # NaN is none
        return value is None or (number and isinstance(value, bool) == self.switch)

    def within(self, value: Any) -> Value:
        """The value (one that fits) within the bounds."""
        if value is None:
            return self.default
        return value if self.switch else int(min(max(value, self.low), self.high))


KNOBS: dict[str, Knob] = {
    "cadence": Knob(-1, 1, 0, True, "reflect more (-1) or less (1) often than the stage says"),
    "recall_k": Knob(4, 12, None, True, "how many memories a turn recalls"),
    "expiry_hours": Knob(24, 168, None, True, "when an open commitment lapses"),
    "stage_cap": Knob(0, HIGHEST, HIGHEST, False, "the highest stage that counts"),
    **{
        f"{PERMIT}{what}": Knob(False, True, True, False, f"may {what.replace('_', ' ')} unasked, from S{PERMITTED[what]}")
        for what in PERMITTED
    },
}
"""every policy there is"""


class PolicyChange(msgspec.Struct, frozen=True):
    """One change, as it was made within the bounds. evidence: the reflection behind it, None for the user's command."""

    event: int
    policy: str
    old: Value
    new: Value
    cause: str
    evidence: int | None = None


class Policy(msgspec.Struct, frozen=True):
    """What holds now. recall_k, expiry_hours: None as long as the settings decide. off: the permissions switched off, in PERMITTED's order.
    cadence_set: the event that last set the cadence, 0 if none did."""

    cadence: int = 0
    recall_k: int | None = None
    expiry_hours: int | None = None
    stage_cap: int = HIGHEST
    off: tuple[str, ...] = ()
    cadence_set: int = 0
    history: tuple[PolicyChange, ...] = ()

    @staticmethod
    def spoken(value: Value) -> str:
        """A value as a person says it."""
        if value is None:
            return "as the settings say"
        return ("on" if value else "off") if isinstance(value, bool) else str(value)

    def table(self) -> list[tuple[str, Value, Knob]]:
        """Every policy: its name, its value, and what it is."""
        return [(name, self.get(name), knob) for name, knob in KNOBS.items()]

    def get(self, name: str) -> Value:
        """The value of a policy of KNOBS."""
        if name.startswith(PERMIT):
            return name.removeprefix(PERMIT) not in self.off
        value: Value = getattr(self, name)
        return value


class PolicyProjection(Projection[Policy]):
    name: ClassVar = "policy"
    version: ClassVar = 1
    kinds: ClassVar = frozenset({"policy_changed"})
    State: ClassVar = Policy

    def apply(self, state: Policy, event: Event) -> Policy:
        match event:
            case PolicyChanged() if (knob := KNOBS.get(event.policy)) and knob.fits(event.new) and (knob.own or event.cause == "user"):
                return _changed(state, event, knob.within(event.new))
        return state


def _changed(state: Policy, event: PolicyChanged, new: Value) -> Policy:
    change = PolicyChange(event.id, event.policy, state.get(event.policy), new, event.cause, event.evidence)
    state = msgspec.structs.replace(state, history=(*state.history, change)[-HISTORY_MAX:])
    match event.policy.partition(PERMIT):
        case ("", str(), what) if what:
            off = {what, *state.off} if not new else {*state.off} - {what}
            return msgspec.structs.replace(state, off=tuple(what for what in PERMITTED if what in off))
        case ("cadence", _, _):
            return msgspec.structs.replace(state, cadence=new, cadence_set=event.id)
    return msgspec.structs.replace(state, **{event.policy: new})


PROJECTION = PolicyProjection

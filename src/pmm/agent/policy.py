"""A policy changed: by the user's command, a reflection or a self-assessment, all through this door."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

from pmm.errors import InvalidInput
from pmm.events import PolicyChanged
from pmm.projections.policy import KNOBS

if TYPE_CHECKING:
    from pmm.views import View


def change(
    view: View, policy: str, value: object, *, cause: Literal["user", "reflection", "assessment"] = "user", evidence: int | None = None
) -> int | PolicyChanged:
    """The event that sets a policy; an int if it has this value already. None gives the default back.

    Raises InvalidInput: there is no such policy, the value is none of it or out of bounds, or it is the user's alone to set.
    """
    knob = KNOBS.get(policy) if isinstance(policy, str) else None
    if knob is None:
        close = get_close_matches(str(policy), KNOBS, 1)
        raise InvalidInput(f"there is no policy {policy!r}.", hint=f"Did you mean {close[0]}?" if close else "`pmm policy` lists them.")
    if cause != "user" and not knob.own:
        raise InvalidInput(f"{policy} is the user's alone to set.")
    if not knob.fits(value) or (value is not None and knob.within(value) != value):
        raise InvalidInput(f"{policy} takes {knob.takes}.", hint='"default" gives it back to the settings.')
    old, new = view.policy.get(policy), knob.within(value)
    return view.head if old == new else PolicyChanged(policy=policy, old=old, new=new, cause=cause, evidence=evidence)

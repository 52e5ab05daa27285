"""The protocol of a projection: a name, a version, and a pure fold.

States are immutable: `apply` returns a new one (or the same, if nothing changed). So a View is just a reference to states, and no
reader can see one change under its hands. To add a projection, add a file here that defines `PROJECTION`; nothing else needs to know.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from pmm.events import Event

S = TypeVar("S")


class Projection(ABC, Generic[S]):
    """A fold over the log. Each apply is O(1) in the length of the log, and the state is bounded.

    name: how a View shows it (`view.<name>`). version: raise it when the meaning of the state changes; older snapshots are then
    discarded. kinds: the event kinds it wants; others are never shown to it. State: its type, a msgspec.Struct that can be encoded;
    one without arguments is the state before event 1.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    kinds: ClassVar[frozenset[str]]
    State: ClassVar[type[Any]]

    def initial(self) -> S:
        """The state before event 1."""
        state: S = self.State()
        return state

    @abstractmethod
    def apply(self, state: S, event: Event) -> S:
        """The state after the event."""

    def freeze(self, state: S) -> Any:
        """What a View shows of the state; by default the state itself."""
        return state

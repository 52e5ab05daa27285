"""What those share who work behind the user's back, and how they append: decided on the mind as it is, never on one that was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pmm.clock import Clock, Ids
from pmm.config import Settings
from pmm.errors import HeadMoved
from pmm.events import Event
from pmm.memory.archive import Archive
from pmm.runtime.calls import Calls
from pmm.storage.eventlog import EventLog
from pmm.views import View, Views


class Parts(NamedTuple):
    """The parts of one mind that its workers need."""

    log: EventLog
    views: Views
    settings: Settings
    clock: Clock
    ids: Ids
    calls: Calls
    archive: Archive

    def append(self, decide: Callable[[View], Sequence[Event]]) -> list[Event]:
        """Append what is decided on the mind as it is, if it still is so by then; else look again. What was appended; [] for nothing."""
        while True:
            view = self.views.at_head()
            events = decide(view)
            try:
                return self.log.append(events, expect=view.head) if events else []
            except HeadMoved:
                continue

"""Undo: the last turn of a session is read from the log, a bounded part of it, and what it asserted is taken back."""

from __future__ import annotations

from pmm.agent.undo import found_in, take_back
from pmm.events import CommitmentOpened, Event
from pmm.memory.archive import Archive
from pmm.runtime.archive import with_commitment, with_facts
from pmm.storage.eventlog import EventLog
from pmm.views import View

MESSAGES_MAX = 256
"""how far back, in messages, a session's last one is looked for"""
EVENTS_MAX = 32 + 256
"""a turn's own events, and those after it in which the background may have said what it found"""


def undoing(log: EventLog, archive: Archive, view: View, session: str) -> list[Event]:
    """What takes the session's last turn back, of what lies beyond the caps of the view too. [] if there is nothing."""
    turn = _last_turn(log, session)
    found = found_in(turn)
    view = with_facts(view, archive, found)
    for event in found:
        if isinstance(event, CommitmentOpened):
            view = with_commitment(view, archive, event.id)
    return take_back(view, turn)


def _last_turn(log: EventLog, session: str) -> list[Event]:
    """The session's last message, and the events after it. [] if it said nothing among the latest messages."""
    messages = log.by_kind("user_message", limit=MESSAGES_MAX, newest=True)
    last = next((m for m in reversed(messages) if getattr(m, "session", None) == session), None)
    return [last, *log.since(last.id, EVENTS_MAX)] if last is not None else []

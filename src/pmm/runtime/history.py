"""How the traits came to be what they are: every move, beyond the few that the folded state keeps."""

from __future__ import annotations

from collections import deque

from pmm.projections.traits import Move, TraitsProjection
from pmm.storage.eventlog import EventLog

KINDS = ("mind_created", "timezone_changed", "trait_adjusted")
"""all that a move depends on: its size, the day it falls on, and what moved that day"""
BATCH = 2000


def moves(log: EventLog, head: int, limit: int) -> list[Move]:
    """The last `limit` moves of traits up to event `head`, oldest first, within the caps as the fold keeps them."""
    projection = TraitsProjection()
    state, since = projection.initial(), 0
    found: deque[Move] = deque(maxlen=limit)
    while events := log.by_kind(*KINDS, since=since, until=head, limit=BATCH):
        for event in events:
            state = projection.apply(state, event)
            if event.kind == "trait_adjusted":
                found.append(state.history[-1])
        since = events[-1].id
    return list(found)

"""From Turns to `message_imported` events: in groups, once each, whatever is imported again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from pmm.errors import InvalidInput, KeyConflict, Unstorable
from pmm.events import Event, MessageImported, Turn
from pmm.storage.eventlog import EventLog

GROUP = 500
SKIPPED_TOLD = 100


class Imported(msgspec.Struct, frozen=True):
    """How many were added, how many were there already, how many could not be used, and why (the first 100 of those)."""

    added: int = 0
    known: int = 0
    skipped: int = 0
    reasons: tuple[str, ...] = ()


def import_turns(log: EventLog, turns: Iterable[Turn], *, origin: str, zone: str, on_progress: Callable[[int], Any] | None) -> Imported:
    """Append them durably in groups. on_progress is told how many were dealt with. What was appended stays, whatever comes after."""
    places: Counter[str] = Counter()
    reasons: list[str] = []
    added = known = skipped = 0
    numbered = enumerate(turns, 1)
    while group := list(islice(numbered, GROUP)):
        events: list[Event] = []
        for number, turn in group:
            try:
                events.append(_event(turn, origin, zone, places))
            except InvalidInput as error:
                skipped += 1
                reasons.append(f"message {number}: {error.message}")
        before = log.head[0]
        for outcome in _append(log, events):
            if isinstance(outcome, str):
                skipped += 1
                reasons.append(outcome)
            elif outcome.id > before:
                added += 1
            else:
                known += 1
        del reasons[SKIPPED_TOLD:]
        if on_progress:
            on_progress(group[-1][0])
    return Imported(added, known, skipped, tuple(reasons))


def _append(log: EventLog, events: list[Event]) -> Iterator[Event | str]:
    """The group at once; one by one only where something in it is refused. Yields the stored event, or why there is none."""
    try:
        yield from log.append(events)
        return
    except KeyConflict:
        events = [_told_apart(log, event) for event in events]
    except Unstorable:
        pass
    for event in events:
        try:
            yield log.append([event])[0]
        except (Unstorable, KeyConflict) as error:
            yield error.message


def _told_apart(log: EventLog, event: Event) -> Event:
    """Another text at a place that was imported before (an edited file) is another message: give it a key of its own."""
    for revision in range(1, 1000):
        key = f"{event.key}:{revision}" if revision > 1 else event.key
        known = log.by_key(str(key))
        if known is None or known.content == event.content:
            return msgspec.structs.replace(event, key=key)
    return event


Role = Literal["user", "assistant", "other"]
_ROLES: dict[str, Role] = {
    "user": "user",
    "human": "user",
    "me": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "bot": "assistant",
}


def _event(turn: Turn, origin: str, zone: str, places: Counter[str]) -> MessageImported:
    """The event of one line. Raises InvalidInput for what can't be one."""
    if not isinstance(turn, Turn) or not isinstance(turn.text, str) or not isinstance(turn.speaker, str):
        raise InvalidInput("not a Turn with a speaker and a text.")
    session = turn.session or ""
    place = places[session]
    places[session] += 1
    if not turn.text.strip() and not turn.caption:
        raise InvalidInput("it is empty.")
    where = msgspec.json.encode([origin, session, place if turn.ref is None else str(turn.ref)])
    role: Role = turn.role or _ROLES.get(turn.speaker.casefold(), "other")
    at = datetime.fromisoformat(turn.at) if isinstance(turn.at, str) else turn.at
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(zone))
    return MessageImported(
        content=turn.text,
        origin=origin,
        speaker=turn.speaker,
        role=role,
        session=session,
        ref=None if turn.ref is None else str(turn.ref),
        at=at,
        caption=turn.caption,
        key=f"import:{sha256(where).hexdigest()[:40]}",
    )

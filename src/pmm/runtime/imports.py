"""From Turns to `message_imported` events: in groups, once each, whatever is imported again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
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
    done = _Import(log, origin, zone)
    number = 0
    try:
        for number, turn in enumerate(turns, 1):
            done.take(number, turn)
            if on_progress and number % GROUP == 0:
                on_progress(number)
    finally:  # also when the transcript breaks off: what was read before is kept
        done.flush()
        if on_progress:
            on_progress(number)
    return Imported(done.added, done.known, done.skipped, tuple(done.reasons))


class _Import:
    """One import under way."""

    def __init__(self, log: EventLog, origin: str, zone: str) -> None:
        self.added = self.known = self.skipped = 0
        self.reasons: list[str] = []
        self._log, self._origin, self._zone = log, origin, zone
        self._places: Counter[str] = Counter()
        self._group: list[Event] = []

    def take(self, number: int, turn: Turn) -> None:
        try:
            self._group.append(_event(turn, self._origin, self._zone, self._places))
        except InvalidInput as error:
            self._skip(f"message {number}: {error.message}")
        if len(self._group) == GROUP:
            self.flush()

    def flush(self) -> None:
        before, group, self._group = self._log.head[0], self._group, []
        for outcome in _append(self._log, group):
            if isinstance(outcome, str):
                self._skip(outcome)
            elif outcome.id > before:
                self.added += 1
            else:
                self.known += 1

    def _skip(self, reason: str) -> None:
        self.skipped += 1
        if len(self.reasons) < SKIPPED_TOLD:
            self.reasons.append(reason)


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
        except KeyConflict:  # the same text at the same place, told of differently (another zone, say): it is known
            known = log.by_key(str(event.key))
            yield known if known is not None else f"{event.content[:40]!r} could not be told apart from what is there"
        except Unstorable as error:
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
    if at is not None:
        try:
            at = at.astimezone(UTC)  # old local times can be off by odd seconds, which no timestamp can say
        except OverflowError:
            at = None
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

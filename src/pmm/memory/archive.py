"""The archive: every commitment and every fact there ever was, those beyond the caps of the folded state included.

It keeps no state of them, only what they are looked for by and the ids of the events that made them what they are: what one is, or was
at any event, is the fold of these events, by the same projection that folds the newest ones. How events are read into entries is told
by whoever makes it (`Reading`). A row is written in the transaction of the event; all of it is disposable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from pmm.events import Event, decode
from pmm.storage.sqlite import SqliteLog

VERSION = 1

_TABLES = (
    "CREATE TABLE archive (id INTEGER PRIMARY KEY, what TEXT NOT NULL, about TEXT NOT NULL, ended INTEGER, "
    "remind INTEGER, lapse INTEGER, lineage TEXT NOT NULL, changed INTEGER NOT NULL, events TEXT NOT NULL) STRICT",
    "CREATE INDEX archive_about ON archive (what, about, id)",
    "CREATE INDEX archive_what ON archive (what, id)",
    "CREATE INDEX archive_live ON archive (what, id) WHERE ended IS NULL",
    "CREATE INDEX archive_ended ON archive (ended) WHERE ended IS NOT NULL",
    "CREATE INDEX archive_remind ON archive (remind) WHERE remind IS NOT NULL",
    "CREATE INDEX archive_lapse ON archive (lapse) WHERE lapse IS NOT NULL",
)

# The ancestors of a new entry are those that its sources are or have; at most 64, the newest.
_ROW = """INSERT OR REPLACE INTO archive SELECT ?1, ?2, ?3, ?4, ?5, ?6, (
  WITH source AS (SELECT id, lineage FROM archive WHERE id IN (SELECT value FROM json_each(?7))
    AND (ended IS NULL OR ended NOT IN (SELECT value FROM json_each(?8))))
  SELECT json_group_array(id) FROM (
    SELECT id FROM source UNION SELECT j.value FROM source, json_each(source.lineage) j ORDER BY 1 DESC LIMIT 64)), ?9, ?10"""

_STALE = "EXISTS (SELECT 1 FROM json_each(a.lineage) j JOIN archive b ON b.id = j.value WHERE b.ended <= ?1)"

_HISTORY = """SELECT a.id, {stale}, e.id, e.ts, e.kind, e.content, e.meta, e.key FROM archive a, json_each(a.events) j
  JOIN events e ON e.id = j.value AND e.id <= ?1 WHERE a.id IN ({ids}) ORDER BY a.id DESC, e.id"""

# Which index finds the newest that are or were live, or not. The engine would rather sort them all.
_WHICH: dict[bool | None, tuple[tuple[str, str], ...]] = {
    None: (("archive_what", ""),),
    True: (("archive_live", "AND ended IS NULL"), ("archive_ended", "AND ended > ?1")),
    False: (("archive_what", "AND ended <= ?1"),),
}
_DUE = (("remind", "?2"), ("lapse", "?3"))

_POSITION = 0
"""the id of the row that tells the version and how far the archive is"""
_LAST = 2**63 - 1


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a commitment or a fact is looked for by.

    what: "commitment" or "fact". about: what two that say the same have in common; parts end with "\\x1f". ended: the event it ended
    in. remind, lapse: microseconds since 1970, when it is to be reminded of and from when its expiry counts. sources: what it was
    derived from; but for those that ended in one of the events of `replacing`, whose place it took.
    """

    what: str
    about: str
    ended: int | None = None
    remind: int | None = None
    lapse: int | None = None
    sources: tuple[int, ...] = ()
    replacing: tuple[int, ...] = ()


class Past(msgspec.Struct, frozen=True):
    """One that was found: its events up to the head asked for, and whether what it was derived from had ended by then."""

    id: int
    events: tuple[Event, ...]
    stale: bool


class Reading(Protocol):
    """How events become entries. kinds: those it reads."""

    kinds: tuple[str, ...]

    def owners(self, event: Event) -> tuple[int, ...]:
        """The ids of those that an event says something of."""

    def entry(self, id: int, events: Sequence[Event]) -> Entry | None:
        """What the events that say something of `id` come to; None if it is neither a commitment nor a fact."""


class Archive:
    """See the module. Attach it to its log by making it."""

    def __init__(self, log: SqliteLog, reading: Reading, on_progress: Callable[[int, int], Any] | None = None) -> None:
        self._log = log
        self._door = log.main
        self._reading = reading
        if faults(log, reading.kinds):
            self.rebuild(on_progress)
        log.attach(self)

    def on_append(self, events: Sequence[Event]) -> None:
        """Enter what was just appended, inside its transaction."""
        told: dict[int, list[Event]] = {}
        for event in events:
            for id in self._reading.owners(event) if event.kind in self._reading.kinds else ():
                told.setdefault(id, []).append(event)
        if not told:
            return
        before = self._histories([id for id in told if id < events[0].id])
        rows: list[tuple[Any, ...]] = []
        for id, new in sorted(told.items()):  # so that the ancestors of a new one are there before it
            whole = [*before.get(id, ()), *new]
            entry = self._reading.entry(id, whole)
            if entry is not None:
                looked_for = (entry.what, entry.about, entry.ended, entry.remind, entry.lapse)
                derived = (_json(entry.sources), _json(entry.replacing))
                rows.append((id, *looked_for, *derived, whole[-1].id, _json([e.id for e in whole])))
        last = max(event.id for new in told.values() for event in new)
        self._door.many(_ROW, [*rows, _position(last)])

    def rebuild(self, on_progress: Callable[[int, int], Any] | None = None) -> None:
        """Drop and recompute from the events of its kinds. on_progress(done, of) in events."""
        head = self._log.head[0]
        with self._door.writing():
            self._door.run("; ".join(("DROP TABLE IF EXISTS archive", *_TABLES)))
            at, size = 0, 2000
            while batch := self._log.by_kind(*self._reading.kinds, since=at, limit=size):
                self.on_append(batch)
                at = batch[-1].id
                if on_progress:
                    on_progress(at, head)
            self._door.many(_ROW, [_position(at)])

    def _histories(self, ids: Iterable[int]) -> Mapping[int, Sequence[Event]]:
        asked = list(ids)
        return {past.id: past.events for past in histories(self._log, asked, _LAST)} if asked else {}

    # -- what is asked of it: one statement each, bounded ------------------------------------------------------------------------------

    def get(self, ids: Sequence[int], head: int) -> list[Past]:
        """Those with these ids that event `head` knew, newest first."""
        return histories(self._log, [id for id in ids if 0 < id <= head], head)

    def page(
        self, what: str, head: int, *, about: str = "", live: bool | None = None, before: int | None = None, limit: int = 50
    ) -> list[Past]:
        """The newest `limit` before the id `before`. about: only those whose `about` begins so. live: only those that had not (or had)
        ended by then."""
        limit, before = max(0, limit), min(head + 1, max(0, before if before is not None else _LAST))
        begins = "about >= ?5 AND about < ?5 || char(1114111)" if about else "?5 = ''"
        found = " UNION ALL ".join(
            f"SELECT id FROM (SELECT id FROM archive INDEXED BY {'archive_about' if about else index} "
            f"WHERE what = ?2 AND id < ?3 AND {begins} {ended} ORDER BY id DESC LIMIT ?4)"
            for index, ended in _WHICH[live]
        )
        ids = f"SELECT id FROM ({found}) ORDER BY id DESC LIMIT ?4"
        return _gathered(self._door.run(_HISTORY.format(stale=_STALE, ids=ids), (head, what, before, min(limit, _LAST), about)))

    def alike(self, what: str, abouts: Sequence[str], head: int, limit: int) -> list[Past]:
        """The newest `limit` live ones whose `about` begins with one of these."""
        begins = "a.about >= p.value AND a.about < p.value || char(1114111)"
        ids = f"SELECT a.id FROM json_each(?3) p CROSS JOIN archive a INDEXED BY archive_about ON a.what = ?2 AND {begins} "
        ids += "WHERE a.ended IS NULL ORDER BY 1 DESC LIMIT ?4"
        return _gathered(self._door.run(_HISTORY.format(stale=_STALE, ids=ids), (head, what, _json(abouts), limit)))

    def due(self, head: int, now: int, lapsed: int, limit: int) -> list[Past]:
        """Those to be reminded of by `now` or whose expiry counts from `lapsed` or before (microseconds): the earliest `limit` of each."""
        soonest = (f"SELECT id FROM archive WHERE {column} <= {limit} ORDER BY {column} LIMIT ?4" for column, limit in _DUE)
        ids = " UNION ALL ".join(f"SELECT id FROM ({part})" for part in soonest)
        return _gathered(self._door.run(_HISTORY.format(stale="0", ids=ids), (head, now, lapsed, limit)))

    def next_due(self) -> tuple[int | None, int | None]:
        """The earliest `remind` and the earliest `lapse` there are."""
        ((remind, lapse),) = self._door.run(
            "SELECT (SELECT min(remind) FROM archive WHERE remind IS NOT NULL), (SELECT min(lapse) FROM archive WHERE lapse IS NOT NULL)"
        )
        return remind, lapse


def histories(log: SqliteLog, ids: Sequence[int], head: int) -> list[Past]:
    """Those with these ids in the archive of a log, newest first."""
    sql = _HISTORY.format(stale=_STALE, ids="SELECT value FROM json_each(?2)")
    return _gathered(log.main.run(sql, (head, _json(ids))))


def _gathered(rows: Iterable[tuple[Any, ...]]) -> list[Past]:
    found: dict[int, tuple[bool, list[Event]]] = {}
    for id, stale, *event in rows:
        found.setdefault(id, (bool(stale), []))[1].append(decode(*event))
    return [Past(id, tuple(events), stale) for id, (stale, events) in found.items() if events[0].id == id]  # else the row is damaged


def _position(at: int) -> tuple[Any, ...]:
    return (_POSITION, "archive", str(VERSION), None, None, None, "[]", "[]", at, "[]")


def _json(values: Sequence[Any]) -> str:
    return msgspec.json.encode(values).decode()


def faults(log: SqliteLog, kinds: Sequence[str], counted: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with the archive of a log, without repairing it. kinds: those that it reads. counted: also compare how many entries
    there are of each `what` with how many events of the kind that makes them."""
    marks = ", ".join("?" * len(_TABLES))
    if log.main.run(f"SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'archive' AND sql IN ({marks})", _TABLES) != [(len(_TABLES),)]:
        return ["there is none; it is made anew when the mind is next opened"]
    last = " UNION ALL ".join("SELECT max(id) AS id FROM events WHERE kind = ?" for _ in kinds)
    rows = log.main.run(f"SELECT about, changed, (SELECT coalesce(max(id), 0) FROM ({last})) FROM archive WHERE id = {_POSITION}", kinds)
    if not rows or rows[0][0] != str(VERSION):
        return [f"it has another version than {VERSION}; it is made anew when the mind is next opened"]
    _, at, head = rows[0]
    told = [] if at == head else [f"it ends with event {at}; the last one it reads is event {head}"]
    for what, kind in (counted or {}).items():
        sql = "SELECT (SELECT count(*) FROM archive WHERE what = ?), (SELECT count(*) FROM events WHERE kind = ?)"
        ((held, made),) = log.main.run(sql, (what, kind))
        told += [f"it holds {held:,} of {made:,} {what}s"] if held != made else []
    return told

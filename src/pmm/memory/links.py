"""MemeGraph: typed links between events, and from events to what they speak of.

Rows are written in the transaction of the event that proves them, so they are always at the head. All of it is disposable: `rebuild`
makes it anew from the log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from pmm.events import (
    CommitmentClosed,
    CommitmentEdited,
    CommitmentExpired,
    CommitmentOpened,
    CommitmentReminded,
    CommitmentReopened,
    CommitmentSnoozed,
    ContextBuilt,
    DirectiveRevoked,
    DirectiveSet,
    Event,
    FactAsserted,
    FactRetracted,
    FollowedUp,
    MessageImported,
    NameAdopted,
    NameProposed,
    PolicyChanged,
    Reflection,
    ReplyContradicted,
    ReplyEvent,
    TraitAdjusted,
    TurnFailedEvent,
    TurnSuperseded,
    UserMessage,
)
from pmm.memory.entities import Grade, Name, key_of, names_in
from pmm.storage.sqlite import SqliteLog

VERSION = 1
RELATIONS = ("replies_to", "cites", "opens", "closes", "causes", "reflects_on", "adjusts", "supersedes", "mentions")
SHOWN = 0.6
"""confidence that a reply drew on what it was shown; what it cites by number is 1"""
SURE, KNOWN, AGAIN, ONCE = 0.9, 0.8, 0.6, 0.4
"""confidence of a mention: a name by its place; a word that is such a name elsewhere; one that came before; one that is new"""
TEXT_CHARS = 300
CITES_MAX = 32
"""numbers cited in one reply that are looked at"""

_TABLES = """
DROP TABLE IF EXISTS links; DROP TABLE IF EXISTS entities; DROP TABLE IF EXISTS links_version;
CREATE TABLE links (source INTEGER NOT NULL, relation TEXT NOT NULL, target INTEGER NOT NULL, confidence REAL NOT NULL,
  proof INTEGER NOT NULL, PRIMARY KEY (source, relation, target)) STRICT, WITHOUT ROWID;
CREATE INDEX links_target ON links (target, relation, source);
CREATE TABLE entities (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, label TEXT NOT NULL, count INTEGER NOT NULL,
  first INTEGER NOT NULL, again INTEGER, sure INTEGER) STRICT;
CREATE TABLE links_version (version INTEGER NOT NULL) STRICT;
INSERT INTO links_version VALUES (%d);
"""

# first, again, sure: the events that named it first, a second time, and for sure.
_ENTITY = """INSERT INTO entities (name, label, count, first, sure) VALUES (?1, ?2, 1, ?3, ?4)
ON CONFLICT (name) DO UPDATE SET count = count + 1, again = coalesce(again, excluded.first), sure = coalesce(sure, excluded.sure)"""

# An event (?3), if need be (?7) only one that a model was shown with its number; or what is named so (?6), if it is known.
_LINK = f"""INSERT INTO links
SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?3 IS NOT NULL AND (NOT ?7 OR EXISTS
  (SELECT 1 FROM links WHERE target = ?3 AND relation = 'cites') OR EXISTS (SELECT 1 FROM events WHERE id = ?3 AND id < ?1 AND kind IN
  ('commitment_opened', 'directive_set', 'fact_asserted', 'reflection')))
UNION ALL
SELECT ?1, ?2, -id, CASE WHEN ?4 > 0 THEN ?4 WHEN sure <= ?5 THEN {KNOWN} WHEN again <= ?5 THEN {AGAIN} ELSE {ONCE} END, ?5
FROM entities WHERE name = ?6 AND first <= ?5
ON CONFLICT (source, relation, target) DO UPDATE SET confidence = max(confidence, excluded.confidence)"""

_ANSWERED = ("reply", "turn_failed")
_CITED = re.compile(r"#(\d{1,18})\b")

Row = tuple[int, str, int | None, float, int, str | None, bool]
"""source, relation, target (or None), confidence, proof, a name (or None), whether the target must have been shown before"""


Said = tuple[int, str, int]
"""source, relation, target"""


class Link(msgspec.Struct, frozen=True):
    """source: an event. target: an event, or minus the id of an entity. confidence: 0 to 1. proof: the event that says so."""

    source: int
    relation: str
    target: int
    confidence: float
    proof: int


class Links:
    """See the module. Attach it to the log whose events it links."""

    def __init__(self, log: SqliteLog, on_progress: Callable[[int, int], Any] | None = None) -> None:
        self._log = log
        self._door = log.main
        self._built: ContextBuilt | None = None
        if not self._whole():
            self.rebuild(on_progress)
        log.attach(self)

    def on_append(self, events: Sequence[Event]) -> None:
        """Link what was just appended, inside its transaction. At most two statements, whatever there is to link."""
        names: list[tuple[str, str, int, int | None]] = []
        rows: list[Row] = []
        for event in events:
            for name, confidence in _named(event):
                if name.grade:
                    names.append((name.key, name.label, event.id, event.id if name.grade == Grade.SURE else None))
                if confidence is not None:
                    rows.append((event.id, "mentions", None, confidence, event.id, name.key, False))
            rows += self._cited(event)
            said = _SAID.get(type(event))
            if said is not None:
                rows += ((source, relation, target, 1.0, event.id, None, False) for source, relation, target in said(event))
        if names:
            self._door.many(_ENTITY, names)
        if rows:
            self._door.many(_LINK, rows)

    def _cited(self, event: Event) -> Iterator[Row]:
        """What a reply drew on. A receipt comes right before its reply, in the same append."""
        match event:
            case ContextBuilt():
                self._built = event
            case ReplyEvent():
                sources = self._built.sources if self._built and self._built.to == event.to else ()
                for source in sources:
                    if source.place == "header":
                        yield (event.id, "cites", source.id, SHOWN, event.id, None, False)
                written = dict.fromkeys(int(found[1]) for found in _CITED.finditer(event.content)) if "#" in event.content else {}
                recalled = {source.id for source in sources}
                for id in list(written)[:CITES_MAX]:
                    if 0 < id < event.id:
                        yield (event.id, "cites", id, 1.0, event.id, None, id not in recalled)

    def rebuild(self, on_progress: Callable[[int, int], Any] | None = None) -> None:
        """Drop and recompute from the log. on_progress(done, of) in events."""
        head = self._log.head[0]
        with self._door.writing():
            self._door.run(_TABLES % VERSION)
            batch: list[Event] = []
            for event in self._log.scan() if head else ():
                batch.append(event)
                if len(batch) == 2000 or event.id == head:
                    self.on_append(batch)
                    batch.clear()
                    if on_progress:
                        on_progress(event.id, head)

    def _whole(self) -> bool:
        """Whether the tables are there, of this version, and hold the last answer."""
        run = self._door.run
        if run("SELECT count(*) FROM sqlite_schema WHERE name IN ('links', 'entities', 'links_version')") != [(3,)]:
            return False
        if run("SELECT version FROM links_version") != [(VERSION,)]:
            return False
        last = " UNION ALL ".join("SELECT max(id) AS id FROM events WHERE kind = ?" for _ in _ANSWERED)
        missing = f"SELECT 1 FROM (SELECT max(id) AS id FROM ({last})) l WHERE id NOT IN (SELECT source FROM links WHERE source = l.id)"
        return not run(missing, _ANSWERED)

    # -- what is asked of them ---------------------------------------------------------------------------------------------------------

    def links_of(self, ids: Collection[int], relations: Collection[str] = RELATIONS, *, head: int, limit: int = 8) -> list[Link]:
        """The links from and to these events (or entities: minus their ids), as of event `head`: of each relation and direction the
        newest `limit` of each of `ids`. One statement, which reads at most 2 x ids x relations x limit rows."""
        rows = self._door.run(_OF, (json.dumps(list(ids)), json.dumps(list(relations)), head, limit))
        return [Link(*row) for row in rows]

    def entities(self, names: Collection[str]) -> dict[str, int]:
        """Key (see `entities.key_of`) -> id, of those that are known."""
        return dict(self._door.run("SELECT name, id FROM entities WHERE name IN (SELECT value FROM json_each(?))", (_texts(names),)))

    def labels(self, ids: Collection[int]) -> dict[int, str]:
        """Entity's id -> how it was first written."""
        return dict(self._door.run("SELECT id, label FROM entities WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)))

    def texts(self, ids: Collection[int]) -> dict[int, tuple[str, str]]:
        """Event -> (its kind; its content, cut short, or in words its kind, if it has none)."""
        sql = "SELECT id, kind, substr(coalesce(content, ''), 1, ?2) FROM events WHERE id IN (SELECT value FROM json_each(?1))"
        rows = self._door.run(sql, (json.dumps(list(ids)), TEXT_CHARS))
        return {id: (kind, content or kind.replace("_", " ")) for id, kind, content in rows}


# IN with a LIMIT inside is looked up for each id and relation on its own, so that no hub is read to its end.
_OF = """WITH asked (id) AS (SELECT value FROM json_each(?1)), kinds (relation) AS (SELECT value FROM json_each(?2))
SELECT l.source, l.relation, l.target, l.confidence, l.proof FROM asked a CROSS JOIN kinds k CROSS JOIN links l
  ON l.source = a.id AND l.relation = k.relation AND l.target IN (SELECT o.target FROM links o
    WHERE o.source = a.id AND o.relation = k.relation AND o.target <= ?3 ORDER BY o.target DESC LIMIT ?4)
  WHERE a.id <= ?3 AND l.proof <= ?3
UNION
SELECT l.source, l.relation, l.target, l.confidence, l.proof FROM asked a CROSS JOIN kinds k CROSS JOIN links l
  ON l.target = a.id AND l.relation = k.relation AND l.source IN (SELECT o.source FROM links o
    WHERE o.target = a.id AND o.relation = k.relation AND o.source <= ?3 ORDER BY o.source DESC LIMIT ?4)
  WHERE a.id <= ?3 AND l.proof <= ?3"""


def _texts(names: Collection[str]) -> str:
    return json.dumps([name.encode(errors="replace").decode() for name in names])


def _named(event: Event) -> Iterator[tuple[Name, float | None]]:
    """What an event names, and with what confidence it mentions it: 0: what is known of the name says so; None: it doesn't."""
    match event:
        case NameAdopted() | NameProposed() if event.name:
            yield Name(key_of(event.name), event.name, Grade.SURE), 1.0
        case FactAsserted():
            for label in dict.fromkeys((event.subject, event.value)):
                if label[:1].isupper() and len(label) <= 60:
                    yield Name(key_of(label), label, Grade.SURE), event.confidence
        case UserMessage() | ReplyEvent() | MessageImported() | CommitmentOpened():
            if isinstance(event, MessageImported) and event.speaker.strip():
                yield Name(key_of(event.speaker), event.speaker[:60], Grade.SURE), None
            for name in names_in(event.content):
                yield name, SURE if name.grade == Grade.SURE else 0.0


def _all(id: int | None) -> tuple[int, ...]:
    return () if id is None else (id,)


def _opened(e: CommitmentOpened) -> Iterator[Said]:
    yield from ((source, "opens", e.id) for source in _all(e.source))
    yield from ((before, "causes", e.id) for before in _all(e.follows))


def _closed(e: CommitmentClosed) -> Iterator[Said]:
    yield e.id, "closes", e.cid
    yield from ((evidence, "causes", e.id) for evidence in _all(e.evidence))


def _revoked(e: DirectiveRevoked) -> Iterator[Said]:
    yield e.id, "closes", e.did
    yield from ((source, "causes", e.id) for source in _all(e.source))


def _retracted(e: FactRetracted) -> Iterator[Said]:
    newer = e.superseded_by
    yield (e.id, "closes", e.fact) if newer is None else (newer, "supersedes", e.fact)
    yield from ((source, "causes", e.id) for source in _all(e.source))


_answers: Callable[[Any], Iterable[Said]] = lambda e: [(e.id, "replies_to", e.to)]
_changes: Callable[[Any], Iterable[Said]] = lambda e: [(e.id, "adjusts", e.cid)]
_adjusts: Callable[[Any], Iterable[Said]] = lambda e: [(evidence, "adjusts", e.id) for evidence in _all(e.evidence)]
_names: Callable[[Any], Iterable[Said]] = lambda e: [(evidence, "causes", e.id) for evidence in _all(e.evidence)]

_SAID: dict[type[Event], Callable[[Any], Iterable[Said]]] = {
    ReplyEvent: _answers,
    TurnFailedEvent: _answers,
    CommitmentOpened: _opened,
    DirectiveSet: lambda e: [(source, "opens", e.id) for source in _all(e.source)],
    CommitmentClosed: _closed,
    CommitmentExpired: lambda e: [(e.id, "closes", e.cid)],
    CommitmentEdited: _changes,
    CommitmentSnoozed: _changes,
    CommitmentReminded: _changes,
    CommitmentReopened: _changes,
    DirectiveRevoked: _revoked,
    FactAsserted: lambda e: [(source, "causes", e.id) for source in (*_all(e.source), *e.evidence)],
    FactRetracted: _retracted,
    TraitAdjusted: _adjusts,
    PolicyChanged: _adjusts,
    NameAdopted: _names,
    NameProposed: _names,
    Reflection: lambda e: [(e.id, "reflects_on", evidence) for evidence in e.evidence],
    FollowedUp: lambda e: [(about, "causes", e.id) for about in _all(e.about)],
    ReplyContradicted: lambda e: [(e.id, "adjusts", e.reply)],
    TurnSuperseded: lambda e: [(e.by, "supersedes", e.turn)],
}
"""the links that an event's own references say: source, relation, target"""


def faults(log: SqliteLog) -> list[str]:
    """What is wrong with the links of a log, without repairing them."""
    run = log.main.run
    if run("SELECT count(*) FROM sqlite_schema WHERE name IN ('links', 'entities', 'links_version')") != [(3,)]:
        return ["there are none; they are made anew when the mind is next opened"]
    marks = ", ".join("?" * len(_ANSWERED))
    ((version, answers, said, loose, unknown),) = run(
        "SELECT (SELECT version FROM links_version), (SELECT count(*) FROM links WHERE relation = 'replies_to'), "
        f"(SELECT count(*) FROM events WHERE kind IN ({marks})), (SELECT count(*) FROM links WHERE max(source, target, proof) > "
        "(SELECT id FROM head)), (SELECT count(*) FROM links WHERE target < 0 AND -target NOT IN (SELECT id FROM entities))",
        _ANSWERED,
    )
    if version != VERSION:
        return [f"they have version {version}, not {VERSION}; they are made anew when the mind is next opened"]
    told = []
    if answers != said:
        told.append(f"they hold {answers:,} answers; the log has {said:,}")
    if loose:
        told.append(f"{loose:,} speak of events that the log doesn't have")
    if unknown:
        told.append(f"{unknown:,} speak of names that aren't there")
    return told

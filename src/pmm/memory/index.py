"""The full-text index over what was said.

`docs` (a row per message, with its words) and `words` (in how many messages each word is) are written in the transaction of the event they
index, so they are always at the head. The inverted index `doc_words` (FTS5, stems only) follows in groups, behind the turn: a commit
of its own for every message would leave a segment each, and every query visits every segment. Messages it doesn't hold yet (`inverted` says
up to where it does) are few, and are looked through one by one. All of it is disposable: `rebuild` makes it anew from the log.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pmm.events import Event, MessageImported, ReplyEvent, UserMessage, microseconds
from pmm.memory.words import Words
from pmm.storage.door import Door
from pmm.storage.sqlite import SqliteLog

VERSION = 2
TAIL_MAX = 256
"""messages that may wait for the inverted index before a turn must take them in itself"""
INDEXED = ("user_message", "reply", "message_imported")

QUESTION, TIMED = 1, 2
"""bits of docs.flags: it asks; it has words of time"""

TOTAL, LENGTH = "#docs", "#words"
"""rows of `words` that count all messages and all words; stems never contain #"""

_TABLES = """
DROP TABLE IF EXISTS docs; DROP TABLE IF EXISTS words; DROP TABLE IF EXISTS doc_words; DROP TABLE IF EXISTS index_version;
CREATE TABLE docs (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, session TEXT NOT NULL, origin TEXT NOT NULL, ref TEXT,
  prev INTEGER, flags INTEGER NOT NULL, length INTEGER NOT NULL, words TEXT NOT NULL) STRICT;
CREATE INDEX docs_session ON docs (session, id);
CREATE TABLE words (word TEXT PRIMARY KEY, docs INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE doc_words USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize="unicode61 remove_diacritics 0");
INSERT INTO doc_words (doc_words, rank) VALUES ('automerge', 0);
INSERT INTO doc_words (doc_words, rank) VALUES ('crisismerge', 1000);
CREATE TABLE index_version (version INTEGER NOT NULL, inverted INTEGER NOT NULL) STRICT;
INSERT INTO index_version VALUES (%d, 0);
"""

_DOC = """INSERT INTO docs (id, at, who, session, origin, ref, prev, flags, length, words)
VALUES (?1, ?2, ?3, coalesce(?4, (SELECT session FROM docs WHERE id = ?5), 'main'), ?6, ?7,
  (SELECT max(id) FROM docs WHERE session = coalesce(?4, (SELECT session FROM docs WHERE id = ?5), 'main')), ?8, ?9, ?10)"""

_TIME_WORDS = re.compile(
    r"\b(yesterday|today|tonight|tomorrow|ago|last|next|since|until|morning|evening|afternoon|weekend|week|month|year|day|"
    r"mon|tues|wednes|thurs|fri|satur|sun)(day|s)?\b|\b(january|february|march|april|may|june|july|august|september|october|"
    r"november|december)\b|\b(1[89]|20)\d\d\b",
    re.IGNORECASE,
)


_ASKING = re.compile(
    r"\s*((?:what|where|who|which|whose|how|why)\b(?! an?\b)|when (?:do|did|does|is|was|are|were|will|can)\b|"
    r"(?:do|does|did|is|are|was|were|can|could|would|should|will) (?:i|you|we|he|she|it|they|my|your|the|there)\b)[^.!\n]{0,120}$",
    re.IGNORECASE,
)
"""a question without its question mark: how one opens, on one line, with no full stop"""


class TextIndex:
    """See the module. Attach it to the log it indexes."""

    def __init__(self, log: SqliteLog, on_progress: Callable[[int, int], Any] | None = None) -> None:
        self._log = log
        self._door = log.main
        self._tail = 0
        self.words = Words(log.main)
        if not self._whole():
            self.rebuild(on_progress)
        log.attach(self)

    def on_append(self, events: Sequence[Event]) -> None:
        """Index what was just appended, inside its transaction."""
        docs, counts = [], Counter[str]()
        for event in events:
            row = self._row(event)
            if row is None:
                continue
            words = row[-1].split()
            docs.append(row)
            counts.update(set(words))
            counts[LENGTH] += len(words)
            if isinstance(event, MessageImported):
                counts.update({f"@{name}" for name in self.words.of(event.speaker)})
        if docs:
            counts[TOTAL] += len(docs)
            self._door.many(_DOC, docs)
            self._door.many(
                "INSERT INTO words VALUES (?, ?) ON CONFLICT (word) DO UPDATE SET docs = docs + excluded.docs", sorted(counts.items())
            )
            self._tail += len(docs)
            if self._tail > TAIL_MAX:
                self._invert(self._door)

    def _row(self, event: Event) -> tuple[Any, ...] | None:
        text, at, origin, ref, session, of = event.content, event.ts, "conversation", None, None, None
        match event:
            case UserMessage():
                who, session = "user", event.session
            case ReplyEvent():
                who, of = "mind", event.to
            case MessageImported():
                who, session, origin, ref, at = (
                    event.speaker,
                    f"{event.origin}/{event.session}",
                    event.origin,
                    event.ref,
                    event.at or event.ts,
                )
                text = f"{text} {event.caption}" if event.caption else text
            case _:
                return None
        words = self.words.of(text)
        asks = text.rstrip().endswith("?") or _ASKING.match(text) is not None
        flags = QUESTION * asks + TIMED * bool(_TIME_WORDS.search(text, 0, 20_000))
        return (event.id, microseconds(at), who, session, of, origin, ref, flags, len(words), f" {' '.join(words)} ")

    def rebuild(self, on_progress: Callable[[int, int], Any] | None = None) -> None:
        """Drop and recompute from the log. on_progress(done, of) in events."""
        head = self._log.head[0]
        with self._door.writing():
            self._door.run(_TABLES % VERSION)
            batch: list[Event] = []
            for event in self._log.scan() if head else ():
                batch.append(event)
                if len(batch) == 2000:
                    self._index(batch, on_progress, head)
            self._index(batch, on_progress, head)
            self._door.run("INSERT INTO doc_words (doc_words) VALUES ('optimize')")

    def _index(self, batch: list[Event], on_progress: Callable[[int, int], Any] | None, head: int) -> None:
        self.on_append(batch)
        if batch and on_progress:
            on_progress(batch[-1].id, head)
        batch.clear()

    def _invert(self, door: Door) -> None:
        """Take what waits into the inverted index, inside a transaction of `door`."""
        door.run("INSERT INTO doc_words (rowid, words) SELECT id, words FROM docs WHERE id > (SELECT inverted FROM index_version)")
        door.run("UPDATE index_version SET inverted = coalesce((SELECT max(id) FROM docs), 0)")
        self._tail = 0

    def settle(self, pages: int = 200) -> None:
        """Take what waits into the inverted index, and merge some of its segments. Bounded work, behind the turn."""
        side = self._log.side
        with side.writing():
            self._invert(side)
            side.run("INSERT INTO doc_words (doc_words, rank) VALUES ('merge', ?)", (pages,))

    def _whole(self) -> bool:
        """Whether the tables are there, of this version, and at the head."""
        run = self._door.run
        if run("SELECT count(*) FROM sqlite_schema WHERE name IN ('docs', 'words', 'doc_words', 'index_version')") != [(4,)]:
            return False
        if run("SELECT version FROM index_version") != [(VERSION,)]:
            return False
        kinds = " UNION ALL ".join("SELECT max(id) AS id FROM events WHERE kind = ?" for _ in INDEXED)
        return run("SELECT max(id) FROM docs") == run(f"SELECT max(id) FROM ({kinds})", INDEXED)

    # -- what recall asks: three calls, whatever the size ----------------------------------------------------------------------------

    def counts(self, words: Iterable[str]) -> dict[str, int]:
        """In how many messages each word is (unknown words are left out), with TOTAL, LENGTH and "@name" for speakers."""
        asked = list(words)
        asked += [f"@{word}" for word in asked] + [TOTAL, LENGTH]
        marks = ",".join("?" * len(asked))
        return dict(self._door.run(f"SELECT word, docs FROM words WHERE word IN ({marks})", asked))

    def best(
        self, matches: Sequence[str], gains: Sequence[tuple[str, float]], head: int, *, each: int, most: int, top: int, slope: float
    ) -> list[int]:
        """Ids of the `top` messages up to event `head` that hold most of the words in `gains` (" word ", what it is worth).

        Looked at are those not inverted yet that hold any of them, then the newest `each` of every full-text expression in `matches`,
        earlier ones first: `most` in all. They are weighed here, in the engine: reading hundreds of rows back to weigh them costs more
        than all else. slope: how much a message's length tells against it, relative to 1.
        """
        args: list[Any] = [head, each, most, top, slope, *matches]
        held, worth = [], []
        for word, gain in gains:
            args += (word, gain)
            held.append(f"instr(words, ?{len(args) - 1})")
            worth.append(f"(instr(d.words, ?{len(args) - 1}) > 0) * ?{len(args)}")
        parts = [
            f"SELECT id FROM docs WHERE id > (SELECT inverted FROM index_version) AND id <= ?1 AND ({' OR '.join(held) or '0'}) "
            "ORDER BY id DESC LIMIT ?2",
            *(
                f"SELECT rowid AS id FROM doc_words WHERE doc_words MATCH ?{n + 6} AND rowid <= ?1 ORDER BY rowid DESC LIMIT ?2"
                for n in range(len(matches))
            ),
        ]
        found = " UNION ALL ".join(f"SELECT * FROM ({part})" for part in parts)
        rows = self._door.run(
            f"SELECT d.id FROM (SELECT DISTINCT id FROM ({found}) LIMIT ?3) c CROSS JOIN docs d ON d.id = c.id "
            f"ORDER BY ({' + '.join(worth) or '0'}) / (1 + ?5 * d.length) DESC, d.id DESC LIMIT ?4",
            args,
        )
        return [id for (id,) in rows]

    def rows(self, ids: Sequence[int], head: int) -> list[tuple[Any, ...]]:
        """These messages and the ones right before and after each in its session: (docs row..., content, caption)."""
        marks = ",".join(f"(?{n + 2})" for n in range(len(ids)))
        sql = (
            f"WITH top (id) AS (VALUES {marks}), near AS (SELECT id FROM top UNION SELECT d.prev FROM docs d JOIN top USING (id) "
            "WHERE d.prev IS NOT NULL UNION SELECT (SELECT min(n.id) FROM docs n WHERE n.session = d.session AND n.id > d.id) "
            "FROM docs d JOIN top USING (id)) "
            "SELECT d.*, e.content, e.meta ->> 'caption' FROM near JOIN docs d USING (id) JOIN events e USING (id) WHERE d.id <= ?1"
        )
        return self._door.run(sql, (head, *ids))


_COUNTS = f"""SELECT (SELECT version FROM index_version),
  (SELECT max(id) FROM docs), (SELECT max(id) FROM said), (SELECT count(*) FROM docs), (SELECT count(*) FROM said),
  coalesce((SELECT docs FROM words WHERE word = '{TOTAL}'), 0), (SELECT coalesce(sum(length), 0) FROM docs),
  coalesce((SELECT docs FROM words WHERE word = '{LENGTH}'), 0),
  (SELECT count(*) FROM doc_words), (SELECT count(*) FROM docs WHERE id <= (SELECT inverted FROM index_version))"""


def faults(log: SqliteLog) -> list[str]:
    """What is wrong with the index of a log, without repairing it: one statement, which sees one moment."""
    tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('docs', 'words', 'doc_words', 'index_version')"
    if log.main.run(tables) != [(4,)]:
        return ["there is none; it is made anew when the mind is next opened"]
    marks = ", ".join("?" * len(INDEXED))
    (found,) = log.main.run(f"WITH said AS NOT MATERIALIZED (SELECT id FROM events WHERE kind IN ({marks})) {_COUNTS}", INDEXED)
    version, last, said_last, docs, said, total, lengths, length, inverted, due = found
    if version != VERSION:
        return [f"it has version {version}, not {VERSION}; it is made anew when the mind is next opened"]
    told = []
    if (last or 0) != (said_last or 0):
        told.append(f"it ends with event {last or 0}; the last message is event {said_last or 0}")
    if docs != said:
        told.append(f"it holds {docs:,} messages; the log has {said:,}")
    if (total, length) != (docs, lengths):
        told.append(f"it counts {total:,} messages of {length:,} words; it holds {docs:,} of {lengths:,}")
    if inverted != due:
        told.append(f"its inverted part holds {inverted:,} messages of {due:,}")
    return told

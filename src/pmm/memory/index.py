"""The full-text index over what was said.

`docs` (a row per message, with its words) and `words` (in how many messages each word is) are written in the transaction of the event they
index, so they are always at the head. The inverted index `doc_words` (FTS5, stems only) follows in groups, behind the turn: a commit
of its own for every message would leave a segment each, and every query visits every segment. Messages it doesn't hold yet (`inverted` says
up to where it does) are few, and are looked through one by one. All of it is disposable: `rebuild` makes it anew from the log.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from pmm.errors import InvalidInput, StorageError
from pmm.events import Event, MessageImported, ReplyEvent, TurnSuperseded, UserMessage, microseconds
from pmm.memory.words import Words
from pmm.storage.door import Door
from pmm.storage.sqlite import SqliteLog

VERSION = 4
TAIL_MAX, TAIL_WORDS = 256, 6_000
"""messages, and words in them, that may wait for the inverted index before a turn must take them in itself"""
INDEXED = ("user_message", "reply", "message_imported")

QUESTION, COUNTED, NAMED, RULE, BY_USER, BY_ASSISTANT, IMPORTED = (1 << bit for bit in range(7))
TO_OTHER = 7
"""from this bit on, docs.flags says how often (at most 3 times) it says "you": whoever speaks of the other tells little of themselves"""
"""bits of docs.flags: it asks; it has a number, a name; it states a rule or a preference; whose it is; where it is from"""

GIVEN_UNIT, GIVEN_BITS = 1 << 28, 20
"""what makes a message a candidate is summed as one number, since that is what the engine does fastest: worth, in units of 1/GIVEN_UNIT,
above GIVEN_BITS bits that say by which arms it was found"""
SPAN_WORTH = 0.25
"""what a message gains as a candidate by having been said when the query says; its words, all together, gain 1"""
ALSO_WORTH = 100.0
"""likewise, of those that come on top: more than words and a date can be worth"""
SITTING_US = 6 * 3600 * 1_000_000
"""a pause after which a conversation is another sitting"""

BEFORE_CHARS = 1000
"""of the message before, what is read to understand one by"""

TOTAL, LENGTH = "#docs", "#words"
"""rows of `words` that count all messages and all words; stems never contain #"""

_TABLES = """
DROP TABLE IF EXISTS docs; DROP TABLE IF EXISTS words; DROP TABLE IF EXISTS doc_words; DROP TABLE IF EXISTS index_version;
DROP TABLE IF EXISTS superseded;
CREATE TABLE docs (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, session TEXT NOT NULL, origin TEXT NOT NULL, ref TEXT,
  prev INTEGER, sitting INTEGER NOT NULL, flags INTEGER NOT NULL, length INTEGER NOT NULL, words TEXT NOT NULL) STRICT;
CREATE INDEX docs_session ON docs (session, id);
CREATE INDEX docs_at ON docs (at, id);
CREATE TABLE words (word TEXT PRIMARY KEY, docs INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE doc_words USING fts5 (words, content='', contentless_delete=1, detail=none, tokenize="unicode61 remove_diacritics 0");
INSERT INTO doc_words (doc_words, rank) VALUES ('automerge', 0);
INSERT INTO doc_words (doc_words, rank) VALUES ('crisismerge', 1000);
CREATE TABLE superseded (id INTEGER PRIMARY KEY, since INTEGER NOT NULL) STRICT;
CREATE TABLE index_version (version INTEGER NOT NULL, inverted INTEGER NOT NULL) STRICT;
INSERT INTO index_version VALUES (%d, 0);
"""

_NAMES = "'docs', 'words', 'doc_words', 'superseded', 'index_version'"

_MENDED = """
CREATE TABLE IF NOT EXISTS doc_words_data (id INTEGER PRIMARY KEY, block BLOB);
CREATE TABLE IF NOT EXISTS doc_words_idx (segid, term, pgno, PRIMARY KEY (segid, term)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS doc_words_docsize (id INTEGER PRIMARY KEY, sz BLOB, origin INTEGER);
CREATE TABLE IF NOT EXISTS doc_words_config (k PRIMARY KEY, v) WITHOUT ROWID;
INSERT OR REPLACE INTO doc_words_config VALUES ('version', 5);
"""
"""FTS5 drops only what it can open: what may be missing of it is put back first"""

_DOC = f"""INSERT INTO docs (id, at, who, session, origin, ref, prev, sitting, flags, length, words)
WITH place (session) AS (SELECT coalesce(?4, (SELECT session FROM docs WHERE id = ?5), 'main')),
  before AS (SELECT id, at, sitting FROM docs WHERE session = (SELECT session FROM place) ORDER BY id DESC LIMIT 1)
SELECT ?1, ?2, ?3, session, ?6, ?7, (SELECT id FROM before),
  coalesce((SELECT sitting FROM before WHERE abs(?2 - at) < {SITTING_US}), ?1), ?8, ?9, ?10 FROM place"""

# Of a turn that was taken back: its message and its reply. since: the message that stands in its place, which is being answered when
# what came before it is asked for.
_SUPERSEDED = """INSERT OR IGNORE INTO superseded
SELECT id, ?2 FROM docs WHERE id = ?1 UNION ALL SELECT id, ?2 FROM events WHERE key = 'end:' || ?1 AND id < ?2"""

_NUMBER_WORDS = """two three four five six seven eight nine ten twice once couple few several dozen hundred thousand second third
fourth fifth another"""
_RULE_WORDS = "always never now sure prefer rather"
_NAME = re.compile(r"(?<=[a-z,] )(?!I\b)[A-Z][a-z]+")
"""a capital letter in the midst of a sentence"""
_RULE = re.compile(
    r"(?:^|[.!?\n]\s*|,\s+|\b(?:and|but|so)\s+)(?:please )?(?:always|never (?!\w+ed\b|been\b|had\b|written\b)|from now on|"
    r"make sure (?:to|you)|I(?:'d| would)? (?:really |always |generally |strongly )?prefer|I(?:'d| would) rather)",
    re.IGNORECASE,
)
FEATURES_CHARS = 20_000


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
        self._tail = self._tail_words = 0
        self.words = Words(log.main)
        self._telling = [frozenset(self.words.all(listed)) for listed in (_NUMBER_WORDS, _RULE_WORDS)]
        if not self._whole():
            self.rebuild(on_progress)
        log.attach(self)

    def on_append(self, events: Sequence[Event]) -> None:
        """Index what was just appended, inside its transaction."""
        docs, counts = [], Counter[str]()
        superseded = [(event.turn, event.by) for event in events if isinstance(event, TurnSuperseded)]
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
            self._tail_words += sum(doc[-2] for doc in docs)
            if self._tail > TAIL_MAX or self._tail_words > TAIL_WORDS:
                self._invert(self._door)
        if superseded:
            self._door.many(_SUPERSEDED, superseded)

    def _row(self, event: Event) -> tuple[Any, ...] | None:
        text, at, origin, ref, session, of = event.content, event.ts, "conversation", None, None, None
        match event:
            case UserMessage():
                who, session, flags = "user", event.session, BY_USER
            case ReplyEvent():
                who, of, flags = "mind", event.to, BY_ASSISTANT
            case MessageImported():
                flags = IMPORTED | {"user": BY_USER, "assistant": BY_ASSISTANT}.get(event.role, 0)
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
        flags |= self._features(text, frozenset(words))
        return (event.id, microseconds(at), who, session, of, origin, ref, flags, len(words), f" {' '.join(words)} ")

    def _features(self, text: str, words: frozenset[str]) -> int:
        """The bits of docs.flags that say what is in a text. By its words first: expressions over a long text take longer than all else."""
        numbers, rules = self._telling
        return (
            QUESTION * (text.rstrip().endswith("?") or _ASKING.match(text) is not None)
            | COUNTED * (not numbers.isdisjoint(words) or any(map(str.isdigit, words)))
            | NAMED * (_NAME.search(text, 0, FEATURES_CHARS) is not None)
            | min(3, text.casefold().count("you")) << TO_OTHER
            | RULE * (not rules.isdisjoint(words) and _RULE.search(text, 0, FEATURES_CHARS) is not None)
        )

    def rebuild(self, on_progress: Callable[[int, int], Any] | None = None) -> None:
        """Drop and recompute from the log. on_progress(done, of) in events."""
        head = self._log.head[0]
        with self._door.writing():
            if self._door.run("SELECT 1 FROM sqlite_schema WHERE name = 'doc_words'"):
                self._door.run(_MENDED)
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
        self._tail = self._tail_words = 0

    def settle(self, pages: int = 200) -> None:
        """Take what waits into the inverted index, and merge some of its segments. Bounded work, behind the turn."""
        side = self._log.side
        with side.writing():
            self._invert(side)
            side.run("INSERT INTO doc_words (doc_words, rank) VALUES ('merge', ?)", (pages,))

    def _whole(self) -> bool:
        """Whether the tables are there, of this version, at the head, and sound as far as a glance tells."""
        run = self._door.run
        if run(f"SELECT count(*) FROM sqlite_schema WHERE name IN ({_NAMES})") != [(5,)]:
            return False
        kinds = " UNION ALL ".join("SELECT max(id) AS id FROM events WHERE kind = ?" for _ in INDEXED)
        try:
            if run("SELECT version FROM index_version") != [(VERSION,)]:
                return False
            counted = run("SELECT coalesce((SELECT docs FROM words WHERE word = ?), 0)", (TOTAL,))
            return (
                run("SELECT max(id) FROM docs") == run(f"SELECT max(id) FROM ({kinds})", INDEXED)
                and run("SELECT count(*) FROM docs") == counted
                and self._found_again()
            )
        except StorageError:  # columns or parts that are missing, or not what they should be
            return False

    def _found_again(self) -> bool:
        """Whether the last message taken into the inverted index is found in it."""
        last = "SELECT id, words FROM docs WHERE id <= (SELECT inverted FROM index_version) AND length > 0 ORDER BY id DESC LIMIT 1"
        return all(
            self._door.run("SELECT rowid FROM doc_words WHERE doc_words MATCH ? AND rowid = ?", (f'"{words.split()[0]}"', id))
            for id, words in self._door.run(last)
        )

    # -- what recall asks: four calls, whatever the size -----------------------------------------------------------------------------

    def counts(self, words: Iterable[str]) -> dict[str, int]:
        """In how many messages each word is (unknown words are left out), with TOTAL, LENGTH and "@name" for speakers."""
        asked = list(words)
        asked += [f"@{word}" for word in asked] + [TOTAL, LENGTH]
        marks = ",".join("?" * len(asked))
        return dict(self._door.run(f"SELECT word, docs FROM words WHERE word IN ({marks})", asked))

    def candidates(
        self,
        arms: Sequence[Arm],
        spans: Sequence[tuple[int, int]],
        head: int,
        where: Where,
        *,
        each: int,
        most: int,
        also: Sequence[int] = (),
    ) -> list[tuple[Any, ...]]:
        """(id, at, who, sitting, prev, flags, length, mask) of the `most` messages up to event `head` that hold most of what is looked for.

        mask: bit n is set where arms[n] found it. Looked at are the newest `each` that every arm finds, those not inverted yet, and the
        newest of those said in any of `spans` (from, to; microseconds since 1970). also: these come on top, whatever they hold.
        """
        args: list[Any] = [head, each, most]

        def bound(value: Any) -> str:
            args.append(value)
            return f"?{len(args)}"

        allowed = where.condition(bound)
        only = f"AND {allowed} " if allowed else ""
        among = f"AND EXISTS (SELECT 1 FROM docs d WHERE d.id = doc_words.rowid AND {allowed}) " if allowed else ""
        parts, held = [], []
        for n, arm in enumerate(arms):
            given = bound(_given(arm.worth, 1 << n))
            since = f"AND rowid >= {bound(arm.since)} " if arm.since else ""
            parts.append(
                f"SELECT rowid AS id, {given} AS given FROM doc_words WHERE doc_words MATCH {bound(arm.match)} AND rowid <= ?1 "
                f"{since}{among}ORDER BY rowid DESC LIMIT ?2"
            )
            if arm.words:  # the 0 makes max() the function of several values, not the aggregate
                held.append(f"max({', '.join(f'instr(words, {bound(word)}) > 0' for word in arm.words)}, 0) * {given}")
        if held:
            parts.append(
                f"SELECT id, given FROM (SELECT id, {' + '.join(held)} AS given FROM docs d "
                f"WHERE id > (SELECT inverted FROM index_version) AND id <= ?1 {only}) WHERE given > 0 ORDER BY id DESC LIMIT ?2"
            )
        if spans:
            then = " OR ".join(f"(at >= {bound(start)} AND at < {bound(end)})" for start, end in spans)
            given = bound(_given(SPAN_WORTH, 1 << len(arms)))
            parts.append(f"SELECT id, {given} AS given FROM docs d WHERE ({then}) AND id <= ?1 {only}ORDER BY id DESC LIMIT ?2")
        if also:
            args[2] += len(also)
            listed = f"(SELECT value FROM json_each({bound(json.dumps(also))}))"
            parts.append(f"SELECT id, {bound(_given(ALSO_WORTH, 0))} AS given FROM docs d WHERE id IN {listed} AND id <= ?1 {only}")
        found = " UNION ALL ".join(f"SELECT * FROM ({part})" for part in parts or ["SELECT 0 AS id, 0 AS given"])
        return self._door.run(
            f"SELECT d.id, d.at, d.who, d.sitting, d.prev, d.flags, d.length, c.given & {(1 << GIVEN_BITS) - 1} "
            f"FROM (SELECT id, sum(given) AS given FROM ({found}) GROUP BY id ORDER BY given DESC, id DESC LIMIT ?3) c "
            "CROSS JOIN docs d ON d.id = c.id",
            args,
        )

    def around(self, ids: Sequence[int], head: int) -> list[tuple[Any, ...]]:
        """The rows of these messages and of the two right before and after each in its session."""
        marks = ",".join(f"(?{n + 2})" for n in range(len(ids)))
        beside = (
            "SELECT id FROM {0} UNION SELECT d.prev FROM docs d JOIN {0} USING (id) WHERE d.prev IS NOT NULL UNION SELECT "
            "(SELECT min(n.id) FROM docs n WHERE n.session = d.session AND n.id > d.id) FROM docs d JOIN {0} USING (id)"
        )
        sql = (
            f"WITH top (id) AS (VALUES {marks}), near (id) AS ({beside.format('top')}), around (id) AS ({beside.format('near')}) "
            "SELECT d.id, d.at, d.who, d.session, d.origin, d.ref, d.prev, d.sitting, d.flags, d.length, d.words, "
            "EXISTS (SELECT 1 FROM superseded s WHERE s.id = d.id AND s.since <= ?1 + 1) FROM around JOIN docs d USING (id) "
            "WHERE d.id <= ?1"
        )
        return self._door.run(sql, (head, *ids))

    def session(self, name: str, after: int, limit: int) -> list[int]:
        """The first messages of a session after event `after`."""
        rows = self._door.run("SELECT id FROM docs WHERE session = ? AND id > ? ORDER BY id LIMIT ?", (name, after, limit))
        return [id for (id,) in rows]

    def before(self, ids: Sequence[int]) -> dict[int, str]:
        """What was said right before each of these messages, in the same sitting: the end of it, and the caption."""
        marks = ",".join("?" * len(ids))
        rows = self._door.run(
            f"SELECT d.id, substr(e.content, -{BEFORE_CHARS}), e.meta ->> 'caption' FROM docs d "
            "JOIN docs p ON p.id = d.prev AND p.sitting = d.sitting JOIN events e ON e.id = p.id "
            f"WHERE d.id IN ({marks})",
            ids,
        )
        return {id: f"{content} {caption}" if caption else content or "" for id, content, caption in rows}

    def texts(self, ids: Sequence[int]) -> dict[int, tuple[str, str | None]]:
        """(text, caption) of these messages, as they were said."""
        marks = ",".join("?" * len(ids))
        rows = self._door.run(f"SELECT id, content, meta ->> 'caption' FROM events WHERE id IN ({marks})", ids)
        return {id: (content or "", caption) for id, content, caption in rows}


class Arm(msgspec.Struct, frozen=True):
    """One way of looking. match: a full-text expression; words: " word " of those it looks for, any of which will do; worth: what a message
    gains by it; since: the first event that it looks at."""

    match: str
    words: tuple[str, ...]
    worth: float
    since: int = 0


def _given(worth: float, bit: int) -> int:
    return round(worth * GIVEN_UNIT) << GIVEN_BITS | bit


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages are looked at; what is None doesn't matter.

    kind: "user_message", "reply" or "message_imported". who: "user", "mind" or a speaker's name. session: of a live conversation, or as
    the import named it. since, until: when it was said, in microseconds since 1970; until is not included.
    """

    kind: str | None = None
    who: str | None = None
    session: str | None = None
    since: int | None = None
    until: int | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in _OF_KIND:
            raise InvalidInput(f"nothing of the kind {self.kind!r} is recalled.", hint=f"Use one of {', '.join(_OF_KIND)}.")

    def within(self, since: int | None, until: int | None) -> Where:
        """Of these, only those said from `since` until before `until`."""
        if since is None and until is None:
            return self
        latest = [at for at in (self.since, since) if at is not None]
        earliest = [at for at in (self.until, until) if at is not None]
        return msgspec.structs.replace(self, since=max(latest, default=None), until=min(earliest, default=None))

    def allows(self, doc: Any) -> bool:
        """Whether a row of the index is one of these."""
        return (
            (self.kind is None or doc.flags & _OF_KIND[self.kind][0] == _OF_KIND[self.kind][1])
            and (self.who is None or doc.who.casefold() == self.who.casefold())
            and (self.session is None or self.session in (doc.session, doc.session[len(doc.origin) + 1 :]))
            and (self.since is None or doc.at >= self.since)
            and (self.until is None or doc.at < self.until)
        )

    def condition(self, bound: Callable[[Any], str]) -> str:
        """The same as SQL over docs d; bound(value) gives the mark of an argument."""
        parts = []
        if self.kind is not None:
            bits, wanted = _OF_KIND[self.kind]
            parts.append(f"d.flags & {bits} = {wanted}")
        if self.who is not None:
            parts.append(f"d.who = {bound(self.who)} COLLATE NOCASE")
        if self.session is not None:
            parts.append(f"{bound(self.session)} IN (d.session, substr(d.session, length(d.origin) + 2))")
        if self.since is not None:
            parts.append(f"d.at >= {bound(self.since)}")
        if self.until is not None:
            parts.append(f"d.at < {bound(self.until)}")
        return " AND ".join(parts)


_OF_KIND = {
    "user_message": (IMPORTED | BY_USER, BY_USER),
    "reply": (IMPORTED | BY_ASSISTANT, BY_ASSISTANT),
    "message_imported": (IMPORTED, IMPORTED),
}
"""kind -> (the bits of docs.flags that tell it, what they are)"""


_COUNTS = f"""SELECT (SELECT version FROM index_version),
  (SELECT max(id) FROM docs), (SELECT max(id) FROM said), (SELECT count(*) FROM docs), (SELECT count(*) FROM said),
  coalesce((SELECT docs FROM words WHERE word = '{TOTAL}'), 0), (SELECT coalesce(sum(length), 0) FROM docs),
  coalesce((SELECT docs FROM words WHERE word = '{LENGTH}'), 0),
  (SELECT count(*) FROM doc_words), (SELECT count(*) FROM docs WHERE id <= (SELECT inverted FROM index_version))"""


def faults(log: SqliteLog) -> list[str]:
    """What is wrong with the index of a log, without repairing it: one statement, which sees one moment."""
    tables = f"SELECT count(*) FROM sqlite_schema WHERE name IN ({_NAMES})"
    if log.main.run(tables) != [(5,)]:
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

"""SqliteLog: the log in one SQLite file, the default engine."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import apsw
import msgspec

from pmm.clock import Clock, Ids, stopwatch
from pmm.errors import BrokenLog, HeadMoved, InvalidInput, KeyConflict, NotAMind, StorageError, UnknownSchema, Unstorable
from pmm.events import KINDS, Event, changed_fields, decode, encode_meta, microseconds, respelled_meta
from pmm.storage.chain import GENESIS, Row, Verdict, check_chain, hash_of, seal_of
from pmm.storage.door import Counts, Door, Rows, connect, refuse_unsafe_engine
from pmm.storage.eventlog import Derived, EventLog
from pmm.storage.locks import WriteLock
from pmm.storage.migrations import MIGRATIONS, SCHEMA

APPLICATION_ID = 0x504D4D31
KEY_BYTES_MAX = 512
PAGE_BYTES_MIN = 512
REPORT_EVERY = 10_000

T = TypeVar("T")

_SEEN = "id, ts, kind, content, meta, key"
_ALL = "id, ts, kind, content, meta, key, salt, seal, prev_hash, hash"
_LAST = 2**63 - 1
LOOKED_AT = 20_000
"""events that one statement of a search looks at: what waits for the log meanwhile waits some milliseconds"""


class SqliteLog(EventLog):
    """See EventLog. `main` writes the log, `side` writes derived rows that may be lost with the last seconds (and are then redone)."""

    def __init__(self, path: Path, *, clock: Clock, ids: Ids, synchronous: str, max_event_bytes: int) -> None:
        self.path = path
        self.counts = Counts()
        self._clock = clock
        self._ids = ids
        self._max_event_bytes = max_event_bytes
        self._derived: list[Derived] = []
        self._callbacks: list[Callable[[Sequence[Event]], None]] = []
        writes = WriteLock()
        self.main = Door(connect(path, synchronous=synchronous), self.counts, writes, durable=True)
        try:
            self.side = Door(connect(path, synchronous="NORMAL"), self.counts, writes, durable=False)
        except BaseException:
            self.main.close()
            raise

    # -- writing -----------------------------------------------------------------------------------------------------------------

    def append(self, events: Sequence[Event], *, expect: int | None = None) -> list[Event]:
        if not events:
            return []
        for event in events:
            _refuse(event)
        with self.main.writing(*_state([event.key for event in events if event.key is not None])) as found:
            head, link, known = self._found(found)
            if expect is not None and head != expect:
                raise HeadMoved(f"event {head} was appended since event {expect} was read.")
            placed, rows, link = self._place(events, head, link, known)
            if rows:
                self.main.many(f"INSERT INTO events ({_ALL}) VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
                self.main.run("UPDATE head SET id = ?, hash = ?", (rows[-1][0], link))
                new = placed if len(rows) == len(placed) else [event for event in placed if event.id > head]
                for derived in self._derived:
                    derived.on_append(new)
        if rows:
            self.main.count(appended=len(rows))
            for callback in self._callbacks:
                callback(new)
        return placed

    def _found(self, rows: Rows) -> tuple[int, bytes, dict[str | None, Event]]:
        """What `_state` read: id and hash of the last event, and the events that have one of the keys."""
        if not rows:
            raise BrokenLog(f"{self.path}: the head row is missing.")
        id, link = rows[0][:2]
        return id, link, {row[-1]: _event(row[2:]) for row in rows if len(row) > 2 and row[2] is not None}

    def _place(
        self, events: Sequence[Event], head: int, link: bytes, known: dict[str | None, Event]
    ) -> tuple[list[Event], list[tuple[Any, ...]], bytes]:
        """Give each event its id, ts and seals, or find the one already stored under its key."""
        placed: list[Event] = []
        rows: list[tuple[Any, ...]] = []
        ts = microseconds(self._clock.now())
        for event in events:
            event = _resolved(event, placed, head + len(rows))
            id = head + len(rows) + 1
            stored, meta = _canonical(event, id, ts)
            _refuse_large(event, meta, self._max_event_bytes)
            first = known.get(event.key) if event.key is not None else None
            if first is not None:
                if (first.kind, first.content, respelled_meta(first)) != (event.kind, event.content, meta):
                    raise KeyConflict(f"the key {event.key!r} belongs to event {first.id}, which says something else.")
                placed.append(first)
                continue
            salt = self._ids.salt()
            try:
                seal = seal_of(salt, event.key, event.content, meta)
            except UnicodeEncodeError:
                raise Unstorable(f"{event.kind}: a lone surrogate can't be stored.", hint="Send well-formed Unicode.") from None
            hash = hash_of(link, id, ts, event.kind, seal)
            rows.append((id, ts, event.kind, event.content, meta, event.key, salt, seal, link, hash))
            link = hash
            placed.append(stored)
            if event.key is not None:
                known[event.key] = stored
        return placed, rows, link

    def attach(self, derived: Derived) -> None:
        self._derived.append(derived)

    def on_appended(self, callback: Callable[[Sequence[Event]], None]) -> None:
        self._callbacks.append(callback)

    # -- reading -----------------------------------------------------------------------------------------------------------------

    def get(self, id: int) -> Event | None:
        return _one(self.main.run(f"SELECT {_SEEN} FROM events WHERE id = ?", (_within(id),)))

    def by_key(self, key: str) -> Event | None:
        try:
            return _one(self.main.run(f"SELECT {_SEEN} FROM events WHERE key = ?", (key,)))
        except UnicodeEncodeError:
            return None  # a lone surrogate: no stored key has one

    def since(self, id: int, limit: int | None = None) -> list[Event]:
        sql = f"SELECT {_SEEN} FROM events WHERE id > ? ORDER BY id LIMIT ?"
        return _events(self.main.run(sql, (_within(id), _within(limit))))

    def tail(self, n: int) -> list[Event]:
        return _events(self.main.run(f"SELECT {_SEEN} FROM events ORDER BY id DESC LIMIT ?", (_within(n),)))[::-1]

    def by_kind(self, *kinds: str, since: int = 0, until: int | None = None, limit: int | None = None, newest: bool = False) -> list[Event]:
        kinds = tuple(dict.fromkeys(kinds))
        sql = " UNION ALL ".join(
            f"SELECT * FROM (SELECT {_SEEN} FROM events WHERE kind = ?{n + 4} AND id > ?1 AND id <= ?2 "
            f"ORDER BY id {'DESC' if newest else 'ASC'} LIMIT ?3)"
            for n in range(len(kinds))
        )
        most = _within(limit)
        rows = self.main.run(sql, (_within(since), _within(until), most, *kinds)) if kinds else []
        rows.sort(key=lambda row: row[0])
        return _events(rows[max(0, len(rows) - most) :] if newest else rows[:most])

    def find(
        self, text: str, *kinds: str, since: int = 0, until: int | None = None, limit: int = 50, newest: bool = True, seconds: float = 0.15
    ) -> tuple[list[Event], int]:
        low, high = max(0, since), min(_within(until), self.head[0])
        condition, args = _holding(text, kinds)
        sql = f"SELECT {_SEEN} FROM events WHERE id > ?1 AND id <= ?2 {condition} ORDER BY id {'DESC' if newest else 'ASC'} LIMIT ?3"
        found: Rows = []
        stop = stopwatch() + seconds
        while low < high and len(found) < limit:
            span = (max(low, high - LOOKED_AT), high) if newest else (low, min(high, low + LOOKED_AT))
            found += self.main.run(sql, (*span, limit - len(found), *args))
            last = found[-1][0] if len(found) == limit else span[0] + 1 if newest else span[1]
            low, high = (low, last - 1) if newest else (last, high)
            if stopwatch() > stop:
                break
        return _events(sorted(found, key=lambda row: row[0])), high if newest else low

    def count(self, *kinds: str, text: str = "", since: int = 0, until: int | None = None, seconds: float = 0.05) -> int | None:
        low, high = max(0, since), min(_within(until), self.head[0])
        if not kinds and not text:
            return max(0, high - low)  # ids have no gaps
        condition, args = _holding(text, kinds)
        sql = f"SELECT count(*) FROM events WHERE id > ?1 AND id <= ?2 {condition} LIMIT ?3"
        found = 0
        stop = stopwatch() + seconds
        while low < high:
            found += self.main.run(sql, (low, min(high, low + LOOKED_AT), 1, *args))[0][0]
            low += LOOKED_AT
            if low < high and stopwatch() > stop:
                return None
        return found

    def between(self, start: datetime, end: datetime, limit: int | None = None) -> list[Event]:
        sql = f"SELECT {_SEEN} FROM events WHERE ts >= ? AND ts < ? ORDER BY ts, id LIMIT ?"
        rows = self.main.run(sql, (microseconds(start), microseconds(end), _within(limit)))
        return _events(sorted(rows, key=lambda row: row[0]))

    def at_time(self, moment: datetime) -> int:
        rows = self.main.run("SELECT id FROM events WHERE ts <= ? ORDER BY ts DESC, id DESC LIMIT 1", (microseconds(moment),))
        return rows[0][0] if rows else 0

    def scan(self, start: int = 1, stop: int | None = None) -> Iterator[Event]:
        self.main.count(full_reads=1)
        sql = f"SELECT {_SEEN} FROM events WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
        for row in self.main.pages(sql, _within(start - 1), _within(stop)):
            yield _event(row)

    def rows(self, start: int = 1, stop: int | None = None) -> Iterator[Row]:
        self.main.count(full_reads=1)
        sql = f"SELECT {_ALL} FROM events WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
        return self.main.pages(sql, _within(start - 1), _within(stop))

    @property
    def head(self) -> tuple[int, bytes]:
        return self._found(self.main.run(_HEAD))[:2]

    def goes_on(self, id: int) -> bool:
        return bool(self.main.run("SELECT id FROM head WHERE id > ?", (id,)))

    @property
    def stamp(self) -> tuple[int, int] | None:
        if os.name == "nt":
            return None  # there a file's time follows late while it is open
        try:
            found = os.stat(f"{self.path}-wal")
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def verify(self, on_progress: Callable[[int], Any] | None = None, *, since: tuple[int, bytes] = (0, GENESIS)) -> Verdict:
        return verify_file(self.path, on_progress, since=since, counts=self.counts)

    # -- the file ----------------------------------------------------------------------------------------------------------------

    def backup(self, path: str) -> None:
        _copy(self.side, Path(path))

    def size_bytes(self) -> int:
        """Bytes on disk: the file and its write-ahead log."""
        wal = self.path.with_name(self.path.name + "-wal")
        return _bytes(self.path) + _bytes(wal)

    def close(self) -> None:
        self.side.close()
        self.main.close(checkpoint=True)


# -- opening -----------------------------------------------------------------------------------------------------------------------


def open_log(
    path: str | os.PathLike[str],
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    synchronous: str = "FULL",
    max_event_bytes: int = 1024 * 1024,
) -> SqliteLog:
    """Open the log at `path`; create it if there is none. Raises NotAMind, UnknownSchema, UnsafeEngine and changes nothing then."""
    refuse_unsafe_engine(apsw.SQLITE_VERSION_NUMBER)
    file = Path(path)
    if str(path) == ":memory:":
        raise InvalidInput("a mind lives in a file; ':memory:' can't be locked or reopened.", hint="Use a temporary file.")
    if not file.parent.is_dir():
        raise StorageError(f"the folder {file.parent} does not exist.", hint="Create it first.")
    if file.is_dir():
        raise NotAMind(f"{file} is a folder, not a PMM mind.")
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # private from its first byte
    if file.stat().st_size:
        _believed(file, lambda: _known_schema(file), lambda schema: True)
    log = SqliteLog(file, clock=clock or Clock(), ids=ids or Ids(), synchronous=synchronous, max_event_bytes=max_event_bytes)
    try:
        _migrate(log.main, file)
    except BaseException:
        log.close()
        raise
    return log


def _known_schema(file: Path) -> int:
    with _read_only(file) as door:
        return _schema_of(door, file)


def _schema_of(door: Door, path: Path) -> int:
    """The schema number of a file that is ours (0: empty). Raises NotAMind, UnknownSchema, BrokenLog."""
    if 0 < _bytes(path) < PAGE_BYTES_MIN:  # the engine takes a file of one byte for an empty one
        raise NotAMind(f"{path} is not a PMM mind.")
    try:
        ((application,),) = door.run("PRAGMA application_id")
        ((schema,),) = door.run("PRAGMA user_version")
        if application != APPLICATION_ID and (application or schema or door.run("SELECT 1 FROM sqlite_schema LIMIT 1")):
            raise NotAMind(f"{path} is a SQLite database, but not a PMM mind.")
    except BrokenLog:
        if door.peek(68, 4) != APPLICATION_ID.to_bytes(4):
            raise NotAMind(f"{path} is a damaged SQLite database, and not a PMM mind.") from None
        raise
    if schema > SCHEMA:
        raise UnknownSchema(f"{path} has schema {schema}; this PMM knows up to {SCHEMA}.")
    return int(schema)


def _migrate(door: Door, path: Path) -> None:
    ((schema,),) = door.run("PRAGMA user_version")
    while schema < SCHEMA:
        with door.writing():
            ((schema,),) = door.run("PRAGMA user_version")  # another process may have been first
            if schema < SCHEMA:
                door.run(MIGRATIONS[schema])
                door.run(f"PRAGMA application_id = {APPLICATION_ID}")
                door.run(f"PRAGMA user_version = {schema + 1}")
                schema += 1
    if schema > SCHEMA:
        raise UnknownSchema(f"{path} has schema {schema}; this PMM knows up to {SCHEMA}.")


# -- verifying a file, without writing a byte --------------------------------------------------------------------------------------


def verify_file(
    path: str | os.PathLike[str],
    on_progress: Callable[[int], Any] | None = None,
    *,
    since: tuple[int, bytes] = (0, GENESIS),
    counts: Counts | None = None,
) -> Verdict:
    """Verify the mind in a file, read-only, taking no lock. Raises StorageError when it can't tell (not ours, can't be read).

    since: only after the event with this id and hash. counts: told of what is read.
    """
    file = Path(path)
    if not file.is_file():
        raise NotAMind(f"{file} does not exist or is not a file.")
    return _believed(file, lambda: _verify(file, on_progress, since, counts or Counts()), lambda verdict: verdict.ok)


def _believed(file: Path, read: Callable[[], T], good: Callable[[T], bool]) -> T:
    """What is read from a file that looked as if it were at rest. Another process may open it, and fold its write-ahead log in, while we
    read: so nothing bad is believed unless it is found twice, with the file unchanged between."""
    before: object = None
    for _ in range(100):
        stamp, failure = _stamp(file), None
        try:
            found = read()
            if good(found):
                return found
            told: object = found
        except StorageError as error:
            failure, told = error, str(error)
        if (told, stamp, _stamp(file)) == before:
            if failure is not None:
                raise failure
            return found
        time.sleep(0.02)
        before = (told, _stamp(file), _stamp(file))
    raise StorageError(f"{file} changes while it is being read.", hint="Try again when fewer are writing.")


def _verify(file: Path, on_progress: Callable[[int], Any] | None, since: tuple[int, bytes], counts: Counts) -> Verdict:
    last, done = since[0], 0

    def rows(door: Door) -> Iterator[Row]:
        nonlocal last, done
        for page in _careful_pages(door, f"SELECT {_ALL} FROM events WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", last):
            yield from page
            last, before, done = page[-1][0], done, done + len(page)
            if on_progress is not None and done // REPORT_EVERY > before // REPORT_EVERY:
                on_progress(done)

    with _read_only(file, counts) as door:
        try:
            if _schema_of(door, file) == 0:
                raise NotAMind(f"{file} is empty; it holds no mind.")
            door.run("BEGIN")  # one snapshot for the events and the head
            tables = {name for (name,) in door.run("SELECT name FROM sqlite_schema WHERE type = 'table'")}
            heads = door.run("SELECT id, hash FROM head") if "head" in tables else []
            return check_chain(rows(door) if "events" in tables else (), heads[0] if len(heads) == 1 else None, since)
        except BrokenLog as error:
            return Verdict(last, last + 1, f"can't be read: {error.message}")


def _careful_pages(door: Door, sql: str, after: int) -> Iterator[Rows]:
    """All rows after an id in pages, and any that is below 1; one by one where a page can't be read, so that all before the bad one are
    seen."""
    ((lowest,),) = door.run("SELECT min(id) FROM events")
    if lowest is not None and lowest < 1:
        yield [(lowest, *[None] * 9)]
        return
    size = 2000
    while True:
        try:
            page = door.run(sql, (after, _LAST, size))
        except BrokenLog:
            if size == 1:
                raise
            size = 1
            continue
        if page:
            yield page
        if len(page) < size:
            return
        after = page[-1][0]


def copy_file(path: str | os.PathLike[str], target: Path) -> None:
    """A whole copy of a mind's file, which itself is only read, and need not be writable. Raises StorageError, InvalidInput."""
    with _read_only(Path(path)) as door:
        _copy(door, target)


def _copy(door: Door, target: Path) -> None:
    if target.exists():
        raise InvalidInput(f"{target} exists already.", hint="Choose another name; a backup never overwrites.")
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    try:
        part.touch(mode=0o600)
        door.run("VACUUM INTO ?", (str(part),))
        with part.open("rb+") as copy:
            os.fsync(copy.fileno())
        os.link(part, target)  # unlike a rename, refuses to overwrite
        _sync_names(target.parent)
    except OSError as error:
        raise StorageError(f"{target} can't be written ({error.strerror}).") from None
    finally:
        part.unlink(missing_ok=True)


def _sync_names(folder: Path) -> None:
    """Else a new file may be gone when the power fails, however well it was written. Windows can't be asked to."""
    if os.name != "nt":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


@contextmanager
def _read_only(file: Path, counts: Counts | None = None) -> Iterator[Door]:
    """A connection that can't write, and leaves no file behind. A file at rest is opened as immutable: else SQLite would make -shm and
    -wal files beside it. A write-ahead log without its -shm (both files copied, or a crash) is read in a copy, for the same reason; so is
    a file whose first page was being written when the power failed: the engine takes that back, and reading must not."""
    wal, shm, journal = (file.with_name(file.name + end) for end in ("-wal", "-shm", "-journal"))
    with ExitStack() as stack:
        if _bytes(journal) or (_bytes(wal) and not shm.exists()):
            file, mode = _copied(file, Path(stack.enter_context(TemporaryDirectory(prefix="pmm-")))), "rw"
        else:
            mode = "ro" if _bytes(wal) else "ro&immutable=1"
        flags = apsw.SQLITE_OPEN_READWRITE if mode == "rw" else apsw.SQLITE_OPEN_READONLY
        try:
            db = apsw.Connection(f"file:{_quoted(file.absolute())}?mode={mode}", flags=flags | apsw.SQLITE_OPEN_URI)
        except apsw.CantOpenError:
            raise StorageError(f"{file} can't be opened.", hint="Check that you may read it.") from None
        db.set_busy_timeout(5000)
        door = Door(db, counts or Counts(), WriteLock(), durable=False)
        stack.callback(door.close)
        yield door


def _copied(file: Path, folder: Path) -> Path:
    try:
        for end in ("", "-wal", "-journal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{file}{end}", folder / f"mind{end}")
    except OSError as error:
        raise StorageError(f"{file} can't be read ({error.strerror}).") from None
    return folder / "mind"


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path))


def _bytes(file: Path) -> int:
    """Its size; 0 if there is none (a write-ahead log comes and goes)."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _stamp(file: Path) -> tuple[int, ...]:
    stat = file.stat()
    return stat.st_mtime_ns, stat.st_size, _bytes(file.with_name(file.name + "-wal"))


# -- rows and events ---------------------------------------------------------------------------------------------------------------

_HEAD = "SELECT id, hash FROM head"


def _state(keys: list[str]) -> tuple[str, tuple[str, ...]]:
    """The head, and with it the events that have one of these keys."""
    if not keys:
        return _HEAD, ()
    seen = ", ".join(f"e.{name}" for name in _SEEN.split(", "))
    return f"SELECT h.id, h.hash, {seen} FROM head h LEFT JOIN events e ON e.key IN (SELECT value FROM json_each(?))", (_json(keys),)


def _event(row: tuple[Any, ...]) -> Event:
    id, ts, kind, content, meta, key = row
    if content is None or meta is None:
        raise BrokenLog(f"event {id} is blank.")
    try:
        return decode(id, ts, kind, content, meta, key)
    except OverflowError:
        raise BrokenLog(f"event {id}: its ts is no time.") from None


def _events(rows: Rows) -> list[Event]:
    return [_event(row) for row in rows]


def _one(rows: Rows) -> Event | None:
    return _event(rows[0]) if rows else None


def _holding(text: str, kinds: Sequence[str]) -> tuple[str, list[str]]:
    """The condition of a search, after three arguments of the statement's own, and what it takes."""
    parts, args = [], []
    if kinds:
        parts.append("AND kind IN (SELECT value FROM json_each(?4))")
        args.append(_json(list(kinds)))
    if text:
        parts.append(f"AND content LIKE ?{4 + len(args)} ESCAPE '\\'")
        plain = (
            text.partition("\0")[0].encode("utf-8", "surrogatepass").decode(errors="replace")
        )  # the engine's patterns end there; no stored text has the rest
        args.append("%" + re.sub(r"([%_\\])", r"\\\1", plain) + "%")
    return " ".join(parts), args


def _within(n: int | None) -> int:
    """An id or a limit as the engine takes it: none is negative, None means no end."""
    return _LAST if n is None else min(max(n, 0), _LAST)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _refuse(event: Event) -> None:
    """What can be told without the log: is it an event of a known kind, with text and key that are text?"""
    if not isinstance(event, Event) or KINDS.get(event.kind) is not type(event):
        raise Unstorable(f"{type(event).__name__} is not an event kind that the log knows.")
    if not isinstance(event.content, str):
        raise Unstorable(f"{event.kind}: content must be text, not {type(event.content).__name__}.")
    if event.key is not None and (not isinstance(event.key, str) or not event.key):
        raise Unstorable(f"{event.kind}: a key is text and never empty.")
    try:
        too_long = event.key is not None and len(event.key.encode()) > KEY_BYTES_MAX
    except UnicodeEncodeError:
        raise Unstorable(f"{event.kind}: a lone surrogate can't be stored.", hint="Send well-formed Unicode.") from None
    if too_long:
        raise Unstorable(f"{event.kind}: a key has at most {KEY_BYTES_MAX} bytes.")


def _canonical(event: Event, id: int, ts: int) -> tuple[Event, str]:
    """The event as it will be read back, and its meta. Raises Unstorable for fields that would come back as something else."""
    meta = encode_meta(event)
    try:
        stored = decode(id, ts, event.kind, event.content, meta, event.key)
    except BrokenLog as error:
        raise Unstorable(f"{event.kind}: {error.message.partition(': ')[2]}") from None
    for name in changed_fields(event, stored):
        given, kept = getattr(event, name), getattr(stored, name)
        if not (isinstance(given, list) and tuple(given) == kept):
            raise Unstorable(f"{event.kind}: {name} can't be stored faithfully; {given!r} would come back as {kept!r}."[:300])
    return stored, respelled_meta(stored)  # one spelling for one value: 5 given where 5.0 is meant is stored as 5.0


def _refuse_large(event: Event, meta: str, limit: int) -> None:
    size = len(event.content) + len(meta)
    if size <= limit:  # characters; count bytes only when it may matter
        size = size if event.content.isascii() and meta.isascii() else len(event.content.encode("utf-8", "replace")) + len(meta.encode())
    if size > limit:
        raise Unstorable(f"{event.kind}: {size:,} bytes is over the limit of {limit:,}.", hint="Split it, or raise max_event_bytes.")


def _resolved(event: Event, placed: list[Event], head: int) -> Event:
    """Replace references to events of the same append by their ids, and refuse references to what doesn't exist."""
    changed: dict[str, Any] = {}
    for name in event.refs:
        value = getattr(event, name)
        for ref in value if isinstance(value, (tuple, list)) else (value,):
            if ref is None:
                continue
            if not isinstance(ref, int) or not -len(placed) <= ref <= head or ref == 0:
                raise Unstorable(f"{event.kind}: {name} refers to event {ref}, which does not exist.")
            if ref < 0:
                changed[name] = _absolute(value, placed)
    return msgspec.structs.replace(event, **changed) if changed else event


def _absolute(value: Any, placed: list[Event]) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(placed[-ref - 1].id if ref < 0 else ref for ref in value)
    return placed[-value - 1].id

"""Door: every SQL statement goes through here, so that it can be counted, ordered among threads, and its errors told plainly."""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from pmm.errors import BrokenLog, DiskFull, LogStopped, MindBusy, MindClosed, NotAMind, StorageError, UnsafeEngine
from pmm.storage.locks import WriteLock

Rows = list[tuple[Any, ...]]

BUSY_TIMEOUT_MS = 30_000


class Counts:
    """What went through the doors of one mind, by thread: statements, rows read, whole-log reads, events appended, durable commits; and
    apart from these, for how long."""

    NAMES = ("statements", "rows_read", "full_reads", "appended", "commits")

    def __init__(self) -> None:
        self.by_thread: dict[int, list[int]] = defaultdict(lambda: [0] * len(self.NAMES))
        self._nanoseconds: dict[int, int] = defaultdict(int)

    def add(self, full_reads: int = 0, appended: int = 0, commits: int = 0) -> None:
        """Note what is no statement."""
        mine = self.by_thread[threading.get_ident()]
        mine[2] += full_reads
        mine[3] += appended
        mine[4] += commits

    def took(self, nanoseconds: int, statements: int = 0, rows_read: int = 0) -> None:
        """This thread was in a door for so long, to do that."""
        thread = threading.get_ident()
        self._nanoseconds[thread] += nanoseconds
        mine = self.by_thread[thread]
        mine[0] += statements
        mine[1] += rows_read

    def nanoseconds(self) -> int:
        """What this thread has spent in the doors so far; only differences mean anything."""
        return self._nanoseconds[threading.get_ident()]


class Door:
    """One connection. durable: its commits reach the disk before they return (synchronous=FULL), and go before the other's."""

    def __init__(self, db: apsw.Connection, counts: Counts, writes: WriteLock, *, durable: bool) -> None:
        self._db = db
        self._counts = counts
        self._writes = writes
        self._durable = durable
        self._lock = threading.RLock()
        self.path = db.filename

    def run(self, sql: str, args: Sequence[Any] = ()) -> Rows:
        """Run one statement and return its rows."""
        started = time.perf_counter_ns()
        with self._lock:
            try:
                rows = self._db.execute(sql, args).fetchall()
            except apsw.Error as error:
                raise self._told(error) from error
            except UnicodeDecodeError as error:
                raise BrokenLog(f"{self.path}: a stored text is not UTF-8.") from error
        self._counts.took(time.perf_counter_ns() - started, 1, len(rows))
        return rows

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of `rows`; counts as one call."""
        started = time.perf_counter_ns()
        with self._lock:
            try:
                self._db.executemany(sql, rows)
            except apsw.Error as error:
                raise self._told(error) from error
        self._counts.took(time.perf_counter_ns() - started, 1)

    def pages(self, sql: str, after: int, stop: int, size: int = 1000) -> Iterator[tuple[Any, ...]]:
        """Rows of a statement that takes (after, stop, size) and orders by its first column; `size` at a time, so no read stays open."""
        while True:
            rows = self.run(sql, (after, stop, size))
            yield from rows
            if len(rows) < size:
                return
            after = rows[-1][0]

    @contextmanager
    def writing(self, sql: str = "", args: Sequence[Any] = ()) -> Iterator[Rows]:
        """One transaction that writes: BEGIN IMMEDIATE ... COMMIT, or nothing. Raises MindBusy, DiskFull, LogStopped.

        sql, args: what is read first thing in it; it costs no further call.
        """
        started = time.perf_counter_ns()
        self._writes.acquire(self._durable)
        self._counts.took(time.perf_counter_ns() - started)
        try:
            if self._writes.stopped:
                raise LogStopped(self._writes.stopped)
            with self._lock:
                try:
                    yield self.run(f"BEGIN IMMEDIATE; {sql}", args)
                    self.run("COMMIT")
                except BaseException:
                    self._roll_back()
                    raise
        finally:
            self._writes.release()
        if self._durable:
            self._counts.add(commits=1)

    def _roll_back(self) -> None:
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except apsw.Error as error:
            self._writes.stopped = f"{self.path}: a transaction could not be undone ({error})."

    def count(self, *, full_reads: int = 0, appended: int = 0) -> None:
        """Note what only the caller knows."""
        self._counts.add(full_reads=full_reads, appended=appended)

    def tokenizer(self, name: str, arguments: list[str]) -> Any:
        """The engine's own full-text tokenizer (see apsw.Connection.fts5_tokenizer)."""
        return self._db.fts5_tokenizer(name, arguments)

    def peek(self, offset: int, size: int) -> bytes:
        """Bytes of the file as they lie there, when the engine itself refuses to read it."""
        with self._lock:
            try:
                return self._db.read("main", 0, offset, size)[1]
            except apsw.Error as error:
                raise self._told(error) from error

    def close(self, *, checkpoint: bool = False) -> None:
        """Close; with checkpoint, first fold the write-ahead log into the file if nobody else has it open. Safe to call twice."""
        with self._lock:
            try:
                if self._writes.stopped:  # a failed disk is left alone: the write-ahead log stays as it is
                    self._db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                elif checkpoint:
                    self._db.set_busy_timeout(0)  # whoever else has it open will do it
                    self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except apsw.Error:
                pass  # the write-ahead log stays, whole, and is folded in by whoever closes or opens next
            finally:
                self._db.close()

    def _told(self, error: apsw.Error) -> StorageError | MindBusy | MindClosed:
        told = told_plainly(error, self.path)
        if isinstance(told, LogStopped):
            self._writes.stopped = told.message
        return told


def told_plainly(error: apsw.Error, path: str | Path) -> StorageError | MindBusy | MindClosed:
    """The engine's error as one of ours."""
    match error:
        case apsw.FullError():
            return DiskFull(f"{path}: the disk is full.")
        case apsw.IOError():
            if getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE:
                return DiskFull(f"{path}: there is no room for the write-ahead log's index.")
            return LogStopped(f"{path}: the disk failed ({error}).")
        case apsw.BusyError() | apsw.LockedError():
            return MindBusy(f"{path}: another process has been writing for {BUSY_TIMEOUT_MS // 1000} s.")
        case apsw.NotADBError():
            return NotAMind(f"{path} is not a PMM mind.")
        case apsw.CorruptError():
            return BrokenLog(f"{path}: the file is damaged ({error}).")
        case apsw.ReadOnlyError():
            return StorageError(f"{path} can't be written.", hint="Check its permissions.")
        case apsw.CantOpenError():
            return StorageError(f"{path} can't be opened.", hint="Check that its folder exists and that you may write there.")
        case apsw.ConnectionClosedError():
            return MindClosed("this mind is closed.")
    return StorageError(f"{path}: {error}")


def connect(path: Path, *, synchronous: str) -> apsw.Connection:
    """A writing connection with our pragmas. The file must be known to be ours (or empty). Raises StorageError, MindBusy."""
    db = None
    try:
        db = apsw.Connection(str(path))
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        _to_wal(db, path)
        db.pragma("synchronous", synchronous)
        if sys.platform == "darwin":
            db.pragma("fullfsync", 1)
            db.pragma("checkpoint_fullfsync", 1)
        db.pragma("recursive_triggers", 1)  # else INSERT OR REPLACE would delete without the trigger that forbids it
        db.pragma("trusted_schema", 0)
    except (apsw.Error, StorageError) as error:
        if db is not None:
            db.close()
        raise told_plainly(error, path) if isinstance(error, apsw.Error) else error from None
    return db


def _to_wal(db: apsw.Connection, path: Path) -> None:
    """Switch to write-ahead logging. The engine doesn't wait for whoever else is doing so in this moment, so we do."""
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            if db.pragma("journal_mode", "wal") != "wal":
                raise StorageError(f"{path}: write-ahead logging is not possible here.", hint="Keep the mind on a local disk.")
            return
        except apsw.BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.005)


def refuse_unsafe_engine(version: int) -> None:
    """Raise UnsafeEngine for a SQLite that can lose commits in WAL mode (below 3.51.3, but for 3.50.7 and 3.44.6)."""
    safe = version >= 3_051_003 or 3_050_007 <= version < 3_051_000 or 3_044_006 <= version < 3_045_000
    if not safe:
        number = f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"
        raise UnsafeEngine(f"SQLite {number} can lose commits when several connections write.")

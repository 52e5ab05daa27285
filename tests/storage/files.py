"""Handling a mind's file from outside, as somebody with a SQLite shell would."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from pmm.clock import SimulatedClock
from pmm.events import Event, MindCreated, ReplyEvent, UserMessage
from pmm.storage.sqlite import SqliteLog, open_log

COLUMNS = ("id", "ts", "kind", "content", "meta", "key", "salt", "seal", "prev_hash", "hash")


def said(text: str = "Hello.", **fields: Any) -> UserMessage:
    """A user's message."""
    return UserMessage(**{"content": text, "source": "python", "session": "main", **fields})


def answered(to: int, text: str = "Hi.", **fields: Any) -> ReplyEvent:
    """A reply to message `to`."""
    return ReplyEvent(**{"content": text, "to": to, "route": "model", "model": "m", "finish": "stop", **fields})


def fast_log(path: Path, **options: Any) -> SqliteLog:
    """A log that doesn't wait for the disk."""
    return open_log(path, **{"synchronous": "OFF", "clock": SimulatedClock("2026-03-02T09:00:00+00:00"), **options})


def small_mind(path: Path, events: int = 12) -> list[Event]:
    """A closed mind of so many events, some with keys, some without content."""
    log = fast_log(path)
    stored = log.append([MindCreated(format=1, timezone="Europe/Paris", software="pmm 0")])
    while len(stored) < events:
        n = len(stored) + 1
        more = [said(f"message {n}" * (n % 3), key=f"key {n}" if n % 2 else None), answered(-1, f"reply {n}", key=f"end:{n}")]
        stored += log.append(more[: events - len(stored)])
    log.close()
    return stored


def columns(path: Path) -> list[dict[str, Any]]:
    """All columns of all events, read by the standard library's SQLite."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute(f"SELECT {', '.join(COLUMNS)} FROM events ORDER BY id").fetchall()
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that has dropped every trigger, as an attacker would; folded into the file at the end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        yield db
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def folder_state(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file's modification time and digest. Only for files that this process hasn't open: reading one lets its locks go."""
    return {p.name: (p.stat().st_mtime_ns, sha256(p.read_bytes()).hexdigest()) for p in sorted(folder.iterdir()) if p.is_file()}

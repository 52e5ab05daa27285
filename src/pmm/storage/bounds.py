"""What the engine does with nothing of ours around it: the bounds that a benchmark measures beside itself, in the same run."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from os import urandom
from pathlib import Path
from typing import Any

import apsw

from pmm.storage.sqlite import SqliteLog

_TABLE = (
    "CREATE TABLE bare (id INTEGER PRIMARY KEY, ts INTEGER, kind TEXT, content TEXT, meta TEXT, key TEXT, salt BLOB, seal BLOB, "
    "prev_hash BLOB, hash BLOB) STRICT"
)
_INSERT = "INSERT INTO bare (ts, kind, content, meta, salt, seal, prev_hash, hash) VALUES (?, 'reply', ?, ?, ?, ?, ?, ?)"


def engine() -> str:
    """The version of the engine."""
    return apsw.sqlite_lib_version()


def bare_commits(path: Path, rows: int = 1, content: int = 700) -> Callable[[], None]:
    """A function that inserts so many rows of about `content` bytes in one durable commit, with the log's own pragmas."""
    db = apsw.Connection(str(path))
    db.pragma("journal_mode", "wal")
    db.pragma("synchronous", "FULL")
    db.execute("DROP TABLE IF EXISTS bare")
    db.execute(_TABLE)
    values: tuple[Any, ...] = (1, "x" * content, "{}", urandom(16), urandom(32), urandom(32), urandom(32))

    def once() -> None:
        db.execute("BEGIN IMMEDIATE")
        db.executemany(_INSERT, [values] * rows)
        db.execute("COMMIT")

    return once


def decode_all(log: SqliteLog) -> int:
    """Read and decode every event, and do nothing with it: the least that a replay must do. How many."""
    return sum(1 for _ in log.scan())


def hash_all(log: SqliteLog) -> int:
    """Read every row of the log and hash its bytes twice with SHA-256: the least that a verification must do. How many."""
    count = 0
    for row in log.rows():
        seal = sha256(row[6] + row[3].encode() + row[4].encode()).digest()
        sha256(row[8] + row[2].encode() + seal).digest()
        count += 1
    return count

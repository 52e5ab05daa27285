"""The table itself refuses: whoever opens the file with another SQLite can't change an event without first dropping the triggers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pmm.storage.sqlite import verify_file
from tests.storage.files import COLUMNS, columns, small_mind


@pytest.fixture
def file(tmp_path: Path) -> Path:
    small_mind(tmp_path / "mind.db")
    return tmp_path / "mind.db"


@pytest.fixture
def db(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


VALUES: dict[str, Any] = {
    "id": 99,
    "ts": 5,
    "kind": "reply",
    "content": "forged",
    "meta": "{}",
    "key": "forged",
    "salt": b"0" * 16,
    "seal": b"0" * 32,
    "prev_hash": b"0" * 32,
    "hash": b"0" * 32,
}


@pytest.mark.parametrize("column", COLUMNS)
def test_no_column_of_an_event_can_be_updated(file: Path, db: sqlite3.Connection, column: str) -> None:
    """Any UPDATE of any column is aborted, also to NULL, also OR REPLACE, and the event stays."""
    before = columns(file)
    for how in ("UPDATE", "UPDATE OR REPLACE", "UPDATE OR IGNORE"):
        for value in (VALUES[column], None):
            with pytest.raises(sqlite3.IntegrityError):
                db.execute(f"{how} events SET {column} = ? WHERE id = 5", (value,))
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(f"UPDATE events SET {column} = {column}")
    assert columns(file) == before


def test_no_event_can_be_deleted(file: Path, db: sqlite3.Connection) -> None:
    """DELETE is aborted, for one event and for all."""
    for sql in ("DELETE FROM events WHERE id = 12", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
            db.execute(sql)
    assert len(columns(file)) == 12


@pytest.mark.parametrize("recursive", [0, 1])
@pytest.mark.parametrize("how", ["INSERT OR REPLACE", "REPLACE", "INSERT", "INSERT OR IGNORE", "INSERT OR ROLLBACK"])
def test_no_event_can_be_replaced(file: Path, db: sqlite3.Connection, how: str, recursive: int) -> None:
    """An INSERT over a known id or a known key is aborted, whatever the connection's pragmas."""
    db.execute(f"PRAGMA recursive_triggers = {recursive}")
    before = columns(file)
    for row in ({**before[4], "content": "forged"}, {**before[4], "id": 99}):
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(f"{how} INTO events VALUES ({','.join('?' * 10)})", tuple(row.values()))
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(
            f"INSERT INTO events VALUES ({','.join('?' * 10)}) ON CONFLICT (id) DO UPDATE SET content = 'forged'", tuple(before[4].values())
        )
    assert columns(file) == before


def test_an_event_may_be_blanked_and_nothing_else(file: Path, db: sqlite3.Connection) -> None:
    """The one UPDATE allowed sets content, meta, key and salt to NULL and leaves the rest; half of it, or more, is aborted."""
    before = columns(file)
    for sets in (
        "content = NULL",
        "content = NULL, meta = NULL, key = NULL",
        "content = NULL, meta = NULL, key = NULL, salt = NULL, ts = ts + 1",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(f"UPDATE events SET {sets} WHERE id = 5")
    assert columns(file) == before
    db.execute("UPDATE events SET content = NULL, meta = NULL, key = NULL, salt = NULL WHERE id = 5")
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE events SET content = 'refilled' WHERE id = 5")
    blank = {**before[4], "content": None, "meta": None, "key": None, "salt": None}
    assert columns(file) == [*before[:4], blank, *before[5:]]


def test_a_blank_event_is_broken_until_a_later_event_accounts_for_it(file: Path, db: sqlite3.Connection) -> None:
    """No event accounts for blanks in this version, so verify names it."""
    db.execute("UPDATE events SET content = NULL, meta = NULL, key = NULL, salt = NULL WHERE id = 5")
    db.close()
    verdict = verify_file(file)
    assert verdict.bad == 5 and "blank" in verdict.why


@pytest.mark.parametrize("column", COLUMNS)
def test_a_value_of_another_type_is_refused(db: sqlite3.Connection, file: Path, column: str) -> None:
    """The table is STRICT: no text in a number, no number in a blob."""
    row: dict[str, Any] = {**columns(file)[-1], "id": 13, "key": "new"}
    row[column] = {"id": "x", "ts": "x"}.get(column, b"\x00") if column in ("id", "ts", "kind", "content", "meta", "key") else "text"
    with pytest.raises(sqlite3.Error, match=r"cannot store|mismatch"):
        db.execute(f"INSERT INTO events VALUES ({','.join('?' * 10)})", tuple(row.values()))


def test_there_is_one_head(db: sqlite3.Connection) -> None:
    """A second head row is refused by the table."""
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT INTO head VALUES (2, 5, zeroblob(32))")
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT INTO head VALUES (1, 5, zeroblob(32))")

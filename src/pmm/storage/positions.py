"""How far each consumer has come: durable positions, retries and dead letters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from pmm.events import microseconds, moment
from pmm.storage.sqlite import SqliteLog


class Position(msgspec.Struct, frozen=True):
    """position: the last event dealt with. failures: tries at the next one so far. parked: events given up after too many."""

    name: str
    position: int = 0
    failures: int = 0
    retry_at: datetime | None = None
    error: str = ""
    parked: tuple[int, ...] = ()


_COLUMNS = "name, position, failures, retry_at, error, parked"


class Positions:
    """The table of positions, written through the log's second connection."""

    def __init__(self, log: SqliteLog) -> None:
        self._log = log

    def load(self, name: str) -> Position:
        """The consumer's position; at event 0 if it is new."""
        return self.find(name) or Position(name)

    def find(self, name: str) -> Position | None:
        """The consumer's position; None if it is new."""
        rows = self._log.side.run(f"SELECT {_COLUMNS} FROM consumers WHERE name = ?", (name,))
        return _position(rows[0]) if rows else None

    def all(self) -> list[Position]:
        """Every position that was stored, by name."""
        return [_position(row) for row in self._log.side.run(f"SELECT {_COLUMNS} FROM consumers ORDER BY name")]

    def save(self, p: Position) -> None:
        """Store it."""
        retry_at = None if p.retry_at is None else microseconds(p.retry_at)
        with self._log.side.writing():
            self._log.side.run(
                "INSERT INTO consumers VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE SET "
                "position = ?2, failures = ?3, retry_at = ?4, error = ?5, parked = ?6",
                (p.name, p.position, p.failures, retry_at, p.error, msgspec.json.encode(p.parked).decode()),
            )


def _position(row: tuple[Any, ...]) -> Position:
    name, position, failures, retry_at, error, parked = row
    ids = tuple(msgspec.json.decode(parked, type=list[int]))
    return Position(name, position, failures, None if retry_at is None else moment(retry_at), error, ids)

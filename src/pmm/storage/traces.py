"""Traces: what was measured of single turns. A table beside the log: unchained, pruned, never read by a decision.

A body is JSON that its kind describes. It holds ids of events, never their texts: what is erased from the log leaves nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from pmm.events import microseconds, moment
from pmm.storage.sqlite import SqliteLog

ROWS_MAX = 50_000
LIMIT_MAX = 1000


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement. turn: the user's message it belongs to, if any. id 0 means "not stored yet"."""

    ts: datetime
    kind: str
    body: dict[str, Any]
    turn: int | None = None
    id: int = 0


class Traces:
    """The table of traces, written through the log's second connection: a kill or a power cut may take the last ones."""

    def __init__(self, log: SqliteLog) -> None:
        self._log = log

    def save(self, traces: Sequence[Trace], *, before: datetime, rows: int = ROWS_MAX) -> None:
        """Store them, and drop what was measured before that time and all but the newest `rows`: one transaction."""
        side = self._log.side
        encode = msgspec.json.encode
        with side.writing():
            stored = [(microseconds(t.ts), t.kind, t.turn, encode(t.body).decode()) for t in traces]
            side.many("INSERT INTO traces (ts, kind, turn, body) VALUES (?, ?, ?, ?)", stored)
            side.run("DELETE FROM traces WHERE ts < ?", (microseconds(before),))
            side.run("DELETE FROM traces WHERE id <= (SELECT id FROM traces ORDER BY id DESC LIMIT 1 OFFSET ?)", (rows,))

    def latest(
        self, kind: str, *, limit: int = 20, before: int | None = None, session: str | None = None, until: int | None = None
    ) -> list[Trace]:
        """The newest of a kind first, at most `limit`. before: with a lower id than this one. session: of that conversation alone.
        until: of turns up to that event."""
        rows = self._log.main.run(
            "SELECT id, ts, kind, turn, body FROM traces WHERE kind = ?1 AND (?2 IS NULL OR id < ?2) "
            "AND (?3 IS NULL OR body ->> 'session' = ?3) AND (?4 IS NULL OR turn <= ?4) ORDER BY id DESC LIMIT ?5",
            (kind, before, session, until, max(0, min(limit, LIMIT_MAX))),
        )
        return [_trace(row) for row in rows]

    def newest_by(self, kind: str, field: str) -> list[Trace]:
        """Of a kind, the newest one with each value of a field of its body."""
        sql = "SELECT max(id), ts, kind, turn, body FROM traces WHERE kind = ? GROUP BY body ->> ? ORDER BY 1 LIMIT ?"
        return [_trace(row) for row in self._log.main.run(sql, (kind, field, LIMIT_MAX))]

    def get(self, id: int) -> Trace | None:
        """The one with this id, or None."""
        rows = self._log.main.run("SELECT id, ts, kind, turn, body FROM traces WHERE id = ?", (min(id, 2**63 - 1),))
        return _trace(rows[0]) if rows else None

    def of_turn(self, turn: int, kind: str) -> list[Trace]:
        """Those of a kind that belong to a turn, in order."""
        sql = "SELECT id, ts, kind, turn, body FROM traces WHERE turn = ? AND kind = ? ORDER BY id LIMIT ?"
        return [_trace(row) for row in self._log.main.run(sql, (turn, kind, LIMIT_MAX))]


def _trace(row: tuple[Any, ...]) -> Trace:
    id, ts, kind, turn, body = row
    return Trace(id=id, ts=moment(ts), kind=kind, turn=turn, body=msgspec.json.decode(body))

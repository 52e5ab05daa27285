"""Snapshots: a projection's state and the position it reflects. Disposable; a doubtful one is discarded, never trusted."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from pmm.storage.sqlite import SqliteLog

KEEP_EVERY = 10_000
"""one snapshot is kept for good in every so many events, for views as of then"""


class Snapshot(msgspec.Struct, frozen=True):
    """state: encoded by whoever saved it. position: the id of the last event in it."""

    projection: str
    version: int
    position: int
    state: bytes


class Snapshots:
    """Snapshots beside the log, written through its second connection."""

    def __init__(self, log: SqliteLog) -> None:
        self._log = log

    def save(self, snapshots: Iterable[Snapshot]) -> None:
        """Save them and drop the ones they replace. Older than what is there: dropped without a word."""
        side = self._log.side
        with side.writing():
            for s in snapshots:
                rows = side.run("SELECT hash FROM events WHERE id = ?", (s.position,))
                newest = side.run(
                    "SELECT max(s.position) FROM snapshots s JOIN events e ON e.id = s.position AND e.hash = s.link "
                    "WHERE s.projection = ? AND s.version = ?",
                    (s.projection, s.version),
                )
                if not rows or (newest[0][0] or 0) > s.position:
                    continue
                side.run(
                    "DELETE FROM snapshots WHERE projection = ?1 AND (position >= ?2 OR NOT EXISTS "
                    "(SELECT 1 FROM events e WHERE e.id = position AND e.hash = link))",
                    (s.projection, s.position),
                )
                side.run("DELETE FROM snapshots WHERE projection = ? AND version <> ?", (s.projection, s.version))
                side.run(
                    "DELETE FROM snapshots WHERE projection = ?1 AND position / ?2 = (SELECT max(position) / ?2 FROM snapshots "
                    "WHERE projection = ?1) AND position > (SELECT min(position) FROM snapshots s WHERE s.projection = ?1 "
                    "AND s.position / ?2 = snapshots.position / ?2)",
                    (s.projection, KEEP_EVERY),
                )
                side.run(
                    "INSERT INTO snapshots (projection, position, version, link, digest, state) VALUES (?,?,?,?,?,?)",
                    (s.projection, s.position, s.version, rows[0][0], _digest(s, rows[0][0]), s.state),
                )

    def load(self, projection: str, version: int, at: int) -> Snapshot | None:
        """The newest whole snapshot of this version at or before event `at` that belongs to this very log."""
        rows = self._log.main.run(
            "SELECT s.position, s.link, s.digest, s.state FROM snapshots s JOIN events e ON e.id = s.position AND e.hash = s.link "
            "WHERE s.projection = ? AND s.version = ? AND s.position <= ? ORDER BY s.position DESC LIMIT 2",
            (projection, version, at),
        )
        for position, link, digest, state in rows:
            found = Snapshot(projection, version, position, state)
            if _digest(found, link) == digest:
                return found
        return None

    def drop(self, projection: str | None = None) -> None:
        """Forget them all, so that the next View is computed from event 1; or only those of one projection."""
        with self._log.side.writing():
            self._log.side.run("DELETE FROM snapshots WHERE ?1 IS NULL OR projection = ?1", (projection,))


def _digest(s: Snapshot, link: bytes) -> bytes:
    """Of the state and of what it is the state of."""
    return sha256(b"%s\0%d\0%d\0%s" % (s.projection.encode(), s.version, s.position, link) + s.state).digest()

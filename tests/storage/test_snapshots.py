"""Snapshots and positions: newer only, one kept in every ten thousand events, durable; and disposable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from pmm.storage.positions import Position, Positions
from pmm.storage.snapshots import KEEP_EVERY, Snapshot, Snapshots
from pmm.storage.sqlite import SqliteLog
from tests.storage.files import fast_log, said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 45,000 events, made once."""
    path = tmp_path_factory.mktemp("long")
    with closing(fast_log(path / "mind.db")) as log:
        for _ in range(9):
            log.append([said("x")] * 5000)
    return path


@pytest.fixture
def log(folder: Path) -> Iterator[SqliteLog]:
    with closing(fast_log(folder / "mind.db")) as opened:
        Snapshots(opened).drop()
        yield opened


def _positions(log: SqliteLog, projection: str = "p") -> list[int]:
    return [
        position for (position,) in log.side.run("SELECT position FROM snapshots WHERE projection = ? ORDER BY position", (projection,))
    ]


def _save(log: SqliteLog, *positions: int, version: int = 1, projection: str = "p") -> None:
    for position in positions:
        Snapshots(log).save([Snapshot(projection, version, position, b"state %d" % position)])


def test_the_newest_at_or_before_an_event_is_loaded(log: SqliteLog) -> None:
    """And none if there is none."""
    snapshots = Snapshots(log)
    assert snapshots.load("p", 1, 2**63 - 1) is None
    _save(log, 100, 20_000)
    for at, position in ((2**63 - 1, 20_000), (20_000, 20_000), (19_999, 100), (100, 100)):
        assert snapshots.load("p", 1, at) == Snapshot("p", 1, position, b"state %d" % position)
    assert snapshots.load("p", 1, 99) is snapshots.load("q", 1, 500) is snapshots.load("p", 2, 500) is None


def test_one_is_kept_in_every_ten_thousand_events_and_the_newest(log: SqliteLog) -> None:
    """Saved every thousand: the first of each ten thousand stays for good, of the others the latest alone."""
    for position in range(1000, 45_001, 1000):
        _save(log, position)
        kept = [first for first in (1000, 10_000, 20_000, 30_000, 40_000) if first <= position]
        assert _positions(log) == sorted({*kept, position})


def test_any_rhythm_leaves_one_in_every_ten_thousand(log: SqliteLog) -> None:
    """However irregular the saves: the newest is there, and the first that was ever saved in each ten thousand."""
    rng = Random(1)
    for _ in range(5):
        Snapshots(log).drop()
        positions = sorted(rng.sample(range(1, 45_001), 40))
        _save(log, *positions)
        firsts = {min(p for p in positions if p // KEEP_EVERY == bucket) for bucket in {p // KEEP_EVERY for p in positions}}
        assert _positions(log) == sorted(firsts | {positions[-1]})


def test_an_older_one_never_replaces_a_newer_one(log: SqliteLog) -> None:
    """Two processes that save: the one that lags is dropped without a word."""
    _save(log, 5000, 3000, 4999)
    assert _positions(log) == [5000]
    _save(log, 5000, 5001)
    assert _positions(log) == [5000, 5001]
    _save(log, 5000)
    assert _positions(log) == [5000, 5001]


def test_projections_do_not_touch_each_others(log: SqliteLog) -> None:
    """Names, versions and rhythms are their own."""
    _save(log, 5000, projection="a")
    _save(log, 3000, projection="b")
    _save(log, 6000, version=2, projection="b")
    assert _positions(log, "a") == [5000] and _positions(log, "b") == [6000]


def test_a_snapshot_of_what_is_not_there_is_not_saved(log: SqliteLog) -> None:
    """Position 0, a negative one, one past the head."""
    _save(log, 0, -1, 45_001, 10**9)
    assert _positions(log) == []


def test_one_past_the_head_does_not_stand_in_the_way(log: SqliteLog) -> None:
    """A row left over from a longer log is no reason to save none; it is cleared away."""
    log.side.run("INSERT INTO snapshots VALUES ('p', 99999, 1, zeroblob(32), zeroblob(32), x'00')")
    _save(log, 5000)
    assert _positions(log) == [5000]


def test_a_damaged_newest_one_falls_back_to_the_one_before(log: SqliteLog) -> None:
    """Its digest covers the state and what it is the state of."""
    _save(log, 1000, 2000)
    for spoil in ("state = x'00'", "digest = zeroblob(32)", "link = zeroblob(32)", "version = 1, state = CAST('state 1000' AS BLOB)"):
        Snapshots(log).drop()
        _save(log, 1000, 2000)
        log.side.run(f"UPDATE snapshots SET {spoil} WHERE position = 2000")
        found = Snapshots(log).load("p", 1, 45_000)
        assert found is not None and found.position == 1000


def test_positions_are_durable_and_start_at_nothing(tmp_path: Path) -> None:
    """Every field survives closing; an unknown consumer is at event 0; saving again replaces."""
    at = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
    saved = Position("index", 17, 3, at, "ValueError: no \x00 é", (4, 9))
    with closing(fast_log(tmp_path / "mind.db")) as log:
        assert Positions(log).load("index") == Position("index")
        Positions(log).save(Position("index", 5))
        Positions(log).save(saved)
        Positions(log).save(Position("other", 1))
    with closing(fast_log(tmp_path / "mind.db")) as log:
        assert Positions(log).load("index") == saved and Positions(log).load("other") == Position("other", 1)
        Positions(log).save(Position("index", 18))
        assert Positions(log).load("index") == Position("index", 18)

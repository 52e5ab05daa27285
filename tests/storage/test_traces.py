"""Traces lie beside the log: found by kind, session and turn, pruned by age and by number, and no part of what is sealed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pmm.events import FORMAT, MindCreated
from pmm.storage import sqlite as engine
from pmm.storage.migrations import MIGRATIONS
from pmm.storage.sqlite import SqliteLog, open_log, verify_file
from pmm.storage.traces import Trace, Traces

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = open_log(tmp_path / "a.db", synchronous="OFF")
    yield log
    log.close()


def trace(n: int, kind: str = "reasoning", session: str = "main", **more: Any) -> Trace:
    return Trace(ts=NOW + timedelta(days=n), kind=kind, turn=n, body={"session": session, "n": n} | more)


def numbers(found: list[Trace]) -> list[int]:
    return [t.body["n"] for t in found]


def test_what_is_saved_is_found_newest_first_by_kind_session_and_page(log: SqliteLog) -> None:
    traces = Traces(log)
    traces.save([trace(n, session="main" if n % 2 else "other") for n in range(6)] + [trace(9, "performance")], before=LONG_AGO)
    assert numbers(traces.latest("reasoning")) == [5, 4, 3, 2, 1, 0]
    assert numbers(traces.latest("reasoning", session="main")) == [5, 3, 1]
    page = traces.latest("reasoning", limit=2)
    assert numbers(page) == [5, 4] and numbers(traces.latest("reasoning", limit=2, before=page[-1].id)) == [3, 2]
    assert numbers(traces.latest("performance")) == [9] and traces.latest("none") == traces.latest("reasoning", limit=0) == []
    assert numbers(traces.of_turn(3, "reasoning")) == [3] and traces.of_turn(3, "performance") == []
    (one,) = traces.latest("performance")
    assert traces.get(one.id) == one and (one.ts, one.turn) == (NOW + timedelta(days=9), 9)
    assert traces.get(10**9) is traces.get(2**70) is traces.get(0) is None


def test_what_is_too_old_or_too_much_is_dropped_and_ids_are_not_given_twice(log: SqliteLog) -> None:
    traces = Traces(log)
    traces.save([trace(n) for n in range(10)], before=NOW + timedelta(days=4))
    assert numbers(traces.latest("reasoning")) == [9, 8, 7, 6, 5, 4]
    traces.save([trace(10)], before=LONG_AGO, rows=3)
    assert numbers(traces.latest("reasoning")) == [10, 9, 8]
    last = traces.latest("reasoning")[0].id
    traces.save([], before=NOW + timedelta(days=99))
    assert traces.latest("reasoning") == []
    traces.save([trace(11)], before=LONG_AGO)
    assert traces.latest("reasoning")[0].id > last


def test_they_are_written_beside_the_log_without_a_durable_commit(log: SqliteLog) -> None:
    log.append([MindCreated(format=FORMAT, timezone="UTC", software="test")])
    head = log.head
    before = sum(row[4] for row in log.counts.by_thread.values())
    Traces(log).save([trace(1)], before=LONG_AGO)
    assert log.head == head and log.verify().ok
    assert sum(row[4] for row in log.counts.by_thread.values()) == before


def test_a_file_of_the_first_schema_gets_the_table_and_keeps_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(engine, "MIGRATIONS", MIGRATIONS[:1])
        patch.setattr(engine, "SCHEMA", 1)
        log = open_log(tmp_path / "old.db", synchronous="OFF")
        log.append([MindCreated(format=FORMAT, timezone="UTC", software="test")])
        head = log.head
        log.close()
    log = open_log(tmp_path / "old.db", synchronous="OFF")
    Traces(log).save([trace(1)], before=LONG_AGO)
    assert log.head == head and numbers(Traces(log).latest("reasoning")) == [1]
    log.close()
    assert verify_file(tmp_path / "old.db").ok

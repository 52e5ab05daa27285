"""The archive: every commitment and every fact, whatever the folded state keeps; never behind, never past the head asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from pmm.clock import SimulatedClock
from pmm.events import (
    CommitmentClosed,
    CommitmentEdited,
    CommitmentOpened,
    CommitmentReminded,
    CommitmentSnoozed,
    Due,
    Event,
    FactAsserted,
    FactRetracted,
    MindCreated,
    microseconds,
)
from pmm.memory.archive import Archive, faults
from pmm.projections import commitments as capped_commitments
from pmm.projections import facts as capped_facts
from pmm.projections.commitments import Commitment
from pmm.runtime.archive import COMMITMENT, FACT, KINDS, MADE_BY, commitment_of, fact_of, facts_about, open_archive
from pmm.storage.sqlite import SqliteLog, open_log
from tests.histories import START, Group, History, append_all, events_of, histories

DUE = Due(date(2026, 3, 6), None, "UTC")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = open_log(tmp_path / "a.db", clock=SimulatedClock(START.isoformat()))
    log.append([MindCreated(format=1, timezone="UTC", software="x")])
    yield log
    log.close()


@pytest.fixture
def archive(log: SqliteLog) -> Archive:
    return open_archive(log)


def fact(value: str, **more: Any) -> FactAsserted:
    return FactAsserted(content=value, subject="user", relation="lives in", value=value, **more)


def rows(log: SqliteLog) -> list[tuple[Any, ...]]:
    return log.main.run("SELECT * FROM archive ORDER BY id")


def ids(pasts: Any) -> list[int]:
    return [past.id for past in pasts]


def test_a_fact_is_found_with_all_its_events(log: SqliteLog, archive: Archive) -> None:
    log.append([fact("Lyon"), fact("Oslo"), FactRetracted(fact=2, superseded_by=-2)])
    old, new = archive.page(FACT, 4)[::-1]
    assert [e.id for e in old.events] == [2, 4] and [e.id for e in new.events] == [3, 4]
    assert (fact_of(old.events).ended, fact_of(new.events).ended) == (4, None)
    assert ids(archive.page(FACT, 4, live=True)) == [3] and ids(archive.page(FACT, 4, live=False)) == [2]


def test_nothing_past_the_head_asked_for_is_seen(log: SqliteLog, archive: Archive) -> None:
    log.append([fact("Lyon")])
    log.append([fact("Oslo"), FactRetracted(fact=2, superseded_by=-1)])
    assert ids(archive.page(FACT, 2, live=True)) == [2]
    assert fact_of(archive.page(FACT, 2)[0].events).ended is None
    assert archive.page(FACT, 1) == archive.page(FACT, 0) == archive.get([3], 2) == []


def test_pages_go_back_by_id(log: SqliteLog, archive: Archive) -> None:
    log.append([fact(f"v{n}") for n in range(10)])
    assert ids(archive.page(FACT, 99, limit=4)) == [11, 10, 9, 8]
    assert ids(archive.page(FACT, 99, limit=4, before=8)) == [7, 6, 5, 4]
    assert (
        ids(archive.page(FACT, 99, limit=4, before=2))
        == ids(archive.page(FACT, 99, limit=0))
        == ids(archive.page(FACT, 99, before=-5))
        == []
    )


def test_one_subject_is_listed_apart_from_another_that_begins_alike(log: SqliteLog, archive: Archive) -> None:
    for subject in ("Ana", "Anabel", "ANA", "Zoë"):
        log.append([FactAsserted(subject=subject, relation="is", value="x")])
    assert ids(archive.page(FACT, 99, about=facts_about("ana"))) == [4, 2]
    assert ids(archive.alike(FACT, [facts_about("Anabel", "IS"), facts_about("zoë", "is"), facts_about("Ana", "is", "y")], 99, 9)) == [5, 3]


def test_what_a_fact_was_derived_from_makes_it_stale_also_as_of_then(log: SqliteLog, archive: Archive) -> None:
    log.append([fact("a"), fact("b", evidence=(-1,)), fact("c", source=-2), fact("d")])
    log.append([FactRetracted(fact=2)])
    assert {past.id: past.stale for past in archive.page(FACT, 6)} == {3: True, 4: True, 5: False, 2: False}
    assert not any(past.stale for past in archive.page(FACT, 5))


def test_what_is_due_is_found_by_when_it_is_due(log: SqliteLog, archive: Archive) -> None:
    log.append(
        [CommitmentOpened(content=f"t{n}", owner="mind", due=Due(date(2026, 4, 1) + timedelta(days=n), None, "UTC")) for n in range(9)]
    )
    due = lambda day, lapsed=datetime(2000, 1, 1, tzinfo=UTC), limit=64: sorted(
        ids(archive.due(99, microseconds(datetime(2026, 4, day, tzinfo=UTC)), microseconds(lapsed), limit))
    )
    assert due(1) == [] and due(2) == [2] and due(4) == [2, 3, 4] and due(4, limit=2) == [2, 3]
    log.append([CommitmentReminded(cid=2, due=Due(date(2026, 4, 1), None, "UTC"))])
    log.append([CommitmentSnoozed(cid=3, until=datetime(2026, 4, 20, tzinfo=UTC)), CommitmentClosed(cid=4, outcome="kept")])
    log.append([CommitmentEdited(cid=5, clear_due=True)])
    assert due(6) == [6] and due(20) == [3, 6, 7, 8, 9, 10]
    assert due(1, lapsed=datetime(2026, 4, 2, tzinfo=UTC)) == [2, 5]
    assert archive.next_due() == (microseconds(datetime(2026, 4, 6, tzinfo=UTC)), microseconds(START))


def test_a_second_ending_and_what_speaks_of_nothing_change_no_entry(log: SqliteLog, archive: Archive) -> None:
    log.append([fact("a"), CommitmentOpened(content="x", owner="mind")])
    log.append([FactRetracted(fact=2), CommitmentClosed(cid=3, outcome="kept")])
    before = {row[:8] for row in rows(log)[1:] for row in [(row[0], *row[2:7])]}
    log.append([FactRetracted(fact=2), FactRetracted(fact=1), FactRetracted(fact=3), CommitmentClosed(cid=2, outcome="broken")])
    log.append(
        [CommitmentClosed(cid=3, outcome="broken"), CommitmentSnoozed(cid=1, until=START), CommitmentOpened(owner="mind", follows=1)]
    )
    assert {(row[0], *row[2:7]) for row in rows(log)[1:] if row[0] in (2, 3)} == before
    assert [row[0] for row in rows(log)] == [0, 2, 3, 12] and faults(log, KINDS, MADE_BY) == []


def test_hundreds_of_next_occurrences_of_the_same_one_break_nothing(log: SqliteLog, archive: Archive) -> None:
    log.append([CommitmentOpened(content="x", owner="mind", repeat="FREQ=DAILY")])
    log.append([CommitmentOpened(content=f"n{n}", owner="mind", follows=2) for n in range(200)])
    (past,) = archive.get([2], 999)
    assert commitment_of(past.events).followed == 202  # type: ignore[union-attr]


def test_an_append_with_nothing_for_it_costs_nothing_and_any_other_two_calls_at_most(log: SqliteLog, archive: Archive) -> None:
    def calls(*events: Event) -> int:
        plain = log.counts.by_thread.copy()
        before = sum(count[0] for count in plain.values())
        log.append(list(events))
        return sum(count[0] for count in log.counts.by_thread.values()) - before

    bare = calls(MindCreated(format=1, timezone="UTC", software="x"))
    assert calls(fact("a"), fact("b"), CommitmentOpened(content="x", owner="mind")) == bare + 1
    assert calls(FactRetracted(fact=3), CommitmentClosed(cid=5, outcome="kept"), fact("c")) == bare + 2


# -- disposable --------------------------------------------------------------------------------------------------------------------------


def damaged(log: SqliteLog, sql: str) -> list[str]:
    with log.main.writing():
        log.main.run(sql)
    return faults(log, KINDS, MADE_BY)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("DROP TABLE archive", "there is none"),
        ("DROP INDEX archive_about", "there is none"),
        ("DROP TABLE archive; CREATE TABLE archive (garbage TEXT)", "there is none"),
        ("DELETE FROM archive WHERE id = 0", "another version"),
        ("UPDATE archive SET about = '0' WHERE id = 0", "another version"),
        ("UPDATE archive SET changed = 1 WHERE id = 0", "ends with event 1"),
    ],
)
def test_one_that_is_gone_damaged_old_or_behind_is_made_anew(log: SqliteLog, archive: Archive, sql: str, told: str) -> None:
    log.append([fact("a"), FactRetracted(fact=-1), CommitmentOpened(content="x", owner="mind")])
    whole = rows(log)
    assert told in damaged(log, sql)[0]
    done: list[tuple[int, int]] = []
    open_archive(log, lambda at, of: done.append((at, of)))
    assert rows(log) == whole and done == [(4, 4)] and faults(log, KINDS, MADE_BY) == []


def test_rows_that_are_missing_are_told(log: SqliteLog, archive: Archive) -> None:
    log.append([fact("a"), CommitmentOpened(content="x", owner="mind")])
    assert damaged(log, "DELETE FROM archive WHERE id = 2") == ["it holds 0 of 1 facts"]


def test_an_append_that_fails_leaves_no_entry(log: SqliteLog, archive: Archive) -> None:
    before = rows(log)

    class Refusing:
        def on_append(self, events: Any) -> None:
            raise RuntimeError("no")

    log.attach(Refusing())
    with pytest.raises(RuntimeError):
        log.append([fact("a")])
    assert rows(log) == before


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=histories(150))
def test_whatever_happens_it_says_what_a_state_without_caps_would(history: list[Group], tmp_path_factory: Any) -> None:
    """And a rebuilt one says the same."""
    clock = SimulatedClock(START.isoformat())
    log = open_log(tmp_path_factory.mktemp("archive") / "a.db", clock=clock, synchronous="OFF")
    try:
        archive = open_archive(log)
        append_all(log, clock, history)
        compare(log, archive)
        written = rows(log)
        archive.rebuild()
        assert rows(log) == written
    finally:
        log.close()


def compare(log: SqliteLog, archive: Archive) -> None:
    head = log.head[0]
    with pytest.MonkeyPatch.context() as patch:
        for module in (capped_commitments, capped_facts):
            for cap in ("OPEN_MAX", "CLOSED_MAX", "CURRENT_MAX", "PAST_MAX"):
                patch.setattr(module, cap, 10**6, raising=False)
        commitments, facts = capped_commitments.Commitments(), capped_facts.Facts()
        for event in log.since(0):
            commitments = capped_commitments.CommitmentsProjection().apply(commitments, event)
            facts = capped_facts.FactsProjection().apply(facts, event)
    found = [commitment_of(past.events) for past in archive.page(COMMITMENT, head, limit=10**6)]
    assert {c.cid: c for c in found if isinstance(c, Commitment)} == {c.cid: c for c in commitments.open}
    assert {e.commitment.cid: e for e in found if not isinstance(e, Commitment)} == {e.commitment.cid: e for e in commitments.closed}
    known = {past.id: fact_of(past.events, past.stale) for past in archive.page(FACT, head, limit=10**6)}
    assert {id: (f.value, f.until, f.stale) for id, f in known.items()} == {
        f.id: (f.value, f.until, f.stale) for f in (*facts.current, *facts.past)
    }
    assert ids(archive.page(FACT, head, live=True, limit=10**6)) == [f.id for f in facts.current[::-1]]
    assert ids(archive.page(COMMITMENT, head, live=True, limit=10**6)) == [c.cid for c in commitments.open[::-1]]


def test_a_long_history_agrees_too(tmp_path: Path) -> None:
    clock = SimulatedClock(START.isoformat())
    log = open_log(tmp_path / "a.db", clock=clock, synchronous="OFF")
    archive = open_archive(log)
    history = list(History(Random(3)).groups(3000))
    append_all(log, clock, history)
    assert len(events_of(history)) == log.head[0]
    compare(log, archive)
    log.close()

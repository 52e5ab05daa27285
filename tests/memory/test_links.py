"""The MemeGraph's links: written with the events that prove them, the same after a rebuild, and never read past the head or in bulk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmm import events as e
from pmm.events import Event, Source
from pmm.memory.links import AGAIN, KNOWN, ONCE, RELATIONS, SHOWN, SURE, Link, Links, faults
from pmm.storage.sqlite import SqliteLog, open_log
from pmm.testing import SimulatedClock
from tests.histories import Group, append_all, histories


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = open_log(tmp_path / "a.db", synchronous="OFF")
    log.append([e.MindCreated(format=e.FORMAT, timezone="UTC", software="test")])
    yield log
    log.close()


@pytest.fixture
def links(log: SqliteLog) -> Links:
    return Links(log)


def said(text: str) -> Event:
    return e.UserMessage(content=text, source="python", session="main")


def answer(to: int, text: str = "Fine.") -> Event:
    return e.ReplyEvent(content=text, to=to, route="model", model="m", finish="stop")


def receipt(to: int, *sources: int, place: Any = "header") -> Event:
    shown = tuple(Source(id=id, score=0.5, why={"words": 0.5}, place=place) for id in sources)
    return e.ContextBuilt(to=to, session="main", epoch=1, digest="0" * 64, budget=1, tokens=1, sections={}, sources=shown)


def tell(log: SqliteLog, *events: Event) -> list[int]:
    return [event.id for event in log.append(events)]


def rows(log: SqliteLog, *relations: str) -> set[tuple[int, str, int]]:
    found = log.main.run("SELECT source, relation, target FROM links")
    return {row for row in found if not relations or row[1] in relations}


def mentions(log: SqliteLog) -> dict[tuple[int, str], float]:
    sql = "SELECT l.source, x.label, l.confidence FROM links l JOIN entities x ON x.id = -l.target WHERE l.relation = 'mentions'"
    return {(source, label): confidence for source, label, confidence in log.main.run(sql)}


def tables(log: SqliteLog) -> Any:
    return [log.main.run(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in ("links", "entities")]


# -- what is linked ------------------------------------------------------------------------------------------------------------------


def test_every_reference_between_events_is_a_link_that_reads_as_it_was_meant(log: SqliteLog, links: Links) -> None:
    (m,) = tell(log, said("hello"))
    (r, c, d) = tell(log, answer(m), e.CommitmentOpened(content="x", owner="mind", source=m), e.DirectiveSet(content="y", source=m))
    (c2, closed, edited) = tell(
        log,
        e.CommitmentOpened(content="x", owner="mind", follows=c),
        e.CommitmentClosed(cid=c, outcome="kept", evidence=m),
        e.CommitmentEdited(cid=c, priority=2),
    )
    (expired, revoked, f1, f2) = tell(
        log,
        e.CommitmentExpired(cid=c2, reason="lapsed"),
        e.DirectiveRevoked(did=d, source=m),
        e.FactAsserted(content="z", subject="user", relation="lives in", value="lyon", source=m),
        e.FactAsserted(content="z", subject="user", relation="lives in", value="oslo", source=m, evidence=(r,)),
    )
    tell(log, e.FactRetracted(fact=f1, superseded_by=f2))
    (retracted, trait, reflection, named, wrong) = tell(
        log,
        e.FactRetracted(fact=f2, source=m),
        e.TraitAdjusted(trait="O", delta=0.01, cause="x", evidence=m),
        e.Reflection(content="w", trigger="cadence", action="none", evidence=(m, r)),
        e.NameAdopted(whose="mind", name="echo", evidence=m),
        e.ReplyContradicted(reply=r, claims=()),
    )
    assert {(*row,) for row in rows(log) if row[1] != "mentions"} == {
        (r, "replies_to", m), (m, "opens", c), (m, "opens", d), (c, "causes", c2), (closed, "closes", c), (m, "causes", closed),
        (edited, "adjusts", c), (expired, "closes", c2), (revoked, "closes", d), (m, "causes", revoked), (m, "causes", f1),
        (m, "causes", f2), (r, "causes", f2), (f2, "supersedes", f1), (retracted, "closes", f2), (m, "causes", retracted),
        (m, "adjusts", trait), (reflection, "reflects_on", m), (reflection, "reflects_on", r), (m, "causes", named), (wrong, "adjusts", r),
    }  # fmt: skip


def test_a_reply_cites_what_it_was_shown_and_surely_what_it_names_by_number(log: SqliteLog, links: Links) -> None:
    (a, b, c, d) = tell(log, said("one"), said("two"), said("three"), said("four"))
    (m,) = tell(log, said("and?"))
    (_, r) = tell(log, receipt(m, a, b), answer(m, f"You said so [#{b}], [#{c}], [#9999999999999999999] and [#{m + 99}]."))
    cites = {link.target: link.confidence for link in links.links_of([r], ["cites"], head=r)}
    assert cites == {a: SHOWN, b: 1.0}, "what was never shown is not cited"
    (m2,) = tell(log, said("and then?"))
    (_, r2) = tell(log, receipt(m2, d, place="transcript"), answer(m2, f"[#{a}] and [#{d}], [#{c}]"))
    assert {link.target for link in links.links_of([r2], ["cites"], head=r2)} == {a, d}, "shown in an earlier turn; in sight now"


def test_a_reply_may_cite_a_commitment_or_a_rule_by_number(log: SqliteLog, links: Links) -> None:
    (c, m) = tell(log, e.CommitmentOpened(content="x", owner="mind"), said("hi"))
    (r,) = tell(log, answer(m, f"That is commitment [#{c}], and [#{m}]."))
    assert rows(log, "cites") == {(r, "cites", c)}


def test_names_are_mentioned_as_surely_as_they_are_known(log: SqliteLog, links: Links) -> None:
    ids = tell(log, said("Ana called."), said("I saw Ana there."), said("Ana came again."))
    ids += tell(log, said("Das Haus ist mit Garten."), said("Ich finde das Haus nicht gut."), said("I like «Haus»."), said("Haus ist gut."))
    assert mentions(log) == {
        (ids[1], "Ana"): SURE,
        (ids[2], "Ana"): KNOWN,
        (ids[3], "Haus"): ONCE,
        (ids[3], "Garten"): ONCE,
        (ids[4], "Haus"): AGAIN,
        (ids[5], "Haus"): SURE,
        (ids[6], "Haus"): KNOWN,
    }


def test_speakers_names_adopted_and_what_facts_are_about_are_names(log: SqliteLog, links: Links) -> None:
    ids = tell(
        log,
        e.MessageImported(content="hello there", origin="x", speaker="Bob", role="other", session="1"),
        said("Bob said so."),
        e.NameAdopted(whose="mind", name="Echo"),
        e.FactAsserted(content="c", subject="Ana", relation="works at", value="Acme Corp", confidence=0.7),
    )
    assert mentions(log) == {(ids[1], "Bob"): KNOWN, (ids[2], "Echo"): 1.0, (ids[3], "Ana"): 0.7, (ids[3], "Acme Corp"): 0.7}


# -- what is asked ---------------------------------------------------------------------------------------------------------------------


def test_links_are_found_from_both_ends_as_of_any_head(log: SqliteLog, links: Links) -> None:
    (m,) = tell(log, said("hello"))
    (r,) = tell(log, answer(m))
    (f1, f2) = tell(log, *(e.FactAsserted(content="", subject="a", relation="b", value=v) for v in "xy"))
    (retracted,) = tell(log, e.FactRetracted(fact=f1, superseded_by=f2))
    link = Link(r, "replies_to", m, 1.0, r)
    assert links.links_of([m], head=r) == links.links_of([r], head=r) == links.links_of([m, r], head=r) == [link]
    assert links.links_of([m, r], head=m) == []
    assert links.links_of([f1], head=f2) == [], "what proves it came later"
    assert links.links_of([f1], head=retracted) == [Link(f2, "supersedes", f1, 1.0, retracted)]
    assert links.links_of([m], ["opens"], head=retracted) == links.links_of([], head=retracted) == links.links_of([m], [], head=9) == []


def test_of_a_hub_only_the_newest_links_are_read_in_one_statement(log: SqliteLog, links: Links) -> None:
    (m,) = tell(log, said("I saw Ana."))
    all_of_them = [m, *(id for _ in range(20) for id in tell(log, *(said("With Ana.") for _ in range(50))))]
    ana = links.entities(["ana"])["ana"]
    before = log.counts.by_thread.copy().popitem()[1][:2]
    found = links.links_of([-ana], head=10**6, limit=5)
    statements, read = (after - was for after, was in zip(log.counts.by_thread.copy().popitem()[1], before, strict=False))
    assert sorted(link.source for link in found) == all_of_them[-5:]
    assert (statements, read) == (1, 5)


@pytest.mark.parametrize("ids", [[2**63 - 1], [0], [-(2**62)], list(range(300))])
def test_what_is_not_there_has_no_links(log: SqliteLog, links: Links, ids: list[int]) -> None:
    assert links.links_of(ids, head=10**9) == [] and links.texts([10**9]) == {} and links.labels([7]) == {}
    assert links.entities(["nobody", "\ud800", "'; DROP TABLE links"]) == {}


# -- disposable ------------------------------------------------------------------------------------------------------------------------


@given(history=histories(80))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_rebuild_gives_what_was_written_along_the_way(tmp_path_factory: pytest.TempPathFactory, history: list[Group]) -> None:
    clock = SimulatedClock("2026-03-02T09:00:00+00:00")
    log = open_log(tmp_path_factory.mktemp("h") / "a.db", clock=clock, synchronous="OFF")
    try:
        links = Links(log)
        append_all(log, clock, history)
        before = tables(log)
        assert faults(log) == [] and {relation for _, relation, *_ in before[0]} <= set(RELATIONS)
        links.rebuild()
        assert tables(log) == before
    finally:
        log.close()


@given(texts=st.lists(st.text(alphabet="AaBb. \n\"'Ö", max_size=40), max_size=30))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_names_too_are_the_same_however_events_were_grouped(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    found = []
    for size in (1, 7):
        log = open_log(tmp_path_factory.mktemp("g") / "a.db", synchronous="OFF")
        try:
            Links(log)
            for n in range(0, len(texts), size):
                log.append([said(text) for text in texts[n : n + size]])
            found.append(tables(log))
        finally:
            log.close()
    assert found[0] == found[1]


def test_missing_old_or_late_links_are_made_anew_and_whole_ones_are_left_alone(tmp_path: Path) -> None:
    def opened() -> list[tuple[int, int]]:
        told: list[tuple[int, int]] = []
        log = open_log(tmp_path / "a.db", synchronous="OFF")
        Links(log, lambda done, of: told.append((done, of)))
        assert faults(log) == []
        log.close()
        return told

    log = open_log(tmp_path / "a.db", synchronous="OFF")
    log.append([e.MindCreated(format=e.FORMAT, timezone="UTC", software="test"), said("I saw Ana"), answer(2)])
    assert faults(log) == ["there are none; they are made anew when the mind is next opened"]
    log.close()
    assert opened() == [(3, 3)] and opened() == []
    for spoil in ("DROP TABLE entities", "UPDATE links_version SET version = 0", "DELETE FROM links"):
        log = open_log(tmp_path / "a.db", synchronous="OFF")
        log.main.run(spoil)
        assert faults(log)
        log.close()
        assert opened() == [(3, 3)]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("DELETE FROM links WHERE relation = 'replies_to'", "they hold 0 answers; the log has 1"),
        ("INSERT INTO links VALUES (2, 'causes', 900, 1.0, 2)", "1 speak of events that the log doesn't have"),
        ("DELETE FROM entities", "1 speak of names that aren't there"),
        ("UPDATE links_version SET version = 0", "they have version 0"),
    ],
)
def test_links_that_do_not_fit_the_log_are_named(log: SqliteLog, links: Links, spoil: str, told: str) -> None:
    tell(log, said("I saw Ana"), answer(2))
    assert faults(log) == []
    log.main.run(spoil)
    assert faults(log)[0].startswith(told)


def test_an_append_that_fails_leaves_no_links(log: SqliteLog, links: Links) -> None:
    class Broken:
        def on_append(self, events: Any) -> None:
            raise RuntimeError("no")

    log.attach(Broken())
    before = tables(log)
    with pytest.raises(RuntimeError):
        log.append([said("I saw Ana")])
    assert tables(log) == before


@pytest.mark.parametrize("text", ["", "nothing to link", "With Ana [#2], Ben [#3] and «Germinal» in Lyon. " * 20])
def test_an_append_makes_at_most_two_more_calls_whatever_there_is_to_link(log: SqliteLog, text: str) -> None:
    def calls() -> int:
        before = sum(row[0] for row in log.counts.by_thread.values())
        tell(log, receipt(2, 1), answer(2, text))
        return sum(row[0] for row in log.counts.by_thread.values()) - before

    tell(log, said("hello"))
    without = calls()
    Links(log)
    assert without < calls() <= without + 2


@pytest.mark.slow
def test_adding_one_more_costs_the_same_at_a_million_links(log: SqliteLog, links: Links) -> None:
    def cost() -> float:
        best = []
        for _ in range(200):
            started = time.perf_counter()
            (m,) = tell(log, said("I saw Ana in Lyon."))
            tell(log, receipt(m, *range(2, 10)), answer(m, "With Ana [#3], in Porto."))
            best.append(time.perf_counter() - started)
        return sorted(best)[100]

    tell(log, *(said("hello") for _ in range(20)))
    cost()
    small = cost()
    with log.main.writing():
        log.main.run(
            "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
            "INSERT OR IGNORE INTO links SELECT 100000 + i / 8, 'cites', abs(i * 7919) % 100000, 0.6, 100000 + i / 8 FROM n"
        )
    cost()
    large = cost()
    assert large < 3 * small, (small, large)

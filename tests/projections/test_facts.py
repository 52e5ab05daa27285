"""What the mind knows: asserted, superseded, taken back; what is derived from what holds no more; and what the caps keep."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.events import ContextBuilt, Event, FactAsserted, FactRetracted, Source
from pmm.projections.facts import CHANGES_MAX, CURRENT_MAX, LINEAGE_MAX, PAST_MAX, Fact, Facts, FactsProjection

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PROJECTION = FactsProjection()


def state(*events: Event) -> Facts:
    now = PROJECTION.initial()
    for n, event in enumerate(events, 1):
        now = PROJECTION.apply(now, msgspec.structs.replace(event, id=n, ts=NOW + timedelta(hours=n)))
    return now


def fact(value: str = "Lyon", **more: Any) -> FactAsserted:
    return FactAsserted(content=f"I live in {value}.", subject="user", relation="lives in", value=value, **more)


def shown(*ids: int) -> ContextBuilt:
    sources = tuple(Source(id=id, score=0.5, why={"fact": 0.5}, place="header") for id in ids)
    return ContextBuilt(to=1, session="main", epoch=1, digest="", budget=1, tokens=1, sections={}, sources=sources)


def stale(facts: Facts) -> list[int]:
    return [f.id for f in facts.current if f.stale]


def test_a_fact_says_who_what_since_when_and_how_it_is_known() -> None:
    (known,) = state(fact(source=7, confidence=0.5, valid_from=date(2026, 1, 5), origin="model", evidence=(3,))).current
    assert known == Fact(
        id=1,
        subject="user",
        relation="lives in",
        value="Lyon",
        since=NOW + timedelta(hours=1),
        text="I live in Lyon.",
        source=7,
        evidence=(3,),
        confidence=0.5,
        valid_from=date(2026, 1, 5),
        origin="model",
        lineage=frozenset({3, 7}),
    )


def test_one_that_is_superseded_is_past_and_says_by_what() -> None:
    facts = state(fact("Lyon"), fact("Oslo", source=9), FactRetracted(fact=1, reason="superseded", superseded_by=2, source=9))
    assert [f.value for f in facts.current] == ["Oslo"]
    (past,) = facts.past
    assert (past.value, past.until, past.ended, past.superseded_by, past.reason) == ("Lyon", NOW + timedelta(hours=3), 3, 2, "superseded")
    assert [(c.event, c.fact, c.state, c.source) for c in facts.changes] == [
        (1, 1, "asserted", None),
        (2, 2, "asserted", 9),
        (3, 1, "superseded", 9),
    ]
    assert facts.get(1) is None and facts.get(2) is not None and facts.ended_lately(1) == past and facts.ended_lately(2) is None


def test_taking_back_what_does_not_hold_changes_nothing() -> None:
    known = state(fact(), FactRetracted(fact=1))
    assert (known.current, known.ended, known.changes[-1].state) == ((), 1, "retracted")
    assert state(fact(), FactRetracted(fact=1), FactRetracted(fact=1)) == known
    assert state(fact(), FactRetracted(fact=5)) == state(fact())


def test_all_that_was_derived_from_what_ends_is_stale_however_indirectly() -> None:
    chain = [fact("a"), fact("b", evidence=(1,)), fact("c", source=2), fact("d", evidence=(3, 1)), fact("e")]
    assert stale(state(*chain)) == []
    assert stale(state(*chain, FactRetracted(fact=1))) == [2, 3, 4]
    assert stale(state(*chain, FactRetracted(fact=3, superseded_by=5))) == [4]
    assert stale(state(*chain, FactRetracted(fact=2), FactRetracted(fact=3))) == [4]


def test_what_is_derived_from_something_stale_or_past_is_stale_at_once() -> None:
    assert stale(state(fact("a"), FactRetracted(fact=1), fact("b", evidence=(1,)))) == [3]
    assert stale(state(fact("a"), fact("b", evidence=(1,)), FactRetracted(fact=1), fact("c", evidence=(2,)))) == [2, 4]


def test_what_takes_the_place_of_a_fact_may_cite_it_and_is_not_stale() -> None:
    facts = state(fact("a"), fact("b", evidence=(1,)), FactRetracted(fact=1, superseded_by=2), fact("c", evidence=(2,)))
    assert stale(facts) == [] and facts.current[0].lineage == frozenset() and facts.current[0].evidence == (1,)
    assert stale(state(fact("q"), fact("a", evidence=(1,)), fact("b", evidence=(2,)), FactRetracted(fact=2, superseded_by=3))) == []


def test_being_shown_to_a_turn_counts_as_use() -> None:
    facts = state(fact("a"), fact("b"), shown(2, 77), shown(2), shown(1), shown(77))
    assert [f.used for f in facts.current] == [1, 2]


def test_the_best_are_those_sure_and_used_and_not_stale() -> None:
    facts = state(
        fact("a", confidence=0.4), fact("b"), fact("c"), fact("d", evidence=(2,)), shown(3), shown(4), shown(4), FactRetracted(fact=2)
    )
    assert [f.value for f in facts.best(1)] == ["c"]
    assert [f.value for f in facts.best(2)] == ["a", "c"]
    assert [f.value for f in facts.best(9)] == ["a", "c", "d"]


def test_beyond_the_cap_the_least_sure_and_least_used_goes_and_is_counted() -> None:
    first = [fact("a", confidence=0.5), fact("b"), shown(2), *(fact(f"v{n}") for n in range(CURRENT_MAX))]
    facts = state(*first)
    assert len(facts.current) == CURRENT_MAX and facts.overflow == 2
    assert facts.get(1) is None and facts.get(2) is not None and facts.get(4) is None
    ended = state(*first, FactRetracted(fact=1), FactRetracted(fact=2))
    assert (ended.overflow, len(ended.current), ended.ended) == (1, CURRENT_MAX - 1, 2)
    assert [c.fact for c in ended.changes[-2:]] == [1, 2]


def test_a_chain_holds_although_a_link_has_left_the_state() -> None:
    facts = state(
        fact("a"),
        fact("b", confidence=0.1, evidence=(1,)),
        fact("c", evidence=(2,)),
        *(fact(f"v{n}") for n in range(CURRENT_MAX)),
        FactRetracted(fact=1),
    )
    assert facts.get(2) is None
    assert stale(facts) == [3] or facts.get(3) is None


def test_lists_have_ends() -> None:
    many = [event for n in range(1, 400, 2) for event in (fact(f"v{n}", evidence=tuple(range(1, min(n, 40)))), FactRetracted(fact=n))]
    facts = state(*many)
    assert (len(facts.past), len(facts.changes), facts.ended) == (PAST_MAX, CHANGES_MAX, 200)
    deep = state(*(fact(f"v{n}", evidence=tuple(range(max(1, n - 3), n))) for n in range(1, 200)))
    assert max(len(f.lineage) for f in deep.current) == LINEAGE_MAX


ids = st.integers(1, 12)
few = st.lists(ids, max_size=3).map(tuple)
acts = st.one_of(
    st.builds(lambda evidence, source: fact("v", evidence=evidence, source=source), few, st.none() | ids),
    st.builds(lambda id, by: FactRetracted(fact=id, superseded_by=by), ids, st.none() | ids),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(acts, max_size=14))
def test_what_is_current_is_what_was_asserted_and_not_ended_and_the_rest_is_past(events: list[Event]) -> None:
    facts = state(*events)
    asserted = {n for n, event in enumerate(events, 1) if isinstance(event, FactAsserted)}
    ended = {e.fact for n, e in enumerate(events, 1) if isinstance(e, FactRetracted) and e.fact in asserted and e.fact < n}
    assert {f.id for f in facts.current} == asserted - ended
    assert {f.id for f in facts.past} == ended and facts.ended == len(ended)


@settings(max_examples=300, deadline=None)
@given(st.lists(acts, max_size=14))
def test_what_was_derived_from_nothing_that_ended_is_never_stale(events: list[Event]) -> None:
    facts = state(*events)
    gone = {f.id for f in facts.past}
    for f in facts.current:
        assert f.stale <= bool(f.lineage & gone) or any(g.stale for g in facts.current if g.id in f.lineage)
        assert f.stale or not f.lineage & gone

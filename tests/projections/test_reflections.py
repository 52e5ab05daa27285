"""What the mind has observed, and the evidence that has gathered since."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings

from pmm.events import (
    Claim,
    CommitmentClosed,
    CommitmentExpired,
    CommitmentOpened,
    CommitmentReopened,
    CommitmentSnoozed,
    DirectiveRevoked,
    DirectiveSet,
    Event,
    FactAsserted,
    FactRetracted,
    ModelCalled,
    NameAdopted,
    Reflection,
    ReplyContradicted,
    StageChanged,
    TurnFailedEvent,
    UserMessage,
)
from pmm.projections.reflections import EVIDENCE_MAX, LATEST_MAX, TEXT_CHARS, ReflectionsProjection
from tests.histories import Group, events_of, histories
from tests.projections.folding import START, Folding


def mind() -> Folding:
    return Folding("reflections")


def reflected(
    mind: Folding, text: str = "I do well.", evidence: tuple[int, ...] = (1,), action: str = "none", model: str | None = None
) -> int:
    return mind.put(Reflection(content=text, trigger="kept", action=action, evidence=evidence, model=model))  # type: ignore[arg-type]


def test_at_first_there_is_nothing_to_reflect_on() -> None:
    one = mind()
    now = one.reflections
    assert (now.latest, now.total, now.attempted, now.attempted_at, now.turns, now.new, now.evidence) == ((), 0, 0, None, 0, 0, ())


EVIDENCE: list[tuple[Event, str, str]] = [
    (CommitmentOpened(content="call Ana", owner="user"), "opened", "call Ana"),
    (CommitmentClosed(content="call Ana", cid=2, outcome="kept"), "kept", "call Ana"),
    (CommitmentClosed(cid=2, outcome="broken"), "broken", ""),
    (CommitmentExpired(content="call Ana", cid=2, reason="lapsed"), "expired", "call Ana"),
    (CommitmentReopened(cid=2), "reopened", ""),
    (FactAsserted(content="I live in Lyon.", subject="user", relation="lives in", value="Lyon"), "fact", "I live in Lyon."),
    (FactAsserted(subject="user", relation="lives in", value="Lyon"), "fact", "user lives in Lyon"),
    (FactRetracted(fact=2, reason="moved"), "fact taken back", "moved"),
    (NameAdopted(whose="user", name="Ana"), "name", "user: Ana"),
    (DirectiveSet(content="Be brief."), "rule", "Be brief."),
    (DirectiveRevoked(did=2), "rule revoked", ""),
    (TurnFailedEvent(to=2, reason="timeout"), "failed turn", "timeout"),
    (StageChanged(before=0, after=1, ias=0.4, gas=0.3), "stage", "S0 to S1"),
    (ReplyContradicted(reply=2, claims=(Claim("it is open", "it was closed"),)), "contradicted", "it is open"),
]


@pytest.mark.parametrize(("event", "what", "text"), EVIDENCE, ids=lambda v: v if isinstance(v, str) else None)
def test_what_is_evidence(event: Event, what: str, text: str) -> None:
    """With what it is about, in a word, and its text."""
    one = mind()
    one.put(UserMessage(content="x", source="cli", session="main"))
    id = one.put(event)
    (piece,) = one.reflections.evidence
    assert (piece.event, piece.what, piece.text, one.reflections.new) == (id, what, text, 1)
    assert piece.about == next((getattr(event, f) for f in ("cid", "fact", "did", "to", "reply") if hasattr(event, f)), None)


NO_EVIDENCE: list[Event] = [
    UserMessage(content="x", source="cli", session="main"),
    CommitmentOpened(content="stretch", owner="mind", follows=2),
    CommitmentSnoozed(cid=2, until=START),
    TurnFailedEvent(to=2, reason="cancelled"),
    ModelCalled(purpose="scene", model="m", outcome="failed"),
]


@pytest.mark.parametrize("event", NO_EVIDENCE, ids=lambda e: e.kind)
def test_what_is_none(event: Event) -> None:
    """Talk alone, the next occurrence of what repeats, what the user stopped, another call."""
    one = mind()
    one.put(event)
    assert (one.reflections.new, one.reflections.evidence, one.reflections.attempted) == (0, (), 0)


def test_what_a_reflection_opened_itself_is_no_news() -> None:
    """Its end is."""
    one = mind()
    id = reflected(one, action="open_commitment")
    cid = one.put(CommitmentOpened(content="ask how it went", owner="mind", source=id))
    assert one.reflections.new == 0
    one.put(CommitmentClosed(content="ask how it went", cid=cid, outcome="kept"))
    assert [p.what for p in one.reflections.evidence] == ["kept"]


def test_a_reflection_is_an_attempt_and_uses_the_evidence_up() -> None:
    one = mind()
    one.turns(3)
    cid = one.put(CommitmentOpened(content="x", owner="mind"))
    id = reflected(one, "I open things.", (cid,))
    now = one.reflections
    assert (now.turns, now.new, now.evidence, now.attempted, now.attempted_at) == (0, 0, (), id, one.now)
    assert [(r.id, r.text, r.evidence, r.stale) for r in now.latest] == [(id, "I open things.", (cid,), False)]


@pytest.mark.parametrize("outcome", ["ok", "invalid", "failed"])
def test_a_call_for_one_is_an_attempt_that_loses_no_evidence(outcome: str) -> None:
    """The next reflection may still cite what the failed one was shown; but it waits for something new."""
    one = mind()
    one.put(CommitmentOpened(content="x", owner="mind"))
    one.turns(2)
    id = one.put(ModelCalled(purpose="reflect", model="m", outcome=outcome), days=1)  # type: ignore[arg-type]
    now = one.reflections
    assert (now.turns, now.new, now.attempted, now.attempted_at) == (0, 0, id, one.now)
    assert [p.what for p in now.evidence] == ["opened"] and now.total == 0


def test_a_reflection_is_stale_when_a_fact_it_cites_was_taken_back() -> None:
    """For good, and with it what cites it; others are not."""
    one = mind()
    fact = one.put(FactAsserted(content="I live in Lyon.", subject="user", relation="lives in", value="Lyon", valid_from=date(2026, 1, 1)))
    first, second = reflected(one, "About Lyon.", (fact,)), reflected(one, "About me.", (1,))
    third = reflected(one, "About what I said of Lyon.", (first,))
    one.put(FactRetracted(fact=fact))
    assert [(r.id, r.stale) for r in one.reflections.latest] == [(first, True), (second, False), (third, True)]
    one.put(FactRetracted(fact=99))
    assert [r.stale for r in one.reflections.latest] == [True, False, True]
    assert one.reflections.get(first).stale and one.reflections.get(99) is None


def test_only_the_latest_are_kept_and_all_are_counted() -> None:
    one = mind()
    for n in range(40):
        one.put(DirectiveSet(content=f"{n}" * 500))
    assert (len(one.reflections.evidence), one.reflections.new) == (EVIDENCE_MAX, 40)
    assert {len(p.text) for p in one.reflections.evidence} == {TEXT_CHARS}
    for n in range(40):
        reflected(one, str(n))
    assert (len(one.reflections.latest), one.reflections.total, one.reflections.latest[-1].text) == (LATEST_MAX, 40, "39")


@given(history=histories(250))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_happens_it_adds_up(history: list[Group]) -> None:
    """Evidence is newer than the last reflection, in order, and never less than what is new; what is stale stays so."""
    projection = ReflectionsProjection()
    state = projection.initial()
    for event in events_of(history):
        if event.kind not in projection.kinds:
            continue
        before, state = state, projection.apply(state, event)
        ids = [p.event for p in state.evidence]
        assert ids == sorted(ids) and len(ids) >= min(state.new, EVIDENCE_MAX)
        assert not state.latest or all(id > state.latest[-1].id for id in ids)
        assert {r.id for r in before.latest if r.stale} & {r.id for r in state.latest} <= {r.id for r in state.latest if r.stale}
        assert (state.new, state.turns) == (0, 0) or state.attempted == before.attempted

"""Taking a turn back: what undoes each kind of finding, and what is left alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmm.agent.undo import take_back
from pmm.events import (
    CommitmentClosed,
    CommitmentOpened,
    DirectiveRevoked,
    DirectiveSet,
    Event,
    FactAsserted,
    FactRetracted,
    NameAdopted,
    ReplyEvent,
    TraitAdjusted,
    UserMessage,
)
from pmm.projections import all_projections
from tests.histories import Group, events_of, histories
from tests.projections.folding import Folding


class Talk(Folding):
    """A mind folded in memory that keeps its events, so that a turn can be handed over."""

    def __init__(self) -> None:
        super().__init__(*(p.name for p in all_projections()), name=None)
        self.events: list[Event] = []

    def put(self, event: Event, *, days: float = 0) -> int:
        id = super().put(event, days=days)
        if hasattr(self, "events"):
            self.events.append(msgspec.structs.replace(event, id=id, ts=self.now))
        return id

    def say(self, *found: Event, session: str = "main") -> int:
        """A turn with what was found in it; the id of its message."""
        said = self.put(UserMessage(content="...", source="cli", session=session))
        self.put(ReplyEvent(content="...", to=said, route="model", model="m", finish="stop"))
        for event in found:
            field = "source" if "source" in type(event).__struct_fields__ else "evidence"
            self.put(msgspec.structs.replace(event, **{field: said}))
        return said

    def back(self, said: int) -> list[Event]:
        """What takes back the turn of this message."""
        view: Any = self
        return take_back(view, [event for event in self.events if event.id >= said])

    def undo(self, said: int) -> list[Event]:
        """Take it back."""
        back = self.back(said)
        for event in back:
            self.put(event)
        return back


@pytest.fixture
def talk() -> Talk:
    return Talk()


def lives(place: str, **more: Any) -> FactAsserted:
    return FactAsserted(content=f"I live in {place}.", subject="user", relation="lives in", value=place, **more)


def places(talk: Talk) -> list[str]:
    return [f.value for f in talk.facts.current]


def test_nothing_said_is_nothing_to_undo(talk: Talk) -> None:
    view: Any = talk
    assert take_back(view, []) == []
    assert talk.back(talk.say()) == []


def test_a_fact_is_retracted(talk: Talk) -> None:
    said = talk.say(lives("Lyon"))
    (gone,) = talk.undo(said)
    assert isinstance(gone, FactRetracted) and (gone.fact, gone.reason, gone.source) == (said + 2, "undone", None)
    assert places(talk) == []
    assert talk.back(said) == []


def test_what_a_new_fact_superseded_holds_again(talk: Talk) -> None:
    old = talk.say(lives("Lyon", confidence=0.9)) + 2
    said = talk.say(lives("Oslo"))
    talk.put(FactRetracted(fact=old, reason="superseded", superseded_by=said + 2))
    assert places(talk) == ["Oslo"]
    talk.undo(said)
    (again,) = talk.facts.current
    assert (again.value, again.text, again.source, again.confidence) == ("Lyon", "I live in Lyon.", old - 2, 0.9)
    assert talk.back(said) == []


def test_a_fact_that_was_taken_back_holds_again(talk: Talk) -> None:
    old = talk.say(lives("Lyon")) + 2
    said = talk.say(FactRetracted(fact=old, reason="said so"))
    assert places(talk) == []
    talk.undo(said)
    assert places(talk) == ["Lyon"] and talk.back(said) == []


def test_a_commitment_is_cancelled_and_a_closed_one_open_again(talk: Talk) -> None:
    kept = talk.put(CommitmentOpened(content="pay", owner="user"))
    said = talk.say(CommitmentOpened(content="call Ana", owner="mind"), CommitmentClosed(content="pay", cid=kept, outcome="kept"))
    cancelled, reopened = talk.undo(said)
    assert isinstance(cancelled, CommitmentClosed)
    assert (cancelled.cid, cancelled.outcome, cancelled.note, cancelled.content) == (said + 2, "cancelled", "undone", "call Ana")
    assert reopened.kind == "commitment_reopened"
    assert [(c.cid, c.episode) for c in talk.commitments.open] == [(kept, 2)]
    assert talk.back(said) == []


def test_the_next_occurrence_goes_with_the_closing_that_opened_it(talk: Talk) -> None:
    first = talk.put(CommitmentOpened(content="water", owner="user", repeat="FREQ=DAILY"))
    said = talk.say(CommitmentClosed(content="water", cid=first, outcome="kept"))
    talk.put(CommitmentOpened(content="water", owner="user", repeat="FREQ=DAILY", follows=first))
    talk.undo(said)
    assert [c.cid for c in talk.commitments.open] == [first] and talk.back(said) == []


def test_what_was_opened_and_closed_in_one_turn_stays_closed(talk: Talk) -> None:
    said = talk.say(CommitmentOpened(content="call Ana", owner="mind"))
    talk.put(CommitmentClosed(content="call Ana", cid=said + 2, outcome="kept", evidence=said))
    assert talk.back(said) == []


def test_rules_go_and_come_back(talk: Talk) -> None:
    old = talk.put(DirectiveSet(content="No emojis."))
    said = talk.say(DirectiveSet(content="Be brief."), DirectiveRevoked(did=old))
    talk.undo(said)
    assert [d.text for d in talk.directives.active] == ["No emojis."]
    assert talk.back(said) == []


def test_a_rule_set_and_revoked_in_one_turn_does_not_come_back(talk: Talk) -> None:
    said = talk.say(DirectiveSet(content="Be brief."))
    talk.put(DirectiveRevoked(did=said + 2, source=said))
    assert talk.back(said) == []


def test_names_go_back_to_those_before_or_to_none(talk: Talk) -> None:
    talk.say(NameAdopted(whose="mind", name="Echo"))
    said = talk.say(NameAdopted(whose="mind", name="Nova"), NameAdopted(whose="mind", name="Vega"), NameAdopted(whose="user", name="Ana"))
    assert (talk.identity.name, talk.identity.user_name) == ("Vega", "Ana")
    assert len(talk.undo(said)) == 2
    assert (talk.identity.name, talk.identity.user_name) == ("Echo", None)
    assert talk.back(said) == []


def test_what_has_changed_since_is_left_alone(talk: Talk) -> None:
    said = talk.say(
        lives("Lyon"),
        CommitmentOpened(content="call Ana", owner="user"),
        DirectiveSet(content="Be brief."),
        NameAdopted(whose="mind", name="Echo"),
    )
    for event in (
        FactRetracted(fact=said + 2),
        CommitmentClosed(cid=said + 3, outcome="kept"),
        DirectiveRevoked(did=said + 4),
        NameAdopted(whose="mind", name="Nova"),
    ):
        talk.put(event)
    assert talk.back(said) == []


def test_what_the_background_read_in_the_turn_later_goes_too(talk: Talk) -> None:
    said = talk.say(session="work")
    other = talk.say(lives("Oslo"))
    talk.put(FactAsserted(content="x", subject="user", relation="has", value="a dog", source=said, origin="model"))
    talk.put(CommitmentOpened(content="walk the dog", owner="mind", source=said + 1))
    assert {e.kind for e in talk.undo(said)} == {"fact_retracted", "commitment_closed"}
    assert places(talk) == ["Oslo"] and [type(e).kind for e in talk.back(other)] == ["fact_retracted"]


def test_traits_are_left(talk: Talk) -> None:
    said = talk.say(TraitAdjusted(trait="A", delta=0.01, cause="praised", evidence=1))
    assert talk.back(said) == []


@given(history=histories(80), at=st.integers(0, 200))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_undoing_any_turn_of_any_history_twice_does_nothing_more(history: list[Group], at: int) -> None:
    """And what it does holds references to what is there, and none to the turn."""
    talk = Talk()
    for event in events_of(history)[1:]:
        talk.put(event)
    said = [event.id for event in talk.events if isinstance(event, UserMessage)]
    if not said:
        return
    message, last = said[at % len(said)], talk.id
    for event in talk.undo(message):
        assert all(0 < ref <= last for name in event.refs if isinstance(ref := getattr(event, name), int))
    assert talk.back(message) == []

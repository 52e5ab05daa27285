"""What is read in a message and a reply becomes events of the turn, with the event they were read in."""

from __future__ import annotations

from collections.abc import Callable

from pmm import Mind
from pmm.events import FactAsserted, NameAdopted, NameProposed, TraitAdjusted
from pmm.testing import ScriptedModel

Open = Callable[..., Mind]


def asked(mind: Mind) -> int:
    """A turn whose reply asks for a name. Returns the reply's event."""
    return mind.handle_user("Tell me a riddle about rivers").reply_event or 0


def test_a_name_that_the_mind_asks_for_is_adopted_by_a_yes(open_mind: Open) -> None:
    """Citing the reply that asked, and the message that agreed."""
    mind = open_mind(ScriptedModel(["May I call myself Juniper?", "Thank you."]))
    reply = asked(mind)
    proposed = [event for event in mind.log.scan() if isinstance(event, NameProposed)]
    assert [(event.name, event.evidence) for event in proposed] == [("Juniper", reply)]
    assert mind.view().identity.name is None
    said = mind.handle_user("Yes, please!").user_event
    adopted = [event for event in mind.log.scan() if isinstance(event, NameAdopted)]
    assert [(event.whose, event.name, event.evidence) for event in adopted] == [("mind", "Juniper", said)]
    assert mind.view().identity.name == "Juniper"
    assert mind.view().identity.proposed is None


def test_a_yes_to_something_else_adopts_no_name(open_mind: Open) -> None:
    """In another conversation, or after another message."""
    mind = open_mind(ScriptedModel(["May I call myself Juniper?", "Fine.", "Fine.", "Fine."]))
    asked(mind)
    mind.handle_user("Yes, please!", session="another")
    mind.handle_user("Yes, please!")
    assert mind.view().identity.name is None
    mind = open_mind(ScriptedModel(["May I call myself Juniper?", "Fine.", "Fine."]), name="b.db")
    asked(mind)
    mind.handle_user("Tell me about the sea first")
    mind.handle_user("Yes, please!")
    assert mind.view().identity.name is None


def test_facts_and_praise_cite_the_message_they_were_read_in(open_mind: Open) -> None:
    """And a fact told twice is told once."""
    mind = open_mind(ScriptedModel(["Fine.", "Fine."]))
    first = mind.handle_user("I live in Oslo. Thank you, that was lovely!").user_event
    mind.handle_user("As you know, I live in Oslo.")
    facts = [event for event in mind.log.scan() if isinstance(event, FactAsserted)]
    assert [(event.subject, event.relation, event.value, event.source) for event in facts] == [("user", "lives in", "Oslo", first)]
    moves = [event for event in mind.log.scan() if isinstance(event, TraitAdjusted)]
    assert [(event.trait, event.delta, event.cause, event.evidence) for event in moves] == [("A", 0.01, "praised", first)]
    assert mind.view().traits.A == 0.51

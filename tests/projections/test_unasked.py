"""What the mind said first: answered by any message of the user's, known to the model once a reply was given."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from pmm.events import FollowedUp, ReplyEvent, TurnFailedEvent, UserMessage
from pmm.projections.unasked import ABOUT_MAX, UnaskedProjection
from tests.histories import Group, events_of, histories
from tests.projections.folding import Folding


def test_a_question_waits_for_an_answer_and_then_for_a_reply() -> None:
    mind = Folding("unasked")
    assert mind.unasked.last is None and mind.unasked.answered and mind.unasked.replied
    event = mind.put(FollowedUp(content="How did it go?", session="work", about=7))
    said = mind.unasked.last
    assert (said.event, said.session, said.text, said.about, said.at) == (event, "work", "How did it go?", 7, mind.now)
    assert not mind.unasked.answered and not mind.unasked.replied
    to = mind.put(UserMessage(content="Well.", source="cli", session="main"))
    assert mind.unasked.answered and not mind.unasked.replied
    mind.put(TurnFailedEvent(to=to, reason="timeout"))
    assert not mind.unasked.replied, "no model has answered knowing of it"
    mind.put(ReplyEvent(to=to, route="model", model="m", finish="stop"))
    assert mind.unasked.replied and mind.unasked.last == said


def test_what_was_asked_after_is_remembered_the_latest_few() -> None:
    mind = Folding("unasked")
    for n in range(ABOUT_MAX + 8):
        mind.put(FollowedUp(content="?", session="main", about=n))
    mind.put(FollowedUp(content="?", session="main", about=20))
    mind.put(FollowedUp(content="?", session="main"))
    assert mind.unasked.about == (*(n for n in range(8, ABOUT_MAX + 8) if n != 20), 20)


@given(history=histories(100))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_it_says_what_looking_back_says(history: list[Group]) -> None:
    """Against the plain definition, over any history."""
    projection, events = UnaskedProjection(), events_of(history)
    state = projection.initial()
    for event in events:
        if event.kind in projection.kinds:
            state = projection.apply(state, event)
    asked = [event for event in events if isinstance(event, FollowedUp)]
    since = [event for event in events if asked and event.id > asked[-1].id]
    assert (state.last.event if state.last else None) == (asked[-1].id if asked else None)
    assert state.answered == (not asked or any(isinstance(event, UserMessage) for event in since))
    assert state.replied == (not asked or any(isinstance(event, ReplyEvent) for event in since))
    assert set(state.about) <= {event.about for event in asked} and len(state.about) <= ABOUT_MAX

"""What is due now, and when something will be: decided from a view and the time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmm.agent.follow import AFTER, APART, LATELY, follow_up, next_follow_up
from pmm.agent.tick import decide, due_next
from pmm.events import (
    CommitmentClosed,
    CommitmentExpired,
    CommitmentOpened,
    CommitmentReminded,
    CommitmentSnoozed,
    DirectiveSet,
    Due,
    FollowedUp,
    NameAdopted,
    PolicyChanged,
    Reflection,
    ReplyEvent,
    StageChanged,
    UserMessage,
)
from pmm.projections import all_projections
from tests.histories import Group, events_of, histories
from tests.projections.folding import START, Folding

EXPIRY = timedelta(hours=72)
FRIDAY = Due(date(2026, 3, 6), None, "UTC")
"""its end; START is the Monday before, nine o'clock"""


class Seen(Folding):
    """A mind folded in memory, which can be looked at as a View."""

    head = 0


@pytest.fixture
def mind() -> Seen:
    return Seen(*(p.name for p in all_projections()))


@pytest.fixture
def grown(mind: Seen) -> Seen:
    """One that may speak first."""
    for level in range(4):
        mind.put(StageChanged(before=level, after=level + 1, ias=0.9, gas=0.8))
    return mind


def owe(mind: Seen, text: str = "call Ana", *, due: Due | None = FRIDAY, owner: Any = "user") -> int:
    return mind.put(CommitmentOpened(content=text, owner=owner, due=due))


def remind(mind: Seen, cid: int, due: Due = FRIDAY) -> None:
    mind.put(CommitmentReminded(cid=cid, due=due))


def kinds(mind: Any, now: datetime) -> list[str]:
    return [event.kind for event in decide(mind, now, EXPIRY)]


def asked(mind: Any, now: datetime) -> str:
    question = follow_up(mind, now)
    return question.content if question else ""


# -- all in one ------------------------------------------------------------------------------------------------------------------------


def test_a_new_mind_has_nothing_to_do_ever(mind: Seen) -> None:
    assert decide(mind, START, EXPIRY) == []
    assert due_next(mind, START, EXPIRY) is None


def test_all_that_is_due_comes_together(mind: Seen) -> None:
    """A reminder, an expiry, and the move of a trait by what was kept: one list, each with a key of its own."""
    mind.put(NameAdopted(whose="mind", name="Echo"))
    first, kept, old = owe(mind), owe(mind, "pay", owner="mind"), owe(mind, "rest", due=None)
    mind.put(CommitmentClosed(cid=kept, outcome="kept"))
    late = decide(mind, FRIDAY.instant, EXPIRY)
    assert [e.kind for e in late] == ["commitment_reminded", "commitment_expired", "trait_adjusted"]
    assert [getattr(e, "cid", None) for e in late] == [first, old, None]
    assert len({e.key for e in late}) == 3 and None not in {e.key for e in late}


def talked(mind: Seen, turns: int) -> None:
    for _ in range(turns):
        to = mind.put(UserMessage(content="Hello", source="cli", session="main"))
        mind.put(ReplyEvent(content="Hello", to=to, route="model", model="m", finish="stop"))


def test_it_reflects_without_a_model_where_no_model_does(mind: Seen) -> None:
    """After the stage's turns and seconds, with something new; never when a model would; after all that can't wait."""
    talked(mind, 2)
    mind.put(DirectiveSet(content="Be brief."))
    assert decide(mind, mind.now, EXPIRY) == []
    (first,) = decide(mind, mind.now, EXPIRY, alone=True)
    assert isinstance(first, Reflection) and first.model is None and first.key is not None
    mind.put(first)
    cid = owe(mind)
    talked(mind, 2)
    soon = due_next(mind, mind.now, EXPIRY, alone=True)
    assert soon is not None and START < soon < START + timedelta(minutes=5)
    assert decide(mind, soon - timedelta(microseconds=1), EXPIRY, alone=True) == []
    assert [e.kind for e in decide(mind, soon, EXPIRY, alone=True)] == ["reflection"]
    assert [e.kind for e in decide(mind, FRIDAY.instant, EXPIRY, alone=True)] == ["commitment_reminded"]
    assert due_next(mind, START, EXPIRY) == FRIDAY.instant
    assert mind.commitments.get(cid) is not None


# -- speaking first --------------------------------------------------------------------------------------------------------------------


def test_it_asks_after_what_was_due_once_it_was_reminded_of(grown: Seen) -> None:
    cid = owe(grown)
    assert next_follow_up(grown, START) is None
    remind(grown, cid)
    moment = FRIDAY.instant + AFTER
    assert due_next(grown, START, EXPIRY) == moment == next_follow_up(grown, START)
    assert kinds(grown, moment - timedelta(microseconds=1)) == []
    (question,) = decide(grown, moment, EXPIRY)
    assert isinstance(question, FollowedUp)
    assert question.content == "You wanted to “call Ana” by Friday. How did it go?"
    assert (question.about, question.session, question.key) == (cid, "main", "follow:0")


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (1, "You wanted to “call Ana” by Friday. How did it go?"),
        (6, "You wanted to “call Ana” by Friday. How did it go?"),
        (7, "You wanted to “call Ana” by 2026-03-06. How did it go?"),
    ],
)
def test_a_day_is_told_as_people_say_it(grown: Seen, days: int, text: str) -> None:
    remind(grown, owe(grown))
    assert asked(grown, datetime(2026, 3, 6, 13, tzinfo=UTC) + timedelta(days=days)) == text


def test_what_the_mind_owes_and_what_is_done_are_asked_after_in_other_words(grown: Seen) -> None:
    mine = owe(grown, "send\nthe  draft", owner="mind")
    remind(grown, mine)
    saturday = FRIDAY.instant + AFTER
    assert asked(grown, saturday) == "“send the draft” was due on Friday. How did it go?"
    grown.put(CommitmentClosed(cid=mine, outcome="kept"), days=2)
    assert next_follow_up(grown, grown.now) == grown.now + AFTER
    assert asked(grown, grown.now + AFTER) == "“send the draft” was done on Wednesday. How did it turn out?"
    assert asked(grown, grown.now + LATELY + timedelta(seconds=1)) == "", "too long ago"
    assert next_follow_up(grown, grown.now + LATELY + timedelta(seconds=1)) is None


def test_one_question_a_day_and_none_while_the_last_one_is_unanswered(grown: Seen) -> None:
    first, second = owe(grown), owe(grown, "call Ben")
    for cid in (first, second):
        remind(grown, cid)
    grown.now = FRIDAY.instant + AFTER
    question = follow_up(grown, grown.now)
    assert question is not None and question.about == first
    event = grown.put(question)
    assert next_follow_up(grown, grown.now) is None
    assert asked(grown, grown.now + timedelta(days=30)) == ""
    grown.put(UserMessage(content="Well.", source="cli", session="work"))
    assert next_follow_up(grown, grown.now) == grown.now + APART
    assert asked(grown, grown.now + APART - timedelta(seconds=1)) == ""
    again = follow_up(grown, grown.now + APART)
    assert again is not None and (again.about, again.key) == (second, f"follow:{event}")


def test_nothing_is_asked_after_twice(grown: Seen) -> None:
    cid = owe(grown)
    remind(grown, cid)
    grown.put(FollowedUp(content="?", session="main", about=cid))
    grown.put(UserMessage(content="Later.", source="cli", session="main"))
    assert next_follow_up(grown, grown.now) is None
    assert asked(grown, FRIDAY.instant + timedelta(days=20)) == ""


def test_what_is_put_off_is_not_asked_after_before(grown: Seen) -> None:
    cid = owe(grown)
    remind(grown, cid)
    until = FRIDAY.instant + timedelta(days=5)
    grown.put(CommitmentSnoozed(cid=cid, until=until))
    assert next_follow_up(grown, START) == until


def test_it_asks_where_they_spoke_last(grown: Seen) -> None:
    remind(grown, owe(grown))
    for session in ("main", "work"):
        to = grown.put(UserMessage(content="Hello", source="cli", session=session))
        grown.put(ReplyEvent(content="Hello", to=to, route="model", model="m", finish="stop"))
    question = follow_up(grown, FRIDAY.instant + AFTER)
    assert question is not None and question.session == "work"


def test_only_a_mind_that_may_speak_first_does(mind: Seen) -> None:
    cid = owe(mind)
    remind(mind, cid)
    moment = FRIDAY.instant + AFTER
    for level in range(4):
        assert asked(mind, moment) == "" and next_follow_up(mind, moment) is None
        mind.put(StageChanged(before=level, after=level + 1, ias=0.9, gas=0.8))
    assert asked(mind, moment)
    mind.put(PolicyChanged(policy="permit.speak_first", old=True, new=False, cause="user"))
    assert asked(mind, moment) == "" and next_follow_up(mind, moment) is None


def test_what_expires_now_is_not_asked_after(grown: Seen) -> None:
    """The loop slept: the expiry comes first, and what has expired is asked after no more."""
    cid = owe(grown)
    remind(grown, cid)
    late = FRIDAY.instant + timedelta(days=4)
    (lapsed,) = decide(grown, late, EXPIRY)
    assert isinstance(lapsed, CommitmentExpired)
    grown.put(lapsed)
    assert "followed_up" not in kinds(grown, late)


def test_a_long_text_is_cut(grown: Seen) -> None:
    remind(grown, owe(grown, "word " * 300))
    question = asked(grown, FRIDAY.instant + AFTER)
    assert question.endswith("…” by Friday. How did it go?") and len(question) < 260


# -- over any history ------------------------------------------------------------------------------------------------------------------


@given(history=histories(120), waits=st.lists(st.integers(0, 400), max_size=4), alone=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_ticks_come_to_rest_and_nothing_is_due_before_the_next_due_time(history: list[Group], waits: list[int], alone: bool) -> None:
    """Whatever happened, and at S4: a few ticks, and then silence up to the very moment that was foretold, when something is due."""
    mind: Any = Seen(*(p.name for p in all_projections()))
    for event in events_of(history)[1:]:
        mind.now = event.ts
        mind.put(event)
    for level in range(4):
        mind.put(StageChanged(before=level, after=level + 1, ias=0.9, gas=0.8))
    for hours in (0, *waits):
        mind.now += timedelta(hours=hours)
        rounds = 0
        while due := decide(mind, mind.now, EXPIRY, alone=alone):
            keys = [event.key for event in due]
            assert None not in keys and len(set(keys)) == len(keys)
            for event in due:
                mind.put(event)
            rounds += 1
            assert rounds < 12
        moment = due_next(mind, mind.now, EXPIRY, alone=alone)
        if moment is None:
            assert decide(mind, mind.now + timedelta(days=4000), EXPIRY, alone=alone) == []
            continue
        assert moment > mind.now
        assert decide(mind, moment - timedelta(microseconds=1), EXPIRY, alone=alone) == []
        if not alone:  # a reflection may find that there is nothing worth saying
            assert decide(mind, moment, EXPIRY)

"""The five traits: small steps, a little a day, from outcomes; and the tone that follows late."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmm.events import (
    CommitmentClosed,
    CommitmentExpired,
    CommitmentOpened,
    ModelCalled,
    Reflection,
    TimezoneChanged,
    TraitAdjusted,
    TurnFailedEvent,
)
from pmm.projections.traits import ABOVE, BELOW, HYSTERESIS, STEPS, TRAITS, WORDS, level
from tests.histories import Group, events_of, histories
from tests.projections.folding import DUE, Folding


def mind(zone: str = "UTC") -> Folding:
    return Folding("traits", zone=zone)


def move(mind: Folding, delta: float, trait: str = "C", *, days: float = 0, evidence: int = 1) -> None:
    mind.put(TraitAdjusted(trait=trait, delta=delta, cause="test", evidence=evidence), days=days)  # type: ignore[arg-type]


# -- caps ------------------------------------------------------------------------------------------------------------------------------


def test_traits_begin_in_the_middle_and_move_as_told() -> None:
    """Each by itself; with what moved it, why, and because of which event."""
    one = mind()
    assert [getattr(one.traits, trait) for trait in TRAITS] == [0.5] * 5
    move(one, 0.02)
    move(one, -0.03, "N", evidence=2)
    assert [getattr(one.traits, trait) for trait in TRAITS] == [0.5, 0.52, 0.5, 0.5, 0.47]
    last = one.traits.history[-1]
    assert (last.event, last.trait, last.delta, last.value, last.cause, last.evidence) == (3, "N", -0.03, 0.47, "test", 2)


def test_one_move_is_at_most_a_twentieth() -> None:
    """What exceeds it is cut, up and down."""
    one = mind()
    move(one, 3.0)
    move(one, -0.4, "O")
    assert (one.traits.C, one.traits.O) == (0.55, 0.45)


def test_a_trait_moves_little_in_a_day() -> None:
    """0.15, up and down together; the next day there is room again; the others aren't touched."""
    one = mind()
    for delta in (0.05, 0.05, -0.04, 0.05):
        move(one, delta)
    assert one.traits.C == 0.57, "of the last step 0.01 was left"
    move(one, -0.05)
    assert one.traits.C == 0.57 and one.traits.history[-1].delta == 0
    move(one, 0.05, "O")
    assert one.traits.O == 0.55
    move(one, 0.05, days=1)
    assert one.traits.C == 0.62


def test_the_day_is_that_of_the_minds_zone() -> None:
    """From 9:00 UTC, 16 hours later is tomorrow in Berlin, and today in Los Angeles."""
    for zone, moves in (("Europe/Berlin", True), ("America/Los_Angeles", False)):
        one = mind(zone)
        for _ in range(3):
            move(one, 0.05)
        move(one, 0.05, days=14.5 / 24)
        assert (one.traits.C == 0.7) is moves


def test_a_clock_that_steps_back_gives_no_second_helping() -> None:
    """Yesterday was used up already."""
    one = mind()
    for days in (0, 0, 0, 1, 0, 0, -1, 0):
        move(one, 0.05, days=days)
    assert one.traits.C == 0.8


def test_what_lies_beyond_the_ends_is_not_moved_and_not_counted() -> None:
    """A trait stays from 0 to 1, and comes back at once."""
    one = mind()
    for _ in range(4):
        for n in range(3):
            move(one, 0.05, days=n == 0)
    assert one.traits.C == 1.0
    assert one.traits.history[-1].delta == 0
    move(one, -0.05)
    assert one.traits.C == 0.95


@given(history=histories(250))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_no_history_moves_a_trait_further_than_the_caps(history: list[Group]) -> None:
    """Every value from 0 to 1, every step within 0.05, every local day within 0.15, every list short."""
    one = mind(events_of(history)[0].timezone)  # type: ignore[attr-defined]
    days: dict[tuple[str, date], float] = defaultdict(float)
    for event in events_of(history)[1:]:
        before = one.traits
        one.now = event.ts
        one.put(event)
        after = one.traits
        for trait in TRAITS:
            step = abs(getattr(after, trait) - getattr(before, trait))
            assert 0 <= getattr(after, trait) <= 1 and step <= 0.05 + 1e-9
            assert not step or isinstance(event, TraitAdjusted)
            days[trait, event.ts.astimezone(ZoneInfo(after.zone)).date()] += step
        assert len(after.pending) <= 32 and len(after.history) <= 32 and len(after.days) <= 7
        assert len(after.tone) == len(set(after.tone)) == 3
    recent = {d.day for d in one.traits.days}
    assert all(moved <= 0.15 + 1e-6 for (_, day), moved in days.items() if day in recent)


# -- causes ----------------------------------------------------------------------------------------------------------------------------


def test_promises_and_failed_turns_are_causes() -> None:
    """Those of the mind, with evidence; and turns that failed by themselves."""
    one = mind()
    kept, broken, cancelled, expired = (one.promise() for _ in range(4))
    users = one.put(CommitmentOpened(owner="user", due=DUE))
    told = [
        one.put(CommitmentClosed(cid=kept, outcome="kept")),
        one.put(CommitmentClosed(cid=broken, outcome="broken", evidence=one.id)),
    ]
    one.put(CommitmentClosed(cid=cancelled, outcome="cancelled"))
    one.put(CommitmentExpired(cid=expired, reason="overdue"))
    one.put(CommitmentClosed(cid=users, outcome="kept"))
    told.append(one.put(TurnFailedEvent(to=1, reason="timeout")))
    for reason in ("cancelled", "stopped", "too_long"):
        one.put(TurnFailedEvent(to=1, reason=reason))
    assert [(c.event, c.why) for c in one.traits.pending] == list(zip(told, ("kept", "broken", "turn_failed"), strict=True))
    assert one.traits.C == 0.5, "a cause alone moves nothing"


def test_a_cause_is_pending_until_a_move_cites_it() -> None:
    """That moves the trait it is about: whoever did, and whether or not there was room."""
    one = mind()
    event = one.put(CommitmentClosed(cid=one.promise(), outcome="kept"))
    move(one, 0.02, evidence=1)
    move(one, 0.02, "O", evidence=event)
    assert [c.event for c in one.traits.pending] == [event]
    move(one, 0.02, evidence=event)
    assert one.traits.pending == ()


def test_causes_beyond_what_a_day_has_room_for_are_forgotten() -> None:
    """They aren't made up for on a quieter day."""
    one = mind()
    for _ in range(40):
        one.put(CommitmentClosed(cid=one.promise(), outcome="kept"))
        one.put(TurnFailedEvent(to=1, reason="timeout"))
    assert [c.why for c in one.traits.pending].count("kept") == 7 and [c.why for c in one.traits.pending].count("turn_failed") == 15
    for cause in one.traits.pending:
        trait, step = STEPS[cause.why]
        move(one, step, trait, evidence=cause.event)
    assert (one.traits.C, one.traits.N, one.traits.pending) == (0.64, 0.65, ())
    one.put(CommitmentClosed(cid=one.promise(), outcome="kept"))
    assert one.traits.pending == ()
    one.put(CommitmentClosed(cid=one.promise(), outcome="kept"), days=1)
    assert len(one.traits.pending) == 1


def test_failed_calls_and_reflections_of_a_model_are_causes() -> None:
    """Not a call that was refused, succeeded or was stopped; nor a reflection that only counts."""
    one = mind()
    told = [
        one.put(ModelCalled(purpose="extract", model="m", outcome="failed", error="timeout")),
        one.put(Reflection(content="I learn.", trigger="kept", action="none", model="m")),
    ]
    one.put(Reflection(content="2 kept.", trigger="kept", action="none"))
    one.put(ModelCalled(purpose="extract", model="m", outcome="failed", error="cancelled"))
    for outcome in ("ok", "invalid"):
        one.put(ModelCalled(purpose="extract", model="m", outcome=outcome))  # type: ignore[arg-type]
    assert [(c.event, c.why) for c in one.traits.pending] == list(zip(told, ("call_failed", "reflected"), strict=True))
    assert [STEPS[c.why] for c in one.traits.pending] == [("N", 0.01), ("O", 0.01)]


def test_the_day_moves_with_the_zone() -> None:
    """From 9:00 UTC, 14.5 hours later is today in UTC, and tomorrow once the mind lives in Kiritimati."""
    for zone, moves in (("UTC", False), ("Pacific/Kiritimati", True)):
        one = mind()
        for _ in range(3):
            move(one, 0.05)
        one.put(TimezoneChanged(zone=zone))
        move(one, 0.05, days=14.5 / 24)
        assert (one.traits.C == 0.7) is moves


# -- tone ------------------------------------------------------------------------------------------------------------------------------


def test_the_tone_is_three_words_of_the_most_marked_traits() -> None:
    """In the middle of everything it is plain."""
    one = mind()
    assert one.traits.plain and one.traits.tone == ("measured", "friendly", "steady")
    for n in range(5):
        move(one, 0.05, "O", days=n == 0)
        move(one, -0.05, "N")
        if n % 3 == 2:
            one.put(TurnFailedEvent(to=1, reason="x"), days=1)
    assert not one.traits.plain
    assert one.traits.tone == ("inventive", "unshakeable", "measured")


def test_a_small_move_seldom_changes_the_tone() -> None:
    """A word that came at 0.60 goes at 0.55, not at 0.58."""
    one = mind()
    tones = []
    for delta in (0.05, 0.04, 0.01, -0.02, 0.02, -0.02, -0.02, -0.01):
        move(one, delta, days=1)
        tones.append((one.traits.C, one.traits.plain))
    assert tones == [(0.55, True), (0.59, True), (0.6, False), (0.58, False), (0.6, False), (0.58, False), (0.56, False), (0.55, True)]


@given(value=st.floats(0, 1), now=st.integers(0, 4), step=st.floats(-HYSTERESIS * 0.9, HYSTERESIS * 0.9))
def test_a_word_stays_under_moves_smaller_than_the_hysteresis(value: float, now: int, step: float) -> None:
    """Once chosen, a step there and back again changes it at most once."""
    chosen = level(value, now)
    assert level(value, chosen) == chosen
    there = level(min(1.0, max(0.0, value + step)), chosen)
    back = level(value, there)
    assert level(min(1.0, max(0.0, value + step)), back) == there


def test_words_are_in_order_and_none_is_used_twice() -> None:
    """Five for each trait; thresholds lie symmetrically; without a past, the word is that of the value."""
    words = [word for trait in TRAITS for word in WORDS[trait]]
    assert len(words) == len(set(words)) == 25
    assert [level(v, 2) for v in (0.0, 0.25, 0.3, 0.4, 0.45, 0.5, 0.59, 0.6, 0.74, 0.75, 1.0)] == [0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4]
    assert pytest.approx([1 - b for b in reversed(BELOW)]) == list(ABOVE)
    assert [level(v, 0) for v in (0.29, 0.30, 0.44, 0.45)] == [0, 1, 1, 2]
    assert [level(v, 4) for v in (0.71, 0.70, 0.56, 0.55)] == [4, 3, 3, 2]

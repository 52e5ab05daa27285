"""The scores: by these formulas, from evidence alone, never outside 0 to 1."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from pmm.events import (
    CommitmentClosed,
    CommitmentEdited,
    CommitmentExpired,
    CommitmentOpened,
    CommitmentReminded,
    CommitmentReopened,
    FollowedUp,
    NameAdopted,
    Reflection,
    TurnFailedEvent,
    UserMessage,
)
from pmm.projections.metrics import MetricsProjection
from tests.histories import Group, events_of, histories
from tests.projections.folding import DUE, Folding


def mind(name: str | None = "Echo") -> Folding:
    return Folding("metrics", name=name)


def kept(mind: Folding, cid: int, evidence: int | None = None) -> None:
    mind.put(CommitmentClosed(cid=cid, outcome="kept", evidence=evidence))


def reflected(mind: Folding) -> int:
    return mind.put(Reflection(trigger="cadence", action="open_commitment"))


def actions(mind: Folding) -> tuple[float, float]:
    return mind.metrics.A, mind.metrics.B


def goals(mind: Folding) -> tuple[float, float]:
    return mind.metrics.K, mind.metrics.M


# -- IAS -------------------------------------------------------------------------------------------------------------------------------


def test_stability_is_turns_under_the_present_name() -> None:
    """0.6 n / (n + 20): nothing without a name, nothing for a turn that failed, half at twenty turns."""
    nameless = mind(None)
    nameless.turns(50)
    assert (nameless.metrics.n, nameless.metrics.ias) == (0, 0.0)
    named = mind()
    assert named.metrics.ias == 0.0
    named.turns(20)
    named.put(TurnFailedEvent(to=1, reason="timeout"))
    assert named.metrics.n == 20 and named.metrics.ias == pytest.approx(0.3)


def test_a_different_name_begins_anew_and_the_same_one_does_not() -> None:
    """The user's own name has nothing to do with it."""
    named = mind()
    named.turns(20)
    named.put(NameAdopted(whose="mind", name="Echo"))
    named.put(NameAdopted(whose="user", name="Ana"))
    assert named.metrics.n == 20
    named.put(NameAdopted(whose="mind", name="Zoë"))
    assert (named.metrics.n, named.metrics.ias, named.metrics.name) == (0, 0.0, "Zoë")


def test_own_actions_are_those_a_reflection_opened() -> None:
    """A / (B + 2): each outcome takes 5% of what was counted before; a promise made to the user is not an action of its own."""
    one = mind(None)
    kept(one, one.promise(source=1))
    assert actions(one) == (0, 0)
    kept(one, one.promise(source=reflected(one)))
    assert actions(one) == (1, 1) and one.metrics.ias == pytest.approx(0.4 / 3)
    one.put(CommitmentExpired(cid=one.promise(source=reflected(one)), reason="overdue"))
    assert actions(one) == (pytest.approx(0.95), pytest.approx(1.95))
    one.put(CommitmentExpired(cid=one.promise(due=None, source=reflected(one)), reason="lapsed"))
    assert actions(one)[1] == pytest.approx(1.95 * 0.95 + 1), "an own action that merely lapses was not carried out"


def test_an_action_needs_evidence_from_after_it() -> None:
    """What was there before it can't show that it was carried out."""
    one = mind()
    early = reflected(one)
    kept(one, one.promise(source=early), early)
    assert actions(one) == (0, 1)
    cid = one.promise(source=early)
    one.turns(1)
    kept(one, cid, one.id)
    assert one.metrics.A == 1


def test_the_next_occurrence_of_an_own_action_is_one() -> None:
    """Long after the reflection that opened the first."""
    one = mind()
    cid = one.promise(source=reflected(one))
    for _ in range(50):
        reflected(one)
        kept(one, cid)
        cid = one.put(CommitmentOpened(owner="mind", due=DUE, follows=cid))
    assert one.metrics.A == one.metrics.B > 10


# -- GAS -------------------------------------------------------------------------------------------------------------------------------


def test_promises_kept_count_and_fade() -> None:
    """K / (M + 3), 5% less of both at each outcome."""
    one = mind()
    kept(one, one.promise())
    assert goals(one) == (1, 1) and one.metrics.gas == 0.25
    one.put(CommitmentClosed(cid=one.promise(), outcome="broken"))
    assert goals(one) == (pytest.approx(0.95), pytest.approx(1.95))
    one.put(CommitmentExpired(cid=one.promise(), reason="overdue"))
    assert one.metrics.gas == pytest.approx(0.95**2 / (1.95 * 0.95 + 1 + 3))


COUNTED: dict[str, tuple[Callable[[Folding], object], float, float]] = {
    "cancelled": (lambda m: m.put(CommitmentClosed(cid=m.promise(), outcome="cancelled", evidence=m.id)), 0, 0),
    "superseded": (lambda m: m.put(CommitmentClosed(cid=m.promise(), outcome="superseded")), 0, 0),
    "undated and lapsed": (lambda m: m.put(CommitmentExpired(cid=m.promise(due=None), reason="lapsed")), 0, 0),
    "undated, kept by what came before": (lambda m: m.put(CommitmentClosed(cid=m.promise(due=None), outcome="kept", evidence=1)), 0, 0),
    "dated, kept by what came before": (lambda m: m.put(CommitmentClosed(cid=m.promise(), outcome="kept", evidence=1)), 0, 1),
    "undated, kept by the user's word": (lambda m: kept(m, m.promise(due=None)), 1, 1),
    "the user's own": (lambda m: kept(m, m.put(CommitmentOpened(owner="user", due=DUE))), 0, 0),
    "closed twice": (lambda m: [kept(m, cid) for cid in [m.promise()] * 2], 1, 1),
    "never promised": (lambda m: kept(m, 77), 0, 0),
}


@pytest.mark.parametrize("case", COUNTED)
def test_what_counts(case: str) -> None:
    """Cancelled, superseded and undated promises that merely lapse don't; nor does what is not the mind's."""
    act, k, m = COUNTED[case]
    one = mind()
    act(one)
    assert goals(one) == (k, m)


def test_a_reminder_or_a_due_time_given_later_makes_it_count() -> None:
    """And a due time taken back was one."""
    for event in (
        CommitmentReminded(cid=2, due=DUE),
        CommitmentEdited(cid=2, due=DUE),
    ):
        one = mind()
        assert one.promise(due=None) == 2
        one.put(event)
        one.put(CommitmentEdited(cid=2, clear_due=True))
        one.put(CommitmentExpired(cid=2, reason="lapsed"))
        assert goals(one) == (0, 1)


def test_each_episode_has_its_outcome() -> None:
    """Opened again, it is the mind's again; evidence must then be younger than the reopening."""
    one = mind()
    cid = one.promise()
    one.put(CommitmentExpired(cid=cid, reason="overdue"))
    one.put(CommitmentReopened(cid=cid))
    kept(one, cid, cid + 1)
    assert goals(one) == (0, pytest.approx(1.95))
    one.put(CommitmentReopened(cid=cid))
    kept(one, cid)
    assert one.metrics.K == 1
    one.put(CommitmentReopened(cid=99))
    assert one.metrics.promises.open == ()


def test_a_promise_that_no_longer_fits_is_the_oldest_undated_one() -> None:
    """128 are known; dated ones stay."""
    one = mind()
    dated, undated = one.promise(), one.promise(due=None)
    for _ in range(127):
        one.promise()
    assert len(one.metrics.promises.open) == 128
    assert one.metrics.promises.get(undated) is None and one.metrics.promises.get(dated) is not None


# -- whatever happens ------------------------------------------------------------------------------------------------------------------


@given(history=histories(300))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_scores_stay_between_nought_and_one(history: list[Group]) -> None:
    """After every event of any history; and what was kept is never more than what was counted."""
    projection = MetricsProjection()
    state = projection.initial()
    for event in events_of(history):
        if event.kind in projection.kinds:
            state = projection.apply(state, event)
            assert 0 <= state.ias <= 1 and 0 <= state.gas <= 1
            assert 0 <= state.A <= state.B <= 20 and 0 <= state.K <= state.M <= 20
            assert len(state.promises.open) <= 128 and len(state.promises.ended) <= 64 and len(state.promises.reflections) <= 32


def test_the_highest_scores_there_are_reach_the_highest_stage() -> None:
    """A thousand promises kept in a thousand turns: near the limits of the formulas, above the floors of S4."""
    one = mind()
    for _ in range(1000):
        one.turns(1)
        kept(one, one.promise(source=reflected(one)))
    assert 0.85 < one.metrics.ias < 0.6 + 0.4 * 20 / 22 and 0.75 < one.metrics.gas < 20 / 23


# -- speaking first --------------------------------------------------------------------------------------------------------------------


def asked(mind: Folding) -> int:
    return mind.put(FollowedUp(content="How did it go?", session="main"))


def answered(mind: Folding, days: float) -> None:
    mind.put(UserMessage(content="Well.", source="cli", session="main"), days=days)


@pytest.mark.parametrize(("days", "carried_out"), [(0, 1), (2.9, 1), (3, 1), (3.1, 0), (400, 0), (-2, 1)])
def test_an_unasked_message_is_carried_out_if_the_user_comes_within_three_days(days: float, carried_out: int) -> None:
    """The outcome comes with the message, never by the clock; and once."""
    one = mind()
    asked(one)
    one.turns(5)
    assert actions(one) == (0, 0)
    answered(one, days)
    assert actions(one) == (carried_out, 1) and goals(one) == (0, 0), "it is no promise"
    answered(one, 0)
    assert actions(one) == (carried_out, 1)


def test_one_that_was_never_answered_counts_when_the_next_is_asked() -> None:
    one = mind()
    asked(one)
    asked(one)
    assert actions(one) == (0, 1)
    answered(one, 1)
    assert actions(one) == (1, pytest.approx(1.95))
    assert (one.metrics.work.actions, one.metrics.work.hits) == (2, 1)


# -- the past --------------------------------------------------------------------------------------------------------------------------


def test_the_scores_of_the_past_are_those_after_each_outcome_and_every_ten_turns() -> None:
    """The latest 32."""
    one = mind()
    one.turns(25)
    first = one.promise()
    kept(one, first)
    assert [(then.ias, then.gas) for then in one.metrics.history] == [(0.2, 0.0), (0.3, 0.0), (0.3333, 0.25)]
    assert one.metrics.history[-1].event == one.id
    for _ in range(40):
        kept(one, one.promise())
    assert len(one.metrics.history) == 32


def test_a_name_taken_back_is_none() -> None:
    """And no turns count until there is one again."""
    one = mind()
    one.turns(20)
    one.put(NameAdopted(whose="mind", name=""))
    one.turns(20)
    assert (one.metrics.name, one.metrics.n, one.metrics.ias) == (None, 0, 0.0)

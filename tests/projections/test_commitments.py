"""The life of a commitment: opened, put off, changed, ended, opened again; and what no log can make of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmm.events import (
    CommitmentClosed,
    CommitmentEdited,
    CommitmentExpired,
    CommitmentOpened,
    CommitmentReminded,
    CommitmentReopened,
    CommitmentSnoozed,
    Due,
    Event,
)
from pmm.projections.commitments import CLOSED_MAX, OPEN_MAX, Commitments, CommitmentsProjection

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DUE, LATER = Due(date(2026, 3, 6), None, "Europe/Berlin"), Due(date(2026, 3, 9), None, "Europe/Berlin")
PROJECTION = CommitmentsProjection()


def numbered(events: list[Event]) -> list[Event]:
    return [msgspec.structs.replace(event, id=n, ts=NOW + timedelta(hours=n)) for n, event in enumerate(events, 1)]


def state(*events: Event) -> Commitments:
    now = PROJECTION.initial()
    for event in numbered(list(events)):
        now = PROJECTION.apply(now, event)
    return now


OPENED = CommitmentOpened(content="a", owner="mind", due=DUE, priority=1, project="p", repeat="FREQ=DAILY", source=3)


def test_a_new_one_is_in_its_first_episode() -> None:
    (known,) = state(OPENED).open
    assert (known.episode, known.snoozed_until, known.repeat, known.touched, known.changed) == (1, None, "FREQ=DAILY", known.opened, 1)


def test_an_edit_changes_what_it_names() -> None:
    (same,) = state(OPENED, CommitmentEdited(cid=1)).open
    assert (same.text, same.due, same.priority, same.project) == ("a", DUE, 1, "p")
    assert (same.touched, same.changed) == (NOW + timedelta(hours=2), 2)
    (new,) = state(OPENED, CommitmentEdited(cid=1, content="b", due=LATER, priority=0, project="")).open
    assert (new.text, new.due, new.priority, new.project, new.opened) == ("b", LATER, 0, None, NOW + timedelta(hours=1))
    assert state(OPENED, CommitmentEdited(cid=1, clear_due=True)).open[0].due is None


def test_another_due_time_is_reminded_of_anew_another_priority_is_not() -> None:
    told = CommitmentReminded(cid=1, due=DUE)
    assert state(OPENED, told).open[0].reminded == DUE
    assert state(OPENED, told, CommitmentEdited(cid=1, priority=3)).open[0].reminded == DUE
    there_and_back = (CommitmentEdited(cid=1, due=LATER), CommitmentEdited(cid=1, due=DUE))
    assert state(OPENED, told, *there_and_back).open[0].reminded is None
    assert state(OPENED, CommitmentReminded(cid=1, due=LATER)) == state(OPENED)


def test_a_snoozed_one_stays_open_and_wakes_by_the_clock() -> None:
    until = datetime(2026, 3, 3, 9, tzinfo=timezone(timedelta(hours=2)))
    (known,) = state(OPENED, CommitmentSnoozed(cid=1, until=until)).open
    assert known.snoozed_until == until and known.snoozed_until.tzinfo is UTC
    assert known.snoozed(until - timedelta(seconds=1)) and not known.snoozed(until)


def test_what_ended_can_be_named_and_opened_again_in_a_new_episode() -> None:
    ended = state(OPENED, CommitmentClosed(cid=1, outcome="kept", evidence=1, note="done"))
    (past,) = ended.closed
    assert ended.open == () and ended.kept == 1
    assert (past.commitment.text, past.outcome, past.event, past.evidence, past.note) == ("a", "kept", 2, 1, "done")
    assert past.at == NOW + timedelta(hours=2) and ended.ended(1) == past and ended.ended(2) is None
    closed = (OPENED, CommitmentReminded(cid=1, due=DUE), CommitmentClosed(cid=1, outcome="kept"), CommitmentReopened(cid=1))
    again = state(*closed)
    (known,) = again.open
    assert again.closed == () and again.kept == 0
    assert (known.episode, known.opened, known.touched, known.reminded) == (2, NOW + timedelta(hours=1), NOW + timedelta(hours=4), None)
    third = state(*closed, CommitmentExpired(cid=1, reason="lapsed"), CommitmentReopened(cid=1))
    assert third.open[0].episode == 3
    assert [c.state for c in third.changes] == ["opened", "due", "kept", "reopened", "expired", "reopened"]


def test_what_is_opened_again_takes_its_place_by_cid() -> None:
    now = state(OPENED, OPENED, CommitmentClosed(cid=1, outcome="kept"), CommitmentReopened(cid=1))
    assert [c.cid for c in now.open] == [1, 2]


def test_what_can_not_happen_changes_nothing() -> None:
    """A second close, a change of what is closed, a reopening of what is open or was never there."""
    before = state(OPENED, CommitmentClosed(cid=1, outcome="kept"))
    for event in (
        CommitmentClosed(cid=1, outcome="broken"),
        CommitmentExpired(cid=1, reason="lapsed"),
        CommitmentEdited(cid=1, content="b"),
        CommitmentSnoozed(cid=1, until=NOW),
        CommitmentReminded(cid=1, due=DUE),
        CommitmentReopened(cid=2),
        CommitmentClosed(cid=7, outcome="kept"),
    ):
        assert state(OPENED, CommitmentClosed(cid=1, outcome="kept"), event) == before
    assert state(OPENED, CommitmentReopened(cid=1)) == state(OPENED)


def test_the_next_occurrence_is_remembered() -> None:
    now = state(OPENED, CommitmentClosed(cid=1, outcome="kept"), CommitmentOpened(content="a", owner="mind", follows=1))
    assert (now.open[0].follows, now.closed[0].commitment.followed) == (1, 3)
    again = state(
        OPENED, CommitmentClosed(cid=1, outcome="kept"), CommitmentOpened(content="a", owner="mind", follows=1), CommitmentReopened(cid=1)
    )
    assert again.get(1) is not None and again.open[0].followed == 3


_cids = st.integers(1, 24)
_dues = st.none() | st.builds(Due, date=st.dates(), zone=st.sampled_from(["UTC", "Europe/Berlin"]))
_moments = st.datetimes(timezones=st.none() | st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))]))
_texts = st.sampled_from(["", "a", "b"])
ANY_EVENT: st.SearchStrategy[Event] = st.one_of(
    st.builds(CommitmentOpened, content=_texts, owner=st.sampled_from(["mind", "user"]), due=_dues, follows=st.none() | _cids),
    st.builds(
        CommitmentEdited,
        cid=_cids,
        content=_texts,
        due=_dues,
        clear_due=st.booleans(),
        priority=st.none() | st.integers(-2, 2),
        project=st.none() | _texts,
    ),
    st.builds(CommitmentSnoozed, cid=_cids, until=_moments),
    st.builds(CommitmentReminded, cid=_cids, due=_dues.filter(bool)),
    st.builds(CommitmentClosed, cid=_cids, outcome=st.sampled_from(["kept", "broken", "cancelled", "superseded"])),
    st.builds(CommitmentExpired, cid=_cids, reason=st.sampled_from(["lapsed", "overdue"])),
    st.builds(CommitmentReopened, cid=_cids),
)


def check(now: Commitments) -> dict[int, int]:
    """What always holds. Returns the episode of each that is known."""
    open_ones, ended = [c.cid for c in now.open], [e.commitment.cid for e in now.closed]
    assert open_ones == sorted(set(open_ones)) and len(set(ended)) == len(ended) and not set(open_ones) & set(ended)
    assert len(open_ones) <= OPEN_MAX and len(ended) <= CLOSED_MAX and len(now.changes) <= 16
    assert now.overflow >= 0 and now.kept >= 0 and now.opened >= len(open_ones) + len(ended)
    return {c.cid: c.episode for c in (*now.open, *(e.commitment for e in now.closed))}


@given(events=st.lists(ANY_EVENT, max_size=60), crowd=st.sampled_from([0, 0, OPEN_MAX - 2]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_the_state_holds(events: list[Event], crowd: int) -> None:
    """The fold never raises; open and ended are apart; caps hold; episodes only grow; a snapshot in the middle changes nothing."""
    now, episodes = PROJECTION.initial(), dict[int, int]()
    for event in numbered([*([CommitmentOpened(content="c", owner="user")] * crowd), *events]):
        now = PROJECTION.apply(now, event)
        seen = check(now)
        assert all(seen[cid] in (episode, episode + 1) for cid, episode in episodes.items() if cid in seen)
        episodes |= seen
    saved = resumed(PROJECTION.initial())
    for event in numbered([*([CommitmentOpened(content="c", owner="user")] * crowd), *events]):
        saved = resumed(PROJECTION.apply(saved, event)) if event.id % 7 == 0 else PROJECTION.apply(saved, event)
    assert encoded(saved) == encoded(now)


def resumed(now: Commitments) -> Any:
    """As a snapshot gives it back."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(now), type=Commitments)


def encoded(now: Commitments) -> bytes:
    return msgspec.json.encode(now, order="deterministic")

"""Commitments through the front door: edited, put off, opened again, repeated, and kept in time by ticks and turns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmm import InvalidInput, Mind
from pmm.agent.tick import due_now, next_due
from pmm.events import CommitmentClosed, CommitmentOpened, Due
from pmm.projections.commitments import Commitment, Commitments
from pmm.testing import ScriptedModel, SimulatedClock
from pmm.views import View

Open = Callable[..., Mind]
HOUR = 3600


def did(mind: Mind) -> list[tuple[str, int]]:
    """What a tick does: kinds and ids of commitments."""
    return [(e.kind.removeprefix("commitment_"), getattr(e, "cid", e.id)) for e in mind.tick()]


def header(model: ScriptedModel) -> str:
    return model.prompts[-1][-1]["content"]


# -- changing ------------------------------------------------------------------------------------------------------------------------


def test_an_edit_changes_what_it_is_given(open_mind: Open) -> None:
    mind = open_mind()
    cid = mind.commit("call Ana", due="2026-03-06", project="boat")
    mind.edit_commitment(cid, text="call  Ana and Ben", priority=3)
    known = mind.view().commitments.get(cid)
    assert known is not None and (known.text, str(known.due), known.priority, known.project) == (
        "call Ana and Ben",
        "2026-03-06",
        3,
        "boat",
    )
    mind.edit_commitment(cid, due=datetime(2026, 3, 7, 12), project="")
    known = mind.view().commitments.get(cid)
    assert known is not None and (str(known.due), known.project) == ("2026-03-07T12:00", None)
    mind.edit_commitment(cid, due=None)
    assert mind.view().commitments.open[0].due is None
    head = mind.log.head
    mind.edit_commitment(cid, text="call Ana and Ben", due=None, priority=3, project="")
    mind.edit_commitment(cid)
    assert mind.log.head == head, "an edit that changes nothing is no event"


def test_what_can_not_be_done_is_refused(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind()
    cid, other = mind.commit("call Ana"), mind.commit("call Ben")
    ended = mind.commit("call Zoe")
    mind.close_commitment(ended)
    later, head = clock.now() + timedelta(days=1), mind.log.head
    for refused in (
        lambda: mind.edit_commitment(ended, priority=1),
        lambda: mind.edit_commitment(99, priority=1),
        lambda: mind.edit_commitment(cid, text="  "),
        lambda: mind.edit_commitment(other, text="Call Ana."),
        lambda: mind.edit_commitment(cid, due="soon"),
        lambda: mind.edit_commitment(cid, priority="high"),  # type: ignore[arg-type]
        lambda: mind.edit_commitment(cid, project=7),  # type: ignore[arg-type]
        lambda: mind.snooze_commitment(ended, later),
        lambda: mind.snooze_commitment(cid, clock.now()),
        lambda: mind.snooze_commitment(cid, datetime(2020, 1, 1)),
        lambda: mind.snooze_commitment(cid, datetime.max),
        lambda: mind.snooze_commitment(cid, "tomorrow"),  # type: ignore[arg-type]
        lambda: mind.reopen_commitment(cid),
        lambda: mind.reopen_commitment(99),
        lambda: mind.commit("x", repeat="every day"),
        lambda: mind.commit("x", repeat=7),  # type: ignore[arg-type]
        lambda: mind.commit("x", repeat="FREQ=DAILY;UNTIL=20200101"),
        lambda: mind.commit("x", priority=True),
    ):
        with pytest.raises(InvalidInput):
            refused()
    assert mind.log.head == head


def test_what_ended_is_opened_again_and_counts_from_then(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind()
    cid = mind.commit("read the book")
    clock.advance(73 * HOUR)
    assert did(mind) == [("expired", cid)]
    mind.reopen_commitment(cid, "still wanted")
    known = mind.view().commitments.get(cid)
    assert known is not None and known.episode == 2
    clock.advance(71 * HOUR)
    assert did(mind) == []
    clock.advance(2 * HOUR)
    assert did(mind) == [("expired", cid)], "the second time too"


def test_one_that_was_late_is_reminded_of_again_when_it_is_opened_again(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind()
    cid = mind.commit("call Ana", due="2026-03-02T12:00")
    clock.advance(80 * HOUR)
    assert did(mind) == [("reminded", cid)]
    assert did(mind) == [("expired", cid)]
    mind.reopen_commitment(cid)
    assert did(mind) == [("reminded", cid)]
    assert did(mind) == []
    clock.advance(71 * HOUR)
    assert did(mind) == []
    clock.advance(2 * HOUR)
    assert did(mind) == [("expired", cid)]


# -- putting off ---------------------------------------------------------------------------------------------------------------------


def test_a_snoozed_one_sleeps_until_then(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind()
    dated, undated = mind.commit("call Ana", due="2026-03-02T12:00"), mind.commit("read the book")
    until = clock.now() + timedelta(hours=100)
    for cid in (dated, undated):
        mind.snooze_commitment(cid, until)
    expiry = timedelta(hours=72)
    assert next_due(mind.view(), expiry) == until
    clock.advance(99 * HOUR)
    assert did(mind) == []
    clock.advance(HOUR)
    assert did(mind) == [("reminded", dated)] and did(mind) == []
    assert {c.cid for c in mind.view().commitments.open} == {dated, undated}
    clock.advance(72 * HOUR)
    assert did(mind) == [("expired", dated), ("expired", undated)]
    assert next_due(mind.view(), expiry) is None


def test_a_naive_snooze_is_told_in_the_minds_zone(open_mind: Open) -> None:
    mind = open_mind()
    cid = mind.commit("call Ana")
    mind.snooze_commitment(cid, datetime(2026, 3, 29, 2, 30))  # a time that Berlin doesn't have that day
    assert mind.view().commitments.open[0].snoozed_until == datetime(2026, 3, 29, 1, tzinfo=UTC)
    head = mind.log.head
    mind.snooze_commitment(cid, datetime(2026, 3, 29, 1, tzinfo=UTC))
    assert mind.log.head == head


# -- repeating -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("outcome", "following"), [("kept", 1), ("broken", 1), ("cancelled", 0), ("superseded", 0)])
def test_closing_one_occurrence_opens_the_next_unless_the_series_ends(open_mind: Open, outcome: Any, following: int) -> None:
    mind = open_mind()
    cid = mind.commit("file the report", due="2026-03-02T12:00", repeat="freq=weekly;byday=mo", priority=2, project="work", owner="user")
    mind.close_commitment(cid, outcome)
    state = mind.view().commitments
    assert len(state.open) == following
    for c in state.open:
        assert (c.text, c.owner, str(c.due), c.repeat) == ("file the report", "user", "2026-03-09T12:00", "FREQ=WEEKLY;BYDAY=MO")
        assert (c.priority, c.project, c.follows) == (2, "work", cid)
        assert mind.log.by_key(f"repeat:{cid}") is not None


def test_a_repeat_without_a_day_begins_on_its_first_one(open_mind: Open) -> None:
    mind = open_mind()
    mind.commit("water the plants", repeat="FREQ=DAILY")
    mind.commit("file the report", repeat="FREQ=WEEKLY;BYDAY=FR")
    assert [str(c.due) for c in mind.view().commitments.open] == ["2026-03-02", "2026-03-06"]


def test_an_occurrence_that_is_opened_and_closed_again_has_one_next(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind()
    cid = mind.commit("water the plants", repeat="FREQ=DAILY")
    mind.close_commitment(cid)
    mind.reopen_commitment(cid, "not all of them")
    mind.edit_commitment(cid, text="water all the plants")
    clock.advance(30 * HOUR)
    mind.close_commitment(cid, "broken")
    assert [c.follows for c in mind.view().commitments.open] == [cid]
    assert len(mind.log.by_kind("commitment_opened")) == 2


def test_one_that_expires_is_followed_by_the_next_that_is_still_to_come(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind()
    cid = mind.commit("file the report", due="2026-03-02T12:00", repeat="FREQ=DAILY;COUNT=9")
    clock.advance(3 * HOUR)
    assert did(mind) == [("reminded", cid)]
    clock.advance(72 * HOUR)
    done = mind.tick()
    assert [e.kind for e in done] == ["commitment_expired", "commitment_opened"]
    assert isinstance(done[1], CommitmentOpened) and (str(done[1].due), done[1].repeat) == ("2026-03-06T12:00", "FREQ=DAILY;COUNT=5")
    assert mind.tick() == []


def test_a_message_that_closes_one_opens_the_next_and_the_next_prompt_says_so(open_mind: Open, clock: SimulatedClock) -> None:
    model = ScriptedModel(["Fine."])
    mind = open_mind(model)
    mind.handle_user("Remind me to water the plants every day")
    (first,) = mind.view().commitments.open
    assert (first.text, first.repeat) == ("water the plants", "FREQ=DAILY")
    assert "and it repeats" in header(model)
    said = mind.handle_user("I have watered the plants")
    closed = mind.log.by_kind("commitment_closed")[-1]
    assert isinstance(closed, CommitmentClosed)
    assert (closed.cid, closed.outcome, closed.evidence) == (first.cid, "kept", said.user_event)
    assert f"closes commitment #{first.cid}: kept; its next occurrence opens, due 2026-03-03." in header(model)
    (second,) = mind.view().commitments.open
    assert (second.source, second.follows, str(second.due)) == (first.source, first.cid, "2026-03-03")
    mind.handle_user("and what else is new, then?")
    assert f"Commitment #{second.cid} is now open (due 2026-03-03, repeats)." in header(model)
    assert f"commitment #{second.cid} · mind · due 2026-03-03 · repeats: water the plants" in header(model)


def test_a_turn_gives_way_to_a_next_occurrence_that_is_there_already(open_mind: Open, clock: SimulatedClock) -> None:
    """Another process closed it, in its own words, while the model was speaking."""
    mind = open_mind(ScriptedModel([["One ", "two"]]))
    mind.handle_user("Remind me to water the plants every day")
    (first,) = mind.view().commitments.open
    stream = mind.handle_user_streaming("I have watered the plants")
    next(stream)
    mind.edit_commitment(first.cid, text="water all the plants")
    mind.close_commitment(first.cid, "broken")
    assert list(stream) == ["two"] and stream.reply is not None
    assert [c.text for c in mind.view().commitments.open] == ["water all the plants"]
    assert mind.view().commitments.closed[-1].outcome == "broken"


def test_a_turn_does_not_revive_a_series_that_was_ended_meanwhile(open_mind: Open) -> None:
    mind = open_mind(ScriptedModel([["One ", "two"]]))
    mind.handle_user("Remind me to water the plants every day")
    stream = mind.handle_user_streaming("I have watered the plants")
    next(stream)
    mind.close_commitment(mind.view().commitments.open[0].cid, "cancelled")
    assert list(stream) == ["two"]
    assert mind.view().commitments.open == () and mind.view().commitments.kept == 0


# -- what the model is told ----------------------------------------------------------------------------------------------------------


def test_changes_are_told_in_the_next_turn(open_mind: Open, clock: SimulatedClock) -> None:
    model = ScriptedModel(["Fine."])
    mind = open_mind(model)
    cid, other = mind.commit("call Ana"), mind.commit("call Ben")
    mind.handle_user("good morning to you all")
    mind.snooze_commitment(cid, datetime(2026, 3, 4, 9))
    mind.edit_commitment(other, due="2026-03-06")
    mind.handle_user("let us see what is up")
    assert f"Commitment #{cid} is snoozed until 2026-03-04 09:00." in header(model)
    assert f"Commitment #{other} is changed (due 2026-03-06)." in header(model)
    assert f"commitment #{cid} · mind · snoozed until 2026-03-04 09:00: call Ana" in header(model)
    mind.close_commitment(cid)
    mind.reopen_commitment(cid)
    mind.handle_user("and now, what has changed?")
    assert f"Commitment #{cid} is open again." in header(model)


def test_the_opening_shows_the_snoozed_ones_last(open_mind: Open) -> None:
    model = ScriptedModel(["Fine."])
    mind = open_mind(model)
    late = mind.commit("call Ana", due="2026-03-03")
    mind.snooze_commitment(late, datetime(2026, 3, 9))
    soon = mind.commit("call Ben", due="2026-03-05")
    mind.handle_user("good morning to you all")
    opening = model.prompts[-1][0]["content"]
    assert 0 < opening.index(f"commitment #{soon}") < opening.index(f"commitment #{late}")
    assert "snoozed until 2026-03-09 00:00: call Ana" in opening


# -- the clock -----------------------------------------------------------------------------------------------------------------------

_BASE = datetime(2026, 3, 2, 9, tzinfo=UTC)
_times = st.integers(-200, 200).map(lambda hours: _BASE + timedelta(hours=hours))
_dues = st.none() | _times.map(lambda moment: Due.at(moment, "Europe/Berlin"))
_owed = st.builds(
    Commitment,
    cid=st.integers(1, 9),
    text=st.just("x"),
    owner=st.just("mind"),
    opened=_times,
    touched=_times,
    changed=st.integers(1, 99),
    due=_dues,
    reminded=_dues,
    repeat=st.sampled_from([None, "FREQ=DAILY", "nonsense"]),
    snoozed_until=st.none() | _times,
)


class _Fixed:
    """A projection of a View whose state is given."""

    def freeze(self, state: Any) -> Any:
        return state


@given(owed=st.lists(_owed, max_size=4, unique_by=lambda c: c.cid), late=st.integers(0, 300))
@settings(max_examples=200, deadline=None)
def test_nothing_is_due_before_the_next_due_time_and_something_is_from_then_on(owed: list[Commitment], late: int) -> None:
    owed = [msgspec.structs.replace(c, reminded=c.due) if c.reminded is not None else c for c in owed]
    fixed: Any = _Fixed()
    view = View(1, {"commitments": fixed, "identity": fixed}, {"commitments": Commitments(open=tuple(owed)), "identity": _Zone()})
    moment, expiry = next_due(view, timedelta(hours=72)), timedelta(hours=72)
    if moment is None:
        assert not owed and due_now(view, _BASE, expiry) == []
    else:
        assert due_now(view, moment - timedelta(microseconds=1), expiry) == []
        assert due_now(view, moment + timedelta(hours=late), expiry)


class _Zone:
    zone = "Europe/Berlin"


@given(steps=st.lists(st.tuples(st.sampled_from("cekbxsrtd"), st.integers(0, 5), st.integers(0, 90)), max_size=25))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_is_asked_ticks_come_to_rest_and_replay_agrees(tmp_path_factory: pytest.TempPathFactory, steps: list[Any]) -> None:
    """Any sequence of commands and days: each tick ends, the next one has nothing to do but what follows, and replay gives the state."""
    clock, path = SimulatedClock("2026-03-27T09:00:00+00:00"), tmp_path_factory.mktemp("m") / "a.db"
    made: dict[str, Callable[[Mind, int, int], Any]] = {
        "c": lambda m, n, h: m.commit(f"task {n}", due=m.now + timedelta(hours=h)),
        "r": lambda m, n, h: m.commit(f"task {n}", repeat=("FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SU,MO", "FREQ=MONTHLY;COUNT=2")[n % 3]),
        "e": lambda m, n, h: m.edit_commitment(_pick(m, n), due=m.now + timedelta(hours=h - 40)),
        "k": lambda m, n, h: m.close_commitment(_pick(m, n), "kept"),
        "b": lambda m, n, h: m.close_commitment(_pick(m, n), "broken"),
        "x": lambda m, n, h: m.close_commitment(_pick(m, n), "cancelled"),
        "s": lambda m, n, h: m.snooze_commitment(_pick(m, n), m.now + timedelta(hours=h)),
        "t": lambda m, n, h: clock.advance(h * HOUR),
        "d": lambda m, n, h: m.reopen_commitment([e.commitment.cid for e in m.view().commitments.closed][n]),
    }
    with Mind.open(path, model="offline", clock=clock, settings={"zone": "Europe/Berlin", "synchronous": "NORMAL"}) as mind:
        for what, n, hours in steps:
            try:
                made[what](mind, n, hours)
            except (InvalidInput, IndexError):
                pass
            rounds = 0
            while mind.tick():
                rounds += 1
                assert rounds < 5
        before = mind.view().digest()
        follows = [c.follows for c in mind.log.by_kind("commitment_opened") if isinstance(c, CommitmentOpened) and c.follows]
        assert len(follows) == len(set(follows))
        from pmm.storage.snapshots import Snapshots
        from pmm.views import Views

        Snapshots(mind._log).drop()
        assert Views(mind._log, Snapshots(mind._log)).at_head().digest() == before


def _pick(mind: Mind, n: int) -> int:
    return mind.view().commitments.open[n].cid


def test_an_idle_tick_costs_the_same_however_much_is_owed(open_mind: Open) -> None:
    mind = open_mind()
    for n in range(128):
        mind.commit(f"task {n}", due=f"2026-04-{n % 28 + 1:02}")
    mind.tick()
    fastest = min(_seconds(mind.tick) for _ in range(200))
    assert fastest < 0.0005  # about 0.01 ms; the bound leaves room for a busy machine


def _seconds(call: Callable[[], Any]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def test_two_minds_on_one_file_open_the_next_one_once(tmp_path: Path) -> None:
    clock = SimulatedClock("2026-03-02T09:00:00+00:00")
    given_ = {"zone": "Europe/Berlin", "synchronous": "NORMAL"}
    with Mind.open(tmp_path / "a.db", model="offline", clock=clock, settings=given_) as one:
        cid = one.commit("water the plants", repeat="FREQ=DAILY")
        with Mind.open(tmp_path / "a.db", model="offline", clock=clock, settings=given_) as two:
            clock.advance(200 * HOUR)
            for mind in (one, two, one, two, one):
                mind.tick()
            assert [c.follows for c in two.view().commitments.open] == [cid]

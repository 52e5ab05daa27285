"""The loop that acts by itself: on time, once, between turns, and at no cost while nothing is due."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pmm import Mind, MindClosed
from pmm.agent.follow import AFTER
from pmm.agent.tick import decide
from pmm.events import CommitmentReminded, Event, FollowedUp, StageChanged
from pmm.testing import ScriptedModel, SimulatedClock

Open = Callable[..., Mind]
HOUR = 3600
FAR = 3600.0
"""a heartbeat that never comes within a test"""


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait for another thread or process."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it never happened"
        time.sleep(0.005)


def kinds(mind: Mind, since: int = 1) -> list[str]:
    return [event.kind for event in mind.log.since(since)]


def ready(mind: Mind) -> None:
    """It is idle, and does the mind's background work: the loop of one that doesn't waits a heartbeat for the one that may."""
    assert mind.wait_idle(30)
    until(lambda: mind._background.works)


def started(mind: Mind, heard: list[Event] | None = None) -> Mind:
    """Its loop runs, and does the mind's work."""
    ready(mind)
    mind.start_loop(None if heard is None else heard.append)
    return mind


def loops() -> int:
    return sum(thread.name == "pmm-loop" for thread in threading.enumerate())


# -- on time -------------------------------------------------------------------------------------------------------------------------


def test_it_acts_when_something_falls_due_and_tells_of_it(open_mind: Open, clock: SimulatedClock) -> None:
    heard: list[Event] = []
    mind = started(open_mind(heartbeat_s=FAR), heard)
    cid = mind.commit("call Ana", due="2026-03-02T12:00")
    clock.advance(2 * HOUR - 1)
    time.sleep(0.05)
    assert heard == [] and mind.log.head[0] == cid
    clock.advance(1)
    until(lambda: heard)
    (reminded,) = heard
    assert isinstance(reminded, CommitmentReminded) and (reminded.cid, reminded.ts) == (cid, datetime(2026, 3, 2, 11, tzinfo=UTC))
    clock.advance(80 * HOUR)
    until(lambda: len(heard) == 2)
    assert heard[1].kind == "commitment_expired" and heard[1].content == "call Ana"


def test_what_is_overdue_when_it_starts_is_done_at_once(open_mind: Open, clock: SimulatedClock) -> None:
    heard: list[Event] = []
    mind = open_mind(heartbeat_s=FAR)
    mind.commit("call Ana", due="2026-03-02T12:00")
    clock.advance(50 * HOUR)
    started(mind, heard)
    until(lambda: heard)


def test_opening_a_mind_starts_no_loop(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind(heartbeat_s=0.01)
    mind.commit("call Ana", due="2026-03-02T12:00")
    clock.advance(50 * HOUR)
    assert loops() == 0
    time.sleep(0.05)
    assert kinds(mind) == ["commitment_opened"]


def test_stopped_it_does_nothing_more_and_can_start_again(open_mind: Open, clock: SimulatedClock) -> None:
    heard: list[Event] = []
    mind = started(open_mind(heartbeat_s=0.01), heard)
    mind.stop_loop()
    assert loops() == 0
    mind.commit("call Ana", due="2026-03-02T12:00")
    clock.advance(50 * HOUR)
    time.sleep(0.05)
    assert heard == []
    ready(mind)
    mind.start_loop(heard.append)
    mind.start_loop(heard.append)
    until(lambda: heard)
    time.sleep(0.05)
    assert len(heard) == 1 and loops() == 1
    mind.close()
    assert loops() == 0
    with pytest.raises(MindClosed):
        mind.start_loop()


def test_it_can_be_stopped_and_closed_from_what_it_tells(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind(heartbeat_s=FAR)
    mind.commit("call Ana", due="2026-03-02T12:00")
    clock.advance(50 * HOUR)
    ready(mind)
    mind.start_loop(lambda event: mind.close())
    until(lambda: loops() == 0)


def test_a_listener_that_fails_stops_nothing(open_mind: Open, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    mind = open_mind(heartbeat_s=FAR)
    ready(mind)
    mind.start_loop(lambda event: 1 / 0)
    mind.commit("call Ana", due="2026-03-02T12:00")
    clock.advance(50 * HOUR)
    until(lambda: len(told) == 1)
    clock.advance(80 * HOUR)
    until(lambda: len(told) == 2)
    assert told[0].exc_type is ZeroDivisionError


def test_a_clock_that_was_set_is_noticed_within_a_heartbeat(open_mind: Open) -> None:
    """A machine that slept: no timer rings, but the time has come."""

    class Jumping(SimulatedClock):
        def advance(self, seconds: float) -> None:
            self._now += timedelta(seconds=seconds)  # and nobody is woken

    heard: list[Event] = []
    clock = Jumping("2026-03-02T09:00:00+00:00")
    mind = open_mind(heartbeat_s=0.02)
    path = mind.log.path  # type: ignore[attr-defined]
    mind.close()
    with Mind.open(path, model=ScriptedModel(["."]), clock=clock, settings={"heartbeat_s": 0.02}) as mind:
        mind.commit("call Ana", due="2026-03-02T12:00")
        started(mind, heard)
        clock.advance(50 * HOUR)
        until(lambda: heard)


# -- between turns -------------------------------------------------------------------------------------------------------------------


def test_it_waits_for_a_turn_to_end_so_that_the_next_one_tells_of_it(open_mind: Open, clock: SimulatedClock) -> None:
    model = ScriptedModel([["Once ", "upon ", "a time."], "Fine."])
    heard: list[Event] = []
    mind = started(open_mind(model, heartbeat_s=0.01), heard)
    cid = mind.commit("call Ana", due="2026-03-02T12:00")
    stream = mind.handle_user_streaming("tell me something nice about foxes")
    next(stream)
    clock.advance(3 * HOUR)
    time.sleep(0.1)
    assert heard == []
    list(stream)
    until(lambda: heard)
    mind.handle_user("and what else is there?")
    assert f"Commitment #{cid} is due (due 2026-03-02T12:00)." in model.prompts[-1][-1]["content"]


def test_turns_and_commands_go_on_beside_it(open_mind: Open, clock: SimulatedClock) -> None:
    """Twenty turns, each with a commitment that falls due meanwhile: every one is reminded of exactly once."""
    mind = started(open_mind(ScriptedModel(["Fine."]), heartbeat_s=0.005))
    for n in range(20):
        mind.commit(f"task {n}", due=clock.now() + timedelta(seconds=30))
        mind.handle_user(f"this is message number {n}, nothing special")
        clock.advance(61)
    until(lambda: len(mind.log.by_kind("commitment_reminded")) == 20)
    assert mind.log.verify().ok


# -- once ------------------------------------------------------------------------------------------------------------------------------


def test_two_loops_on_one_file_do_everything_once_and_both_tell_of_it(open_mind: Open, clock: SimulatedClock) -> None:
    here: list[Event] = []
    there: list[Event] = []
    one = started(open_mind(heartbeat_s=0.02), here)
    two = open_mind(heartbeat_s=0.02)
    two.start_loop(there.append)
    for n in range(5):
        (one, two)[n % 2].commit(f"task {n}", due=clock.now() + timedelta(minutes=n + 1), repeat="FREQ=DAILY")
    clock.advance(HOUR)
    until(lambda: len(here) == len(there) == 5)
    clock.advance(30 * 24 * HOUR)
    until(lambda: len(here) == len(there) == 10)
    time.sleep(0.1)
    assert [e.id for e in here] == [e.id for e in there]
    keys = [e.key for e in one.log.since(1) if e.key]
    assert len(keys) == len(set(keys))


def test_it_acts_a_heartbeat_later_where_the_one_who_works_has_no_loop(open_mind: Open, clock: SimulatedClock) -> None:
    """A script may have the mind open, and hold the worker lock, for days."""
    heard: list[Event] = []
    idle = open_mind()
    ready(idle)
    mind = open_mind(heartbeat_s=60.0)
    mind.start_loop(heard.append)
    mind.commit("call Ana", due="2026-03-02T12:00")
    clock.advance(3 * HOUR)
    time.sleep(0.1)
    assert heard == []
    clock.advance(60)
    until(lambda: heard)


OTHER = """
import sys
from pmm import Mind
with Mind.open(sys.argv[1], model="offline", settings={"heartbeat_s": 0.02}) as mind:
    mind.start_loop()
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_loops_of_two_processes_do_everything_once(tmp_path: Path) -> None:
    """On a real clock; the other process is killed in the end."""
    path = tmp_path / "a.db"
    heard: list[Event] = []
    with Mind.open(path, model="offline", settings={"heartbeat_s": 0.02}) as mind:
        with subprocess.Popen([sys.executable, "-c", OTHER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None and other.stdout.readline() == b"ready\n"
            mind.start_loop(heard.append)
            for n in range(10):
                mind.commit(f"task {n}", due=datetime.now(UTC) + timedelta(seconds=-n))
            until(lambda: len(heard) == 10)
            time.sleep(0.2)
            other.kill()
        assert len(mind.log.by_kind("commitment_reminded")) == 10
        assert mind.log.verify().ok


# -- at no cost ------------------------------------------------------------------------------------------------------------------------


def test_an_idle_loop_reads_nothing(open_mind: Open, clock: SimulatedClock) -> None:
    model = ScriptedModel(["Fine."])
    mind = open_mind(model, heartbeat_s=0.005)
    mind.handle_user("good morning to you all")
    mind.commit("call Ana", due="2026-04-02")
    while mind.tick():
        pass
    ready(mind)
    head = mind.log.head
    started(mind)
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "pmm-loop")
    counts = mind._log.counts.by_thread[thread.ident or 0]

    def nothing_was_read() -> bool:
        before = list(counts)  # statements, rows, whole reads, events, commits
        time.sleep(0.3)
        return counts == before

    until(nothing_was_read)
    assert mind.log.head == head and len(model.prompts) == 1


def test_one_tick_is_one_commit(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind()
    for n in range(50):
        mind.commit(f"task {n}", due="2026-03-02T12:00")
    clock.advance(3 * HOUR)
    counts = mind._log.counts.by_thread[threading.get_ident()]
    before = list(counts)
    assert len(mind.tick()) == 50
    _, rows, full_reads, appended, _ = (now - then for now, then in zip(counts, before, strict=True))
    assert full_reads == 0 and appended == 50 and rows <= 60


@pytest.mark.parametrize("helps", [False, True])
def test_it_reflects_by_itself_only_where_no_model_does(open_mind: Open, clock: SimulatedClock, helps: bool) -> None:
    model = ScriptedModel(["Fine."], background=["{}"] if helps else None)
    mind = open_mind(model, heartbeat_s=FAR, think_quiet_s=1e6, think_turns=1000)
    started(mind)
    for text in ("good morning to you all", "From now on, answer in French.", "and what else is new?"):
        mind.handle_user(text)
    clock.advance(200)
    if helps:
        time.sleep(0.1)
        assert mind.log.by_kind("reflection") == []
    else:
        until(lambda: mind.log.by_kind("reflection"))
        assert [e.kind for e in mind.tick()] == [] and mind.log.by_kind("model_called") == []


# -- speaking first --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def grown(open_mind: Open) -> tuple[Mind, ScriptedModel]:
    """A mind at S4, and its model."""
    model = ScriptedModel(["Fine."])
    mind = open_mind(model, heartbeat_s=FAR)
    mind._log.append([StageChanged(before=n, after=n + 1, ias=0.9, gas=0.8) for n in range(4)])
    return mind, model


def test_it_asks_once_and_the_next_prompt_knows_that_it_did(grown: tuple[Mind, ScriptedModel], clock: SimulatedClock) -> None:
    mind, model = grown
    heard: list[Event] = []
    mind.handle_user("good morning to you all", session="work")
    cid = mind.commit("call Ana", due="2026-03-02T12:00", owner="user")
    started(mind, heard)
    clock.advance(2 * HOUR)
    until(lambda: heard)
    clock.advance(AFTER.total_seconds())
    until(lambda: len(heard) == 2)
    question = heard[1]
    assert isinstance(question, FollowedUp) and (question.about, question.session) == (cid, "work")
    assert question.content == "You wanted to “call Ana” by Monday. How did it go?"
    for session in ("work", "elsewhere"):
        mind.handle_user("oh, that went well enough", session=session)
        header = model.prompts[-1][-1]["content"]
        first = session == "work"
        assert (f"You spoke first, unasked (#{question.id}, about commitment #{cid})." in header) is first
        assert (f"#{question.id} · you, unasked: {question.content}" in header) is first


def test_a_session_that_begins_after_the_question_is_told_too(grown: tuple[Mind, ScriptedModel], clock: SimulatedClock) -> None:
    mind, model = grown
    mind.commit("call Ana", due="2026-03-02T12:00", owner="user")
    clock.advance(2 * HOUR)
    mind.tick()
    clock.advance(AFTER.total_seconds())
    (question,) = mind.tick()
    mind.handle_user("good morning to you all", session="new", record=False)
    mind.handle_user("good morning to you all", session="new")
    for prompt in model.prompts[-2:]:
        assert f"You spoke first, unasked (#{question.id}" in prompt[-1]["content"]


def test_a_month_of_silence_is_one_question(grown: tuple[Mind, ScriptedModel], clock: SimulatedClock) -> None:
    mind, model = grown
    for n in range(5):
        mind.commit(f"task {n}", due=f"2026-03-0{n + 3}", owner="user")
    for _ in range(24 * 30):
        clock.advance(HOUR)
        while mind.tick():
            pass
    assert len(mind.log.by_kind("followed_up")) == 1 and model.prompts == []
    assert decide(mind.view(), clock.now(), timedelta(hours=72)) == []

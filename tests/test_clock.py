"""Clocks and randomness: the real ones, and the clock that moves only when told."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pmm.clock import Clock, Ids, SimulatedClock, stopwatch


def test_the_real_clock_is_aware_and_in_utc() -> None:
    """Now, give or take."""
    now = Clock().now()
    assert now.utcoffset() == timedelta(0) and abs(now - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    "start",
    [
        "2026-03-02T09:00:00+00:00",
        "2026-03-02T09:00:00",
        "2026-03-02T11:00:00+02:00",
        datetime(2026, 3, 2, 9, tzinfo=UTC),
        datetime(2026, 3, 2, 9),
        datetime(2026, 3, 2, 4, tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_a_simulated_clock_starts_where_it_is_told(start: datetime | str) -> None:
    """Text or datetime, with a zone or in UTC; it doesn't move by itself."""
    clock = SimulatedClock(start)
    assert clock.now() == clock.now() == datetime(2026, 3, 2, 9, tzinfo=UTC) and clock.now().utcoffset() == timedelta(0)


def test_a_simulated_clock_moves_as_told() -> None:
    """On, back, and by fractions."""
    clock = SimulatedClock("2026-03-02T09:00:00+00:00")
    for seconds in (60, 0.000001, -3600):
        clock.advance(seconds)
    assert clock.now() == datetime(2026, 3, 2, 8, 1, 0, 1, tzinfo=UTC)


class Waiter:
    """A thread that waits on a clock, counting how often it came back."""

    def __init__(self, clock: Clock, until: datetime | None, at_most_s: float | None = None) -> None:
        self.condition = threading.Condition()
        self.returned = threading.Event()
        self.inside = threading.Event()

        def wait() -> None:
            with self.condition:
                self.inside.set()
                clock.wait(self.condition, until, at_most_s)
            self.returned.set()

        self.thread = threading.Thread(target=wait)
        self.thread.start()
        assert self.inside.wait(30)

    def end(self) -> None:
        with self.condition:
            self.condition.notify_all()
        self.thread.join(30)
        assert not self.thread.is_alive()


@pytest.mark.parametrize("clock", [Clock(), SimulatedClock("2026-03-02T09:00:00+00:00")], ids=["real", "simulated"])
def test_a_wait_ends_when_notified_or_when_told_to(clock: Clock) -> None:
    """By a notification, by the real seconds given, and at once for a time that has come."""
    for until in (None, clock.now() + timedelta(days=400_000), datetime.max.replace(tzinfo=UTC)):
        waiter = Waiter(clock, until)
        assert not waiter.returned.wait(0.02)
        waiter.end()
        brief = Waiter(clock, until, 0.02)
        assert brief.returned.wait(30)
        brief.end()
    for until in (clock.now(), clock.now() - timedelta(days=1)):
        waiter = Waiter(clock, until)
        assert waiter.returned.wait(30)
        waiter.end()


def test_the_real_clock_waits_until_the_time() -> None:
    """Not before it."""
    clock = Clock()
    start = time.monotonic()
    waiter = Waiter(clock, clock.now() + timedelta(seconds=0.1))
    assert waiter.returned.wait(30) and time.monotonic() - start >= 0.08
    waiter.end()


def test_a_simulated_wait_ends_when_the_clock_gets_there() -> None:
    """Real time passing ends nothing; a move short of it may wake the waiter, who looks again."""
    clock = SimulatedClock("2026-03-02T09:00:00+00:00")
    waiter = Waiter(clock, clock.now() + timedelta(hours=1))
    assert not waiter.returned.wait(0.05)
    clock.advance(3600)
    assert waiter.returned.wait(30)
    waiter.end()


def test_no_advance_is_missed_by_those_who_wait() -> None:
    """Moves and waits in any order, thousands of times: a waiter whose time has come is never left asleep."""
    clock = SimulatedClock("2026-03-02T09:00:00+00:00")
    rounds, condition = 2000, threading.Condition()
    reached = 0

    def follow() -> None:
        nonlocal reached
        for n in range(1, rounds + 1):
            until = start + timedelta(seconds=n)
            with condition:
                while clock.now() < until:
                    clock.wait(condition, until)
                reached = n

    start = clock.now()
    threads = [threading.Thread(target=follow, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(rounds):
        clock.advance(1)
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads) and reached == rounds
    assert clock._waiting == []


def test_an_advance_by_who_holds_the_condition_does_not_hang() -> None:
    """A consumer may move a simulated clock in a test."""
    clock, condition = SimulatedClock("2026-03-02T09:00:00+00:00"), threading.Condition()
    with condition:
        clock.advance(5)
    assert clock.now().second == 5


def test_salts_and_markers_are_random_and_of_their_size() -> None:
    """16 bytes, 8 hex digits, never the same."""
    ids = Ids()
    assert len({ids.salt() for _ in range(100)}) == 100 and len(ids.salt()) == 16
    assert len({ids.marker() for _ in range(100)}) == 100 and len(bytes.fromhex(ids.marker())) == 4


def test_a_stopwatch_only_goes_on() -> None:
    """Differences of it are never negative."""
    times = [stopwatch() for _ in range(100)]
    assert times == sorted(times)

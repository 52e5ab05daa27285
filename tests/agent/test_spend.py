"""What thinking may cost: counted by the mind's local day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pmm.agent.spend import today, wait_for
from pmm.events import ModelCalled, ReplyEvent, TimezoneChanged, Usage
from pmm.projections.usage import Spend
from tests.projections.folding import Folding


def a_mind(zone: str = "Europe/Berlin") -> Any:
    mind = Folding("identity", "usage", zone=zone)
    mind.put(ModelCalled(purpose="extract", model="m", outcome="failed", usage=Usage(prompt=100, cached=90, completion=20)))
    mind.put(ModelCalled(purpose="reply", model="m", outcome="ok", usage=Usage(prompt=10)))
    mind.put(ReplyEvent(to=1, route="model", model="m", finish="stop", usage=Usage(prompt=5, completion=6)))
    return mind


def spent(mind: Any, now: datetime, cap: int = 10_000) -> Any:
    return today(mind, now, foreground_cap=0, background_cap=cap)


def test_a_days_tokens_are_those_read_and_written_also_of_calls_that_failed() -> None:
    mind = a_mind()
    found = spent(mind, mind.now)
    assert (found.foreground, found.background, found.foreground_cap, found.stopped) == (21, 39, None, False)


def test_of_what_a_model_reused_a_tenth_counts() -> None:
    assert Spend(1, prompt=4000, cached=3905, completion=300).tokens == 95 + 391 + 300
    assert Spend(1, prompt=10, cached=50, completion=1).tokens == 2, "a server that counts more reused than read is not believed"


@pytest.mark.parametrize(
    ("now", "zone", "tokens", "midnight"),
    [
        ("2026-03-02T22:59:59", "Europe/Berlin", 39, "2026-03-02T23:00:00"),
        ("2026-03-02T23:00:00", "Europe/Berlin", 0, "2026-03-03T23:00:00"),
        ("2026-03-28T22:59:59", "Europe/Berlin", 0, "2026-03-28T23:00:00"),
        ("2026-03-29T12:00:00", "Europe/Berlin", 0, "2026-03-29T22:00:00"),  # summer time has begun
        ("2026-03-03T04:00:00", "America/New_York", 39, "2026-03-03T05:00:00"),
    ],
)
def test_the_day_ends_at_local_midnight(now: str, zone: str, tokens: int, midnight: str) -> None:
    found = spent(a_mind(zone), datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert (found.background, found.until) == (tokens, datetime.fromisoformat(midnight).replace(tzinfo=UTC))


def test_a_journey_changes_when_the_day_ends() -> None:
    mind = a_mind()
    mind.put(TimezoneChanged(zone="Asia/Kathmandu"))
    assert spent(mind, mind.now).until == datetime(2026, 3, 2, 18, 15, tzinfo=UTC)


@pytest.mark.parametrize(("cost", "waits"), [(9961, False), (9962, True), (10**9, True)])
def test_a_call_must_fit_what_is_left(cost: int, waits: bool) -> None:
    mind = a_mind()
    found = spent(mind, mind.now)
    assert wait_for(found, cost) == (found.until if waits else None)


@pytest.mark.parametrize(("cap", "stopped"), [(0, True), (100, True), (1538, True), (1539, False)])
def test_they_have_stopped_when_too_little_is_left_for_one(cap: int, stopped: bool) -> None:
    """For the smallest there is, or for one like those before."""
    mind = a_mind()
    assert spent(mind, mind.now, cap).stopped is stopped
    mind.put(ModelCalled(purpose="extract", model="m", outcome="ok", usage=Usage(prompt=7000, completion=380)))
    assert spent(mind, mind.now, 7419 + 3708).stopped and not spent(mind, mind.now, 7419 + 3709).stopped

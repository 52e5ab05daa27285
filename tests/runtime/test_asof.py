"""`mind.view(at=...)`: the mind as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pmm import InvalidInput, Mind
from pmm.testing import ScriptedModel, SimulatedClock, counting, generate_log

Open = Callable[..., Mind]


@pytest.fixture
def mind(open_mind: Open, clock: SimulatedClock) -> Mind:
    """09:00 a message; 10:00 a name; 11:00 a promise; 12:00 its end. Berlin is an hour ahead."""
    mind = open_mind()
    for act in (
        lambda: mind.handle_user("Good morning."),
        lambda: mind.name_mind("Echo"),
        lambda: mind.commit("call Ana"),
        lambda: mind.close_commitment(mind.view().commitments.open[0].cid),
    ):
        act()
        clock.advance(3600)
    return mind


def test_without_a_time_it_is_the_mind_now(mind: Mind) -> None:
    assert mind.view(at=None).digest() == mind.view().digest()


def test_after_each_event_it_is_what_it_was_then(mind: Mind) -> None:
    (named,) = (e.id for e in mind.log.scan() if e.kind == "name_adopted")
    (opened,) = (e.id for e in mind.log.scan() if e.kind == "commitment_opened")
    (closed,) = (e.id for e in mind.log.scan() if e.kind == "commitment_closed")
    assert mind.view(at=named - 1).identity.name is None
    assert mind.view(at=named).identity.name == "Echo"
    assert [c.cid for c in mind.view(at=opened).commitments.open] == [opened]
    assert mind.view(at=closed).commitments.open == ()
    assert [mind.view(at=n).head for n in range(1, mind.log.head[0] + 1)] == list(range(1, mind.log.head[0] + 1))


def test_at_a_time_it_holds_what_was_recorded_until_then(mind: Mind, clock: SimulatedClock) -> None:
    ten = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert mind.view(at=ten - timedelta(microseconds=1)).identity.name is None
    assert mind.view(at=ten).identity.name == "Echo"


def test_a_time_without_a_zone_is_meant_in_the_minds_own(mind: Mind) -> None:
    assert mind.view(at=datetime(2026, 3, 2, 10, 59)).identity.name is None
    assert mind.view(at=datetime(2026, 3, 2, 11, 0)).identity.name == "Echo"


def test_beyond_the_head_it_is_the_mind_now(mind: Mind) -> None:
    for at in (mind.log.head[0], 10**6, 2**70, datetime(2999, 1, 1), datetime.max):
        assert mind.view(at=at).digest() == mind.view().digest()


def test_before_the_first_event_it_is_empty(mind: Mind) -> None:
    for at in (0, -5, datetime(2001, 1, 1), datetime.min.replace(tzinfo=UTC)):
        view = mind.view(at=at)
        assert (view.head, view.identity.name, view.commitments.open) == (0, None, ())


@pytest.mark.parametrize("at", ["5", 5.0, True])
def test_what_is_neither_an_id_nor_a_time_is_refused(mind: Mind, at: Any) -> None:
    with pytest.raises(InvalidInput, match="neither an event's id nor a time"):
        mind.view(at=at)


def test_it_begins_at_the_nearest_snapshot_never_at_event_1(tmp_path: Path) -> None:
    generate_log(tmp_path / "a.db", 12_000, seed=2)
    with Mind.open(tmp_path / "a.db", model=ScriptedModel()) as mind:
        mind.wait_idle(30)
        with counting(mind) as cost:
            view = mind.view(at=11_500)
        assert view.head == 11_500
        assert cost.full_reads == 0
        assert cost.rows_read < 2_000

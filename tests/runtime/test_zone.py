"""The zone that a mind lives in, changed in the middle of a day and across a change of the clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pmm import InvalidInput, Mind
from pmm.testing import ScriptedModel, SimulatedClock

Open = Callable[..., Mind]
HOUR = 3600


def header(model: ScriptedModel) -> str:
    return model.prompts[-1][-1]["content"]


def go_to(clock: SimulatedClock, moment: str) -> None:
    clock.advance((datetime.fromisoformat(moment) - clock.now()).total_seconds())


@pytest.mark.parametrize("name", ["Mars/Olympus", "", " ", None, 7, "Europe", "/etc/localtime", "a\x00b", "\ud800"])
def test_what_is_no_zone_is_refused(open_mind: Open, name: str) -> None:
    mind = open_mind()
    with pytest.raises(InvalidInput):
        mind.set_zone(name)
    assert mind.log.head[0] == 1 and mind.view().identity.zone == "Europe/Berlin"


def test_the_same_zone_again_is_no_event(open_mind: Open) -> None:
    mind = open_mind()
    mind.set_zone("Europe/Berlin")
    assert mind.log.head[0] == 1
    mind.set_zone(" Asia/Tokyo ")
    mind.set_zone("Asia/Tokyo")
    assert [e.kind for e in mind.log.since(1)] == ["timezone_changed"] and mind.view().identity.zone == "Asia/Tokyo"


def test_what_is_due_keeps_its_moment_and_days_are_those_of_the_new_zone(open_mind: Open, clock: SimulatedClock) -> None:
    """Berlin's clocks go forward on 2026-03-29, New York's have on 2026-03-08. The mind flies there the evening before."""
    model = ScriptedModel(["Fine."])
    mind = open_mind(model)
    go_to(clock, "2026-03-28T22:30:00+00:00")  # 23:30 on Saturday in Berlin; 18:30 in New York
    mind.handle_user("good evening to you all")
    assert "Today is Saturday 2026-03-28." in header(model)
    before = mind.commit("call Ana", due="2026-03-29T02:30")  # a time that Berlin doesn't have that day
    days = mind.commit("water the plants", due="2026-03-29", repeat="FREQ=DAILY")
    spent = mind.view().usage.foreground_today
    clock.advance(2 * HOUR)  # 01:30 on Sunday in Berlin; still Saturday in New York
    mind.set_zone("America/New_York")
    mind.handle_user("here I am, across the ocean")
    assert "Today is" not in header(model), "it is the same day still"
    assert mind.view().usage.foreground_today.calls == spent.calls + 1, "and the same day's spending"
    after = mind.commit("call Ben", due="2026-03-29T02:30")
    due = {c.cid: c.due for c in mind.view().commitments.open}
    assert [str(due[cid]) for cid in (before, days, after)] == ["2026-03-29T02:30", "2026-03-29", "2026-03-29T02:30"]
    moments = [(cid, d.instant) for cid, d in due.items() if d is not None]
    assert dict(moments) == {
        before: datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
        days: datetime(2026, 3, 29, 22, 0, tzinfo=UTC),
        after: datetime(2026, 3, 29, 6, 30, tzinfo=UTC),
    }
    for moment, reminded in (("01:00", before), ("06:30", after), ("22:00", days)):
        go_to(clock, f"2026-03-29T{moment}:00+00:00")
        assert [(e.kind, getattr(e, "cid", 0)) for e in mind.tick()] == [("commitment_reminded", reminded)]
    mind.handle_user("now it is the next day here too")
    assert "Today is Sunday 2026-03-29." in header(model)
    assert mind.view().usage.foreground_today.calls == 1
    mind.close_commitment(days)
    (again,) = (c for c in mind.view().commitments.open if c.follows == days)
    assert again.due is not None and (str(again.due), again.due.zone) == ("2026-03-30", "Europe/Berlin")
    assert again.due.instant == datetime(2026, 3, 30, 22, 0, tzinfo=UTC), "midnight is still midnight, after the change of the clocks"


def test_the_day_that_caps_the_moves_of_traits_is_the_new_zones(open_mind: Open, clock: SimulatedClock) -> None:
    mind = open_mind()
    go_to(clock, "2026-03-02T22:30:00+00:00")
    assert mind.view().traits.zone == "Europe/Berlin"
    mind.set_zone("Pacific/Kiritimati")
    assert mind.view().traits.zone == "Pacific/Kiritimati"
    assert mind.view().conversation.zone == "Pacific/Kiritimati" and mind.view().usage.zone == "Pacific/Kiritimati"

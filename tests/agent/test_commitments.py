"""Repeats: what the rules mean, in local time, across the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm import InvalidInput
from pmm.agent.commitments import first_due, next_occurrence, read_rule, spoken_rule
from pmm.events import Due
from pmm.projections.commitments import Commitment

BERLIN, YORK = "Europe/Berlin", "America/New_York"
BORN = datetime(2026, 1, 1, tzinfo=UTC)


def owed(due: str | Due | None, repeat: str, zone: str = BERLIN, followed: int | None = None) -> Commitment:
    when = Due.parse(due, zone) if isinstance(due, str) else due
    return Commitment(
        7, "x", "user", BORN, BORN, 7, due=when, repeat=repeat, priority=2, project="p", source=3, reminded=when, followed=followed
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def series(due: str, repeat: str, zone: str, count: int) -> list[tuple[str, str]]:
    """The next occurrences, each closed when it is due: as they print, and when they are due."""
    found, now = [], owed(due, repeat, zone)
    for _ in range(count):
        assert now.due is not None
        following = next_occurrence(now, now.due.instant, zone)
        if following is None or following.due is None:
            break
        found.append((str(following.due), f"{following.due.instant:%m-%d %H:%M}"))
        now = owed(following.due, following.repeat or "", zone)
    return found


@pytest.mark.parametrize(
    ("zone", "due", "repeat", "expected"),
    [
        # 29 March 2026: 02:00 becomes 03:00 in Berlin. Nine o'clock stays nine o'clock; half past two is not there, so three o'clock.
        (BERLIN, "2026-03-28T09:00", "FREQ=DAILY", [("2026-03-29T09:00", "03-29 07:00"), ("2026-03-30T09:00", "03-30 07:00")]),
        (BERLIN, "2026-03-28T02:30", "FREQ=DAILY", [("2026-03-29T02:30", "03-29 01:00"), ("2026-03-30T02:30", "03-30 00:30")]),
        (BERLIN, "2026-03-28", "FREQ=DAILY", [("2026-03-29", "03-29 22:00"), ("2026-03-30", "03-30 22:00")]),
        (BERLIN, "2026-03-23T09:00", "FREQ=WEEKLY;BYDAY=MO", [("2026-03-30T09:00", "03-30 07:00"), ("2026-04-06T09:00", "04-06 07:00")]),
        (BERLIN, "2026-02-28T08:00", "FREQ=MONTHLY", [("2026-03-28T08:00", "03-28 07:00"), ("2026-04-28T08:00", "04-28 06:00")]),
        # 25 October 2026: 03:00 becomes 02:00. A quarter past two comes twice: the first one counts.
        (BERLIN, "2026-10-24T02:15", "FREQ=DAILY", [("2026-10-25T02:15", "10-25 00:15"), ("2026-10-26T02:15", "10-26 01:15")]),
        (BERLIN, "2026-10-23T18:00", "FREQ=WEEKLY;BYDAY=MO,FR", [("2026-10-26T18:00", "10-26 17:00"), ("2026-10-30T18:00", "10-30 17:00")]),
        # 8 March and 1 November 2026 in New York.
        (YORK, "2026-03-07T09:00", "FREQ=DAILY", [("2026-03-08T09:00", "03-08 13:00"), ("2026-03-09T09:00", "03-09 13:00")]),
        (YORK, "2026-03-07T02:30", "FREQ=DAILY", [("2026-03-08T02:30", "03-08 07:00"), ("2026-03-09T02:30", "03-09 06:30")]),
        (YORK, "2026-03-01", "FREQ=WEEKLY;INTERVAL=2", [("2026-03-15", "03-16 04:00"), ("2026-03-29", "03-30 04:00")]),
        (YORK, "2026-10-31T01:30", "FREQ=DAILY", [("2026-11-01T01:30", "11-01 05:30"), ("2026-11-02T01:30", "11-02 06:30")]),
        (YORK, "2026-10-31", "FREQ=DAILY", [("2026-11-01", "11-02 05:00"), ("2026-11-02", "11-03 05:00")]),
    ],
)
def test_a_repeat_keeps_its_local_time_when_the_clocks_change(zone: str, due: str, repeat: str, expected: list[tuple[str, str]]) -> None:
    assert series(due, repeat, zone, 2) == expected


@pytest.mark.parametrize(
    ("due", "repeat", "expected"),
    [
        ("2026-01-31", "FREQ=MONTHLY", ["2026-03-31", "2026-05-31"]),
        ("2026-01-31", "FREQ=MONTHLY;BYMONTHDAY=-1", ["2026-02-28", "2026-03-31"]),
        ("2026-02-13", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", ["2026-03-13", "2026-11-13"]),
        ("2026-02-27", "FREQ=MONTHLY;BYDAY=-1FR", ["2026-03-27", "2026-04-24"]),
        ("2024-02-29", "FREQ=YEARLY", ["2028-02-29", "2032-02-29"]),
        ("2026-03-02", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", ["2026-03-04", "2026-03-16"]),
        ("2026-03-02", "RRULE:freq=daily;interval=10", ["2026-03-12", "2026-03-22"]),
        ("2026-03-02", "FREQ=DAILY;COUNT=2", ["2026-03-03"]),
        ("2026-03-02", "FREQ=DAILY;COUNT=1", []),
        ("2026-03-02T09:00", "FREQ=DAILY;UNTIL=20260303", ["2026-03-03T09:00"]),
        ("2026-03-02T09:00", "FREQ=DAILY;UNTIL=20260303T080000Z", ["2026-03-03T09:00"]),
        ("2026-03-02T09:00", "FREQ=DAILY;UNTIL=20260303T075959Z", []),
    ],
)
def test_a_rule_means_what_rfc_5545_says(due: str, repeat: str, expected: list[str]) -> None:
    assert [printed for printed, _ in series(due, repeat, BERLIN, 2)] == expected


def test_the_next_one_is_due_after_it_and_after_now() -> None:
    """Done early: the one after it. Done late: those missed are passed over, today's is not; and a COUNT counts them."""
    weekly = owed("2026-03-09T09:00", "FREQ=WEEKLY;BYDAY=MO;COUNT=5")
    assert [
        (str(e.due), e.repeat) if (e := next_occurrence(weekly, at(now), BERLIN)) else None
        for now in ("2026-03-04T12:00", "2026-03-09T12:00", "2026-03-25T12:00", "2026-04-20T12:00")
    ] == [
        ("2026-03-16T09:00", "FREQ=WEEKLY;BYDAY=MO;COUNT=4"),
        ("2026-03-16T09:00", "FREQ=WEEKLY;BYDAY=MO;COUNT=4"),
        ("2026-03-30T09:00", "FREQ=WEEKLY;BYDAY=MO;COUNT=2"),
        None,
    ]
    late = next_occurrence(owed("2026-03-02", "FREQ=DAILY"), at("2026-03-10T12:00"), BERLIN)
    assert late is not None and str(late.due) == "2026-03-10"


def test_the_next_one_is_the_same_but_for_its_day() -> None:
    event = next_occurrence(owed("2026-03-02", "FREQ=DAILY"), at("2026-03-02T12:00"), BERLIN)
    assert event is not None
    assert (event.content, event.owner, event.priority, event.project, event.source, event.repeat) == ("x", "user", 2, "p", 3, "FREQ=DAILY")
    assert (event.follows, event.key, event.due) == (7, "repeat:7", Due(date(2026, 3, 3), None, BERLIN))


def test_without_a_due_time_the_next_one_has_a_day_in_the_minds_zone() -> None:
    event = next_occurrence(owed(None, "FREQ=DAILY"), at("2026-03-02T23:30"), BERLIN)
    assert event is not None and event.due == Due(date(2026, 3, 3), None, BERLIN)


def test_what_has_a_next_one_already_or_can_not_be_read_has_none() -> None:
    now = at("2026-03-02T12:00")
    assert next_occurrence(owed("2026-03-02", "FREQ=DAILY", followed=9), now, BERLIN) is None
    for bad in ("r", "FREQ=HOURLY", "", "FREQ=DAILY;INTERVAL=0"):
        assert next_occurrence(owed("2026-03-02", bad), now, BERLIN) is None


@pytest.mark.parametrize("repeat", ["FREQ=DAILY;INTERVAL=7;BYDAY=TU", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31", "FREQ=YEARLY;INTERVAL=999"])
def test_a_rule_that_never_comes_true_again_ends_the_series_soon(repeat: str) -> None:
    began = perf_counter()
    assert next_occurrence(owed("2026-02-02", repeat), at("2026-03-02T12:00"), BERLIN) is None
    assert next_occurrence(owed("0001-01-01", "FREQ=DAILY"), at("2026-03-02T12:00"), BERLIN) is not None
    assert perf_counter() - began < 60


@pytest.mark.parametrize(
    "bad",
    [
        *("", "daily", "FREQ=HOURLY", "FREQ=DAILY;FREQ=DAILY", "INTERVAL=2", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=-1"),
        *("FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=2;UNTIL=20261231", "FREQ=DAILY;UNTIL=20261331", "FREQ=DAILY;UNTIL=soon"),
        *("FREQ=WEEKLY;BYDAY=XX", "FREQ=WEEKLY;BYDAY=", "FREQ=WEEKLY;BYDAY=1MO", "FREQ=WEEKLY;BYMONTHDAY=1", "FREQ=MONTHLY;BYMONTHDAY=32"),
        *("FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=DAILY;BYHOUR=9", "FREQ=DAILY;", "FREQ=DAILY;INTERVAL=٣", "FREQ=DAILY\nCOUNT=2"),
    ],
)
def test_what_is_no_rule_is_refused_with_a_hint(bad: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_rule(bad)
    assert refused.value.hint


def test_the_first_day_of_a_rule_may_be_today() -> None:
    monday = at("2026-03-02T12:00")
    assert str(first_due("FREQ=WEEKLY;BYDAY=MO", monday, BERLIN)) == "2026-03-02"
    assert str(first_due("FREQ=WEEKLY;BYDAY=SU", monday, BERLIN)) == "2026-03-08"
    assert str(first_due("FREQ=DAILY", at("2026-03-02T23:30"), BERLIN)) == "2026-03-03"
    with pytest.raises(InvalidInput):
        first_due("FREQ=DAILY;UNTIL=20200101", monday, BERLIN)


@given(
    repeat=st.text(alphabet="FREQ=DAILYWKMOTH;NVBUSXC0123456789,-+Z\n ", max_size=40) | st.text(max_size=20),
    due=st.none() | st.builds(Due, date=st.dates(), time=st.none() | st.times(), zone=st.sampled_from([BERLIN, YORK, "UTC"])),
    now=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
)
@settings(max_examples=200, deadline=None)
def test_no_repeat_makes_it_fail(repeat: str, due: Due | None, now: datetime) -> None:
    """Whatever a log holds, there is a next one, due after now, or none."""
    for rule in (repeat, f"FREQ=DAILY;{repeat}", "FREQ=MONTHLY;BYDAY=-1FR"):
        found = next_occurrence(owed(due, rule), now.replace(tzinfo=UTC), BERLIN)
        assert found is None or (found.due is not None and found.due.instant > now.replace(tzinfo=UTC))


def test_count_runs_out() -> None:
    assert len(series("2026-03-02T09:00", "FREQ=DAILY;COUNT=4", BERLIN, 99)) == 3
    assert len(series("2026-03-02T09:00", "FREQ=WEEKLY;UNTIL=20260401", BERLIN, 99)) == 4


# -- in words --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("repeat", "said"),
    [
        ("FREQ=DAILY", "every day"),
        ("freq=daily;interval=2", "every 2 days"),
        ("FREQ=WEEKLY", "every week"),
        ("FREQ=WEEKLY;BYDAY=MO", "every Monday"),
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR", "every Monday, Wednesday and Friday"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", "every 2 weeks on Tuesday and Thursday"),
        ("FREQ=MONTHLY;BYMONTHDAY=1", "on the 1st of every month"),
        ("FREQ=MONTHLY;BYMONTHDAY=12", "on the 12th of every month"),
        ("FREQ=MONTHLY;BYMONTHDAY=23;INTERVAL=3", "on the 23rd of every 3 months"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "on the last day of every month"),
        ("FREQ=MONTHLY;BYDAY=+2TU", "on the second Tuesday of every month"),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "on the last Friday of every month, 3 more times"),
        ("FREQ=DAILY;COUNT=1", "every day, 1 more time"),
        ("FREQ=YEARLY;UNTIL=20301231", "every year, until 2030-12-31"),
        ("FREQ=MONTHLY;BYDAY=MO", "FREQ=MONTHLY;BYDAY=MO"),
        ("FREQ=YEARLY;BYMONTHDAY=3", "FREQ=YEARLY;BYMONTHDAY=3"),
        ("whenever it rains", "whenever it rains"),
    ],
)
def test_a_repeat_is_told_in_words_where_it_has_simple_ones(repeat: str, said: str) -> None:
    assert spoken_rule(repeat) == said


_weekdays = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
_parts = {
    "INTERVAL": st.integers(1, 999).map(str),
    "COUNT": st.integers(1, 9999).map(str),
    "BYDAY": st.lists(st.builds("{}{}".format, st.sampled_from(["", "1", "-5", "+3"]), _weekdays), min_size=1, max_size=7).map(",".join),
    "BYMONTHDAY": st.lists(st.sampled_from(range(-31, 32)).filter(bool).map(str), min_size=1, max_size=3).map(",".join),
}


@given(freq=st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]), parts=st.fixed_dictionaries({}, optional=_parts))
def test_every_rule_there_is_is_told_somehow(freq: str, parts: dict[str, str]) -> None:
    rule = ";".join([f"FREQ={freq}", *(f"{name}={value}" for name, value in parts.items())])
    assert spoken_rule(rule)

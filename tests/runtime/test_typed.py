"""An id, a time and a kind are read alike, whoever typed them and wherever."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone

import pytest

from pmm.errors import InvalidInput
from pmm.runtime.typed import at_of, id_of, known_kinds, time_of

DAY = datetime(2026, 3, 5)


@pytest.mark.parametrize(("text", "id"), [("214", 214), ("#214", 214), (" 0 ", 0), ("9" * 18, 10**18 - 1)])
def test_an_id_is_a_whole_number(text: str, id: int) -> None:
    assert id_of(text) == id == at_of(text)


@pytest.mark.parametrize("text", ["", "#", "-1", "1.5", "²", "٣", "9" * 19, "214 x", "\x00", "soon"])
def test_anything_else_is_none(text: str) -> None:
    assert id_of(text) is None
    with pytest.raises(InvalidInput, match="neither an event's id nor a time"):
        at_of(text)


def test_a_day_alone_is_its_end_or_its_beginning() -> None:
    assert time_of(" 2026-03-05 ") == at_of("2026-03-05") == datetime.combine(DAY, time.max)
    assert time_of("2026-03-05", whole_day=False) == DAY


def test_a_time_keeps_its_offset_even_where_a_query_lost_the_plus() -> None:
    noon = datetime(2026, 3, 5, 12, tzinfo=timezone(timedelta(hours=1)))
    assert time_of("2026-03-05T12:00+01:00") == time_of("2026-03-05T12:00 01:00") == noon
    assert time_of("2026-03-05 12:00") == noon.replace(tzinfo=None)
    assert at_of(None) is None


@pytest.mark.parametrize("text", ["2026-02-30", "0001-01-01", "9999-12-31", "10:00", "x" * 100_000])
def test_no_time_and_one_at_the_end_of_the_calendar_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a time"):
        time_of(text)


def test_kinds_are_known_ones_each_once() -> None:
    assert known_kinds(["reply", "reply", "user_message"]) == ("reply", "user_message")
    with pytest.raises(InvalidInput, match="no kind 'repyl'") as refused:
        known_kinds(["repyl"])
    assert refused.value.hint == "Did you mean reply?"
    with pytest.raises(InvalidInput):
        known_kinds(["x" * 100_000])

"""Repeats: which occurrence comes after one that has ended. Decided here alone, for the user's word, a turn and a tick alike.

A repeat is a subset of an RFC 5545 RRULE. It is reckoned in local wall time, so nine o'clock stays nine o'clock when the clocks
change; COUNT is how many occurrences there are from this one on, so each next one has a smaller COUNT.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from pmm.errors import InvalidInput
from pmm.events import CommitmentClosed, CommitmentExpired, CommitmentOpened, Due, Event

if TYPE_CHECKING:
    from pmm.projections.commitments import Commitment
    from pmm.views import View

HORIZON = timedelta(days=30 * 366)
"""A rule whose next occurrence is farther off than this has none. It bounds the search for rules that never come true."""
STEPS_MAX = 20_000

_PARTS = {
    "FREQ": r"DAILY|WEEKLY|MONTHLY|YEARLY",
    "INTERVAL": r"[1-9]\d{0,2}",
    "COUNT": r"[1-9]\d{0,3}",
    "UNTIL": r"\d{8}(?:T\d{6}Z?)?",
    "BYDAY": r"(?:[+-]?[1-5])?(?:MO|TU|WE|TH|FR|SA|SU)(?:,(?:[+-]?[1-5])?(?:MO|TU|WE|TH|FR|SA|SU))*",
    "BYMONTHDAY": r"-?(?:[1-9]|[12]\d|3[01])(?:,-?(?:[1-9]|[12]\d|3[01]))*",
}
_HINT = "Write for example FREQ=DAILY, FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH or FREQ=MONTHLY;BYMONTHDAY=1;COUNT=12."


class Rule(NamedTuple):
    """A repeat, taken apart. until: the last local moment, or the last moment (aware)."""

    parts: dict[str, str]
    until: datetime | None

    @property
    def occurrences(self) -> int | None:
        """How many occurrences there are, the present one included; None: no end by number."""
        return int(self.parts["COUNT"]) if "COUNT" in self.parts else None

    @property
    def text(self) -> str:
        """The rule as it is kept: upper case, in the order given."""
        return self.with_count(self.occurrences)

    def with_count(self, count: int | None) -> str:
        """The rule as text, with this COUNT if it has one."""
        return ";".join(f"{name}={count if name == 'COUNT' else value}" for name, value in self.parts.items())


def read_rule(repeat: str) -> Rule:
    """The rule. Raises InvalidInput, saying what is wrong with it."""
    if not isinstance(repeat, str):
        raise InvalidInput(f"{repeat!r} is not a repeat.", hint=_HINT)
    parts: dict[str, str] = {}
    for part in repeat.strip().upper().removeprefix("RRULE:").split(";"):
        name, _, value = part.partition("=")
        if name not in _PARTS or name in parts or not re.fullmatch(_PARTS[name], value, re.ASCII):
            raise InvalidInput(f"{part[:40]!r} can't stand in a repeat.", hint=_HINT)
        parts[name] = value
    if "FREQ" not in parts:
        raise InvalidInput("a repeat needs a FREQ.", hint=_HINT)
    if "COUNT" in parts and "UNTIL" in parts:
        raise InvalidInput("a repeat has COUNT or UNTIL, not both.", hint=_HINT)
    if parts["FREQ"] in ("DAILY", "WEEKLY") and re.search(r"\d", parts.get("BYDAY", "")):
        raise InvalidInput("only a monthly or yearly repeat numbers its weekdays.", hint=_HINT)
    if parts["FREQ"] == "WEEKLY" and "BYMONTHDAY" in parts:
        raise InvalidInput("a weekly repeat has no BYMONTHDAY.", hint=_HINT)
    try:
        return Rule(parts, _until(parts["UNTIL"]) if "UNTIL" in parts else None)
    except ValueError:
        raise InvalidInput(f"UNTIL={parts['UNTIL']} is no date.", hint="Write UNTIL=20261231 or UNTIL=20261231T180000Z.") from None


def _until(text: str) -> datetime:
    if len(text) == 8:
        return datetime.combine(datetime.strptime(text, "%Y%m%d").date(), time.max)
    moment = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S")
    return moment.replace(tzinfo=UTC) if text.endswith("Z") else moment


_UNITS = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
"""as a rule names them"""
_SPOKEN = dict(zip(DAYS, WEEKDAYS, strict=True))
_WORKDAYS = "MO,TU,WE,TH,FR"
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}


def spoken_rule(repeat: str) -> str:
    """A repeat in words, such as "every Monday" or "on the 1st of every month, 3 more times"; one that is not so simple as it stands."""
    try:
        rule = read_rule(repeat)
    except InvalidInput:
        return repeat
    parts = rule.parts
    every, days = int(parts.get("INTERVAL", "1")), parts.get("BYDAY", "")
    each = f"every {_UNITS[parts['FREQ']]}" if every == 1 else f"every {every} {_UNITS[parts['FREQ']]}s"
    match parts["FREQ"], days, parts.get("BYMONTHDAY", ""):
        case (_, "", ""):
            said = each
        case ("WEEKLY" | "DAILY", _, "") if every == 1 and days == _WORKDAYS:
            said = "every weekday"
        case ("WEEKLY", _, ""):
            named = _listed([_SPOKEN[day] for day in days.split(",")])
            said = f"every {named}" if every == 1 else f"{each} on {named}"
        case ("MONTHLY", "", day) if "," not in day:
            said = f"on the {_ordinal(int(day))} of {each}"
        case ("MONTHLY", day, "") if "," not in day and day[:-2] and int(day[:-2]) in _NTH:
            said = f"on the {_NTH[int(day[:-2])]} {_SPOKEN[day[-2:]]} of {each}"
        case _:
            return rule.text
    if rule.occurrences is not None:
        said += f", {rule.occurrences} more time{'s' if rule.occurrences != 1 else ''}"
    return said + (f", until {rule.until:%Y-%m-%d}" if rule.until is not None else "")


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _ordinal(day: int) -> str:
    if day < 0:
        return "last day" if day == -1 else f"{_ordinal(-day)} last day"
    return f"{day}{'th' if 10 < day < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def first_due(repeat: str, now: datetime, zone: str) -> Due:
    """The first day on which it falls, today included. Raises InvalidInput if there is none."""
    today = now.astimezone(ZoneInfo(zone)).date()
    for moment in _moments(read_rule(repeat), datetime.combine(today, time()), zone):
        return Due(moment.date(), None, zone)
    raise InvalidInput("this repeat never falls on any day.", hint=_HINT)


def next_occurrence(c: Commitment, now: datetime, zone: str) -> CommitmentOpened | None:
    """The occurrence after `c`, which has ended: the first that is due after it and after now. None: `c` was the last.

    zone: the mind's, for one without a due time. The key and `followed` keep it from being opened twice.
    """
    if not c.repeat or c.followed is not None:
        return None
    try:
        rule = read_rule(c.repeat)
    except InvalidInput:
        return None  # a log may hold what no door accepts; it is told as "repeating" and ends here
    due, left = _after(c, rule, now, c.due.zone if c.due else zone)
    if due is None:
        return None
    return CommitmentOpened(
        content=c.text,
        owner=c.owner,
        due=due,
        repeat=rule.with_count(left),
        priority=c.priority,
        project=c.project,
        source=c.source,
        follows=c.cid,
        key=f"repeat:{c.cid}",
    )


def _after(c: Commitment, rule: Rule, now: datetime, zone: str) -> tuple[Due | None, int | None]:
    """When the next one is due, and its COUNT. Those missed meanwhile are passed over, and counted."""
    local_now = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    clock = c.due.time if c.due else None
    day: date = c.due.date if c.due else c.opened.astimezone(ZoneInfo(zone)).date()
    last = datetime.combine(day, clock or time()).replace(microsecond=0)
    surely_past, left = local_now - timedelta(days=2), rule.occurrences
    for moment in islice(_moments(rule, max(last, local_now.replace(microsecond=0) - HORIZON), zone), STEPS_MAX):
        if moment <= last:
            continue
        if left is not None:
            left -= 1
            if left < 1:
                break
        due = Due(moment.date(), clock, zone)
        if moment > surely_past and due.instant > now:
            return due, left
    return None, left


def _moments(rule: Rule, start: datetime, zone: str) -> Iterator[datetime]:
    """Local moments at which the rule comes true, from `start` on, within the horizon."""
    from dateutil import rrule

    parts, until = rule.parts, rule.until
    try:
        end = start + 2 * HORIZON
    except OverflowError:
        end = datetime.max
    if until is not None:
        end = min(end, until.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if until.tzinfo else until)
    days = [_weekday(day) for day in parts["BYDAY"].split(",")] if "BYDAY" in parts else None
    month_days = [int(day) for day in parts["BYMONTHDAY"].split(",")] if "BYMONTHDAY" in parts else None
    freq = getattr(rrule, parts["FREQ"])
    found = rrule.rrule(freq, start, int(parts.get("INTERVAL", "1")), until=end, byweekday=days, bymonthday=month_days)
    return iter(found)


def _weekday(text: str) -> object:
    from dateutil import rrule

    day = getattr(rrule, text[-2:])
    return day(int(text[:-2])) if text[:-2] else day


def followups(view: View, ended: Iterable[Event], now: datetime) -> list[CommitmentOpened]:
    """The next occurrences that these events (closings and expiries, not yet in the view) call for. Cancelled: the series ends."""
    found: list[CommitmentOpened] = []
    for event in ended:
        if isinstance(event, CommitmentExpired) or (isinstance(event, CommitmentClosed) and event.outcome in ("kept", "broken")):
            known = view.commitments.get(event.cid)
            following = next_occurrence(known, now, view.identity.zone) if known is not None else None
            if following is not None and all(following.key != other.key for other in found):
                found.append(following)
    return found

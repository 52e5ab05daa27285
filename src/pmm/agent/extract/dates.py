"""When something is due, as people write it in English; `english` puts what is German, French or Spanish into it first.

Conventions. A weekday is its next occurrence, never today ("this Friday" may be today; "next Friday" is in the next calendar week).
A span ("next week", "this weekend", "in May") is due on its last day, or, for a reminder, comes up on its first. Weeks end on Sunday.
A bare hour from 1 to 6 is in the afternoon; with no date, an hour is the next one that the clock will show. Midnight is the end of the day.
What follows "for", "of", "from", "the" isn't when it is due ("the notes from Friday", "a table for tomorrow").
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from pmm.agent.commitments import DAYS, WEEKDAYS
from pmm.agent.extract.english import English
from pmm.agent.extract.known import Known
from pmm.agent.extract.text import pattern
from pmm.events import Due


class Found(msgspec.Struct, frozen=True):
    """due and repeat as the events hold them, and the text without the words that said so."""

    due: Due | None
    repeat: str | None
    rest: str


_WEEKDAY = {name.lower(): number for number, name in enumerate(WEEKDAYS)}
_SHORT = {"Mon": 0, "Tue": 1, "Tues": 1, "Wed": 2, "Thu": 3, "Thur": 3, "Thurs": 3, "Fri": 4, "Sat": 5, "Sun": 6}
_DAY = "(?:" + "|".join(_WEEKDAY) + ")"
_NUMBERS = {word: n for n, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())} | {
    "a": 1,
    "an": 1,
}
_NUMBER = r"(?:\d{1,4}|a couple of|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + ")"
_UNIT = "(?P<unit>minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?)"
_MONTHS = "january february march april may june july august september october november december".split()
_MONTH_NUMBER = {word: n for n, name in enumerate(_MONTHS, 1) for word in (name, name[:3])} | {"sept": 9}
_MONTH = "(?:" + "|".join(sorted(_MONTH_NUMBER, key=len, reverse=True)) + ")"
_BY = r"(?:first thing )?(?:(?:on|by|before|until|till|no later than|at the latest by|latest by|starting) )?"
_NOT_AFTER = frozenset(
    "of for from about since last past the a an black good easter cyber ash von letzten vom guten jeden de dernier du por"
    " and's each these those".split()
)
_MAY_FOLLOW = (
    r"(?=\s*(?:$|[,.;:!?)(–—-])|\s+(?:at|by|before|in|on|and|or|to|about|with|after|morning|afternoon|evening|night|noon"
    r"|for|from|around|when|that|so|because|because of|via|\d))"
)

_DATES = [
    (pattern(rf"{_BY}(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})(?!\d)(?:T(?P<clock>\d\d:\d\d))?"), "iso"),
    (pattern(rf"{_BY}(?P<dmy>\d{{1,2}}\.\d{{1,2}}\.(?:\d{{4}})?)(?!\d)"), "dmy"),
    (pattern(rf"(?<!\w){_BY}(?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m>{_MONTH})\b\.?(?:,? (?P<y>\d{{4}}))?"), "month"),
    (pattern(rf"(?<!\w){_BY}(?P<m>{_MONTH})\.? (?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\w:])(?:,? (?P<y>\d{{4}}))?"), "month"),
    (
        pattern(r"\b(?:on|by|before|until) the (?P<d>\d{1,2})(?:st|nd|rd|th)\b(?! (?:floor|of|time|chapter|edition|street|page))"),
        "day_of_month",
    ),
    (pattern(rf"\b(?:in|within) (?:the next )?(?:about )?(?P<n>{_NUMBER}) {_UNIT}(?:'s?)?(?: time)?\b(?! of\b)"), "relative"),
    (pattern(r"\b(?:in|within) half an hour\b"), "half"),
    (pattern(rf"\b(?P<n>{_NUMBER}) {_UNIT} from (?:now|today)\b"), "relative"),
    (
        pattern(
            r"(?:(?:by|before|at|until|towards) )?(?:the )?\bend of (?:the |this )?(?P<next>next )?(?P<span>day|week|month|year)s?\b(?!'s)"
            r"|\b(?:by )?(?P<short>eod|cob|eow|eom)\b"
        ),
        "end",
    ),
    (pattern(r"\bafter the weekend\b"), "next_monday"),
    (pattern(r"\b(?:by |on )?(?:the )?day after tomorrow\b"), "overmorrow"),
    (pattern(rf"(?<![\w-]){_BY}(?:tomorrow|tmrw|tmr)\b(?!'s|-)"), "tomorrow"),
    (pattern(rf"(?<![\w-]){_BY}(?:later )?(?:today|tonight)\b(?!'s)|\bthis (?:morning|afternoon|evening)\b"), "today"),
    (
        pattern(rf"\b(?P<by>(?:{_BY[3:-2]})?)(?P<which>this coming |this |next |coming )?(?P<weekday>{_DAY})\b(?!'s|-|s\b)"),
        "weekday",
    ),
    (pattern(rf"\b(?P<by>on |by |next |this |until )(?P<short>{'|'.join(_SHORT)})\b\.?(?![\w\x27’-])", 0), "weekday"),
    (
        pattern(
            r"\b(?:by |during |sometime |before )?(?P<which>next|this) (?P<span>week|month|year|weekend)\b(?!'s)"
            r"|\b(?:at |on |over |by |before )the (?P<weekend>weekend)\b(?!'s)"
        ),
        "span",
    ),
    (pattern(r"\b[Ii]n (?P<m>(?-i:[A-Z])\w+)(?: (?P<y>\d{4}))?\b(?!'s)", 0), "in_month"),
]

_EVERY = [
    (
        pattern(
            rf"\b(?:on )?(?:every|each) (?P<other>other |second |2nd )?(?P<days>(?:{_DAY})s?(?:(?:,| and| und| et| y|,? &)"
            rf" (?:every |on )?(?:{_DAY})s?){{0,6}})\b"
        ),
        "days",
    ),
    (pattern(rf"\b(?P<days>on {_DAY}s(?:(?:,| and) (?:on )?{_DAY}s?){{0,6}})(?!\w)"), "days"),
    (pattern(r"\b(?:on |every |each )(?:weekday|workday|working day|business day)s?\b"), "weekdays"),
    (pattern(rf"\b(?:every|each) (?P<n>{_NUMBER}|other|second) {_UNIT}\b"), "every_n"),
    (
        pattern(
            r"\b(?:on )?(?:the )?(?P<d>first|\d{1,2})(?:st|nd|rd|th)? (?:day )?of (?:every|each|the) month\b|\bevery month on the"
            r" (?P<d2>\d{1,2})(?:st|nd|rd|th)?\b"
        ),
        "month_day",
    ),
    (pattern(r"\bonce a day\b|\b(?:every|each) (?:single )?(?:day|morning|evening|night|afternoon)\b|\bdaily\b"), "DAILY"),
    (pattern(r"\b(?:every|each|once a) week\b|\bweekly\b"), "WEEKLY"),
    (pattern(r"\b(?:every|each|once a) month\b|\bmonthly\b"), "MONTHLY"),
    (pattern(r"\b(?:every|each|once a) year\b|\b(?:yearly|annually)\b"), "YEARLY"),
]

_AT = r"(?:(?:at|by|before|until|around|about|from) )?"
_TIMES = [
    pattern(rf"(?<![\w.:]){_AT}(?P<h>\d{{1,2}})(?:[:.](?P<min>\d{{2}}))?\s?(?P<half>am|pm|a\.m\.?|p\.m\.?)(?!\w)"),
    pattern(rf"(?<!\w){_AT}(?P<h24>\d{{1,2}}):(?P<min>\d\d)h\b"),  # as `english` writes "17 Uhr"
    pattern(rf"(?<![\w.:]){_AT}(?P<h>\d{{1,2}}):(?P<min>\d{{2}})(?::\d\d)?(?![\w:])(?: ?(?:hrs|o'clock)\b)?"),
    pattern(
        rf"(?<!\w)(?:at|by|before|around) (?P<half_past>half past |quarter past |quarter to )?(?P<h>{_NUMBER})(?: o'clock(?P<sure>))?"
        r"(?: sharp)?(?(sure)|(?=\s*(?:$|[,.;!?)]|\x00)|\s+(?:on|tomorrow|today|tonight|this|next|in the|every|and|to|or|for|with|about"
        r"|que|de|d)\b))"
    ),
    pattern(r"(?<!\w)(?:(?:at|by|before|around) )?(?:(?P<noon>noon|midday)|(?P<midnight>midnight))\b"),
]
_PART = pattern(
    r"(?:\x00\s*|\b(?:in the |at |early |early in the |late |this |on the |every (?:single )?|each |(?=tonight)))(?:early |late )?"
    r"(?P<part>morning|afternoon|evening|night|tonight)\b(?!'s)"
)
_DAY_LEFT = pattern(rf"\b(?:{_DAY}|tomorrow|tonight|today)\W*$")
_TODAYS_PART = pattern(r"tonight|this (?:morning|afternoon|evening)")
_OR = pattern(rf" or (?:maybe |on |the )?(?:{_DAY}|tomorrow|today|next|day after|later)\b")
_TIDY = re.compile(r"\s*\x00+[\s\x00]*")


class _Reader:
    """Reads one text once. What was understood is blanked out with NULs of the same length, so offsets hold."""

    def __init__(self, text: str, known: Known, reminder: bool) -> None:
        self._english = English(text)
        self.zone = known.zone
        self.now = known.now
        self.local = known.local
        self.today = self.local.date()
        self.reminder = reminder
        self.date: date | None = None
        self.clock: tuple[int, int, bool] | None = None  # hour, minute, whether the half of the day is known
        self.evening: bool | None = None
        self.exact: Due | None = None
        self.repeat: str | None = None
        self.daily = False
        self.today_too = False  # a repeat that may begin today, if its hour is still to come

    @property
    def text(self) -> str:
        return self._english.text

    def found(self) -> Found:
        self._read_repeat()
        if self.date is None:
            self._read_date()
        self._read_time()
        due = self._due()
        if due is None:
            return Found(None, None, self._english.rest.replace("\x00", " "))
        return Found(due, self.repeat, _tidy(self._english.rest))

    def _blank(self, start: int, end: int) -> None:
        self._english.blank(start, end)

    # -- repeats

    def _read_repeat(self) -> None:
        for expression, how in _EVERY:
            m = expression.search(self.text)
            if m and self._start_repeat(m, how):
                self._blank(*m.span())
                return

    def _start_repeat(self, m: re.Match[str], how: str) -> bool:
        if how == "days":
            days = sorted({_WEEKDAY[w] for w in _weekdays(m["days"])})
            if not days:
                return False
            every = 2 if m.groupdict().get("other") else 1
            self.repeat = _rule("WEEKLY", every, "BYDAY=" + ",".join(DAYS[d] for d in days))
            self.date = min(self._weekday(d) for d in days)
            self.today_too = self.today.weekday() in days
        elif how == "weekdays":
            self.repeat = _rule("WEEKLY", 1, "BYDAY=MO,TU,WE,TH,FR")
            self.date = min(self._weekday(d) for d in range(5))
        elif how == "every_n":
            every = 2 if m["n"].lower() in ("other", "second") else _number(m["n"])
            unit = _unit(m)
            if unit in ("minute", "hour") or not every:
                return False
            self.repeat = _rule({"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}[unit], every)
            self.date = self._later(unit, every)
        elif how == "month_day":
            day = 1 if m["d"] == "first" else int(m["d"] or m["d2"])
            self.date = self._day_of_month(day)
            self.repeat = _rule("MONTHLY", 1, f"BYMONTHDAY={day}")
        else:
            self.repeat = _rule(how, 1)
            self.daily = how == "DAILY"
            self.date = self.today if self.daily else self._later({"WEEKLY": "week", "MONTHLY": "month"}.get(how, "year"), 1)
            self._part(m[0])
        return self.date is not None

    # -- dates

    def _read_date(self) -> None:
        best: tuple[int, int, re.Match[str], str] | None = None
        for expression, how in _DATES:
            for m in expression.finditer(self.text):
                if self._acceptable(m, how):
                    if best is None or m.start() < best[0] or (m.start() == best[0] and m.end() > best[1]):
                        best = (m.start(), m.end(), m, how)
                    break
        while best:
            start, end, m, how = best
            best = None
            if self._take(m, how):
                self._blank(start, end)

    def _acceptable(self, m: re.Match[str], how: str) -> bool:
        before = self.text[max(0, m.start() - 12) : m.start()].split()
        if _OR.match(self.text, m.end()) or (before and before[-1].lower() == "or"):
            return False  # "Wednesday or Thursday" is no date
        if before and m.start() and self.text[m.start() - 1].isspace() and before[-1].lower() in _NOT_AFTER:
            return False
        if how == "weekday" and "weekday" in m.groupdict() and not m["by"] and not m["which"]:
            return bool(re.match(_MAY_FOLLOW, self.text[m.end() :], re.IGNORECASE)) or not m.start()
        return True

    def _take(self, m: re.Match[str], how: str) -> bool:
        """Set the date that a match means; False if there is no such date."""
        try:
            taken = getattr(self, "_take_" + how)(m)
        except (ValueError, OverflowError):  # 31 February, or ten thousand years from now
            return False
        if isinstance(taken, Due):
            self.exact = taken
        elif isinstance(taken, date):
            self.date = taken
        return taken is not None

    def _take_iso(self, m: re.Match[str]) -> date:
        if m["clock"]:
            self.clock = (int(m["clock"][:2]), int(m["clock"][3:]), True)
        return date.fromisoformat(m["iso"])

    def _take_dmy(self, m: re.Match[str]) -> date | None:
        day, month, year = m["dmy"].split(".")
        return self._in_future(int(day), int(month), int(year) if year else None)

    def _take_month(self, m: re.Match[str]) -> date | None:
        return self._in_future(int(m["d"]), _MONTH_NUMBER[m["m"].lower()], int(m["y"]) if m["y"] else None)

    def _take_in_month(self, m: re.Match[str]) -> date | None:
        month = _MONTH_NUMBER.get(m["m"].lower())
        if month is None:
            return None
        year = int(m["y"]) if m["y"] else self.today.year + (month < self.today.month)
        return date(year, month, 1 if self.reminder else calendar.monthrange(year, month)[1])

    def _take_day_of_month(self, m: re.Match[str]) -> date | None:
        return self._day_of_month(int(m["d"]))

    def _take_relative(self, m: re.Match[str]) -> date | Due | None:
        number, unit = _number(m["n"]), _unit(m)
        if unit in ("minute", "hour"):
            return self._from_now(timedelta(**{unit + "s": number}))
        return self._later(unit, number)

    def _take_half(self, m: re.Match[str]) -> Due:
        return self._from_now(timedelta(minutes=30))

    def _take_end(self, m: re.Match[str]) -> date:
        span = (m["span"] or m["short"]).lower()
        span = {"eod": "day", "cob": "day", "eow": "week", "eom": "month"}.get(span, span)
        return self._span(span, 1 if m["next"] else 0, last=True)

    def _take_overmorrow(self, m: re.Match[str]) -> date:
        return self.today + timedelta(days=2)

    def _take_next_monday(self, m: re.Match[str]) -> date:
        return self._weekday(0)

    def _take_tomorrow(self, m: re.Match[str]) -> date:
        return self.today + timedelta(days=1)

    def _take_today(self, m: re.Match[str]) -> date:
        if _TODAYS_PART.search(m[0]):
            self._part(m[0])
        return self.today

    def _take_weekday(self, m: re.Match[str]) -> date:
        groups = m.groupdict()
        if groups.get("short"):
            number, which = _SHORT[groups["short"]], groups["by"].strip()
        else:
            number, which = _WEEKDAY[m["weekday"].lower()], (groups["which"] or "").lower().strip()
        if which == "this" and number == self.today.weekday():
            return self.today
        if which == "next":
            return self.today + timedelta(days=7 - self.today.weekday() + number)
        return self._weekday(number)

    def _take_span(self, m: re.Match[str]) -> date:
        ahead = 0 if (m["which"] or "").lower() == "this" else 1
        span = (m["span"] or m["weekend"]).lower()
        if span != "weekend":
            return self._span(span, ahead, last=not self.reminder)
        sunday = self._span("week", 1 if m["which"] and ahead else 0, last=True)
        return sunday - timedelta(days=1) if self.reminder and sunday != self.today else sunday

    # -- times

    def _read_time(self) -> None:
        if self.clock is None:
            for expression in _TIMES:
                m = expression.search(self.text)
                # In "a table for Saturday at 10" the hour is that day's, and says nothing of when.
                if m and not (self.date is None and _DAY_LEFT.search(self.text, 0, m.start())) and self._take_time(m):
                    self._blank(*m.span())
                    break
        m = _PART.search(self.text)
        if m and (self.date or self.clock or "in the" in m[0].lower() or "this" in m[0].lower()) and not self._before_is_the(m):
            self._part(m[0])
            if self.date is None and not self.clock and "this" not in m[0].lower():
                self.date = self.today if self.local.hour < 6 else self.today + timedelta(days=1)
            self._blank(*m.span())

    def _before_is_the(self, m: re.Match[str]) -> bool:
        """ "the morning report": a part of the day that is part of a name."""
        return m[0] == m["part"] and not (
            self.text[: m.start()].rstrip(" ").endswith("\x00") or self.text[m.end() :].lstrip(" ").startswith("\x00")
        )

    def _take_time(self, m: re.Match[str]) -> bool:
        groups = {name: value for name, value in m.groupdict().items() if value}
        if "noon" in groups:
            self.clock = (12, 0, True)
            return True
        if "midnight" in groups:
            self.clock = None
            self.date = self.date or self.today
            return True
        if "h24" in groups:
            hour, certain = int(groups["h24"]), True
        else:
            hour = _number(groups["h"])
            certain = hour > 12 or hour == 0 or groups["h"].startswith("0")
        minute = int(groups.get("min") or 0)
        past = groups.get("half_past", "").lower()
        if past:
            hour, minute = (hour - 1, 45) if past.startswith("quarter to") else (hour, 30 if past.startswith("half") else 15)
        half = groups.get("half", "").lower()[:1]
        if half and hour <= 12:
            hour, certain = hour % 12 + (12 if half == "p" else 0), True
        if hour > 23 or minute > 59:
            return False
        self.clock = (hour, minute, certain)
        return True

    def _part(self, words: str) -> None:
        m = _PART.search(words)
        if m:
            self.evening = m["part"].lower() != "morning"

    # -- putting it together

    def _due(self) -> Due | None:
        if self.exact:
            return self.exact
        if self.clock is None:
            return Due(self.date, None, self.zone) if self.date else None
        hour, minute, certain = self.clock
        if not certain and self.evening is not None:
            hour, certain = hour % 12 + (12 if self.evening else 0), True
        certain = certain or (self.daily and 7 <= hour <= 11)
        soon = self.date is None or self.daily
        if not certain and hour <= 12 and not (soon and self._ahead(hour, minute)):
            later = hour % 12 + 12
            if 1 <= hour <= 6 or (soon and self._ahead(later, minute)):
                hour = later
        day = self.date or self.today
        if self.today_too and certain and self._ahead(hour, minute):
            day = self.today
        if soon and not self._ahead(hour, minute):
            day = self.today + timedelta(days=1)
        return Due(day, time(hour, minute), self.zone)

    def _ahead(self, hour: int, minute: int) -> bool:
        return time(hour, minute) > self.local.time()

    def _from_now(self, wait: timedelta) -> Due:
        then = (self.now.astimezone(UTC) + wait).astimezone(ZoneInfo(self.zone))
        return Due.at(then.replace(second=0, microsecond=0), self.zone)

    def _weekday(self, number: int) -> date:
        return self.today + timedelta(days=(number - self.today.weekday() - 1) % 7 + 1)

    def _later(self, unit: str, number: int) -> date:
        if unit in ("day", "week"):
            return self.today + timedelta(days=number * (7 if unit == "week" else 1))
        months = self.today.year * 12 + self.today.month - 1 + number * (12 if unit == "year" else 1)
        year, month = months // 12, months % 12 + 1
        return date(year, month, min(self.today.day, calendar.monthrange(year, month)[1]))

    def _day_of_month(self, day: int) -> date | None:
        year, month = self.today.year, self.today.month
        for _ in range(12):
            if day <= calendar.monthrange(year, month)[1] and day and date(year, month, day) >= self.today:
                return date(year, month, day)
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        return None

    def _in_future(self, day: int, month: int, year: int | None) -> date | None:
        """The day of that month, in the year given or the first one in which it isn't past."""
        if not month:
            return None
        if year is not None:
            return date(year, month, day)
        for ahead in range(9):  # 29 February is up to eight years away
            this = self.today.year + ahead
            if 1 <= day <= calendar.monthrange(this, month)[1] and date(this, month, day) >= self.today:
                return date(this, month, day)
        return None

    def _span(self, span: str, ahead: int, *, last: bool) -> date:
        if span == "day":
            return self.today + timedelta(days=ahead)
        if span == "week":
            monday = self.today - timedelta(days=self.today.weekday()) + timedelta(days=7 * ahead)
            return monday + timedelta(days=6) if last else max(monday, self.today)
        if span == "year":
            first, end = date(self.today.year + ahead, 1, 1), date(self.today.year + ahead, 12, 31)
            return end if last else max(first, self.today)
        months = self.today.year * 12 + self.today.month - 1 + ahead
        year, month = months // 12, months % 12 + 1
        return date(year, month, calendar.monthrange(year, month)[1]) if last else max(date(year, month, 1), self.today)


def find_due(text: str, known: Known, *, reminder: bool = False) -> Found:
    """When a promise is due, and what it says without that. reminder: a span comes up on its first day."""
    return _Reader(text, known, reminder).found()


_PAST_DAYS = {"today": 0, "this morning": 0, "yesterday": 1}
_SINCE = pattern(
    rf",? \b(?:(?P<from>since|in)(?: early| late| mid)? (?:(?P<m>{_MONTH}) ?(?P<y>\d{{4}})?|(?P<y2>(?:19|20)\d\d))"
    rf"|(?:for )?(?:about |almost |over |the (?:last|past) )?(?P<n>{_NUMBER}) {_UNIT}(?P<ago> ago)?|last (?P<last>week|month|year)"
    r"|(?P<past>today|this morning|yesterday))(?: now)?(?=$|[.,!;])"
)


def find_since(text: str, today: date) -> tuple[str, date | None]:
    """Since when something holds that is so now ("since 2019", "for three years", "in May", "last week"), and the text without it.

    The first day of a month, a year or a week where no day is named; a month alone is the last one of that name.
    """
    english = English(text)
    m = _SINCE.search(english.text)
    if m is None:
        return text, None
    since = today
    if m["m"] or m["y2"]:
        number = _MONTH_NUMBER[m["m"].lower()] if m["m"] else 1
        since = date(int(m["y"] or m["y2"] or today.year), number, 1)
        if m["m"] and not m["y"] and since > today:
            since = since.replace(year=today.year - 1)
    elif m["n"]:
        since = _back(today, _number(m["n"]), _unit(m))
    elif m["last"]:
        since = _back(today, 1, m["last"])
        since = since.replace(day=1) if m["last"] != "week" else since - timedelta(days=since.weekday())
        since = since.replace(month=1) if m["last"] == "year" else since
    elif m["past"]:
        since = today - timedelta(days=_PAST_DAYS[m["past"].lower()])
    english.blank(*m.span())
    return (english.rest.replace("\x00", ""), since) if since <= today else (text, None)


def _back(today: date, n: int, unit: str) -> date:
    """So many units before a day."""
    if unit in ("month", "year"):
        months = today.year * 12 + today.month - 1 - n * (12 if unit == "year" else 1)
        return today.replace(year=max(1, months // 12), month=months % 12 + 1, day=min(today.day, 28))
    return today - timedelta(days=n * {"week": 7, "day": 1}.get(unit, 0)) if n < 4_000 else date.min


def _tidy(text: str) -> str:
    """The text without the blanked parts."""
    text = _TIDY.sub(" ", text).replace("( )", "").strip(" ,;–—-")
    return re.sub(r"\s+([,.;!?])", r"\1", text)


def _rule(frequency: str, every: int, by: str = "") -> str:
    return ";".join(part for part in (f"FREQ={frequency}", f"INTERVAL={every}" if every > 1 else "", by) if part)


def _weekdays(text: str) -> list[str]:
    words = re.findall(r"\w+", text.lower())
    return [w if w in _WEEKDAY else w[:-1] for w in words if w in _WEEKDAY or w[:-1] in _WEEKDAY]


def _number(word: str) -> int:
    word = word.lower()
    if word.isdigit():
        return int(word)
    return 2 if word.startswith("a couple") else _NUMBERS.get(word, 0)


def _unit(m: re.Match[str]) -> str:
    return {"min": "minute", "hr": "hour"}.get(unit := m["unit"].lower().rstrip("s"), unit)

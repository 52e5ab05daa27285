"""When something is due, as people write it in English, German, French and Spanish.

Conventions. A weekday is its next occurrence, never today ("this Friday" may be today; "next Friday" is in the next calendar week).
A span ("next week", "this weekend", "in May") is due on its last day, or, for a reminder, comes up on its first. Weeks end on Sunday.
A bare hour from 1 to 6 is in the afternoon; with no date, an hour is the next one that the clock will show. Midnight is the end of the day.
What follows "for", "of", "from", "the" isn't when it is due ("the notes from Friday", "a table for tomorrow").
"""

from __future__ import annotations

import calendar
import re
import warnings
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import msgspec

from pmm.agent.extract.known import Known
from pmm.agent.extract.text import pattern
from pmm.events import Due


class Found(msgspec.Struct, frozen=True):
    """due and repeat as the events hold them, and the text without the words that said so."""

    due: Due | None
    repeat: str | None
    rest: str


_DAYS = (
    "monday montag lundi lunes",
    "tuesday dienstag mardi martes",
    "wednesday mittwoch mercredi miércoles miercoles",
    "thursday donnerstag jeudi jueves",
    "friday freitag vendredi viernes",
    "saturday samstag sonnabend samedi sábado sabado",
    "sunday sonntag dimanche domingo",
)
_WEEKDAY = {name: number for number, names in enumerate(_DAYS) for name in names.split()}
_SHORT = {"Mon": 0, "Tue": 1, "Tues": 1, "Wed": 2, "Thu": 3, "Thur": 3, "Thurs": 3, "Fri": 4, "Sat": 5, "Sun": 6}
_RULE_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY = "(?:" + "|".join(_WEEKDAY) + ")"
_NUMBERS = {
    name: number
    for number, names in enumerate(
        (
            "",
            "a an one ein eine einem einer einen un une una uno",
            "two zwei deux dos",
            "three drei trois tres",
            "four vier quatre cuatro",
            "five fünf cinq cinco",
            "six sechs seis",
            "seven sieben sept siete",
            "eight acht huit ocho",
            "nine neun neuf nueve",
            "ten zehn dix diez",
            "eleven elf onze once",
            "twelve zwölf douze doce",
        )
    )
    for name in names.split()
}
_NUMBER = r"(?:\d{1,4}|a couple of|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + ")"
_UNITS = {
    "minute": "minutes? mins? minuten? minutos?",
    "hour": "hours? hrs? stunden? heures? horas?",
    "day": "days? tage? tagen jours? días? dias?",
    "week": "weeks? wochen? semaines? semanas?",
    "month": "months? monate? monaten mois mes meses",
    "year": "years? jahre? jahren ans? années? años?",
}
_UNIT = "(?:" + "|".join(f"(?P<{unit}>{'|'.join(names.split())})" for unit, names in _UNITS.items()) + ")"
_MONTHS = (
    "january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec"
    " januar jänner februar märz mai juni juli oktober dezember janvier février mars avril juin juillet août septembre"
    " octobre novembre décembre"
    " enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
)
_MONTH = "(?:" + "|".join(sorted(_MONTHS.split(), key=len, reverse=True)) + ")"
_BY = (
    r"(?:first thing )?(?:(?:on|by|before|until|till|no later than|at the latest by|latest by|starting|bis zum|bis spätestens|bis|am"
    r"|vor|spätestens am"
    r"|spätestens|avant|d'ici|pour|le|el|para el|para|antes del?|hasta el|hasta) )?"
)
_NOT_AFTER = frozenset(
    "of for from about since last past the a an black good easter cyber ash von letzten vom guten jeden de dernier du por"
    " and's each these those".split()
)
_MAY_FOLLOW = (
    r"(?=\s*(?:$|[,.;:!?)(–—-])|\s+(?:at|by|before|in|on|and|or|to|about|with|after|morning|afternoon|evening|night|noon"
    r"|for|from|around|when|that"
    r"|so|because|because of|via|um|à|a las?|früh|abend|vormittag|nachmittag|matin|soir|prochain|próximo|por|\d))"
)

_DATES = [
    (pattern(rf"{_BY}(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})(?!\d)(?:T(?P<clock>\d\d:\d\d))?"), "iso"),
    (pattern(rf"{_BY}(?P<dmy>\d{{1,2}}\.\d{{1,2}}\.(?:\d{{4}})?)(?!\d)"), "dmy"),
    (
        pattern(
            rf"(?<!\w){_BY}(?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|\.)?(?: of| de)? (?P<m>{_MONTH})\b\.?(?:,? (?:de |del"
            rf" )?(?P<y>\d{{4}}))?"
        ),
        "month",
    ),
    (pattern(rf"(?<!\w){_BY}(?P<m>{_MONTH})\.? (?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\w:])(?:,? (?P<y>\d{{4}}))?"), "month"),
    (
        pattern(r"\b(?:on|by|before|until) the (?P<d>\d{1,2})(?:st|nd|rd|th)\b(?! (?:floor|of|time|chapter|edition|street|page))"),
        "day_of_month",
    ),
    (
        pattern(
            rf"\b(?:in|within|dans|dentro de|en|innerhalb von) (?:the next )?(?:about )?(?P<n>{_NUMBER}) {_UNIT}(?:'s?)?(?:"
            rf" time)?\b(?! of\b)"
        ),
        "relative",
    ),
    (
        pattern(
            r"\b(?:in|within) (?P<half>half an hour)|\bin (?P<demi>einer halben stunde)|\bdans (?P<fdemi>une demi-heure)|\ben"
            r" (?P<media>media hora)"
        ),
        "half",
    ),
    (pattern(rf"\b(?P<n>{_NUMBER}) {_UNIT} from (?:now|today)\b"), "relative"),
    (
        pattern(
            r"(?:(?:by|before|at|until|towards) )?(?:the )?\bend of (?:the |this )?(?P<next>next )?(?P<span>day|week|month|year)\b(?!'s)"
            r"|\b(?:by )?(?P<short>eod|cob|eow|eom)\b"
            r"|\b(?:bis |bis zum |am )?ende (?:der|dieser|des|dieses) (?P<dspan>woche|monats|jahres)\b"
            r"|\b(?:à la |d'ici la |avant la |d'ici )?fin (?:de la |de |du |de l')(?P<fspan>semaine|mois|année)\b"
            r"|\b(?:a |para |antes de )?(?:el )?final(?:es)? (?:de la |de |del )(?P<sspan>semana|mes|año)\b"
        ),
        "end",
    ),
    (pattern(r"\bafter the weekend\b|\bnach dem wochenende\b|\baprès le week-?end\b"), "next_monday"),
    (pattern(r"\b(?:by |on )?(?:the )?day after tomorrow\b|\b(?:bis )?übermorgen\b|\baprès-demain\b|\bpasado mañana\b"), "overmorrow"),
    (
        pattern(
            rf"(?<![\w-]){_BY}(?:tomorrow|tmrw|tmr)\b(?!'s|-)|(?<![\w-])(?:bis )?morgen\b(?!'s|-)|\b(?:pour |d'ici )?demain\b"
            rf"|\b(?:para )?mañana\b"
        ),
        "tomorrow",
    ),
    (
        pattern(
            rf"(?<![\w-]){_BY}(?:later )?(?:today|tonight)\b(?!'s)|\bthis (?:morning|afternoon|evening)\b|\b(?:bis )?heute\b"
            rf"|\baujourd'hui\b|\bce soir\b|\bcet après-midi\b|\bhoy\b|\besta (?:noche|tarde)\b"
        ),
        "today",
    ),
    (
        pattern(
            rf"\b(?P<by>(?:{_BY[3:-2]})?)(?P<which>this coming |this |next |coming |kommenden |diesen |nächsten |nächster |próximo "
            rf"|próxima )?"
            rf"(?P<weekday>{_DAY})(?P<after> prochain| próximo| que viene)?\b(?!'s|-|s\b)"
        ),
        "weekday",
    ),
    (pattern(rf"\b(?P<by>on |by |next |this |until )(?P<short>{'|'.join(_SHORT)})\b\.?(?![\w\x27’-])", 0), "weekday"),
    (
        pattern(
            r"\b(?:by |during |sometime |before )?(?P<which>next|this) (?P<span>week|month|year|weekend)\b(?!'s)"
            r"|\b(?:at |on |over |by |before )the (?P<weekend>weekend)\b(?!'s)"
            r"|\b(?:bis )?(?P<dwhich>nächste[nrs]?|diese[nrs]?) (?P<dspan>woche|monat|jahr|wochenende)\b"
            r"|\bam (?P<dweekend>wochenende)\b|\bce (?P<fweekend>week-?end)\b|\beste (?P<sweekend>fin de semana)\b"
            r"|\bla (?P<fspan>semaine) prochaine\b|\ble (?P<fmonth>mois) prochain\b"
            r"|\bla próxima (?P<sspan>semana)\b|\bla (?P<sspan2>semana) que viene\b|\bel próximo (?P<smonth>mes)\b"
        ),
        "span",
    ),
    (pattern(r"\b[Ii]n (?P<m>(?-i:[A-Z])\w+)(?: (?P<y>\d{4}))?\b(?!'s)", 0), "in_month"),
]

_EVERY = [
    (
        pattern(
            rf"\b(?:on )?(?:every|each|jeden|jede|chaque|tous les|toutes les|cada|todos los) (?P<other>other |second |2nd |zweiten"
            rf" )?(?P<days>(?:{_DAY})s?(?:(?:,| and| und| et| y|,? &) (?:every |on )?(?:{_DAY})s?){{0,6}})\b"
        ),
        "days",
    ),
    (pattern(rf"\b(?P<days>(?:on {_DAY}s|los {_DAY}s?)(?:(?:,| and| y) (?:on |los )?{_DAY}s?){{0,6}})(?!\w)"), "plural"),
    (pattern(r"\b(?:on |every |each )(?:weekday|workday|working day|business day)s?\b|\b(?:werktags|jeden werktag)\b"), "weekdays"),
    (pattern(rf"\b(?:every|each|alle|tous les|toutes les|cada) (?P<n>{_NUMBER}|other|second) {_UNIT}\b"), "every_n"),
    (
        pattern(
            r"\b(?:on )?(?:the )?(?P<d>first|\d{1,2})(?:st|nd|rd|th)? (?:day )?of (?:every|each|the) month\b|\bevery month on the"
            r" (?P<d2>\d{1,2})(?:st|nd|rd|th)?\b"
        ),
        "month_day",
    ),
    (
        pattern(
            r"\bonce a day\b|\b(?:every|each) (?:single )?(?:day|morning|evening|night|afternoon)\b|\bdaily\b|\b(?:jeden"
            r" (?:tag|morgen|abend)"
            r"|täglich|tous les (?:jours|matins|soirs)|chaque (?:jour|matin|soir)|todos los días|todas las (?:mañanas|noches)|cada"
            r" (?:día|mañana|noche))\b"
        ),
        "DAILY",
    ),
    (
        pattern(
            r"\b(?:every|each|once a) week\b|\bweekly\b|\b(?:jede woche|wöchentlich|chaque semaine|toutes les semaines|cada semana|todas"
            r" las semanas)\b"
        ),
        "WEEKLY",
    ),
    (
        pattern(
            r"\b(?:every|each|once a) month\b|\bmonthly\b|\b(?:jeden monat|monatlich|chaque mois|tous les mois|cada mes|todos"
            r" los meses)\b"
        ),
        "MONTHLY",
    ),
    (
        pattern(
            r"\b(?:every|each|once a) year\b|\b(?:yearly|annually)\b|\b(?:jedes jahr|jährlich|chaque année|tous les ans|cada año|todos los"
            r" años)\b"
        ),
        "YEARLY",
    ),
]

_AT = r"(?:(?:at|by|before|until|around|about|from|um|gegen|bis|ab|vor|à|vers|avant|a las?) )?"
_CLOCK_NUMBER = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_TIMES = [
    pattern(rf"(?<![\w.:]){_AT}(?P<h>\d{{1,2}})(?:[:.](?P<min>\d{{2}}))?\s?(?P<half>am|pm|a\.m\.?|p\.m\.?)(?!\w)"),
    pattern(r"(?<!\w)(?:um|gegen|bis|vor|ab) (?P<h24>\d{1,2})(?:[:.](?P<min>\d{2}))? ?uhr\b(?: (?P<min2>\d{2})\b)?"),
    pattern(rf"(?<!\w)um (?P<h>{_NUMBER})(?: uhr)?\b"),
    pattern(r"(?<!\w)(?:à|vers|avant) (?P<h24>\d{1,2}) ?(?:h|heures?)(?: ?(?P<min>\d{2}))?\b"),
    pattern(rf"(?<!\w)a las? (?P<h>{_NUMBER})(?::(?P<min>\d{{2}}))?\b(?: (?:de|por) la (?P<spart>mañana|tarde|noche)\b)?"),
    pattern(rf"(?<![\w.:]){_AT}(?P<h>\d{{1,2}}):(?P<min>\d{{2}})(?::\d\d)?(?![\w:])(?: ?(?:uhr|hrs|o'clock)\b)?"),
    pattern(
        rf"(?<!\w)(?:at|by|before|around) (?P<half_past>half past |quarter past |quarter to )?(?P<h>{_CLOCK_NUMBER})(?:"
        rf" o'clock)?(?: sharp)?"
        r"(?=\s*(?:$|[,.;!?)]|\x00)|\s+(?:on|tomorrow|today|tonight|this|next|in the|every|and|to|or|for|with|about)\b)"
    ),
    pattern(
        r"(?<!\w)(?:(?:at|by|before|around|um|gegen|à|vers|al?|a la) )?"
        r"(?:(?P<noon>noon|midday|mittags|midi|mediodía)|(?P<midnight>midnight|mitternacht|minuit|medianoche))\b"
    ),
]
_PART = pattern(
    r"(?:\x00\s*|\b(?:in the |at |am |le |por la |de la |early |early in the |late |this |on the |every (?:single )?|each |jeden "
    r"|chaque |cada |tous les |todas las |(?=tonight|abends|morgens)))(?:early |late )?(?P<part>morning|afternoon|evening"
    r"|night|tonight|früh|vormittag|nachmittag"
    r"|abend|abends|morgens|matin|après-midi|soir|soirée|tarde|noche|mañana)\b(?!'s)"
)
_DAY_LEFT = pattern(rf"\b(?:{_DAY}|tomorrow|tonight|today|morgen|heute|demain|mañana)\W*$")
_TODAYS_PART = pattern(r"tonight|this (?:morning|afternoon|evening)|ce soir|cet après-midi|esta (?:noche|tarde)")
_MORNING = frozenset("morning früh vormittag morgens matin mañana".split())
_OR = pattern(rf" or (?:maybe |on |the )?(?:{_DAY}|tomorrow|today|next|day after|later)\b")
_TIDY = re.compile(r"\s*\x00+[\s\x00]*")


class _Reader:
    """Reads one text once. What was understood is blanked out with NULs of the same length, so offsets hold."""

    def __init__(self, text: str, known: Known, reminder: bool) -> None:
        self.text = text
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

    def found(self) -> Found:
        self._read_repeat()
        if self.date is None:
            self._read_date()
        self._read_time()
        due = self._due()
        if due is None:
            return Found(None, None, self.text.replace("\x00", " "))
        return Found(due, self.repeat, _tidy(self.text))

    def _blank(self, start: int, end: int) -> None:
        self.text = self.text[:start] + "\x00" * (end - start) + self.text[end:]

    # -- repeats

    def _read_repeat(self) -> None:
        for expression, how in _EVERY:
            m = expression.search(self.text)
            if m and self._start_repeat(m, how):
                self._blank(*m.span())
                return

    def _start_repeat(self, m: re.Match[str], how: str) -> bool:
        if how in ("days", "plural"):
            days = sorted({_WEEKDAY[w] for w in _weekdays(m["days"])})
            if not days:
                return False
            every = 2 if how == "days" and m["other"] else 1
            self.repeat = _rule("WEEKLY", every, "BYDAY=" + ",".join(_RULE_DAYS[d] for d in days))
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
        if before and before[-1].lower() == "am" and how == "tomorrow":
            return False
        if how == "weekday" and "weekday" in m.groupdict() and not m["by"] and not m["which"]:
            return bool(re.match(_MAY_FOLLOW, self.text[m.end() :], re.IGNORECASE)) or not m.start()
        # In German, "Morgen" with a capital in a sentence is the morning.
        return not (m[0] == "Morgen" and m.start())

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
        return self._in_future(int(m["d"]), _month(m["m"].lower()), int(m["y"]) if m["y"] else None)

    def _take_in_month(self, m: re.Match[str]) -> date | None:
        if m["m"].lower() not in _MONTHS.split():
            return None
        month = _month(m["m"].lower())
        if not month:
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
        span = (m["span"] or m["dspan"] or m["fspan"] or m["sspan"] or m["short"]).lower()
        span = {"eod": "day", "cob": "day", "eow": "week", "eom": "month", "woche": "week", "semaine": "week", "semana": "week"}.get(
            span, span
        )
        span = {"monats": "month", "mois": "month", "mes": "month", "jahres": "year", "année": "year", "año": "year"}.get(span, span)
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
        groups = {name: value.lower() for name, value in m.groupdict().items() if value}
        ahead = 0 if groups.get("which") == "this" or groups.get("dwhich", "").startswith("diese") else 1
        span = next(value for name, value in groups.items() if "which" not in name)
        names = {"woche": "week", "semaine": "week", "semana": "week", "monat": "month", "mois": "month", "mes": "month", "jahr": "year"}
        span = names.get(span, span)
        if span in ("week", "month", "year"):
            return self._span(span, ahead, last=not self.reminder)
        sunday = self._span("week", 1 if groups.get("which") == "next" or groups.get("dwhich", "").startswith("näch") else 0, last=True)
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
        minute = int(groups.get("min") or groups.get("min2") or 0)
        past = groups.get("half_past", "").lower()
        if past:
            hour, minute = (hour - 1, 45) if past.startswith("quarter to") else (hour, 30 if past.startswith("half") else 15)
        half = groups.get("half", "").lower()[:1] or {"mañana": "a", "tarde": "p", "noche": "p"}.get(groups.get("spart", "").lower(), "")
        if half and hour <= 12:
            hour, certain = hour % 12 + (12 if half == "p" else 0), True
        if hour > 23 or minute > 59:
            return False
        self.clock = (hour, minute, certain)
        return True

    def _part(self, words: str) -> None:
        m = _PART.search(words)
        if m:
            self.evening = m["part"].lower() not in _MORNING

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
    rf",? \b(?:(?P<from>since|in|depuis|seit|desde)(?: early| late| mid)? (?:(?P<m>{_MONTH}) ?(?P<y>\d{{4}})?|(?P<y2>(?:19|20)\d\d))"
    rf"|(?:for )?(?:about |almost |over |the (?:last|past) )?(?P<n>{_NUMBER}) {_UNIT}(?P<ago> ago)?|last (?P<last>week|month|year)"
    r"|(?P<past>today|this morning|yesterday))(?: now)?(?=$|[.,!;])"
)


def find_since(text: str, today: date) -> tuple[str, date | None]:
    """Since when something holds that is so now ("since 2019", "for three years", "in May", "last week"), and the text without it.

    The first day of a month, a year or a week where no day is named; a month alone is the last one of that name.
    """
    m = _SINCE.search(text)
    if m is None:
        return text, None
    since = today
    if m["m"] or m["y2"]:
        number = _month(m["m"]) if m["m"] else 1
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
    return (text[: m.start()] + text[m.end() :], since) if since <= today else (text, None)


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
    return next(unit for unit in _UNITS if m[unit])


@cache  # a pure function of some sixty words
def _month(name: str) -> int:
    """The number of a month named in any of the languages, 0 if it is none."""
    import dateparser  # slow to import, and few messages name a month

    with warnings.catch_warnings():
        # Its date arithmetic is deprecated in newer Pythons; nothing here depends on it.
        warnings.simplefilter("ignore", DeprecationWarning)
        found = dateparser.parse(
            f"1 {name} 2001", languages=["en", "de", "fr", "es"], settings={"DATE_ORDER": "DMY", "RELATIVE_BASE": datetime(2001, 1, 1)}
        )
    return found.month if found else 0

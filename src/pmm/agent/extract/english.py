"""German, French and Spanish words for days, dates and times, put into English, so that `dates` need read but one language.

Nothing else of a text is touched, and `English` knows which part of the text each word of it came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from pmm.agent.extract.text import words_of


def _table(lines: str) -> dict[str, str]:
    """ "english foreign foreign" a line: each foreign word to the English one."""
    return {word: line.split()[0] for line in lines.strip().splitlines() for word in line.split()[1:]}


_DAYS = _table("""
    monday montag lundi lunes
    tuesday dienstag mardi martes
    wednesday mittwoch mercredi miércoles miercoles
    thursday donnerstag jeudi jueves
    friday freitag vendredi viernes
    saturday samstag sonnabend samedi sábado sabado
    sunday sonntag dimanche domingo
""")
_MONTHS = _table("""
    January januar jänner janvier enero
    February februar février febrero
    March märz mars marzo
    April april avril abril
    May mai mayo
    June juni juin junio
    July juli juillet julio
    August august août agosto
    September september septembre septiembre
    October oktober octobre octubre
    November november novembre noviembre
    December dezember décembre diciembre
""")
_NUMBERS = _table("""
    one ein eine einem einer einen un une una uno
    two zwei deux dos
    three drei trois tres
    four vier quatre cuatro
    five fünf cinq cinco
    six sechs seis
    seven sieben sept siete
    eight acht huit ocho
    nine neun neuf nueve
    ten zehn dix diez
    eleven elf onze once
    twelve zwölf douze doce
""")
_UNITS = _table("""
    minutes minute minuten minutes minuto minutos
    hours stunde stunden heure heures hora horas
    days tag tage tagen jour jours día días dia dias
    weeks woche wochen semaine semaines semana semanas
    months monat monate monaten monats mois mes meses
    years jahr jahre jahren jahres an ans année années año años
    weekend wochenende week-end
""")
_WORDS = _DAYS | _MONTHS | _NUMBERS | _UNITS | dict.fromkeys(("morgen", "demain"), "tomorrow")


def _any(table: dict[str, str]) -> str:
    return "(?:" + "|".join(sorted(table, key=len, reverse=True)) + ")"


_DAY, _MONTH, _UNIT = _any(_DAYS), _any(_MONTHS), _any(_UNITS)
_NUMBER = rf"(?:\d{{1,4}}|{_any(_NUMBERS)})"
_WHEN = rf"(?:{_DAY}|\d|(?:über)?morgen\b|heute|ende\b|(?:après-)?demain|ce soir|fin d[eu]\b|mañana|final|midi|minuit|medio|media)"
_TILL = r"(?:bis spätestens|bis zum|bis|spätestens am|spätestens|vor|d'ici|avant|antes del?|hasta(?: el)?|para(?: el)?|pour)"


def _word(word: str) -> str:
    low = word.lower()
    return _WORDS.get(low) or _WORDS.get(low.removesuffix("s"), word)


def _hour(m: re.Match[str]) -> str:
    half = {"mañana": " am", "tarde": " pm", "noche": " pm"}.get((m[3] or "").lower(), "")
    hour = m[1] if m[1].isdigit() else str(list(dict.fromkeys(_NUMBERS.values())).index(_word(m[1])) + 1)
    minutes = f":{m[2]}" if m[2] else ""
    return f"at {hour}{minutes}{half}" if minutes or half else f"at {hour} o'clock"


# The first that fits a place is taken: longer ones stand before what they begin with.
_PHRASES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"übermorgen|après-demain|pasado mañana", "the day after tomorrow"),
    (r"nach dem wochenende|après le week-?end", "after the weekend"),
    (r"heute (?:abend|nacht)|ce soir|esta noche", "tonight"),
    (r"cet après-midi|esta tarde|heute nachmittag", "this afternoon"),
    (r"heute (?:früh|morgen|vormittag)|ce matin|esta mañana", "this morning"),
    (r"heute|aujourd'hui|hoy", "today"),
    (r"(?:jeden|chaque|cada|todas las|tous les) (?:morgen|matins?|mañanas?)", "every morning"),
    (r"(?:jeden|chaque|cada|todas las|tous les) (?:abend|soirs?|noches?)", "every evening"),
    (r"(?:morgens|am (?:morgen|vormittag)|le matin|por la mañana|de la mañana)", "in the morning"),
    (r"(?:abends|am abend|le soir|por la noche|de la noche)", "in the evening"),
    (r"(?:nachmittags|am nachmittag|l'après-midi|por la tarde|de la tarde)", "in the afternoon"),
    (rf"(demain|{_DAY}) matin|((?-i:morgen)|{_DAY}) (?:früh|vormittag)", lambda m: _word(m[1] or m[2]) + " morning"),
    (rf"(demain|{_DAY}) soir|((?-i:morgen)|{_DAY}) abend", lambda m: _word(m[1] or m[2]) + " evening"),
    (rf"(demain|{_DAY}) après-midi|((?-i:morgen)|{_DAY}) nachmittag", lambda m: _word(m[1] or m[2]) + " afternoon"),
    (r"demain|mañana|(?-i:morgen)(?!')|\AMorgen(?!')", "tomorrow"),
    (r"täglich|(?:jeden|chaque|cada) (?:tag|jour|día)|tous les jours|todos los días", "every day"),
    (r"wöchentlich|(?:jede|chaque|cada) (?:woche|semaine|semana)|toutes les semaines|todas las semanas", "every week"),
    (r"monatlich|(?:jeden|chaque|cada) (?:monat|mois|mes)|tous les mois|todos los meses", "every month"),
    (r"jährlich|(?:jedes|chaque|cada) (?:jahr|année|año)|tous les ans|todos los años", "every year"),
    (r"werktags|jeden werktag", "every weekday"),
    (rf"jeden zweiten (?={_DAY})", "every other "),
    (rf"(?:jeden|jede|alle|chaque|tous les|toutes les|cada|todos los|los) (?={_DAY}|{_NUMBER} {_UNIT})", "every "),
    (rf"(?:à la |d'ici la |avant la )?fin (?:de la |du |de l')({_UNIT})", lambda m: "by the end of the " + _word(m[1])),
    (rf"(?:bis |bis zum |am )?ende (?:der|dieser|des|dieses) ({_UNIT})", lambda m: "by the end of the " + _word(m[1])),
    (rf"(?:a |para |antes de )?(?:el )?final(?:es)? (?:de la |del? )({_UNIT})", lambda m: "by the end of the " + _word(m[1])),
    (r"(?:am wochenende)", "on the weekend"),
    (r"(?:dieses wochenende|ce week-?end|este fin de semana)", "this weekend"),
    (r"la semaine prochaine|la próxima semana|la semana que viene", "next week"),
    (r"le mois prochain|el próximo mes|el mes que viene", "next month"),
    (rf"(?:(?:le|el) )?({_DAY}) (?:prochain|próximo|que viene)", lambda m: "on " + _word(m[1])),
    (rf"(?:(?:am|el) )?(?:nächsten|nächster|kommenden|diesen|próximo) (?={_DAY})", "coming "),
    (rf"nächste[nrs]? ({_UNIT})", lambda m: "next " + _word(m[1]).removesuffix("s")),
    (rf"diese[nrs]? ({_UNIT})", lambda m: "this " + _word(m[1]).removesuffix("s")),
    (r"einer halben stunde|une demi-heure|media hora", "half an hour"),
    (rf"(?:dans|dentro de|en|innerhalb von) (?={_NUMBER} {_UNIT}|half|une demi|media)", "in "),
    (rf"({_NUMBER}) ({_UNIT})\b", lambda m: f"{_word(m[1])} {_word(m[2])}"),
    (r"(?:um|gegen|ab) (\d{1,2})(?:[:.](\d\d))? ?uhr\b(?: (\d\d)\b)?", lambda m: f"at {m[1]}:{m[2] or m[3] or '00'}h"),
    (r"(?:bis|vor) (\d{1,2})(?:[:.](\d\d))? ?uhr\b(?: (\d\d)\b)?", lambda m: f"by {m[1]}:{m[2] or m[3] or '00'}h"),
    (r"(?:à|vers|avant) (\d{1,2}) ?(?:h\b|h(?=\d)|heures?)(?: ?(\d\d)\b)?", lambda m: f"at {m[1]}:{m[2] or '00'}h"),
    (rf"um ({_any(_NUMBERS)})(?: uhr)?\b", lambda m: f"at {_word(m[1])} o'clock"),
    (rf"a las? ({_NUMBER})(?::(\d\d))?(?: (?:de|por) la (mañana|tarde|noche))?\b", _hour),
    (r"(?:(?:um|à|al?) )?(?:mittags|midi|mediodía)", "at noon"),
    (r"(?:(?:um|à|a la) )?(?:mitternacht|minuit|medianoche)", "at midnight"),
    (r"(?:um|gegen|à|vers) (?=\d{1,2}[:.]\d\d)", "at "),
    (rf"{_TILL} (?={_WHEN})", "by "),
    (rf"(?:am|le|el) (?={_DAY}|\d{{1,2}}\. |\d{{1,2}}(?:er)? (?:de )?{_MONTH})", "on "),
    (rf"(\d{{1,2}})(?:\.|er)? (?:de )?({_MONTH})\b(?: del? (?=\d{{4}}))?", lambda m: f"{m[1]} {_word(m[2])}" + " " * m[0].endswith(" ")),
    (r"(?:seit|depuis|desde)(?: hace)? (?=\d)", "since "),
    (rf"(?:{_DAY}s?|{_MONTH})\b", lambda m: _word(m[0])),
)  # fmt: skip

_FOREIGN = (_WORDS.keys() - {"minutes", "april", "august", "september", "november", "once", "an"}) | frozenset(
    "mañana mañanas lundis mardis mercredis jeudis vendredis samedis dimanches sábados domingos nachmittag vormittag früh"
    " übermorgen morgens heute abend abends uhr um mittags mitternacht täglich wöchentlich monatlich jährlich werktags ende halben jeden"
    " nächste nächsten matin soir midi minuit aujourd hui jour jours fin prochain hoy noche tarde las mediodía medianoche media final"
    " próxima próximo à vers seit depuis desde".split()
)
"""words of which one is in every text that needs it"""


@cache
def _forms() -> tuple[re.Pattern[str], tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]]:
    """All phrases in one, and each apart. Compiled when a text is first read for dates."""
    sources = [rf"(?:{source})(?:(?<=\s)|(?!\w))".replace("'", "['’]") for source, _ in _PHRASES]
    together = r"(?<![\w-])(?:" + "|".join(f"(?P<form{at}>{source})" for at, source in enumerate(sources)) + ")"
    apart = tuple((re.compile(source, re.IGNORECASE), to) for source, (_, to) in zip(sources, _PHRASES, strict=True))
    return re.compile(together, re.IGNORECASE), apart


class English:
    """A text whose dates are in English. `text` is it; what was understood of it is blanked out with NULs, and is missing in `rest`."""

    def __init__(self, original: str) -> None:
        self._original = self.text = original
        self._gone: list[tuple[int, int]] = []
        self._from: list[int] = []  # of each character, where in the original it came from; empty if nothing was put into English
        if not _FOREIGN.isdisjoint(words_of(original)):
            self._translate(original)

    def _translate(self, original: str) -> None:
        together, apart = _forms()
        pieces, at = [], 0
        for found in together.finditer(original):
            form, to = apart[int(str(found.lastgroup).removeprefix("form"))]
            m = form.match(original, found.start())
            if m is None or not m[0]:
                continue
            word = to if isinstance(to, str) else to(m)
            pieces += [original[at : m.start()], word]
            self._from += [*range(at, m.start()), *[m.start()] * len(word)]
            at = m.end()
        pieces.append(original[at:])
        self._from += range(at, len(original) + 1)
        self.text = "".join(pieces)

    def blank(self, start: int, end: int) -> None:
        """What stands there was understood."""
        self._gone.append((self._from[start], self._from[end]) if self._from else (start, end))
        self.text = self.text[:start] + "\x00" * (end - start) + self.text[end:]

    @property
    def rest(self) -> str:
        """The original with NULs for what was understood."""
        rest = self._original
        for start, end in self._gone:
            rest = rest[:start] + "\x00" * (end - start) + rest[end:]
        return rest

"""What may stand as the value of a fact: a place, a trade, a list of languages; and what only looks like one.

Each function reads the text behind a verb ("Oslo, where it rains") and returns the values it finds, none if there is doubt.
"""

from __future__ import annotations

import re

import msgspec

from pmm.agent.extract.known import Known
from pmm.agent.extract.names import name_at
from pmm.agent.extract.text import Clause, pattern, words_of
from pmm.agent.extract.words import (
    DIETS,
    FIELDS,
    JOBS,
    KIN,
    LANGUAGES,
    NO_ALLERGEN,
    NO_FAVOURITE,
    NO_PLACE,
    NO_THING,
    NO_WORKPLACE,
    PLACE_STARTS,
    PLAYED,
)


class About(msgspec.Struct, frozen=True):
    """Whom a clause is about, and what it says: in the present, with "be " for any form of it.

    lasting: "has lived", which tells the present only with a since.
    """

    subject: str
    text: str
    lasting: bool
    clause: Clause
    known: Known


_CAP = r"[A-ZÀ-ÖØ-ÞŁŚŽČĐ][\w.'’&-]*"
_PROPER = re.compile(
    rf"(?:[Tt]he |[Ll][ae]s? |[Ee]l |[Ll]')?{_CAP}(?:,? (?:(?:of|de|la|le|del|di|am|an der|and|&|upon|sur|on) (?:the )?)?(?:{_CAP}"
    rf"|\d{{1,4}}))*"
)
_WORDS = re.compile(r"[\w'’&.-]+(?: [\w'’&.-]+){0,5}")
_END = pattern(
    r"\s*(?:$|[.!;:…(–—]|-(?= |-)|,? (?:and|but|so|with|because|where|which|now|right now|these days|at the moment|currently|at present"
    r"|again|too|as well|though|actually|by the way|btw|originally|full[- ]time|part[- ]time|for (?:now|work|\d+|a|two|three|many)"
    r"|nowadays|already|since|together|alone|near|just|in (?:an?|the)|on (?:an?|the)|in [A-Z]\w+)\b|, )(?P<tail>.*)"
)
_SPOILT = pattern(
    r"\b(?:not (?!far)|n't|never|until|till|as a (?:kid|child|teen|student)|back then|in my (?:dreams?|head|mind|heart)|before|ago|next"
    r" (?:year|month|week)|soon|tomorrow|someday|hypothetically|spiritually|at heart|anymore|any ?more|in \d{4}|last (?:year|summer|month)"
    r"|or so|in spirit|only)\b"
)
_NOT_BUT = re.compile(r", not (?:in |at |from )?[A-Z]\w+$")


def _ends(text: str, at: int) -> bool:
    """Whether what follows a value leaves it standing."""
    m = _END.match(text, at)
    return bool(m) and (not _SPOILT.search(text, at) or bool(_NOT_BUT.match(text, at)))


_SMALL_PLACE = re.compile(rf"(?:(?:{'|'.join(sorted(PLACE_STARTS))}) )?[^\W\d_]+")


_PART = pattern(r"^the (?:far )?(?:north|south|east|west|centre|center|middle|heart|suburbs|outskirts|mountains) of ")


def place(text: str, about: About) -> list[str]:
    """A town or a country; in small letters only where nothing is capitalised."""
    text = _PART.sub("", text)
    m = _PROPER.match(text)
    if m is None and about.clause.text[:1].islower():
        m = _SMALL_PLACE.match(text)
    if m is None or not _ends(text, m.end()) or words_of(m[0]) & NO_PLACE:
        return []
    value = m[0].rstrip(" .,")
    return [value.title() if value.islower() else value]


def moved(text: str, about: About) -> list[str]:
    """Where somebody moved and stayed."""
    return [] if re.search(r"\b(?:back|then|left|returned|again)\b", text) else place(text, about)


def workplace(text: str, about: About) -> list[str]:
    """A firm by its name, or "a bakery"."""
    m = _PROPER.match(text) or re.match(
        r"(?:an?|the) (?:(?!in\b|as\b|and\b|near\b|with\b|called\b|for\b|at\b)[\w'’&-]+(?: of)? ?){1,5}", text
    )
    if m is None or words_of(m[0]) & NO_WORKPLACE or not _ends(text, len(m[0].rstrip()) + m.start()):
        return []
    return [m[0].rstrip(" .,")]


def job(text: str, about: About) -> list[str]:
    """A trade, without its article."""
    m = re.match(
        r"(?:(?:an?|the) )?(?P<job>(?!retired|former|ex-|bit|fan|kind|lot)[\w-]+(?: [\w-]+){0,3}?)(?:$|(?: btw| by the way)?,)", text
    )
    if m is None or m["job"].split()[-1].lower() not in JOBS or words_of(m["job"]) & _NO_LONGER_OR_NOT_YET:
        return []
    return [m["job"]]


_NO_LONGER_OR_NOT_YET = frozenset(
    "terrible bad good great horrible lousy decent amazing keen avid passionate huge real true natural born hobby amateur home sunday"
    " backseat retired former ex aspiring future wannabe of a an the not no never hardly your my his her their".split()
)


def trade(text: str, about: About) -> list[str]:
    """What stands after "work as": with an article, with a capital (German), or a trade that is known."""
    m = re.match(r"(?P<a>(?:an?|the) )?(?P<job>[\w-]+(?: [\w-]+){0,3}?)$", text)
    if m is None or not words_of(m["job"]).isdisjoint(NO_WORKPLACE):
        return []
    return [m["job"]] if m["a"] or m["job"][0].isupper() or m["job"].split()[-1].lower() in JOBS else []


_COMMA = re.compile(r",? and (?:the |some |also )?|,? or |, (?:the )?|,? und |,? et | & ")
_LISTED = re.compile(r"[^\W\d_][\w'’ -]*(?:, [\w'’ -]+)*")
_CUT = pattern(r",? (?:so|but|because|which|though|although|please|since|when|while|as|especially|just|even)\b.*")
_CIRCUMSTANCE = pattern(r" (?:at|on|in|with|to|for|every|almost|now|too|most|quite|very)\b.*")
_LESS = pattern(
    r"^(?:the |fluent(?:ly)? |native |some |a (?:little|bit of)(?: bit of)? |basic |broken |good |decent )+| (?:fluently|well|natively"
    r"|too)$"
)


def _list(text: str) -> list[str]:
    """What is listed there: "nuts, milk and eggs, so be careful". Empty if something else is in it."""
    text = _CUT.sub("", text)
    m = _LISTED.match(text)
    return [part.strip() for part in _COMMA.split(m[0])] if m and _END.match(text, m.end()) else []


def _of(allowed: frozenset[str], text: str) -> list[str]:
    """Those of a list that are all of a closed set: "French and German at home"."""
    if _SPOILT.search(text):
        return []
    found = [_LESS.sub("", _CIRCUMSTANCE.sub("", part)).strip() for part in _list(text)]
    return found if all(part.lower() in allowed for part in found) else []


def languages(text: str, about: About) -> list[str]:
    """Languages, each with a capital."""
    return [value.title() for value in _of(LANGUAGES, text)]


def played(text: str, about: About) -> list[str]:
    """Instruments and games."""
    return _of(PLAYED, text)


def diet(text: str, about: About) -> list[str]:
    """A diet by its English name."""
    m = re.match(r"(?:an? )?(?:strict |lifelong )?(?P<diet>\w+)(?P<rest>.*)", text)
    return [DIETS[m["diet"].lower()]] if m and m["diet"].lower() in DIETS and _ends(m["rest"], 0) else []


def field(text: str, about: About) -> list[str]:
    """What one studies: a field that is known, or one that ends like a science."""
    m = re.match(r"(?P<field>[\w-]+(?: [\w-]+){0,2}?)(?= (?:at|in|and|with|as|since|for|on)\b|,|$)", text)
    last = m["field"].split()[-1].lower() if m else ""
    return [m["field"]] if m and (last in FIELDS or last in LANGUAGES or last.endswith(("ology", "onomics"))) else []


def allergens(text: str, about: About) -> list[str]:
    """What a body is allergic to; meetings and Mondays are no such thing."""
    values = _list(text)
    return values if all(_plain_thing(value) for value in values) and words_of(text).isdisjoint(NO_ALLERGEN) else []


def things(text: str, about: About) -> list[str]:
    """What somebody likes: a kind of thing, not the one just spoken of."""
    if re.search(r"\b(?:better|more|most|than|how|when|that|this|it|you|your)\b", text, re.IGNORECASE):
        return []
    values = _list(re.split(r" with | because ", text)[0])
    return values if all(_plain_thing(value) for value in values) else []


def preferred(text: str, about: About) -> list[str]:
    """ "tea to coffee" whole, or what somebody prefers to anything."""
    m = re.match(r"(?P<one>[\w' -]{2,40}?) (?:to|over) (?P<other>[\w' -]{2,40})$", text)
    if m:
        return [text] if _plain_thing(m["one"]) and _plain_thing(m["other"]) else []
    return things(text, about)


def _plain_thing(value: str) -> bool:
    words = value.lower().split()
    return 0 < len(words) <= 5 and words[0] not in NO_THING and not value[0].isdigit() and max(value) < "\U000f0000"


def somebody(text: str, about: About) -> list[str]:
    """A name."""
    name = name_at(msgspec.structs.replace(about.clause, text=text), 0, "named")
    return [name] if name else []


_COUNTED = pattern(
    r"(?:an?|two|three|four|five|six|seven|eight|nine|ten|[1-9]|1\d)"
    r" (?:(?:older|younger|elder|little|big|small|grown-up|adult|twin|teenage|young|old|rescue|grown) )?(?P<noun>[a-z]+)"
)


def counted(text: str, about: About) -> list[str]:
    """ "two kids", "a sister": people and pets."""
    m = _COUNTED.match(text)
    singular = re.sub(r"ren$|s$", "", m["noun"].lower()) if m else ""
    ok = (
        m
        and (singular in KIN or singular in ("kid", "child", "sibling", "pet", "grandchild"))
        and re.match(r"$|,| and |\.", text[m.end() :])
    )
    return [m[0]] if ok and m else []


def car(text: str, about: About) -> list[str]:
    """A make, perhaps with its colour and year."""
    m = re.match(
        rf"(?:an? )?(?P<car>(?:(?:old|new|red|blue|green|black|white|grey|gray|silver|used|electric|\d{{4}}) )*{_CAP}(?: (?:{_CAP}|\d+))*)",
        text,
    )
    return [m["car"]] if m and _ends(text, m.end()) else []


_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec"
)
_DAY = pattern(
    rf"(?:the )?(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of|\.)? (?:{_MONTHS})|(?:{_MONTHS}) (?:the )?\d{{1,2}}(?:st|nd|rd|th)?)(?:,? \d{{4}})?"
    rf"|\d{{4}}-\d\d-\d\d"
)


def day(text: str, about: About) -> list[str]:
    """A day of a year, or of every year, as it was said."""
    m = _DAY.match(text)
    return [re.sub(r"^the ", "", m[0])] if m and (_ends(text, m.end()) or re.match(r",? in [A-Z]", text[m.end() :])) else []


def year(text: str, about: About) -> list[str]:
    """A year alone."""
    return [text[:4]] if re.match(r"(?:19|20)\d\d(?:$|[ ,.])", text) else []


def favourite(text: str, about: About) -> list[str]:
    """What somebody likes best, without what follows it."""
    m = _WORDS.match(text)
    value = re.split(r" (?:and|but|because|so|though|by far|right now|these days|at the moment|too|und|et|y)\b", m[0])[0] if m else ""
    whole = m is not None and (m.end() == len(text) or text[m.end()] in ",.;!:(–—")
    words = words_of(value)
    ok = whole and words.isdisjoint(NO_FAVOURITE) and not _SPOILT.search(text) and max(value) < "\U000f0000"
    return [value] if ok else []


def whole(text: str, about: About) -> list[str]:
    """All of it."""
    return [text]


def detail(text: str, about: About) -> list[str]:
    """An address, a number, a size: one to four words, of which some letter is a digit, a capital, or an @."""
    m = re.match(r"[\w@+./:'’-]+(?: [\w@+./:'’-]+){0,5}", text)
    value = m[0].rstrip(".") if m else ""
    return [value] if m and _ends(text, m.end()) and re.search(r"[A-Z\d@]", value) and words_of(value).isdisjoint(NO_FAVOURITE) else []

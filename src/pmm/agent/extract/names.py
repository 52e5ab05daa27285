"""Names: of the mind and of the user, where somebody clearly means to give one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from pmm.agent.extract.known import Known
from pmm.agent.extract.text import REPORTED, Clause, pattern
from pmm.agent.extract.words import FIRST_NAMES, NOT_A_GIVEN_NAME, NOT_A_NAME, WEEKDAYS_AND_MONTHS
from pmm.events import NameAdopted

LENGTH_MAX = 40

_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u109f\u1780-\u17ff"
_TOKEN = re.compile(rf"[^\W_](?:[^\W_]|[{_MARKS}]|[-'’‐.](?=\w))*\.?")
_HYPHEN = re.compile("[-‐ ]")
_QUOTED = re.compile("[\U000f0000-\U000ffffd]")
_PARTICLES = frozenset("de la le van von der den del da di du of the bin al el y zu ten".split())
_TITLES = frozenset("mr. mrs. ms. dr. prof. st. jr. sr. mr mrs ms dr prof".split())
_FOLLOWS = pattern(
    r"\s*(?:$|[^\w\s'’(-]|[-–—(]+(?:\s|$)|(?:and|but|so|now|please|because|from now on|instead|then|thanks|thank you|by the way|btw|ok"
    r"|okay|nice to|pleased to|not|or rather|speaking|if (?:that|it|you)\b|if that's|henceforth|again|actually|too|here|und|ab jetzt|ab"
    r" sofort|bitte|et|maintenant|désormais|y|ahora|a partir|for now|forever|from today|going forward|as of|nennen|heißen|genannt|i"
    r"|who)\b(?!['’]s))"
)
_FOLLOWS_AM = pattern(
    r"\s*(?:$|[.!,;:…😀-🙏🤀-🧿☀-➿]|[-–—(]+(?:\s|$)|(?:and|but|by the way|btw|nice to|pleased to|not|from (?=[A-Z])|your (?:new"
    r"|human|user|owner|creator)|here|speaking|too)\b)"
)

Whose = Literal["mind", "user"]
Strict = Literal["sure", "named", "call", "am", "known"]
"""'sure' leaves no doubt that a name follows, 'named' neither if it has a capital; 'call' may be a phone call or a jibe; 'am' may be
anything; of 'known' only well-known first names are taken."""


_FROM_NOW = (
    r"(?:(?:from now on|from today|henceforth|from here on|from this (?:day|moment|point) on|going forward|as of (?:now|today)),? )?"
)
_WILL = (
    r"(?:i(?:'ll| will| shall| would like to|'d like to|'m going to| am going to| want to|'ve decided to| have decided to)"
    r"|let me|let's|we(?:'ll| will| shall))"
)
_THINK = r"(?:i think |i've decided(?: that)? |i guess |i have decided(?: that)? )?"

_FORMS: tuple[tuple[str, Whose, Strict], ...] = (
    (rf"{_FROM_NOW}(?:my|the)(?: full| first| real| actual)? name(?:'s| is)(?: actually| really| now)? ", "user", "sure"),
    (r"name's ", "user", "sure"),
    (r"i(?:'m| am) (?:called|named|known as) ", "user", "sure"),
    (r"i go by (?:the name (?:of )?)?", "user", "call"),
    (
        rf"{_FROM_NOW}(?:you (?:can|may|could|should|shall) |feel free to |i(?:'d| would) (?:like|prefer|love) (?:you to|it if"
        rf" you) |just |please |always |simply )*"
        r"(?:call me|refer to me as|address me as)(?: just| simply)? ",
        "user",
        "call",
    ),
    (r"(?:this is|it's) (?=\S+ (?:speaking|here)\b)", "user", "am"),
    (
        rf"{_FROM_NOW}your (?:new )?name(?:(?:'s| is) (?:gonna|going to) be|'s| is| shall be| will be| should be)(?: now|"
        rf" henceforth| from now on)? ",
        "mind",
        "sure",
    ),
    (r"(?:please )?(?:call|name|rename) yourself(?: to| as)? ", "mind", "sure"),
    (r"(?:please )?change your name to ", "mind", "sure"),
    (r"(?:please )?(?:change|set|update) my name to ", "user", "sure"),
    (
        rf"{_FROM_NOW}you(?:'re| are|'ll be| will be| shall be)(?: now| hereby| henceforth| from now on| going to be)? (?:called"
        rf"|named|known as) ",
        "mind",
        "sure",
    ),
    (r"i(?: want|'d like| would like) you to be (?:called|named|known as) ", "mind", "sure"),
    (r"from (?:now|today) on,? you(?:'re| are|'ll be| will be| shall be) ", "mind", "am"),
    (r"(?:from now on,? )?(?:please )?(?:you )?(?:now |will |shall )?go by (?:the name (?:of )?)?", "mind", "call"),
    (rf"{_FROM_NOW}{_THINK}{_WILL} (?:name|christen|rename|dub) you ", "mind", "sure"),
    (r"i(?:'m| am)? (?:hereby )?(?:now )?(?:nam(?:e|ing)|christen(?:ing)?|dub(?:bing)?|renam(?:e|ing)) you ", "mind", "sure"),
    (rf"{_FROM_NOW}{_THINK}{_WILL} (?:just )?call you ", "mind", "call"),
    (r"(?:ich hei(?:ß|ss)e|mein name ist|ich werde (?=\w+ genannt))\s", "user", "named"),
    (r"(?:bitte )?(?:nenn(?:e|en sie)?|du kannst) mich (?:bitte |einfach |doch )*", "user", "call"),
    (r"dein (?:neuer )?name (?:ist|lautet|soll)(?: jetzt| nun| ab jetzt| ab sofort)? ", "mind", "named"),
    (
        r"(?:ab (?:jetzt|sofort|heute) |von nun an )?(?:du hei(?:ß|ss)t|hei(?:ß|ss)t du)(?: jetzt| nun| ab jetzt| ab sofort| von nun an)? ",
        "mind",
        "named",
    ),
    (r"ich (?:möchte|will|werde) dich (?:ab jetzt )?(?=\S+ nennen)", "mind", "call"),
    (r"du sollst (?:ab jetzt )?(?=\S+ heißen)", "mind", "named"),
    (r"je te (?:baptise|nomme) ", "mind", "named"),
    (r"vas a llamarte ", "mind", "named"),
    (r"(?:ich nenne dich|nenn(?:e)? dich)(?: jetzt| ab jetzt| einfach)? ", "mind", "call"),
    (r"(?:je m'appelle|mon (?:pré)?nom (?:est|c'est)|moi,? c'est) ", "user", "named"),
    (r"(?:tu peux m'appeler|appelle[- ]moi|appelez[- ]moi) ", "user", "call"),
    (
        r"(?:désormais,? |à partir de maintenant,? )?(?:tu t'appelles|ton (?:nouveau )?nom est|tu t'appelleras)(?: maintenant|"
        r" désormais)? ",
        "mind",
        "named",
    ),
    (r"(?:désormais,? |à partir de maintenant,? )?je (?:vais t'appeler|t'appellerai) ", "mind", "call"),
    (r"(?:yo )?(?:me llamo|mi nombre es) ", "user", "named"),
    (r"(?:puedes llamarme|ll[aá]mame) ", "user", "call"),
    (
        r"(?:a partir de ahora,? |desde ahora,? |ahora )?(?:te llamas|tu (?:nuevo )?nombre (?:es|será)|te llamarás)(?: ahora)? ",
        "mind",
        "named",
    ),
    (r"(?:a partir de ahora,? |desde ahora,? )?(?:te llamaré|voy a llamarte|te voy a llamar) ", "mind", "call"),
    (r"i(?:'d| would) rather you (?:call|called) me ", "user", "call"),
    (r"(?:ich bin|je suis|(?:yo )?soy) ", "user", "known"),
    (r"i(?:'m| am) ", "user", "am"),  # the last: it may be anything
)
_FORM = pattern("|".join(f"(?P<form{number}>{source})" for number, (source, *_) in enumerate(_FORMS)))
_YOU_NOW = pattern(r"you(?:'re| are) (?P<name>[^,.;:!?]{1,40}?) (?:now|from now on|henceforth)\s*(?:$|[.,!;])")
_NOT_BUT = pattern(r"(?:my|your) name(?: isn't| is not|'s not) [^,;.]{1,40}?(?:,|;| -| –| —)? (?:but|it's|it is)(?: actually)? ")
_GENITIVE = re.compile(r".*['’]s?$", re.DOTALL)


def find_names(said: Iterable[Clause], known: Known) -> list[NameAdopted]:
    """The last name given to each, unless it is the one already known."""
    given: dict[Whose, str] = {}
    for clause in said:
        if clause.question:
            continue
        named = _named(clause)
        if named:
            given[named[0]] = named[1]
    present = {"mind": known.name, "user": known.user_name}
    return [NameAdopted(whose=whose, name=name) for whose, name in given.items() if name != present[whose]]


def gives_name(clause: Clause) -> bool:
    """Whether a clause names somebody; then it isn't also a rule."""
    return _named(clause) is not None


def _named(clause: Clause) -> tuple[Whose, str] | None:
    given = _given(clause)
    return given if given and not (clause.before and REPORTED.search(clause.before)) else None


def _given(clause: Clause) -> tuple[Whose, str] | None:
    m = _NOT_BUT.match(clause.text)
    if m:
        name = name_at(clause, m.end(), "sure")
        return ("user" if clause.text[:2].lower() == "my" else "mind", name) if name else None
    m = _YOU_NOW.match(clause.text)
    if m:
        name = name_at(clause, m.start("name"), "am", whole=m["name"])
        if name:
            return "mind", name
    m = _FORM.match(clause.text)
    if m and m.lastgroup:
        _, whose, strict = _FORMS[int(m.lastgroup.removeprefix("form"))]
        name = name_at(clause, m.end(), strict)
        return (whose, name) if name else None
    return None


def name_at(clause: Clause, at: int, strict: Strict, whole: str | None = None) -> str | None:
    """The name that stands at a place of the clause. whole: what it must be, to the last letter."""
    text = clause.text
    if text[at : at + 1] and _QUOTED.match(text, at):
        return _plain(clause.restore(text[at])[1:-1], strict) if _FOLLOWS.match(text, at + 1) else None
    tokens, end = _run(text, at)
    if not tokens:
        return None
    follows = _FOLLOWS_AM if strict in ("am", "known") and whole is None else _FOLLOWS
    if whole is None and not follows.match(text, end):
        return None
    name = text[at:end]
    if whole is not None and name != whole:
        return None
    if not name[0].isupper() and name[0].islower() and len(tokens) == 1 and not _lower_is_name(name, strict):
        return None
    return _plain(name, strict)


def _run(text: str, at: int) -> tuple[list[str], int]:
    """The longest run of words from there that look like a name, and where it ends."""
    tokens: list[str] = []
    end = at
    while len(tokens) < 5:
        start = end + 1 if tokens and text[end : end + 1] == " " else end
        m = _TOKEN.match(text, start) if not tokens or start > end else None
        if not m:
            break
        token = m[0]
        lower = token[0].islower()
        if tokens and lower and not (token in _PARTICLES and re.match(r" [^\W\d_]", text[m.end() :]) and text[m.end() + 1].isupper()):
            break
        if not tokens and not token[0].isalpha():
            break
        stop = m.end()
        if token.endswith(".") and token.lower() not in _TITLES and not re.fullmatch(r"(?:[^\W\d_]\.)+", token):
            stop -= 1
        tokens.append(token)
        end = stop
        if lower and len(tokens) == 1:
            break
    return tokens, end


def _lower_is_name(name: str, strict: Strict) -> bool:
    """Whether a word in small letters is meant as a name."""
    if strict == "sure":
        return (
            len(name) > 1
            and name not in NOT_A_GIVEN_NAME
            and name not in NOT_A_NAME
            and not name.endswith(("ing", "ed", "ly", "ful", "ous"))
        )
    return name in FIRST_NAMES


def _plain(name: str, strict: Strict) -> str | None:
    """The name if it is one, with a capital if it was written all in small letters."""
    name = " ".join(name.split()).strip(" ,;:!?")
    if not 1 <= len(name) <= LENGTH_MAX or _GENITIVE.match(name) or not any(c.isalpha() for c in name):
        return None
    if not all(c in " -'’.‐" or unicodedata.category(c)[0] in "LM" or c.isdecimal() for c in name):
        return None
    words = [word.casefold() for word in name.split()]
    if words[0] in NOT_A_GIVEN_NAME and (len(words) == 1 or words[0] not in _PARTICLES):
        return None
    if strict in ("call", "am") and any(word in WEEKDAYS_AND_MONTHS for word in words):
        return None
    if (words[0] in NOT_A_NAME or words[-1] in NOT_A_NAME) and not (
        strict != "am" and (words[0] in WEEKDAYS_AND_MONTHS or words[0] in _TITLED)
    ):
        return None
    if (
        strict == "am"
        and name not in FIRST_NAMES
        and any(part.casefold() in NOT_A_NAME or not part[:1].isupper() for part in _HYPHEN.split(name)[1:] + name.split("-")[:1])
    ):
        return None
    if strict == "known" and words[0] not in FIRST_NAMES:
        return None
    if strict == "am" and len(words[-1].rstrip(".")) == 1 and len(words) > 1:
        return None  # "I'm Type A"
    if strict == "am" and (_adjective(words[0]) or (name.isupper() and len(name) > 1)):
        return None
    return name.title() if name.islower() and len(words) == 1 and name.isascii() else name


_TITLED = frozenset("mr mrs ms dr captain sir madam god legend virgo gemini libra mr. dr.".split())


def _adjective(word: str) -> bool:
    return word.endswith(("ish", "ese", "ing", "ful", "less", "ous", "able", "ible")) and word not in (
        "hamish",
        "trish",
        "reese",
        "therese",
    )

"""Facts: what the user says outright about themselves and those around them, as it is now.

"I live in Oslo" and "my dog is called Rex" are facts; questions, plans, the past, turns of phrase ("I live in hope") and what
somebody else said are none. A clause is cut into who it is about and what is said of them; a closed table reads the latter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date

import msgspec

from pmm.agent.extract import values
from pmm.agent.extract.dates import find_since
from pmm.agent.extract.known import Known
from pmm.agent.extract.names import name_at
from pmm.agent.extract.text import REPORTED, Clause, Sentence, normalise, pattern, words_of
from pmm.agent.extract.values import About
from pmm.agent.extract.words import FACT_CUES, KIN, NO_THING, PETS
from pmm.events import Event, FactAsserted, FactRetracted

_FIRST = frozenset("i im my our we ich mein meine je j mon ma yo mi vivo trabajo soy trabaja vive".split())
_TASTES = frozenset(("likes", "loves", "hates", "prefers"))
LIMIT = 8  # of one message


class _Said(msgspec.Struct, frozen=True):
    """One thing said of somebody. since: the local day from which it holds, if that was said."""

    subject: str
    relation: str
    value: str
    since: date | None = None


# -- which clauses count -----------------------------------------------------------------------------------------------------------

_MADE_UP = frozenset(
    "role roleplay roleplaying pretend pretending imagine suppose supposing hypothetically lyrics poem novel fiction fictional character"
    " characters persona translate translates translated translation rephrase rewrite paraphrase proofread grammar grammatical sentence"
    " sentences phrase essay"
    " monologue story stories riddle joke example übersetze übersetz traduis traduce".split()
)
"""words of a message whose first person may be somebody made up"""
_UNSURE = frozenset(
    "if unless wish maybe perhaps probably possibly kidding joking lol haha jk once say says said told tell tells wrote think thinks"
    " thought claims claimed believes assume assumes dream dreamt dreamed whether supposedly allegedly apparently metaphorically"
    " figuratively basically practically"
    " virtually almost wenn falls würde si".split()
)
"""words of a sentence that take away from what it says"""
_PARTS = pattern(
    r",? (?:and|but|und|et|y) (?=(?:i|we|my|ich|meine?|je|mon|ma|mi)\b|j')| y (?=(?:vivo|trabajo|soy)\b)|; ?|, (?=(?:i|we|my|our|ich|je"
    r"|j')\b)"
)
_SHARED = pattern(
    r",? (?:and|but|und|et) (?:(?:also|currently|now) )?(?=(?:wohne|lebe|arbeite|komme|travaille|live|work|speak|stud|play|drive|love"
    r"|like|hate|prefer|have|has\b|come|am\b|is\b)(?:s|y|ies)? )"
)
_TAKEN_BACK_CUES = frozenset("longer more anymore mehr plus ya not don doesn true forget delete remove erase".split())
_DENIED = pattern(
    r"^(?:(?:please|just|you can|you may) )*(?:forget|delete|remove|erase|it(?:'s|’s| is) not true|it isn't true)"
    r"(?: the fact)?(?: that)? (?=(?:i|we|my|our)\b)"
)
"""what stands before something that is to hold no longer"""
_TAKEN_BACK = (
    (pattern(r"^(i|we|my [\w ]{2,40}?)( am|'m| is|'s|'re| are)? no longer "), r"\1\2 "),
    (pattern(r"^(i|we|my [\w ]{2,40}?) (?:don't|do not|doesn't|does not) (.+?),? any ?(?:more|longer)\b.*"), r"\1 \2"),
    (pattern(r"^(i|we|my [\w ]{2,40}?)( am|'m| is|'s) not (.+?),? any ?(?:more|longer)\b.*"), r"\1\2 \3"),
    (pattern(r"^(i|we|my [\w ]{2,40}?) (?:don't|do not|doesn't|does not) "), r"\1 "),
    (pattern(r"^(i|we|my [\w ]{2,40}?)( am|'m| is|'s| are|'re) not "), r"\1\2 "),
    (pattern(r"^ich (\w+) nicht mehr "), r"ich \1 "),
    (pattern(r"^je n(?:e |')(\w+) plus "), r"je \1 "),
    (pattern(r"^(?:yo )?ya no "), ""),
)


def may_hold(words: set[str], known: Known) -> bool:
    """Whether words could tell a fact at all: of the user, or of somebody the mind knows by name."""
    if FACT_CUES.isdisjoint(words):
        return False
    return not _FIRST.isdisjoint(words) or any(fact.relation in KIN and fact.value.lower() in words for fact in known.facts)


def find_facts(said: Iterable[Clause], read: Iterable[Sentence], known: Known) -> list[Event]:
    """The facts a message states, and those it says hold no longer. read: all its sentences; one may tell that the rest is made up."""
    if not all(_MADE_UP.isdisjoint(sentence.words) for sentence in read):
        return []
    found: dict[tuple[str, str, str], tuple[bool, FactAsserted]] = {}
    for clause in said:
        if clause.question or not may_hold(clause.sentence.words, known) or not _UNSURE.isdisjoint(clause.sentence.words):
            continue
        if clause.before and REPORTED.search(clause.before):
            continue
        content = clause.restore(clause.sentence.text)
        for part, holds in _parts(clause):
            for it in _read(part, clause, known):
                if known.proposed and it.relation in _TASTES:
                    continue  # "I prefer Nova" answers the question after a name
                fact = FactAsserted(content=content, subject=it.subject, relation=it.relation, value=it.value, valid_from=it.since)
                found[_same(it.subject, it.relation, it.value)] = holds, fact
    if not found:
        return []
    current = {_same(fact.subject, fact.relation, fact.value): fact.id for fact in known.facts}
    told: list[Event] = []
    for same, (holds, fact) in found.items():
        if holds and same not in current:
            told.append(fact)
        elif not holds and same in current:
            told.append(FactRetracted(fact=current[same], reason="the user said so"))
    return told[:LIMIT]


def _same(subject: str, relation: str, value: str) -> tuple[str, str, str]:
    return normalise(subject), normalise(relation), normalise(value)


def _parts(clause: Clause) -> Iterator[tuple[str, bool]]:
    """What a clause says, one thing at a time, and whether it holds or no longer does."""
    forms = () if _TAKEN_BACK_CUES.isdisjoint(clause.sentence.words) else _TAKEN_BACK
    denied = _DENIED.match(clause.text) if forms else None
    if denied:
        yield clause.text[denied.end() :], False
        return
    for part in _PARTS.split(clause.text):
        who = _WHO.match(part) or _ICH.match(part)
        first, *more = _SHARED.split(part) if who else [part]
        for piece in [first, *(f"{part[: who.end('who')]} {rest}" for rest in more if who)]:
            for expression, positive in forms:
                if expression.match(piece):
                    yield expression.sub(positive, piece), False
                    break
            else:
                yield piece, True


# -- whom it is about --------------------------------------------------------------------------------------------------------------

_KIN = "|".join(sorted(KIN, key=len, reverse=True))
_WHO = pattern(rf"(?P<who>i|we|(?:my|our) (?P<kin>{_KIN})(?:,? (?P<named>(?-i:[A-ZÀ-ÖØ-Þ])[\w-]+),?)?)(?=['’ ])")
_ICH = pattern(r"(?P<who>ich|je) ")
_ADVERBS = (
    r"(?:(?:also|currently|now|still|actually|really|mostly|mainly|recently|just|finally|absolutely|honestly|both|originally|presently) )*"
)
_BE = pattern(rf"(?:'m|'re|'s| am| are| is) {_ADVERBS}(?P<rest>.+)")
_HAVE_DONE = pattern(rf"(?:'ve|'s| have| has) {_ADVERBS}(?:(?P<been>been )|(?=(?:lived|worked|moved) )){_ADVERBS}(?P<rest>.+)")
_HAVE_GOT = pattern(r"(?:'ve| have|'s| has) got (?P<rest>.+)")
_DO = pattern(rf" {_ADVERBS}(?P<rest>.+)")


def _read(text: str, clause: Clause, known: Known) -> Iterator[_Said]:
    """What a part of a clause says."""
    text = text.rstrip(" .!…")
    yield from _elsewhere(text, clause, known)
    yield from _named(text, clause)
    who = _WHO.match(text)
    name = text.partition(" ")[0]
    if who:
        subject, rest = KIN[who["kin"].lower()] if who["kin"] else "user", text[who.end("who") :]
        if who["named"]:
            yield _Said("user", subject, who["named"])
    elif name in {fact.value for fact in known.facts if fact.relation in KIN}:
        subject, rest = name, text[len(name) :]
    else:
        return
    lasting, be = False, False
    for expression in (_HAVE_DONE, _HAVE_GOT, _BE, _DO):
        m = expression.match(rest)
        if m:
            lasting = expression is _HAVE_DONE
            be = expression is _BE or bool(lasting and m["been"])
            rest = ("be " if be else "have " if expression is _HAVE_GOT else "") + m["rest"]
            yield from _predicate(About(subject, rest, lasting, clause, known))
            return


def _predicate(about: About) -> Iterator[_Said]:
    text, since = about.text, None
    if not text.lower().startswith("was born"):
        text, since = find_since(text, about.known.local.date())
    first = text.partition(" ")[0].lower()
    if (about.lasting and since is None and first != "moved") or (first in ("lived", "worked") and not about.lasting):
        return
    for expression, relation, reads in _TABLE:
        m = expression.match(text)
        found = reads(m["value"], about) if m else []
        for value in found:
            yield _Said(about.subject, relation, value, since)
        if found and m:
            extra = m.groupdict().get("extra")
            if extra and (also := _WORK_ALSO.match(extra)):  # "as a nurse at St. Mary's" tells where, too
                yield from _predicate(msgspec.structs.replace(about, text=f"work {also[0].strip()}"))
            return


# -- names of those around the user ------------------------------------------------------------------------------------------------

_SOMEBODY = words_of(" ".join(KIN))
_IS_CALLED = pattern(rf"(?:my|our) (?P<kin>{_KIN})(?:'s name is|'s called| is called| is named| goes by) (?P<name>.+)")
_IS = pattern(rf"(?:my|our) (?P<kin>{_KIN}) is (?P<name>.+)")
_HAVE_CALLED = pattern(
    r"(?:i|we)(?:'ve got| have|'ve)?(?: just| recently| finally)?(?: got| adopted| rescued)? an? (?:\w+ )?"
    rf"(?P<kin>{_KIN})(?:,? (?:called|named)|,? whose name is|; (?:her|his|its) name is) (?P<name>.+)"
)
_LATELY = pattern(
    r",? (?:today|yesterday|recently|(?:last|this) (?:week|weekend|month|year|night|summer|winter|spring|autumn|fall|\w+day)"
    r"|(?:\w+ )?(?:days?|weeks?|months?|years?) ago|(?:in|on) \w+)[.!]?$"
)
_IS_MY = pattern(rf"(?P<name>[\w'’-]+(?: [\w'’-]+)?) is my (?P<kin>{_KIN})$")
_HEISST = pattern(rf"meine? (?P<kin>{_KIN}) hei(?:ß|ss)t (?P<name>.+)")
_APPELLE = pattern(rf"(?:mon|ma) (?P<kin>{_KIN}) s'appelle (?P<name>.+)")
_LLAMA = pattern(rf"mi (?P<kin>{_KIN}) se llama (?P<name>.+)")


def _named(text: str, clause: Clause) -> Iterator[_Said]:
    """The name of somebody around the user."""
    for expression in (
        (_IS_CALLED, _HAVE_CALLED, _HEISST, _APPELLE, _LLAMA, _IS, _IS_MY) if not _SOMEBODY.isdisjoint(clause.sentence.words) else ()
    ):
        m = expression.match(text)
        if not m:
            continue
        kin = KIN[m["kin"].lower()]
        sure = expression not in (_IS, _IS_MY)
        if expression is _IS_MY and kin not in PETS and m["name"].lower() in NO_THING:
            return
        name = name_at(msgspec.structs.replace(clause, text=_LATELY.sub("", m["name"])), 0, "named" if sure else "am")
        if name:
            yield _Said("user", kin, name)
        return


# -- what is said of them ----------------------------------------------------------------------------------------------------------

_Reads = Callable[[str, About], list[str]]


def _form(source: str, relation: str, reads: _Reads) -> tuple[re.Pattern[str], str, _Reads]:
    return pattern(source), relation, reads


_WORK_ALSO = pattern(r"\s*(?:as|at|for) .+")
_AT_WORK = r"(?:works?|worked|be working|be employed)(?: \w+ly| (?:full|part)[- ]time)?"
_TABLE = (
    _form(
        r"(?:lives?|lived|be living|be based|lives? and works?)(?: \w+ly| alone| together)?(?: (?:here|over|down|up|out))? in"
        r" (?P<value>.+)",
        "lives in",
        values.place,
    ),
    _form(
        r"(?:lives?|lived|be living) in (?:an?|the) (?:[\w-]+ ){0,2}?(?:flat|apartment|house|cottage|studio|room|village|town|suburb|city)"
        r" (?:in|near|outside(?: of)?|called) (?P<value>.+)",
        "lives in",
        values.place,
    ),
    _form(r"moved(?: here)?(?: from [\w ]+?)? to (?P<value>.+)", "lives in", values.moved),
    _form(rf"{_AT_WORK} (?:at|for) (?P<value>.+?)(?P<extra> as .+)?$", "works at", values.workplace),
    _form(
        rf"{_AT_WORK} as (?P<value>.+?)(?P<extra> (?:at|for) .+| in .+|,? (?:and|but|so|because|these days|now)\b.*)?$",
        "works as",
        values.trade,
    ),
    _form(
        r"be (?P<value>.+?)(?P<extra> (?:at|for) .+| in (?:an? |the (?!making)|(?!training|spirit|disguise|my|your|name"
        r"|another|the)\w).+|,? (?:and|but|so) .+)?$",
        "works as",
        values.job,
    ),
    _form(r"(?:be from|comes? from|hails? from) (?P<value>.+)", "is from", values.place),
    _form(r"was born on (?P<value>.+)", "was born on", values.day),
    _form(r"was born in (?P<value>\d.+)", "birth year", values.year),
    _form(r"was born(?: and raised)? in (?P<value>.+?)(?:,? in \d{4}|,? on .+)?$", "was born in", values.place),
    _form(r"speaks? (?P<value>.+)", "speaks", values.languages),
    _form(r"be (?:\w+ly )?allergic to (?P<value>.+)", "is allergic to", values.allergens),
    _form(r"be (?:happily )?married to (?P<value>.+)", "is married to", values.somebody),
    _form(r"be (?P<value>.+)", "diet", values.diet),
    _form(r"(?:grew|grow) up in (?P<value>.+)", "grew up in", values.place),
    _form(r"have (?P<value>twins|triplets)$", "has", values.whole),
    _form(r"(?:can't|cannot|can not) (?:stand|bear) (?P<value>.+)", "hates", values.things),
    _form(r"(?:can't|cannot|can not) (?:eat|tolerate) (?P<value>.+)", "can't eat", values.things),
    _form(r"be (?P<value>\w+)[- ]intolerant$", "is intolerant to", values.things),
    _form(r"be learning (?P<value>.+)", "is learning", values.languages),
    _form(r"teach(?:es)? (?P<value>.+)", "teaches", values.field),
    _form(r"rides? (?P<value>.+)", "rides", values.car),
    _form(r"(?:lives?|living) (?:near|close to|just outside(?: of)?|outside(?: of)?) (?P<value>.+)", "lives near", values.place),
    _form(r"be (?P<value>\d{1,3})(?: years old| yrs old| yo)(?:$|,.*)", "age", values.whole),
    _form(r"(?:be studying|study|studies) (?P<value>.+)", "studies", values.field),
    _form(r"plays? (?P<value>.+)", "plays", values.played),
    _form(r"drives? (?P<value>.+)", "drives", values.car),
    _form(r"(?:likes?|enjoys?) (?P<value>.+)", "likes", values.things),
    _form(r"(?:loves?|adores?) (?P<value>.+)", "loves", values.things),
    _form(r"hates? (?P<value>.+)", "hates", values.things),
    _form(r"prefers? (?P<value>.+)", "prefers", values.preferred),
    _form(r"(?:have|has) (?P<value>.+)", "has", values.counted),
)


# -- forms of their own, and other languages ---------------------------------------------------------------------------------------

_FAVOURITE = pattern(
    r"my (?:all-time )?favou?rite (?P<noun>[a-z]+(?: [a-z]+)?) (?:is|are)(?: (?:definitely|still|actually|now|always))? (?P<value>.+)"
)
_FAVOURITES = pattern(r"favou?rit|lieblings|préféré")
_MY_FAVOURITE = pattern(r"(?P<value>[\w'’][\w'’ -]{1,40}?) (?:is|are) my (?:all-time )?favou?rite (?P<noun>[a-z]+)$")
_MY = pattern(
    r"my (?:current |own )?(?P<noun>e-?mail(?: address)?|phone(?: number)?|mobile(?: number)?|address|time ?zone|zodiac sign|star sign"
    r"|blood type|shoe size|hometown|nationality|native language|mother tongue|first language)(?: is|'s) (?P<value>.+)"
)
_BIRTHDAY = pattern(rf"my (?:(?P<kin>{_KIN})'s )?birthday(?:'s| is)(?: on)? (?P<value>.+)")
_NO_FAVOURITE = frozenset(
    "part thing things bit moment line one ones scene person human answer version option idea assistant chatbot ai time".split()
)
_FOREIGN = (
    _form(r"ich (?:wohne|lebe)(?: jetzt| seit .{2,20}?| zur ?zeit| gerade)? in (?P<value>.+)", "lives in", values.place),
    _form(r"ich bin (?:.{2,20} )?nach (?P<value>.+?) gezogen", "lives in", values.place),
    _form(
        r"ich arbeite(?: jetzt| seit .{2,20}?| zur ?zeit| gerade)? (?:bei|für) (?:der |dem )?(?P<value>.+?)(?P<extra> als .+)?$",
        "works at",
        values.workplace,
    ),
    _form(r"ich (?:arbeite als|bin von beruf) (?P<value>.+?)(?P<extra> (?:bei|in|für) .+)?$", "works as", values.trade),
    _form(r"ich (?:komme|bin) aus (?P<value>.+)", "is from", values.place),
    _form(r"ich bin (?:\w+ )?allergisch (?:gegen|auf) (?P<value>.+)", "is allergic to", values.allergens),
    _form(r"ich bin (?P<value>.+)", "diet", values.diet),
    _form(r"(?:j'|je )(?:habite|vis)(?: maintenant| actuellement)? (?:à|en|au|aux) (?P<value>.+)", "lives in", values.place),
    _form(r"je travaille (?:chez|pour|à) (?P<value>.+?)(?P<extra> comme .+)?$", "works at", values.workplace),
    _form(r"je (?:viens de|suis originaire de) (?P<value>.+)", "is from", values.place),
    _form(r"je suis allergique (?:à la |à l'|au |aux |à )(?P<value>.+)", "is allergic to", values.allergens),
    _form(r"je suis (?P<value>.+)", "diet", values.diet),
    _form(r"(?:yo )?vivo (?:ahora )?en (?P<value>.+)", "lives in", values.place),
    _form(r"(?:yo )?trabajo (?:en|para) (?P<value>.+?)(?P<extra> como .+)?$", "works at", values.workplace),
    _form(r"(?:yo )?soy de (?P<value>.+)", "is from", values.place),
    _form(r"(?:yo )?soy alérgic[oa] (?:a la |a los |a las |al |a )(?P<value>.+)", "is allergic to", values.allergens),
    _form(r"(?:yo )?soy (?P<value>.+)", "diet", values.diet),
)
_FOREIGN_FIRST = pattern(r"ich |je |j'|yo |vivo |trabajo |soy ")
_ALS = pattern(r" (?:als|comme|como) (?P<trade>.+)")
_FOREIGN_FAVOURITES = (
    pattern(r"meine? lieblings(?P<noun>\w+) (?:ist|sind) (?:die |der |das )?(?P<value>.+)"),
    pattern(r"m(?:on|a) (?P<noun>\w+) préférée? (?:est|c'est) (?:le |la |l')?(?P<value>.+)"),
    pattern(r"mi (?P<noun>\w+) favorit[oa] es (?:el |la )?(?P<value>.+)"),
)
_NOUNS = {
    noun: english
    for english, nouns in {
        "colour": "color farbe couleur",
        "film": "film película",
        "movie": "movie",
        "food": "essen plat comida",
        "book": "buch livre libro",
        "band": "band groupe banda",
        "song": "lied chanson canción",
        "animal": "tier animal",
        "city": "stadt ville ciudad",
        "drink": "getränk boisson bebida",
        "sport": "sport deporte",
    }.items()
    for noun in nouns.split()
}


def _elsewhere(text: str, clause: Clause, known: Known) -> Iterator[_Said]:
    """Favourites, birthdays, and what is said in another language."""
    user = About("user", text, False, clause, known)
    for expression in (_FAVOURITE, _MY_FAVOURITE, *_FOREIGN_FAVOURITES) if _FAVOURITES.search(text) else ():
        m = expression.match(text)
        if m and (noun := m["noun"].lower()).split()[0] not in _NO_FAVOURITE:
            for value in values.favourite(m["value"], user):
                yield _Said("user", f"favourite {_NOUNS.get(noun, noun)}", value)
            return
    m = _MY.match(text)
    if m:
        for value in values.detail(m["value"], user):
            yield _Said("user", m["noun"].lower(), value)
        return
    m = _BIRTHDAY.match(text)
    if m:
        for value in values.day(m["value"], user):
            yield _Said(KIN[m["kin"].lower()] if m["kin"] else "user", "birthday", value)
        return
    text, since = find_since(text, known.local.date()) if _FOREIGN_FIRST.match(text) else ("", None)
    for expression, relation, reads in _FOREIGN if text else ():
        m = expression.match(text)
        if m:
            for value in reads(m["value"], user):
                yield _Said("user", relation, value, since)
            trade = _ALS.match(m.groupdict().get("extra") or "")
            for value in values.trade(trade["trade"], user) if trade else ():
                yield _Said("user", "works as", value)

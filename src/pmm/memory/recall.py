"""Hybrid search over what was said, with reasons: cheap signals, summed with fixed weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from math import log
from operator import add, itemgetter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec

from pmm.errors import DiskFull, LogStopped, StorageError
from pmm.events import microseconds, moment
from pmm.memory.index import BY_ASSISTANT, BY_USER, COUNTED, LENGTH, NAMED, QUESTION, RULE, TO_OTHER, TOTAL, Arm, TextIndex, Where

if TYPE_CHECKING:
    from pmm.memory.vectors import Nearest

WEIGHTS = {
    "words": 1.0,  # BM25 of the message, as a share of the best that its words could reach
    "passage": 1.0,  # the same, of the message together with those right before and after it
    "beside": 0.2,  # the same, of the messages two before and after it
    "sitting": 1.2,  # BM25 of all that was said in that sitting
    "kinds": 1.5,  # BM25 of things of a kind that is asked for (an instrument: "my violin"), in the message; more where "who" holds
    "answer": 0.5,  # among people: it follows a question that holds the query's words
    "opening": 0.1,  # it opens a sitting: that is where news is told
    "echo": -0.2,  # it asks much the same
    "you": -0.1,  # it speaks to the other rather than of its speaker: up to this, for "you" three times
    "recent": 0.001,  # among equals, the newer
    "superseded": -0.8,  # the user took that turn back
    "meaning": 1.25,  # with an embedder: the cosine of the message, and BESIDE_MEANS of those right before and after it
    "who": 0.3,  # the query names its speaker, or says "I" and it is the user's
    "number": 0.15,  # it is asked how many, and it has a number
    "name": 0.2,  # it is asked who or where, and it has a name
    "role": 0.3,  # somebody's own words, not an assistant's
    "rule": 0.12,  # it states a rule or a preference
    "date": 0.45,  # the query has a date, and it was said then
}
TRAITS = ("who", "number", "name", "role", "rule", "date")
"""signals that a message has by itself: the last ones of WEIGHTS"""
K1, B = 1.2, 0.6
CANDIDATES, EACH = 150, 150
NEAREST = 64
"""how many come to the candidates by what they mean"""
BESIDE_MEANS = 0.2
"""of the cosines of the messages right before and after, what counts"""
TOP = 20
"""how many of the best are scored again with those around them: at most 5 x TOP rows"""
EQUAL_MAX = 2
"""of those, how many that look equal at the first look come before all others: a question asked again and again must not crowd out what
answers it"""
WORDS_MAX, RARE_MAX, KINDS_MAX = 200, 12, 40
PAIRED = 10_000
"""of messages with a word, how many of the newest are looked through for another: the engine reads them all"""
WEAK = 0.2
"""what a word that says how something is asked counts, next to others"""
OWN, BESIDE = 2.0, 1.0
"""at the first look, what a message's own words count, and those beside it"""
THEIRS = 0.13
"""how much more a thing of a kind counts in the words of somebody who is asked about"""
ECHO = 0.4
"""how much of a question the query's words must be for it to ask the same"""
YEARS = 10
"""a date without a year is looked for in so many, this one last"""
PASSAGE = 2.8
"""how much longer than one message three in a row are, on average"""
EXCERPT_CHARS = 320
ANYWHERE = Where()

Near = Callable[[str], "Nearest | None"]
"""a text -> the messages that mean most alike; None: by words only, for now"""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """One recalled item.

    id: the event. ref: the origin's own id of it (imports). at: when it was said, aware. who: "user", "mind" or a speaker's name.
    origin: "conversation", or where it was imported from. score: the sum of `why`, which names each signal and its part.
    excerpt: the whole sentences of `text` that match best. coverage: 0..1, how much of what was asked the excerpt speaks of,
    rare words counting more.
    """

    id: int
    text: str
    at: datetime
    who: str
    origin: str
    score: float
    why: dict[str, float]
    ref: str | None = None
    excerpt: str = ""
    coverage: float = 0.0


class Doc(msgspec.Struct, frozen=True):
    """A row of the index."""

    id: int
    at: int
    who: str
    session: str
    origin: str
    ref: str | None
    prev: int | None
    sitting: int
    flags: int
    length: int
    words: str
    superseded: bool = False


class Query(msgspec.Struct, frozen=True):
    """What is asked, weighed.

    idf: word -> how rare it is. gains: (" word ", its idf as a share of the whole), most telling first; kinds: likewise, words for
    things of a kind that is asked for. arms: how candidates are found, and in the same order
    what each is worth. wants: (signal, bit of Doc.flags) of what suits it.
    spans: the date in it (from, to), in microseconds since 1970; without a year, in each of the last YEARS.
    bounds: (from, to) of what is asked about by when it was told ("what did I tell you before May?"); likewise, None where open.
    meant: its text without the speakers' names, which would drown what it means.
    """

    idf: dict[str, float]
    gains: tuple[tuple[str, float], ...]
    kinds: tuple[tuple[str, float], ...]
    arms: tuple[Arm, ...]
    mean_length: float
    speakers: frozenset[str]
    wants: tuple[tuple[str, int], ...]
    spans: tuple[tuple[int, int], ...]
    bounds: tuple[int | None, int | None]
    meant: str


def recall(
    index: TextIndex,
    text: str,
    *,
    k: int,
    head: int,
    zone: str,
    now: datetime,
    where: Where = ANYWHERE,
    near: Near | None = None,
    without: frozenset[str] = frozenset(),
) -> list[Memory]:
    """The `k` messages up to event `head` that say most about `text`, best first. Four calls to the index, whatever the size.

    where: only among these. near: what means alike is found as well. without: signals (of WEIGHTS) that are left out, to measure what each
    is worth.
    """
    weights = WEIGHTS | dict.fromkeys(without, 0.0)
    near = None if "meaning" in without else near
    try:
        return _recalled(index, _weigh(index, text, zone, now, head), k, head, where, near, weights)
    except (DiskFull, LogStopped):
        raise
    except StorageError:  # a damaged index is no reason not to remember: it is made anew, once
        index.rebuild()
        return _recalled(index, _weigh(index, text, zone, now, head), k, head, where, near, weights)


def _recalled(
    index: TextIndex, query: Query, k: int, head: int, where: Where, near: Near | None, weights: dict[str, float]
) -> list[Memory]:
    where = where.within(*query.bounds)
    traits = _Traits(query, weights)
    meaning = _Meaning(near and near(query.meant), weights["meaning"])
    found = index.candidates(query.arms, query.spans, head, where, each=EACH, most=max(CANDIDATES, k), also=list(meaning.cosines))
    sittings = _sittings(query, found)
    meaning.look_up({id for row in found for id in (row[0], row[4])})
    best = _first_look(query, found, sittings, traits, meaning, max(TOP, k), weights["sitting"])
    docs = [Doc(*row) for row in index.around(best or [0], head)]
    meaning.look_up({doc.id for doc in docs})
    scored = _second_look(query, docs, sittings, traits, meaning, head, weights)
    if where != ANYWHERE:
        scored = [one for one in scored if where.allows(one[2])]
    chosen: dict[tuple[str, str], tuple[Doc, Sequence[float]]] = {}
    for _, _, doc, parts in sorted(scored, key=itemgetter(0, 1), reverse=True):
        chosen.setdefault((doc.who, doc.words), (doc, parts))  # what merely repeats a better one is left out
        if len(chosen) == k:
            break
    texts = index.texts([doc.id for doc, _ in chosen.values()])
    return [_memory(index, query, doc, texts[doc.id], parts) for doc, parts in chosen.values()]


# -- the query -------------------------------------------------------------------------------------------------------------------------


def _weigh(index: TextIndex, text: str, zone: str, now: datetime, head: int) -> Query:
    today = now.astimezone(ZoneInfo(zone)).date()
    days, bare, lead = _days(text[:5000], today)
    bound = _BOUND.search(lead) if days and _TELLING.search(text[:5000]) else None
    past = _instants([day for day in days if day[0] <= today] or days, zone)
    spoken = (bare.replace(lead, lead[: bound.start()], 1) if bound else bare) + text[5000:]
    words = index.words.asked(spoken)[:WORDS_MAX]
    things = {word: index.words.kinds[word][:KINDS_MAX] for word in words[: RARE_MAX * 2] if word in index.words.kinds}
    counts = index.counts(dict.fromkeys([*words, *(thing for kind in things.values() for thing in kind)]))
    total = max(1, counts.get(TOTAL, 0))
    speakers = frozenset(w for w in words if f"@{w}" in counts)
    about = [w for w in words if w not in speakers] or words
    rarity = {w: log(1 + (total - counts.get(w, 0) + 0.5) / (counts.get(w, 0) + 0.5)) for w in {*about, *counts}}
    idf = {w: rarity[w] * (WEAK if w in index.words.weak_words else 1) for w in about}
    whole = sum(idf.values()) or 1.0
    gains = {w: part / whole for w, part in sorted(idf.items(), key=itemgetter(1), reverse=True) if w in counts}
    kinds: dict[str, float] = {}
    for word in things.keys() & idf.keys():
        for thing in things[word]:
            if thing in counts and thing not in idf:
                kinds[thing] = max(kinds.get(thing, 0.0), min(rarity[thing], idf[word]) / whole)
    return Query(
        idf=idf,
        gains=tuple((f" {word} ", gain) for word, gain in gains.items()),
        kinds=tuple((f" {word} ", gain) for word, gain in kinds.items()),
        arms=_arms(gains, kinds, counts, head),
        mean_length=counts.get(LENGTH, 0) / total or 1.0,
        speakers=speakers,
        wants=_wants(text[:5000], speakers),
        spans=() if bound else _instants(days, zone),
        bounds=_bounds(bound[1].casefold(), past[-1]) if bound and past else (None, None),
        meant=_nameless(index, text, speakers),
    )


def _nameless(index: TextIndex, text: str, speakers: frozenset[str]) -> str:
    """A text without the names in it."""
    if not speakers:
        return text
    return re.sub(r"\w+(?:['’]s\b)?", lambda word: "" if not speakers.isdisjoint(index.words.all(word[0])) else word[0], text[:5000])


def _arms(gains: dict[str, float], kinds: dict[str, float], counts: dict[str, int], head: int) -> tuple[Arm, ...]:
    """How candidates are found: by each of the rarest words; by things of a kind; and where all of these are frequent, by the two rarest
    together, among the newest messages that hold the second."""
    rare = sorted(gains, key=lambda word: (counts[word], word))[:RARE_MAX]
    arms = [Arm(f'"{word}"', (f" {word} ",), gains[word]) for word in rare]
    if kinds:
        arms.append(Arm(" OR ".join(f'"{word}"' for word in kinds), tuple(f" {word} " for word in kinds), max(kinds.values())))
    if len(rare) > 1 and counts[rare[0]] > EACH:
        one, other = rare[:2]
        since = head - head * PAIRED // max(PAIRED, counts[other])
        arms.append(Arm(f'"{one}" AND "{other}"', (), gains[one] + gains[other], since))
    return tuple(arms)


_ASKED = (
    ("number", COUNTED, re.compile(r".*\bhow (many|much|often|long|old)\b", re.IGNORECASE | re.DOTALL)),
    ("name", NAMED, re.compile(r"\s*(who|where|which|what (is|was|are|were) the (name|title))\b|.*\bname\b", re.IGNORECASE | re.DOTALL)),
    ("rule", RULE, re.compile("")),
)
_MINE = re.compile(r"\b(I|my|me|mine)\b", re.IGNORECASE)


def _wants(text: str, speakers: frozenset[str]) -> tuple[tuple[str, int], ...]:
    """(signal, bit of Doc.flags) of what suits this query."""
    found = [(signal, bit) for signal, bit, asked in _ASKED if asked.match(text)]
    return (*found, ("who", BY_USER)) if not speakers and _MINE.search(text) else tuple(found)


# -- the first look: two hundred messages by the words they hold -------------------------------------------------------------------------


def _sittings(query: Query, found: Sequence[tuple[Any, ...]]) -> dict[int, float]:
    """What each sitting is worth: BM25 of its messages' words, as far as the candidates tell."""
    held: dict[int, dict[int, int]] = {}
    bits = {mask: [n for n in range(len(query.gains[:RARE_MAX])) if mask >> n & 1] for mask in {row[7] for row in found}}
    for row in found:
        counts = held.setdefault(row[3], {})
        for n in bits[row[7]]:
            counts[n] = counts.get(n, 0) + 1
    spread = Counter(n for counts in held.values() for n in counts)
    of = len(held)
    rarity = {n: log(1 + (of - s + 0.5) / (s + 0.5)) / log(1 + (of + 0.5) / 0.5) for n, s in spread.items()}
    return {
        sitting: sum(query.arms[n].worth * rarity[n] * count / (count + K1) for n, count in counts.items())
        for sitting, counts in held.items()
    }


class _Traits:
    """The signals that a message has by itself, whatever its words, in the order of TRAITS."""

    def __init__(self, query: Query, weights: dict[str, float]) -> None:
        self._query = query
        self._weights = weights
        self._known: dict[tuple[str, int], tuple[tuple[float, ...], float]] = {}
        self._named: dict[str, bool] = {}
        self._bits = BY_ASSISTANT
        for _, bit in query.wants:
            self._bits |= bit

    def of(self, at: int, who: str, flags: int) -> tuple[tuple[float, ...], float]:
        """(each of them, their sum)"""
        flags &= self._bits  # others make no difference here, so few need telling apart
        found = self._known.get((who, flags)) or self._known.setdefault((who, flags), self._told(who, flags))
        for start, end in self._query.spans:
            if start <= at < end:
                date = self._weights["date"]
                return (*found[0][:-1], date), found[1] + date
        return found

    def _told(self, who: str, flags: int) -> tuple[tuple[float, ...], float]:
        query, weights = self._query, self._weights
        has = {signal for signal, bit in query.wants if flags & bit}
        if who not in self._named:
            self._named[who] = not query.speakers.isdisjoint(re.findall(r"\w+", who.casefold()))
        if self._named[who]:
            has.add("who")
        if not flags & BY_ASSISTANT:
            has.add("role")
        parts = tuple(weights[name] if name in has else 0.0 for name in TRAITS)
        return parts, sum(parts)


class _Meaning:
    """How near messages lie to what is asked; nothing is near to it where nothing was encoded."""

    def __init__(self, near: Nearest | None, weight: float) -> None:
        self._near = near
        self._weight = weight
        self.cosines: dict[int, float] = dict(near.hits) if near is not None else {}

    def look_up(self, ids: Iterable[int]) -> None:
        """Know of these too."""
        if self._near is not None:
            rows = self._near.index.of([id for id in ids if id and id not in self.cosines])
            self.cosines |= {id: float(row @ self._near.vector) for id, row in rows.items()}

    def of(self, id: int, before: int | None, after: int | None) -> float:
        """What it is worth to a message, with those right before and after it."""
        cosines = self.cosines
        if not cosines:
            return 0.0
        beside = cosines.get(before or 0, 0.0) + cosines.get(after or 0, 0.0)
        return self._weight * (cosines.get(id, 0.0) + BESIDE_MEANS * beside)


def _first_look(
    query: Query,
    found: Sequence[tuple[Any, ...]],
    sittings: dict[int, float],
    traits: _Traits,
    meaning: _Meaning,
    top: int,
    weight: float,
) -> list[int]:
    """The `top` of the candidates by about what they will score."""
    worth = [arm.worth for arm in query.arms]
    base, slope = 1 + K1 * (1 - B), K1 * B / query.mean_length
    held = {mask: sum(gain for n, gain in enumerate(worth) if mask >> n & 1) for mask in {row[7] for row in found}}
    words = {row[0]: held[row[7]] / (base + slope * row[6]) for row in found}
    after = {row[4]: row[0] for row in found}
    scored = []
    for id, at, who, sitting, prev, flags, length, mask in found:
        behind = after.get(id)
        beside = words.get(prev, 0.0) + words.get(behind, 0.0)
        told = OWN * words[id] + BESIDE * beside + weight * sittings[sitting] + traits.of(at, who, flags)[1]
        scored.append((told + meaning.of(id, prev, behind), id, (who, flags, length, mask)))
    best: list[int] = []
    more: list[int] = []
    equal = Counter[tuple[Any, ...]]()
    for _, id, looks in sorted(scored, reverse=True):
        equal[looks] += 1
        (best if equal[looks] <= EQUAL_MAX else more).append(id)
        if len(best) == top:
            break
    return best + more[: top - len(best)]


# -- the second look: the best of them with what was said around them ---------------------------------------------------------------------


def _second_look(
    query: Query,
    docs: Sequence[Doc],
    sittings: dict[int, float],
    traits: _Traits,
    meaning: _Meaning,
    head: int,
    weights: dict[str, float],
) -> list[tuple[float, int, Doc, Sequence[float]]]:
    """(score, id, message, its parts in the order of WEIGHTS) of each, weighed with what is around it."""
    by_id = {doc.id: doc for doc in docs}
    after = {doc.prev: doc.id for doc in docs}
    gains = [gain for _, gain in query.gains]
    counts = {doc.id: _held(doc, query.gains) for doc in docs}
    slope, mean = K1 * (1 - B), K1 * B / query.mean_length
    words = {id: _bm25(gains, held, slope + mean * by_id[id].length) if held else 0.0 for id, held in counts.items()}
    things = [gain for _, gain in query.kinds]
    w = tuple(weights.values())
    scored: list[tuple[float, int, Doc, Sequence[float]]] = []
    for doc in docs:
        id, flags, held, length = doc.id, doc.flags, counts[doc.id], doc.length
        before, behind = by_id.get(doc.prev or 0), by_id.get(after.get(id, 0))
        echo = flags & QUESTION and sum(held) >= ECHO * length
        further = replied = 0.0
        if before is not None:
            held, length = _together(held, counts[before.id]), length + before.length
            further += words.get(before.prev or 0, 0.0)
            if (
                before.flags & QUESTION and not (before.flags | flags) & BY_ASSISTANT
            ):  # an assistant's questions, and answers, are on anything
                replied = words[before.id]
        if behind is not None:
            held, length = _together(held, counts[behind.id]), length + behind.length
            further += words.get(after.get(behind.id, 0), 0.0)
        own = traits.of(doc.at, doc.who, flags)[0]
        kinds = _bm25(things, _held(doc, query.kinds), slope + mean * doc.length) if things else 0.0
        parts = (
            w[0] * words[id],
            w[1] * (_bm25(gains, held, slope + mean * length / PASSAGE) if held else 0.0),
            w[2] * further,
            w[3] * sittings.get(doc.sitting, 0.0),
            w[4] * kinds * (1 + THEIRS * (own[0] > 0)),
            w[5] * replied,
            w[6] if doc.sitting == id or doc.sitting == doc.prev else 0.0,
            w[7] if echo else 0.0,
            w[8] * (flags >> TO_OTHER) / 3,
            w[9] * id / max(1, head),
            w[10] if doc.superseded else 0.0,
            meaning.of(id, doc.prev, after.get(id)),
            *own,
        )
        scored.append((sum(parts), id, doc, parts))
    return scored


def _held(doc: Doc, words: Sequence[tuple[str, float]]) -> list[int]:
    """How often each of these words is in a message; [] if none is, which is what most of them hold."""
    text = doc.words
    counts = [text.count(word) for word, _ in words]
    return counts if any(counts) else []


def _together(held: list[int], more: list[int]) -> list[int]:
    return list(map(add, held, more)) if held and more else held or more


def _bm25(gains: Sequence[float], counts: Sequence[int], slope: float) -> float:
    """0..1: as a share of what a message full of the query's words would reach."""
    return sum([gain * count / (count + slope) for gain, count in zip(gains, counts, strict=True) if count]) if counts else 0.0


def _memory(index: TextIndex, query: Query, doc: Doc, said: tuple[str, str | None], parts: Sequence[float]) -> Memory:
    text = f"{said[0]} [photo: {said[1]}]" if said[1] else said[0]
    excerpt, coverage = _excerpt(index, query, text)
    why = {name: round(part, 4) for name, part in zip(WEIGHTS, parts, strict=True) if abs(part) >= 0.00005}
    return Memory(
        id=doc.id,
        ref=doc.ref,
        text=text,
        at=moment(doc.at),
        who=doc.who,
        origin=doc.origin,
        score=round(sum(why.values()), 4),
        why=why,
        excerpt=excerpt,
        coverage=coverage,
    )


_BETWEEN_SENTENCES = re.compile(r"\s(?:(?<=[.!?。！？].)|(?<=\n))\s*", re.DOTALL)


def _excerpt(index: TextIndex, query: Query, text: str) -> tuple[str, float]:
    """The whole sentences that say most about the query, up to about EXCERPT_CHARS, and how much of it they cover."""
    if len(text) <= EXCERPT_CHARS:
        return text, _coverage(query, index.words.all(text))
    looked_at = text[:20_000]
    sentences = [s for s in _BETWEEN_SENTENCES.split(looked_at) if s.strip()] or [text]
    # A stem is nearly always a prefix of its forms, so this finds the place without tokenising a long text.
    folded = looked_at.casefold()
    words = [(word, idf) for word, idf in query.idf.items() if word in folded]
    scores = [sum([idf for word, idf in words if word in sentence]) for sentence in map(str.casefold, sentences)]
    start = end = max(range(len(sentences)), key=lambda i: (scores[i], -i))
    size = len(sentences[start])
    while True:  # widen to neighbours while they fit
        grown = False
        for step in (end + 1, start - 1):
            if 0 <= step < len(sentences) and size + len(sentences[step]) < EXCERPT_CHARS:
                size += len(sentences[step]) + 1
                start, end = min(start, step), max(end, step)
                grown = True
        if not grown:
            break
    excerpt = " ".join(s.strip() for s in sentences[start : end + 1])
    return excerpt, _coverage(query, index.words.all(excerpt))


def _coverage(query: Query, words: Sequence[str]) -> float:
    whole = sum(query.idf.values())
    return round(sum(idf for word, idf in query.idf.items() if word in words) / whole, 4) if whole else 0.0


_MONTHS = "january february march april may june july august september october november december".split()
_ISO = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_DATE = re.compile(
    rf"\b(?:(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? )?({'|'.join(_MONTHS)})\b(?: (\d{{1,2}})(?:st|nd|rd|th)?\b)?,?(?: (\d{{4}})\b)?",
    re.IGNORECASE,
)
_IN_MAY = re.compile(r"\b(in|on|since|until|last|of|before|after) may\b", re.IGNORECASE)
_AGO = re.compile(r"\b(yesterday|last week)\b", re.IGNORECASE)


_BOUND = re.compile(r"\b(before|until|till|since|after)(?: the)?\s*$", re.IGNORECASE)
_TELLING = re.compile(
    r"\b(?:did|have|has|had) \w+ (?:ever |already )?(?:tell|told|say|said|mention|talk|speak|spoken|discuss|ask|writ)|"
    r"\b(?:I|we|you|he|she|they) (?:told|said|mentioned|talked|spoke|discussed|asked|wrote)\b",
    re.IGNORECASE,
)
"""it is asked what was said, so that a date is when it was said"""


def _bounds(word: str, span: tuple[int, int]) -> tuple[int | None, int | None]:
    match word:
        case "since":
            return span[0], None
        case "after":
            return span[1], None
    return None, span[0]


def _days(text: str, today: date) -> tuple[list[tuple[date, date]], str, str]:
    """The days that a date in the query names (first, last), the query without it, and what stands before it: an ISO date, "5 May 2023",
    "May 2023", "in May", "yesterday", "last week"."""
    if found := _ISO.search(text):
        days = [_span(int(found[1]), int(found[2]), int(found[3]))]
    elif found := _AGO.search(text):
        monday = today - timedelta(today.weekday() + 7)
        days = [(today - timedelta(1),) * 2 if found[1].casefold() == "yesterday" else (monday, monday + timedelta(6))]
    elif (found := _DATE.search(text)) and (found[2].casefold() != "may" or found[1] or found[3] or found[4] or _IN_MAY.search(text)):
        years = [int(found[4])] if found[4] else range(today.year - YEARS + 1, today.year + 1)
        days = [_span(year, _MONTHS.index(found[2].casefold()) + 1, int(found[1] or found[3] or 0)) for year in years]
    else:
        return [], text, text
    known, lead = [span for span in days if span], text[: found.start()]
    return known, f"{lead} {text[found.end() :]}" if known else text, lead


def _span(year: int, month: int, day: int) -> tuple[date, date] | None:
    try:
        if day:
            return date(year, month, day), date(year, month, day)
        first = date(year, month, 1)
        return first, date(year + month // 12, month % 12 + 1, 1) - timedelta(1)
    except ValueError:
        return None


def _instants(days: Sequence[tuple[date, date]], zone: str) -> tuple[tuple[int, int], ...]:
    """For each: from the first moment of these days to the first after them, in that zone, in microseconds since 1970."""
    local = ZoneInfo(zone)
    try:
        return tuple(
            (microseconds(datetime.combine(first, time(), local)), microseconds(datetime.combine(last + timedelta(1), time(), local)))
            for first, last in days
        )
    except OverflowError:  # at the very ends of the calendar
        return ()

"""Hybrid search over what was said, with reasons: cheap signals, summed with fixed weights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import log
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from pmm.events import moment
from pmm.memory.index import LENGTH, QUESTION, TIMED, TOTAL, TextIndex

WEIGHTS = {
    "words": 1.0,  # BM25 of the message, as a share of the best that its words could reach
    "neighbours": 0.35,  # the same, of the messages right before and after it
    "who": 0.15,  # the query names its speaker, or says "I" and it is the user's
    "when": 0.10,  # the query has a date near the message's, or asks when and it has words of time
    "role": 0.08,  # the user's words over the mind's own
    "question": -0.12,  # questions rarely answer questions
    "recent": 0.02,  # among equals, the newer
}
K1, B = 1.2, 0.6
CANDIDATES, EACH = 200, 200
TOP = 32
"""how many of the best are scored again with their neighbours; with those at most 3 x TOP rows"""
WORDS_MAX, RARE_MAX = 200, 8
NOTHING = '"#"'
"""a full-text expression that matches nothing, so that recall makes the same calls whatever is asked"""
EXCERPT_CHARS = 320


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
    flags: int
    length: int
    words: str


class Query(msgspec.Struct, frozen=True):
    """What is asked, weighed. idf: word -> how rare it is. gains: (" word ", its idf as a share of the whole), rarest first."""

    idf: dict[str, float]
    gains: tuple[tuple[str, float], ...]
    matches: tuple[str, ...]
    mean_length: float
    speakers: frozenset[str]
    mine: bool
    timed: bool
    days: tuple[date, date] | None


def recall(index: TextIndex, text: str, *, k: int, head: int, zone: str, now: datetime) -> list[Memory]:
    """The `k` messages up to event `head` that say most about `text`, best first. Three calls to the index, whatever the size."""
    query = _weigh(index, text, zone, now)
    slope = K1 * B / query.mean_length / (1 + K1 * (1 - B))
    matches, gains = query.matches or (NOTHING,), query.gains[:RARE_MAX]
    best = index.best(matches, gains, head, each=EACH, most=CANDIDATES, top=max(TOP, k), slope=slope)
    return _ranked(index, query, index.rows(best or [0], head), k, head)


def _weigh(index: TextIndex, text: str, zone: str, now: datetime) -> Query:
    words = index.words.asked(text)[:WORDS_MAX]
    counts = index.counts(words)
    total = max(1, counts.get(TOTAL, 0))
    speakers = frozenset(w for w in words if f"@{w}" in counts)
    about = [w for w in words if w in counts and w not in speakers] or [w for w in words if w in counts]
    idf = {w: log(1 + (total - counts[w] + 0.5) / (counts[w] + 0.5)) for w in about}
    unknown = log(1 + (total + 0.5) / 0.5)
    missing = {w: unknown for w in words if w not in counts and w not in speakers}
    rare = tuple(sorted(about, key=lambda w: (counts[w], w))[:RARE_MAX])
    whole = sum(idf.values()) + sum(missing.values())
    return Query(
        idf=idf | missing,
        gains=tuple((f" {word} ", WEIGHTS["words"] * part / whole) for word, part in sorted(idf.items(), key=itemgetter(1), reverse=True)),
        matches=_matches(rare, counts),
        mean_length=counts.get(LENGTH, 0) / total or 1.0,
        speakers=speakers,
        mine=re.search(r"\b(I|my|me|mine)\b", text[:5000], re.IGNORECASE) is not None,
        timed=re.match(r"\s*(when|what (day|date|time|year|month)|how long ago)\b", text, re.IGNORECASE) is not None,
        days=_days(text[:5000], now.astimezone(ZoneInfo(zone)).date()),
    )


def _matches(rare: Sequence[str], counts: dict[str, int]) -> tuple[str, ...]:
    """Full-text expressions, most telling first. Where even the rarest word is frequent, pairs with it go before it alone."""
    matches, reach = [], 0
    if len(rare) > 1 and counts[rare[0]] > EACH:
        matches += [f'"{rare[0]}" AND "{word}"' for word in rare[1:4]]
    for word in rare:
        matches.append(f'"{word}"')
        reach += min(counts[word], EACH)
        if reach >= CANDIDATES:
            break
    return tuple(matches)


def _by_words(rows: Sequence[tuple[Any, int, str]], query: Query) -> list[float]:
    """0..1 for each (_, length, words): BM25 of the message as a share of what a message full of the query's words would reach."""
    gains, base, slope = query.gains, K1 * (1 - B), K1 * B / query.mean_length
    scores = []
    for _, length, words in rows:
        score = 0.0
        for word, gain in gains:
            if word in words:
                count = words.count(word)
                score += gain * count / (count + base + slope * length)
        scores.append(score)
    return scores


def _signals(doc: Doc, query: Query, head: int) -> dict[str, float]:
    """Every signal but the words themselves and the neighbours."""
    why = {}
    who = doc.who.casefold()
    if any(speaker in who for speaker in query.speakers) or (query.mine and doc.who == "user" and not query.speakers):
        why["who"] = WEIGHTS["who"]
    if query.days and query.days[0] <= moment(doc.at).date() <= query.days[1]:
        why["when"] = WEIGHTS["when"] * 2
    elif query.timed and doc.flags & TIMED:
        why["when"] = WEIGHTS["when"]
    if doc.who != "mind":
        why["role"] = WEIGHTS["role"]
    if doc.flags & QUESTION:
        why["question"] = WEIGHTS["question"]
    why["recent"] = WEIGHTS["recent"] * doc.id / max(1, head)
    return why


def _ranked(index: TextIndex, query: Query, rows: list[tuple[Any, ...]], k: int, head: int) -> list[Memory]:
    """Score again with the neighbours, and keep the first k that don't merely repeat a better one."""
    docs = {row[0]: Doc(*row[:10]) for row in rows}
    words = dict(zip(docs, _by_words([(d.id, d.length, d.words) for d in docs.values()], query), strict=True))
    after = {doc.prev: id for id, doc in docs.items() if doc.prev in docs}
    scored = []
    for row in rows:
        doc = docs[row[0]]
        why = {"words": words[doc.id]}
        if near := words.get(doc.prev or 0, 0.0) + words.get(after.get(doc.id, 0), 0.0):
            why["neighbours"] = WEIGHTS["neighbours"] * near
        why |= _signals(doc, query, head)
        scored.append((sum(why.values()), doc.id, row, why))
    scored.sort(key=itemgetter(0, 1), reverse=True)
    seen: set[tuple[str, str]] = set()
    found: list[Memory] = []
    for _, id, row, why in scored:
        doc, caption = docs[id], row[11]
        text = f"{row[10]} [photo: {caption}]" if caption else row[10] or ""
        same = (doc.who, " ".join(text.casefold().split()))
        if same not in seen:
            seen.add(same)
            found.append(_memory(index, query, doc, text, why))
            if len(found) == k:
                break
    return found


def _memory(index: TextIndex, query: Query, doc: Doc, text: str, why: dict[str, float]) -> Memory:
    excerpt, coverage = _excerpt(index, query, text)
    why = {name: round(part, 4) for name, part in why.items() if abs(part) >= 0.00005}
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


def _excerpt(index: TextIndex, query: Query, text: str) -> tuple[str, float]:
    """The whole sentences that say most about the query, up to about EXCERPT_CHARS, and how much of it they cover."""
    sentences = [s for s in re.split(r"(?<=[.!?。！？])\s+|\n+", text[:20_000]) if s.strip()] or [text]
    if len(text) <= EXCERPT_CHARS:
        return text, _coverage(query, index.words.all(text))
    # A stem is nearly always a prefix of its forms, so this finds the place without tokenising a long text.
    scores = [sum(idf for word, idf in query.idf.items() if word in sentence) for sentence in map(str.casefold, sentences)]
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


def _days(text: str, today: date) -> tuple[date, date] | None:
    """The days that a date in the query names: an ISO date, "5 May 2023", "May 2023", "in May", "yesterday", "last week"."""
    lower = text.casefold()
    if found := re.search(r"\b(\d{4})-(\d\d)-(\d\d)\b", lower):
        return _span(int(found[1]), int(found[2]), int(found[3]))
    if "yesterday" in lower:
        return today - timedelta(1), today - timedelta(1)
    if "last week" in lower:
        return today - timedelta(today.weekday() + 7), today - timedelta(today.weekday() + 1)
    month = "|".join(_MONTHS)
    found = re.search(rf"\b(?:(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? )?({month})\b(?: (\d{{1,2}})(?:st|nd|rd|th)?\b)?,?(?: (\d{{4}}))?", lower)
    if found and (
        found[2] != "may" or found[1] or found[3] or found[4] or re.search(r"\b(in|on|since|until|last|of|before|after) may\b", lower)
    ):
        number = _MONTHS.index(found[2]) + 1
        year = int(found[4]) if found[4] else today.year - (number > today.month)
        return _span(year, number, int(found[1] or found[3] or 0))
    return None


def _span(year: int, month: int, day: int) -> tuple[date, date] | None:
    try:
        if day:
            return date(year, month, day), date(year, month, day)
        first = date(year, month, 1)
        return first, date(year + month // 12, month % 12 + 1, 1) - timedelta(1)
    except ValueError:
        return None

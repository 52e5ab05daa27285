"""Facts, decided: what asserting one brings with it, which of them bear on a question, how one is quoted.

What the mind itself said is never a fact about its user: an assertion whose source is a reply is refused.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from pmm.agent.extract import normalise
from pmm.errors import InvalidInput
from pmm.events import Event, FactAsserted, FactRetracted

if TYPE_CHECKING:
    from pmm.projections.facts import Fact
    from pmm.views import View

SUBJECT_MAX, RELATION_MAX, VALUE_MAX, TEXT_MAX = 100, 60, 500, 2000
EVIDENCE_MAX = 32
SHOWN_MAX = 20
"""in a prompt's opening"""
RECALLED_MAX = 3
"""in a turn's memory block"""
QUESTION_CHARS = 1000
"""of a message that are compared with facts"""

_SINGLE = frozenset(
    {
        *("lives in", "is from", "was born on", "was born in", "birth year", "birthday", "age", "works at", "works for", "works as", "job"),
        *("is married to", "partner", "wife", "husband", "spouse", "girlfriend", "boyfriend", "mother", "father", "boss", "diet", "name"),
        *("email", "phone", "address", "time zone", "height"),
    }
)
_SINGLE_FORMS = re.compile(r"(?:favou?rite|least favou?rite|preferred) .+")


def is_single(relation: str) -> bool:
    """Whether a subject has one value of this relation at a time, so that a newer value supersedes the older."""
    same = normalise(relation)
    return same in _SINGLE or _SINGLE_FORMS.fullmatch(same) is not None


def about(subject: str, relation: str) -> tuple[str, str]:
    """One form for what is said of the same thing."""
    return normalise(subject), normalise(relation)


def assert_fact(
    view: View,
    subject: str,
    relation: str,
    value: str,
    *,
    sentence: str = "",
    source: int | None = None,
    evidence: Sequence[int] = (),
    confidence: float = 1.0,
    valid_from: date | str | None = None,
    origin: str = "user",
) -> int | list[Event]:
    """Assert a fact: the events to append (the assertion first, then what it supersedes), or the id of the current one that says so.

    confidence: above 0, at most 1. What a model read ("model") never takes the place of what the user said outright, unless it was read
    in a later message; what comes from an import never does. Then the user's own fact stands, and its id is returned. Raises InvalidInput.
    """
    subject, relation = _short(subject, "subject", SUBJECT_MAX), _short(relation, "relation", RELATION_MAX)
    value = _short(value, "value", VALUE_MAX)
    if not isinstance(sentence, str) or len(sentence) > TEXT_MAX:
        raise InvalidInput(f"the sentence of a fact is a text of at most {TEXT_MAX:,} characters.")
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)) or not 0 < confidence <= 1:
        raise InvalidInput(f"{confidence!r} is not a confidence.", hint="Use a number above 0, at most 1.")
    if len(evidence) > EVIDENCE_MAX:
        raise InvalidInput(f"a fact cites at most {EVIDENCE_MAX} events.")
    if source is not None and any(turn.reply == source for s in view.conversation.sessions.values() for turn in s.turns):
        raise InvalidInput(f"event {source} is what the mind said itself.", hint="Facts come from the user's words.")
    new = FactAsserted(
        content=sentence or f"{subject} {relation} {value}",
        subject=subject,
        relation=relation,
        value=value,
        source=source,
        evidence=tuple(evidence),
        confidence=float(confidence),
        valid_from=_day(valid_from),
        origin=_short(origin, "origin", RELATION_MAX),
    )
    for known in _rivals(view, new):
        if normalise(known.value) == normalise(value) or (is_single(relation) and not _outranks(new, known)):
            return known.id
    return [new, *superseding(view, new, 1)]


def superseding(view: View, asserted: FactAsserted, at: int) -> list[FactRetracted]:
    """What an assertion takes the place of: the older values of a relation that has one value at a time.

    at: its place in the append that holds both, counted from 1. The rule about models is that of `assert_fact`.
    """
    if not is_single(asserted.relation):
        return []
    return [
        FactRetracted(content=known.text, fact=known.id, reason="superseded", superseded_by=-at, source=asserted.source)
        for known in _rivals(view, asserted)
        if normalise(known.value) != normalise(asserted.value) and _outranks(asserted, known)
    ]


def is_known(view: View, event: Event) -> bool:
    """Whether it asserts what holds already."""
    if not isinstance(event, FactAsserted):
        return False
    return any(normalise(known.value) == normalise(event.value) for known in _rivals(view, event))


def supersessions(view: View, found: Sequence[Event], before: int) -> list[FactRetracted]:
    """The same for all assertions among events that are appended right after `before` others: the last one of each relation holds.

    What they retract themselves is not retracted twice.
    """
    gone = {event.fact for event in found if isinstance(event, FactRetracted)}
    last: dict[tuple[str, str], int] = {}
    ends: list[FactRetracted] = []
    for at, event in enumerate(found, before + 1):
        if not isinstance(event, FactAsserted) or not is_single(event.relation):
            continue
        for end in superseding(view, event, at):
            if end.fact not in gone:
                gone.add(end.fact)
                ends.append(end)
        key = about(event.subject, event.relation)
        if key in last:
            ends.append(FactRetracted(fact=-last[key], reason="superseded", superseded_by=-at, source=event.source))
        last[key] = at
    return ends


def correct_fact(view: View, id: int, value: str, *, valid_from: date | str | None = None) -> int | list[Event]:
    """Assert another value in the place of a current fact's: the events to append, or its id if it has this value. Raises InvalidInput."""
    known = _current(view, id)
    found = assert_fact(view, known.subject, known.relation, value, valid_from=valid_from)
    if isinstance(found, int):
        if found != id:
            raise InvalidInput(f"fact {found} says that already.", hint="Retract this one instead.")
        return found
    if all(not isinstance(event, FactRetracted) or event.fact != id for event in found):
        found.append(FactRetracted(content=known.text, fact=id, reason="superseded", superseded_by=-1))
    return found


def retract_fact(view: View, id: int, reason: str) -> Event:
    """Take back a current fact. Raises InvalidInput."""
    known = _current(view, id)
    if not isinstance(reason, str) or len(reason) > TEXT_MAX:
        raise InvalidInput(f"a reason is a text of at most {TEXT_MAX:,} characters.")
    return FactRetracted(content=known.text, fact=id, reason=reason)


def _current(view: View, id: int) -> Fact:
    known = view.facts.get(id)
    if known is None:
        raise InvalidInput(f"there is no current fact {id}.", hint="`pmm facts` lists them.")
    return known


def _rivals(view: View, new: FactAsserted) -> list[Fact]:
    """The current facts about the same subject and relation."""
    key = about(new.subject, new.relation)
    return [f for f in view.facts.current if about(f.subject, f.relation) == key]


def _outranks(new: FactAsserted, known: Fact) -> bool:
    """Whether it may take the place of what is known."""
    return new.origin == "user" or known.origin != "user" or (new.origin == "model" and (new.source or 0) > known.id)


def _short(text: str, what: str, limit: int) -> str:
    flat = " ".join(text.split()) if isinstance(text, str) else ""
    if not normalise(flat):
        raise InvalidInput(f"a fact needs a {what}.", hint='For example: user "lives in" Oslo.')
    if len(flat) > limit:
        raise InvalidInput(f"the {what} of a fact has at most {limit} characters.")
    return flat


def _day(day: date | str | None) -> date | None:
    if isinstance(day, str):
        try:
            return date.fromisoformat(day.strip())
        except ValueError:
            raise InvalidInput(f"{day!r} is not a day.", hint="Write 2026-03-06.") from None
    if day is not None and type(day) is not date:
        raise InvalidInput(f"{day!r} is not a day.", hint="Give a date without a time.")
    return day


# -- showing -----------------------------------------------------------------------------------------------------------------------


def fact_line(fact: Fact) -> str:
    """A fact as a memory block quotes it."""
    since = fact.valid_from or fact.since.date()
    until = f", until {fact.until.date()}" if fact.until else ""
    read = "" if fact.origin == "user" else f"; from {fact.origin}"
    stale = "; stale: what it was derived from holds no more" if fact.stale else ""
    return f"fact #{fact.id} · {fact.subject} {fact.relation} {fact.value} (since {since}{until}{read}{stale})"


def in_opening(id: int, opening: str) -> bool:
    """Whether an epoch's opening quotes this fact. Quoted text can't forge it: it never begins a line."""
    return f"\n- fact #{id} · " in opening


_WORD = re.compile(r"[^\W_]+")
_IDLE = frozenset(
    """
    a about all am an and any are as at be been but by can could did do does for from had has have he her hers him his how i if in into
    is it its just know let like me mine much my no not now of on or our please remember she should so some still tell that the their
    them then there they this to us user was we were what when where which who whom whose why will with would you your
    """.split()
)


@functools.lru_cache(maxsize=1024)
def words_of(text: str) -> frozenset[str]:
    """What a text speaks of: its words without endings, those that say nothing left out."""
    return frozenset(_stem(word) for word in _WORD.findall(text.casefold()) if word not in _IDLE)


def _stem(word: str) -> str:
    for end in ("ing", "ed", "es", "s", "e"):
        if word.endswith(end) and len(word) > len(end) + 2:
            word = word.removesuffix(end)
            break
    return f"{word[:-1]}i" if word.endswith("y") else word


def matching(facts: Iterable[Fact], text: str, limit: int = RECALLED_MAX) -> list[tuple[Fact, float]]:
    """The facts that share most words with a text, best first, each with the share (0 to 1) of the text's words that it holds."""
    asked = words_of(text[:QUESTION_CHARS])
    if not asked:
        return []
    scored = []
    for fact in facts:
        held = asked & words_of(f"{fact.subject} {fact.relation} {fact.value}")
        if held:
            scored.append((fact, len(held) / len(asked)))
    scored.sort(key=lambda pair: (-pair[1], pair[0].stale, -pair[0].confidence, -pair[0].id))
    return scored[:limit]


# -- questions ---------------------------------------------------------------------------------------------------------------------

_IS = r"(?:'s|s|'re| is| are)"
_SAME_RELATION = {
    "job": ("works as", "job"),
    "profession": ("works as", "job"),
    "occupation": ("works as", "job"),
    "employer": ("works at", "works for"),
    "birthday": ("was born on", "birthday"),
    "date of birth": ("was born on", "birthday"),
    "birth date": ("was born on", "birthday"),
    "allergies": ("is allergic to",),
    "allergy": ("is allergic to",),
}
_WHOSE = r"(?P<whose>my [a-z]{2,20}|[a-z]{2,20})"
_NOUN = r"(?!(?:again|please|now|right|today|then|exactly|anyway|name|bitte|called)\b)[a-z]+"
_QUESTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("(?:where|(?:in )?what (?:city|town|country|place)) do i (?:open )?live(?: in)?", ("lives in",)),
    ("(?:where|who|what company) do i (?:open )?work(?: at| for)?", ("works at", "works for")),
    ("what do i (?:work as|do(?: for (?:a living|work)))", ("works as", "job")),
    ("where am i(?: originally)? from|where do i come from", ("is from",)),
    ("when was i born", ("was born on", "birthday")),
    ("where was i born", ("was born in",)),
    ("what am i allergic to", ("is allergic to",)),
    ("what languages? do i speak", ("speaks",)),
    ("what(?: car| cars)? do i drive", ("drives",)),
    ("what(?: instruments?)? do i play", ("plays",)),
    ("what do i study", ("studies",)),
    ("who am i married to", ("is married to", "wife", "husband")),
    (rf"where does {_WHOSE} live", ("lives in",)),
    (rf"where does {_WHOSE} work", ("works at", "works for")),
    (rf"when{_IS} my (?P<noun>birthday)", ()),
    (rf"when{_IS} {_WHOSE}'s birthday", ("was born on", "birthday")),
    (rf"(?:what|who){_IS} (?:the name of )?my (?:open )?(?P<noun>{_NOUN}(?: {_NOUN}){{0,2}}?)(?:'s name| called)?", ()),
)
_BEFORE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("where did i (?:live before|(?:used? to|previously) live|live previously)", ("lives in",)),
    ("where did i (?:work before|(?:used? to|previously) work|work previously)", ("works at", "works for")),
)
QUESTION = "|".join(re.sub(r"\(\?P<\w+>", "(?:", pattern) for pattern, _ in (*_QUESTIONS, *_BEFORE))
"""any of the questions below, as `plain` text (casefolded, accents off, no question mark)"""


def asked_for(view: View, question: str) -> list[Fact]:
    """The facts that answer a question exactly, in order of id; the past ones of a question about before. [] if there is none, or more to
    it than the state can tell: what was dropped from it, what is stale, what a model has read, and what has two values but should have one.
    """
    for table, before in ((_QUESTIONS, False), (_BEFORE, True)):
        for pattern, relations in table:
            if found := re.fullmatch(pattern, question):
                names = found.groupdict()
                subject = (names.get("whose") or "user").removeprefix("my ")
                return _answering(view, subject, relations or _relations(names["noun"] or ""), before)
    return []


def _relations(noun: str) -> tuple[str, ...]:
    return _SAME_RELATION.get(noun, (noun, noun.replace("favorite", "favourite").replace("color", "colour")))


def _answering(view: View, subject: str, relations: Sequence[str], before: bool) -> list[Fact]:
    state = view.facts
    if state.ended > len(state.past) if before else state.overflow:
        return []
    facts = [f for f in state.past if f.superseded_by is not None] if before else state.current
    same = [f for f in facts if normalise(f.subject) == subject and normalise(f.relation) in relations]
    sure = all(f.origin == "user" and not f.stale for f in same)
    one = before or len(same) < 2 or not any(is_single(f.relation) for f in same)
    return same if sure and one else []

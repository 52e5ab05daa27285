"""What a message asserts, promises and asks, by explicit forms only: precision first, deterministic, no clock.

`text` finds what somebody typed themselves (no quotations, code, pasted text) and cuts it into clauses; `names`, `proposals`,
`promises`, `closings`, `rules`, `facts` and `tone` each read clauses for one kind of event; `dates` finds when something is due;
`words` holds word lists.
"""

from __future__ import annotations

from pmm.agent.extract.closings import find_closings, find_closings_in_reply, find_delivered
from pmm.agent.extract.facts import find_facts, may_hold
from pmm.agent.extract.known import Known
from pmm.agent.extract.names import find_names
from pmm.agent.extract.promises import find_promises, find_promises_in_reply
from pmm.agent.extract.proposals import find_answer, find_proposal
from pmm.agent.extract.rules import find_rules
from pmm.agent.extract.text import Clause, Sentence, clauses, normalise, read, words_of
from pmm.agent.extract.tone import find_tone
from pmm.agent.extract.words import CLOSING_CUES, CUES
from pmm.events import Event

__all__ = ["Known", "extract_message", "extract_reply", "normalise"]

_CHEAP = 4_000  # up to this length the word check costs less than finding out what was typed


def extract_message(text: str, known: Known) -> list[Event]:
    """The events that a message of the user asks for, in the order they should be appended. Their source is left to the caller."""
    cues = CUES | CLOSING_CUES if known.commitments else CUES
    if len(text) <= _CHEAP and known.proposed is None and not _says(words_of(text), cues, known):
        return []
    typed = read(text, known.name)
    said = _clauses([sentence for sentence in typed if _says(sentence.words, cues, known)], known.name)
    names = find_names(said, known)
    if not any(event.whose == "mind" for event in names):
        names += find_answer(text, typed, known)
    return [
        *names,
        *find_rules(said, known),
        *find_closings(said, known),
        *find_promises(said, known),
        *find_facts(said, typed, known),
        *find_tone(said, typed),
    ]


def extract_reply(text: str, known: Known) -> list[Event]:
    """The events that a reply of the mind asks for: what it promised, what it says it has done, and the name it would like."""
    cues = CUES | CLOSING_CUES if known.commitments else CUES
    if len(text) <= _CHEAP and cues.isdisjoint(words_of(text)):
        return []
    said = _clauses([s for s in read(text, known.user_name, reply=True) if not cues.isdisjoint(s.words)], known.user_name)
    done = find_closings_in_reply(said, known)
    done += [event for event in find_delivered(text, known) if event not in done]
    return [*done, *find_promises_in_reply(said, known), *find_proposal(said, known)]


def _says(words: set[str], cues: frozenset[str], known: Known) -> bool:
    return not cues.isdisjoint(words) or may_hold(words, known)


def _clauses(sentences: list[Sentence], addressee: str | None) -> list[Clause]:
    return [clause for sentence in sentences for clause in clauses(sentence, addressee)]

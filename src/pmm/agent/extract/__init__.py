"""What a message asserts, promises and asks, by explicit forms only: precision first, deterministic, no clock.

`text` finds what somebody typed themselves (no quotations, code, pasted text) and cuts it into clauses; `names`, `promises`,
`closings` and `rules` each read clauses for one kind of event; `dates` finds when something is due; `words` holds word lists.
"""

from __future__ import annotations

from pmm.agent.extract.closings import CUES as CLOSING_CUES
from pmm.agent.extract.closings import find_closings, find_closings_in_reply
from pmm.agent.extract.known import Known
from pmm.agent.extract.names import CUES as NAME_CUES
from pmm.agent.extract.names import find_names
from pmm.agent.extract.promises import CUES as PROMISE_CUES
from pmm.agent.extract.promises import REPLY_CUES, find_promises, find_promises_in_reply
from pmm.agent.extract.rules import CUES as RULE_CUES
from pmm.agent.extract.rules import find_rules
from pmm.agent.extract.text import clauses, normalise, read, words_of
from pmm.events import Event

__all__ = ["Known", "extract_message", "extract_reply", "normalise"]

_MESSAGE_CUES = NAME_CUES | PROMISE_CUES | RULE_CUES
_CHEAP = 4_000  # up to this length the word check costs less than finding out what was typed


def extract_message(text: str, known: Known) -> list[Event]:
    """The events that a message of the user asks for, in the order they should be appended. Their source is left to the caller."""
    cues = _MESSAGE_CUES | CLOSING_CUES if known.commitments else _MESSAGE_CUES
    if len(text) <= _CHEAP and cues.isdisjoint(words_of(text)):
        return []
    sentences = [sentence for sentence in read(text, known.name) if not cues.isdisjoint(sentence.words)]
    said = [clause for sentence in sentences for clause in clauses(sentence, known.name)]
    found: list[Event] = []
    found += find_names(said, known)
    found += find_rules(said, known)
    found += find_closings(said, known)
    found += find_promises(said, known)
    return found


def extract_reply(text: str, known: Known) -> list[Event]:
    """The events that a reply of the mind asks for: what it promised, and what it says it has done."""
    cues = REPLY_CUES | CLOSING_CUES if known.commitments else REPLY_CUES
    if len(text) <= _CHEAP and cues.isdisjoint(words_of(text)):
        return []
    sentences = [sentence for sentence in read(text, known.user_name, reply=True) if not cues.isdisjoint(sentence.words)]
    said = [clause for sentence in sentences for clause in clauses(sentence, known.user_name)]
    return [*find_closings_in_reply(said, known), *find_promises_in_reply(said, known)]

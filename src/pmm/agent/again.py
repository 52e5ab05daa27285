"""Which questions may be answered again with the same words, and what an answer rests on.

A question may, if it stands by itself: nothing in it points back to the conversation. Precision first, as on the fast path: only
English questions, and every word that might point back keeps one out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from pmm.agent.context import WORTH, standing
from pmm.agent.extract import normalise
from pmm.memory.recall import Memory

if TYPE_CHECKING:
    from pmm.views import View

LONGEST = 300
"""characters: nothing longer is a plain question"""

_ASKS = re.compile(r"(?:what|who|whom|whose|where|when|which|why|how|do|does|did|can|could|should|would)(?:'s|'re|'d|n't)?\b")
_POINTS_BACK = frozenset(
    "he him his himself she her hers herself it its itself they them their theirs themselves this that these those there then here thus "
    "so such same other others another else more rest one ones former latter both either neither above below again also too still yet "
    "instead continue next previous previously earlier before last latest recent recently just now already anymore anyway otherwise "
    "however though because first second third".split()
)
_GENERIC = frozenset(
    "what who whom whose where when which why how do does did done can could should would will shall may might must is are was were be "
    "been being am have has had having not no yes i me my mine we us our ours you your yours a an the and or but if of in on at to for "
    "from by with about as into out up down over any all some each every much many few lot lots very really exactly please ok okay "
    "say said says saying mean means meant think thinks thought know knows known tell tells told talk talks talking ask asks asked "
    "feel agree sure explain elaborate go going come get give make made want need help see look find like try use let keep put "
    "summarise summarize summary example examples detail details reason reasons answer answers question questions idea ideas point "
    "word words sentence thing things something anything everything nothing someone anyone people way kind sort time times today "
    "don't doesn't didn't can't couldn't shouldn't wouldn't won't isn't aren't wasn't weren't haven't hasn't hadn't i'm i've i'd i'll "
    "you're you've you'd you'll we're we've what's who's where's when's how's why's what're who're".split()
)
"""words that by themselves ask after nothing in particular: "What do you mean?" has no other"""
_FILLERS = frozenset("a an the please kindly hi hello hey ok okay well um so can could you tell me do know".split())
_BREAK = re.compile(r"[.!?;:…]\s")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def question(text: str) -> str:
    """The text in its one form, if it is a question that stands by itself, else ""."""
    if len(text) > LONGEST:
        return ""
    asked = normalise(text)
    if _BREAK.search(asked):  # whatever stands in another sentence is no question
        return ""
    words = _WORD.findall(asked)
    if not _ASKS.match(asked) or _POINTS_BACK.intersection(part for word in words for part in (word, word.partition("'")[0])):
        return ""
    return asked if any(word not in _GENERIC for word in words) else ""


def carried(asked: str) -> tuple[str, ...]:
    """What carries a question: its words in their order, without those that only lead up to them. Two that mean the same have the same."""
    return tuple(word for word in _WORD.findall(normalise(asked)) if word not in _FILLERS)


def digest(*parts: object) -> str:
    """SHA-256 (hex) of some values."""
    return sha256(msgspec.json.encode(parts)).hexdigest()


def basis(view: View, name: str, memories: Sequence[Memory], *, k: int, now: datetime, settings: Sequence[object]) -> str:
    """A digest of all that an answer in session `name` rests on: what a prompt may tell of the mind now, the best `k` memories, and what
    was said in the conversation; but no questions that stand by themselves, for they say nothing. settings: whatever else decides what the
    model is shown."""
    session = view.conversation.session(name)
    changes = (view.identity.history, view.directives.changes, view.facts.changes, view.commitments.changes, view.policy.history)
    telling = [memory for memory in memories if not question(memory.text)][:k]
    best = max((memory.score for memory in telling), default=0.0)
    return digest(
        settings,
        sorted(standing(view, session, now)),
        (view.identity.zone, view.stage.level, view.policy.off),
        [some[-1].event if some else 0 for some in changes],  # what was changed and changed back was changed
        [scene.text for scene in session.scenes],
        [(turn.text, turn.answer) for turn in session.turns if not question(turn.text)],
        sorted((memory.id, memory.text) for memory in telling if memory.score >= WORTH * best),
    )

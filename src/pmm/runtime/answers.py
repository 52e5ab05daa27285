"""The answer cache: a question that is asked again gets the same answer, without a model, if all that the answer rests on is unchanged.

What is known of answers is folded from the log (`projections.answers`); the rule of what may be given again is `agent.again`. Each time it
is found out anew whether an answer still holds, so there is nothing to invalidate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from pmm.agent.again import basis, carried, digest, question
from pmm.agent.context import Prompt
from pmm.config import Settings
from pmm.events import Event, Source
from pmm.memory.recall import Memory, Near
from pmm.projections.answers import Answer
from pmm.storage.eventlog import EventLog
from pmm.views import View

ALIKE = 0.97
"""the cosine from which on a question is the same, if its words are as well, but for fillers"""
MORE = 8
"""memories recalled beyond what is shown: in place of the question's own earlier turns, and of other questions, which say nothing"""


class Asked(msgspec.Struct, frozen=True):
    """A question as the cache knows it, in digests; "" if its answer isn't to be given again. known: the answer that may be given now."""

    question: str = ""
    basis: str = ""
    known: Answer | None = None


NOTHING = Asked()


class AnswerCache:
    """See the module. It keeps nothing."""

    def __init__(self, log: EventLog, settings: Settings) -> None:
        self._log = log
        self._settings = settings

    def question(self, view: View, text: str, near: Near | None) -> str:
        """The digest of what is asked, "" if it doesn't stand by itself. near: finds messages that mean the same."""
        asked = question(text) if self._settings.answer_cache else ""
        if not asked:
            return ""
        own = digest(asked)
        if near is not None and view.answers.known and not view.answers.given(own):
            return self._alike(view, text, near) or own
        return own

    def _alike(self, view: View, text: str, near: Near) -> str:
        """The question that was answered before and is the same in other words."""
        found = near(text)
        same = [id for id, cosine in (found.hits if found is not None else ()) if cosine >= ALIKE]
        for answer in view.answers.known:
            for id in set(answer.given).intersection(same):
                event = self._log.get(id)
                if event is not None and question(event.content) and carried(event.content) == carried(text):
                    return answer.question
        return ""

    def recalled(self, view: View, asked: str, find: Callable[[int], list[Memory]], k: int) -> list[Memory]:
        """What `find` finds: the best `k`, and if the answer may be given again, a few more, but not the question's own earlier turns: its
        answer doesn't rest on itself."""
        if not asked:
            return find(k)
        given = view.answers.given(asked)
        return [m for m in find(k + MORE) if m.id not in given and digest(question(m.text)) != asked]

    def asked(self, view: View, session: str, asked: str, memories: Sequence[Memory], *, k: int, model: str, now: datetime) -> Asked:
        """The question with what its answer would rest on now, and the answer that rests on just that, if there is one."""
        if not asked:
            return NOTHING
        s = self._settings
        limits = (s.max_context_tokens, s.max_memory_tokens, s.max_transcript_tokens, s.max_reply_tokens, s.model_window, s.recall_k)
        rests = basis(view, session, memories, k=k, now=now, settings=(model, s.temperature, *limits))
        return Asked(asked, rests, view.answers.find(asked, rests, model))

    def text(self, answer: Answer) -> str:
        """What the answer says; "" if it is in the log no more."""
        event: Event | None = self._log.get(answer.reply)
        return event.content if event is not None else ""


def receipt(view: View, session: str, asked: Asked, answer: Answer, memories: Sequence[Memory]) -> Prompt:
    """What is recorded instead of a prompt: the answer, and the memories it rests on."""
    of = Source(id=answer.reply, score=1.0, why={"cache": 1.0}, place="cache")
    found = (Source(id=m.id, score=m.score, why=m.why, place="cache", ref=m.ref) for m in memories)
    return Prompt(
        messages=[],
        header="",
        epoch=view.conversation.session(session).epoch,
        opening=None,
        sources=(of, *found),
        left_out=(),
        sections={},
        digest=asked.basis,
        question=asked.question,
        basis=asked.basis,
    )

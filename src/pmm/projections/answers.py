"""Answers of the model's that may be given again, each with a digest of what it rests on. Digests and ids only: texts stay in the log.

Nothing here is ever invalidated. Whether an answer may be given again is found out when it is asked for: by making the same digest of the
mind as it is then.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from pmm.events import ContextBuilt, Event, ReplyContradicted, ReplyEvent, TurnSuperseded
from pmm.projections.projection import Projection

KNOWN_MAX = 256
GIVEN_MAX = 64
"""times that one answer is given again; after that the model is asked anew"""


class Answer(msgspec.Struct, frozen=True):
    """One answer. question, basis: as its receipt has them. reply: the event that holds it; model: who said it.

    given: the user's messages it was given to, and the replies that gave it.
    """

    question: str
    basis: str
    reply: int
    model: str
    given: tuple[int, ...]


class Built(msgspec.Struct, frozen=True):
    """The receipt of the turn that is about to end."""

    to: int
    question: str
    basis: str


class Answers(msgspec.Struct, frozen=True):
    """known: the latest answer to each question, the oldest first."""

    known: tuple[Answer, ...] = ()
    built: Built | None = None

    def find(self, question: str, basis: str, model: str) -> Answer | None:
        """The one that answers this question on this basis, if this model gave it."""
        return next((a for a in self.known if (a.question, a.basis, a.model) == (question, basis, model)), None)

    def given(self, question: str) -> frozenset[int]:
        """The messages and replies of the turns that have had the answer to this question."""
        return next((frozenset(answer.given) for answer in self.known if answer.question == question), frozenset())


class AnswersProjection(Projection[Answers]):
    name: ClassVar = "answers"
    version: ClassVar = 1
    kinds: ClassVar = frozenset({"context_built", "reply", "turn_superseded", "reply_contradicted"})
    State: ClassVar = Answers

    def apply(self, state: Answers, event: Event) -> Answers:
        match event:
            case ContextBuilt(question=question) if question:
                return msgspec.structs.replace(state, built=Built(event.to, question, event.basis))
            case ReplyEvent() if state.built is not None:
                return self._replied(state, state.built, event)
            case TurnSuperseded():
                return self._without(state, event.turn)
            case ReplyContradicted():
                return self._without(state, event.reply)
        return state

    def _replied(self, state: Answers, built: Built, event: ReplyEvent) -> Answers:
        known = state.known
        if event.to == built.to and event.finish == "stop":
            turn = (event.to, event.id)
            if event.route == "cache":
                known = tuple(self._again(a, turn) if (a.question, a.basis) == (built.question, built.basis) else a for a in known)
                known = tuple(a for a in known if len(a.given) < 2 + 2 * GIVEN_MAX)
            elif event.route == "model":
                others = (answer for answer in known if answer.question != built.question)
                known = (*others, Answer(built.question, built.basis, event.id, event.model, turn))[-KNOWN_MAX:]
        return Answers(known)

    def _again(self, answer: Answer, turn: tuple[int, int]) -> Answer:
        return msgspec.structs.replace(answer, given=(*answer.given, *turn))

    def _without(self, state: Answers, id: int) -> Answers:
        """What was taken back, or was wrong, is not given again."""
        known = tuple(a for a in state.known if id not in a.given)
        return state if len(known) == len(state.known) else msgspec.structs.replace(state, known=known)


PROJECTION = AnswersProjection

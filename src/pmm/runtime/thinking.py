"""Thinking: what was said is read once more by a model, when it is quiet or enough has gathered, in one call.

The call is sent as a suffix of the conversation's own prompt, so that the engine reads only the instruction. A reflection that is due
rides along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from pmm.agent import propose, reflect
from pmm.agent.context import so_far
from pmm.agent.propose import Exchange, Shown
from pmm.events import Event, ReplyEvent, UserMessage
from pmm.llm.model import ChatModel, Message
from pmm.projections.conversation import Session
from pmm.runtime.archive import with_facts
from pmm.runtime.background import Later, Outcome, Upto
from pmm.runtime.calls import Said, tokens_of
from pmm.runtime.parts import Parts
from pmm.views import View

TURNS_MAX = 20
"""read in one call; those that come after wait for the next"""
PAUSE = timedelta(seconds=2)
"""however much has gathered: whoever goes on speaking at once, goes first"""
NO_MODEL = timedelta(days=1)


class _Question(msgspec.Struct, frozen=True):
    """One call to be made: about which replies, what the model is sent and may cite. trigger: of a reflection that rides along."""

    upto: int
    messages: list[Message]
    shown: Shown
    tokens: int
    trigger: str | None
    reflected: frozenset[int]


class Thinking:
    """The consumer of replies. hurried: whether somebody waits for it now."""

    def __init__(self, parts: Parts, *, model: Callable[[], ChatModel | None], hurried: Callable[[], bool]) -> None:
        self._parts = parts
        self._model = model
        self._hurried = hurried
        self._since = parts.clock.now()
        self._interrupted = False

    def think(self, event: Event) -> Outcome:
        """A reply that wasn't thought about yet: read it and those after it, once it is time. Raises ModelError, to be tried again."""
        model, now, view = self._model(), self._parts.clock.now(), self._parts.views.at_head()
        if model is None:
            return Later(now + NO_MODEL)  # nobody has spoken in this process; a reply to come is news
        if "extract" not in model.serves or not self._parts.settings.background_tokens_per_day:
            return Upto(view.head)
        replies = [e for e in self._parts.log.by_kind("reply", since=event.id - 1, limit=TURNS_MAX) if isinstance(e, ReplyEvent)]
        if (until := self._quiet(replies, now)) is not None:
            return Later(until)
        done = next((reply.id for reply in reversed(replies) if self._parts.log.by_key(f"think:{reply.id}")), None)
        if done is not None:  # before the process that did it could say so
            return Upto(done)
        question = self._question(view, model, replies, now)
        most = self._answer_tokens(model)
        if (until := self._parts.calls.wait(view, question.tokens + most)) is not None:
            return Later(until)
        purpose = "reflect" if question.trigger else "extract"
        schema = propose.schema(reflection=reflect.SCHEMA if question.trigger else None)
        said = self._parts.calls.make(model, purpose, question.messages, max_tokens=most, schema=schema)
        self._interrupted = said is None
        if said is None:
            return Later(self._parts.clock.now() + timedelta(seconds=self._parts.settings.think_quiet_s))
        self._parts.append(lambda view: self._judged(view, question, said))
        return Upto(question.upto)

    def _quiet(self, replies: Sequence[ReplyEvent], now: datetime) -> datetime | None:
        """When it has been quiet for long enough, if that lies ahead."""
        if self._hurried():
            return None
        # Once interrupted it waits for a quiet: who speaks fast to a slow engine would stop it again and again.
        gathered = len(replies) >= self._parts.settings.think_turns and not self._interrupted
        last = max(replies[-1].ts, self._since)
        until = last + (PAUSE if gathered else max(PAUSE, timedelta(seconds=self._parts.settings.think_quiet_s)))
        return until if last <= now < until else None  # a clock that was set back is no reason to wait for it

    # -- asking ------------------------------------------------------------------------------------------------------------------------

    def _question(self, view: View, model: ChatModel, replies: Sequence[ReplyEvent], now: datetime) -> _Question:
        """As a suffix of the last session's own prompt, if that fits; else by itself, about as many turns as fit."""
        asked = [(self._parts.log.get(reply.to), reply) for reply in replies]
        heard = [(message, reply) for message, reply in asked if isinstance(message, UserMessage)]
        session = view.conversation.session(heard[-1][0].session)
        visible = {turn.reply for turn in session.turns} if session.epoch else set()
        turns = [Exchange(m.id, m.content, r.id, r.content, r.id in visible) for m, r in heard]
        trigger = reflect.reflection_due(view, now) if "reflect" in model.serves else None
        whole = self._sent(view, model, session, turns, trigger, now)
        room = self._window(model) - self._answer_tokens(model)
        while whole.tokens > room and (session.epoch or len(turns) > 1 or trigger):
            if session.epoch:
                session, turns = Session(), [msgspec.structs.replace(turn, seen=False) for turn in turns]
            elif trigger:
                trigger = None
            else:
                turns = turns[: (len(turns) + 1) // 2]
            whole = self._sent(view, model, session, turns, trigger, now)
        return whole

    def _sent(
        self, view: View, model: ChatModel, session: Session, turns: Sequence[Exchange], trigger: str | None, now: datetime
    ) -> _Question:
        mark = session.marker or self._parts.ids.marker()
        more = f'Answer in the same JSON object, as "reflection":\n{reflect.ask(view, mark)}' if trigger else ""
        text, shown = propose.instruction(view, turns, mark, now, more)
        before = so_far(session) if session.epoch else []
        tokens = session.tokens + tokens_of(model, [*before[:1], {"role": "user", "content": text}])
        messages = [*before, {"role": "user", "content": text}]
        return _Question(turns[-1].reply, messages, shown, tokens, trigger, reflect.shown(view) if trigger else frozenset())

    # -- keeping -----------------------------------------------------------------------------------------------------------------------

    def _judged(self, view: View, question: _Question, said: Said) -> list[Event]:
        """The record of the call, with what came of it."""
        called = msgspec.structs.replace(said.called, key=f"think:{question.upto}")
        found = propose.read(said.text)
        if found is None:
            return [msgspec.structs.replace(called, outcome="invalid", error="the answer can't be read")]
        now, reasons = self._parts.clock.now(), []
        first = self._reflected(view, question, found, called.model, now)
        if isinstance(first, str):
            reasons.append(f"reflection refused: {first}")
            first = []
        view = with_facts(view, self._parts.archive, propose.facts_of(found))
        judged = propose.judge(view, found, question.shown, now=now, before=len(first) + 1)
        if judged.refused:
            reasons.append(f"{judged.refused} refused: {judged.why}")
        return [*first, msgspec.structs.replace(called, error="; ".join(reasons)[:500]), *judged.events]

    def _reflected(self, view: View, question: _Question, found: dict[str, Any], model: str, now: datetime) -> list[Event] | str:
        answer = found.get("reflection")
        if question.trigger is None or answer is None:
            return []
        return reflect.judge(view, answer, question.reflected, trigger=question.trigger, model=model, now=now)

    def _window(self, model: ChatModel) -> int:
        return self._parts.settings.model_window or model.window

    def _answer_tokens(self, model: ChatModel) -> int:
        return min(propose.ANSWER_TOKENS, self._window(model) // 4)

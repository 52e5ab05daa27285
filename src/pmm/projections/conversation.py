"""What each session's next prompt begins with: its epoch's opening as sent, and the turns since, as sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import ClassVar
from zoneinfo import ZoneInfo

import msgspec

from pmm.events import (
    ContextBuilt,
    EpochOpened,
    Event,
    MindCreated,
    ReplyEvent,
    SceneCompacted,
    TimezoneChanged,
    TurnFailedEvent,
    TurnSuperseded,
    UserMessage,
)
from pmm.projections.projection import Projection

SESSIONS_MAX = 8
SCENES_MAX = 8
"""more than are kept before the oldest are rolled up, so that none is lost while that waits for a model"""
PENDING_MAX = 64
TURNS_MAX = 1024
SHOWN_MAX = 8 * TURNS_MAX
"""of one epoch; only a session that never opens one (the fast path alone) comes near it"""


class Spoken(msgspec.Struct, frozen=True):
    """One turn that ended in a reply. header: what stood before the user's text, exactly as sent ("" if no model was asked).

    tokens: of header, text and answer, as the model counted them, else estimated high.
    """

    user: int
    reply: int
    header: str
    text: str
    answer: str
    tokens: int


class Scene(msgspec.Struct, frozen=True):
    """A summary of turns that left the transcript, from one user's message to another; or of several such summaries."""

    id: int
    text: str
    first: int
    last: int


class Session(msgspec.Struct, frozen=True):
    """One conversation. epoch 0: no opening was sent yet. shown: ids recalled in headers of this epoch. last: the event up to which its
    notes have told of changes; told: the message of the turn that they last did in; day: that turn's."""

    epoch: int = 0
    marker: str = ""
    opening: str = ""
    opened: int = 0
    turns: tuple[Spoken, ...] = ()
    tokens: int = 0
    shown: frozenset[int] = frozenset()
    scenes: tuple[Scene, ...] = ()
    last: int = 0
    told: int = 0
    day: date | None = None


class Pending(msgspec.Struct, frozen=True):
    """A user's message without a terminal yet."""

    id: int
    session: str
    text: str
    day: date
    header: str = ""
    tokens: int = 0
    shown: tuple[int, ...] = ()


class Conversation(msgspec.Struct, frozen=True):
    """sessions: the latest 8, least recently used first. pending: messages that no reply or failure has ended."""

    zone: str = "UTC"
    sessions: Mapping[str, Session] = msgspec.field(default_factory=dict)
    pending: tuple[Pending, ...] = ()
    forgotten: bool = False
    """whether any session has left `sessions`"""

    def session(self, name: str) -> Session:
        """The session, empty if it is new or long unused."""
        return self.sessions.get(name) or Session()


class ConversationProjection(Projection[Conversation]):
    name: ClassVar = "conversation"
    version: ClassVar = 4
    kinds: ClassVar = frozenset(
        {
            *("mind_created", "timezone_changed", "user_message", "context_built", "reply", "turn_failed"),
            *("epoch_opened", "scene_compacted", "turn_superseded"),
        }
    )
    State: ClassVar = Conversation

    def apply(self, state: Conversation, event: Event) -> Conversation:
        replace = msgspec.structs.replace
        match event:
            case UserMessage():
                day = event.ts.astimezone(ZoneInfo(state.zone)).date()
                pending = (*state.pending, Pending(event.id, event.session, event.content, day))
                return replace(state, pending=pending[-PENDING_MAX:])
            case ContextBuilt():
                tokens = event.sections.get("header", 0) + event.sections.get("message", 0)
                shown = tuple(s.id for s in event.sources if s.place == "header")
                pending = tuple(
                    replace(p, header=event.content, tokens=tokens, shown=shown) if p.id == event.to else p for p in state.pending
                )
                return replace(state, pending=pending)
            case ReplyEvent():
                return self._replied(state, event)
            case TurnFailedEvent():
                return replace(state, pending=tuple(p for p in state.pending if p.id != event.to))
            case EpochOpened():
                return self._opened(state, event)
            case SceneCompacted():
                return self._compacted(state, event)
            case TurnSuperseded():
                return self._superseded(state, event)
            case TimezoneChanged():
                return replace(state, zone=event.zone)
            case MindCreated():
                return replace(state, zone=event.timezone)
        return state

    def freeze(self, state: Conversation) -> Conversation:
        return msgspec.structs.replace(state, sessions=MappingProxyType(state.sessions))

    def _replied(self, state: Conversation, event: ReplyEvent) -> Conversation:
        asked = next((p for p in state.pending if p.id == event.to), None)
        if asked is None:
            return state
        session = state.session(asked.session)
        said = event.usage.completion if event.usage.completion is not None else _estimate(event.content)
        tokens = (asked.tokens or _estimate(asked.text)) + said + 8  # 8: what a chat template puts around two messages, rounded up
        turn = Spoken(asked.id, event.id, asked.header, asked.text, event.content, tokens)
        turns, total = (*session.turns, turn), session.tokens + tokens
        if len(turns) > TURNS_MAX:
            turns, total = turns[-TURNS_MAX:], total - sum(t.tokens for t in turns[:-TURNS_MAX])
        shown = session.shown.union(asked.shown) if asked.shown else session.shown
        session = msgspec.structs.replace(
            session,
            turns=turns,
            tokens=total,
            shown=shown if len(shown) <= SHOWN_MAX else frozenset(sorted(shown)[-SHOWN_MAX:]),
        )
        if asked.tokens:  # a model was told; the fast path and the answer cache tell nobody
            session = msgspec.structs.replace(session, last=event.id, told=asked.id, day=asked.day)
        return self._with(state, asked.session, session, tuple(p for p in state.pending if p is not asked))

    def _opened(self, state: Conversation, event: EpochOpened) -> Conversation:
        session = state.session(event.session)
        turns = tuple(t for t in session.turns if t.user >= event.first)
        session = msgspec.structs.replace(
            session,
            epoch=event.epoch,
            marker=event.marker,
            opening=event.content,
            opened=event.id,
            turns=turns,
            tokens=sum(t.tokens for t in turns),
            shown=frozenset(),
            last=event.id,
        )
        return self._with(state, event.session, session)

    def _compacted(self, state: Conversation, event: SceneCompacted) -> Conversation:
        """One more scene, in place of those it covers."""
        session = state.session(event.session)
        others = (s for s in session.scenes if not event.first <= s.first <= s.last <= event.last)
        scenes = sorted((*others, Scene(event.id, event.content, event.first, event.last)), key=lambda s: (s.first, s.id))
        return self._with(state, event.session, msgspec.structs.replace(session, scenes=tuple(scenes[-SCENES_MAX:])))

    def _superseded(self, state: Conversation, event: TurnSuperseded) -> Conversation:
        """The turn leaves the transcript; what was recalled for it may be shown again."""
        for name, session in state.sessions.items():
            turns = tuple(turn for turn in session.turns if turn.user != event.turn)
            if len(turns) < len(session.turns):
                session = msgspec.structs.replace(session, turns=turns, tokens=sum(t.tokens for t in turns), shown=frozenset())
                return msgspec.structs.replace(state, sessions={**state.sessions, name: session})
        return state

    def _with(self, state: Conversation, name: str, session: Session, pending: tuple[Pending, ...] | None = None) -> Conversation:
        sessions = dict(state.sessions)
        sessions.pop(name, None)
        sessions[name] = session  # the last one again
        forgotten = state.forgotten
        if len(sessions) > SESSIONS_MAX:
            del sessions[next(iter(sessions))]
            forgotten = True
        return Conversation(state.zone, sessions, state.pending if pending is None else pending, forgotten)


def _estimate(text: str) -> int:
    """Tokens, erring high."""
    return len(text.encode()) // 3 + 1


PROJECTION = ConversationProjection

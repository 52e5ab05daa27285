"""Conversations as a client program's own history tells them: digests of each session's turns, to find the one that a history goes on with.

Texts are compared with their white space evened out, since clients trim what they keep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType
from typing import ClassVar

import msgspec

from pmm.events import Event, ReplyEvent, TurnFailedEvent, TurnSuperseded, UserMessage
from pmm.projections.projection import Projection

SESSIONS_MAX = 64
TURNS_MAX = 64
PENDING_MAX = 16


class Said(msgspec.Struct, frozen=True):
    """A turn: its user message; digests of that alone, and of the whole turn."""

    user: int
    asked: int
    whole: int


class Asked(msgspec.Struct, frozen=True):
    """A message that has no reply yet. digest: of its text."""

    user: int
    session: str
    digest: int


class Found(msgspec.Struct, frozen=True):
    """A session that holds some of a history. held: which of the history's turns, by position. exact: how many of them word for word.

    after: the user messages of the session's own turns after the last of those.
    """

    session: str
    held: tuple[int, ...]
    exact: int
    after: tuple[int, ...]


class Threads(msgspec.Struct, frozen=True):
    """sessions: the latest 64, least recently used first, each with its latest 64 turns, without those that were superseded."""

    sessions: Mapping[str, tuple[Said, ...]] = msgspec.field(default_factory=dict)
    pending: tuple[Asked, ...] = ()

    def find(self, history: Sequence[tuple[str, str]], session: str | None = None) -> tuple[Found, ...]:
        """Where the turns (user's text, reply) of a history are held, the newest session first. session: look there alone.

        Turns are the same if they say the same, in the same order; and past the last of those, if the user says the same, since a client
        may keep a reply in another form.
        """
        told = [_said(0, _digest(user), reply) for user, reply in history]
        places: dict[int, list[int]] = {}
        for n, one in enumerate(told):
            places.setdefault(one.whole, []).append(n)
        names = [session] if session is not None else reversed(list(self.sessions))
        found = (_found(name, self.sessions.get(name, ()), told, places) for name in names)
        return tuple(one for one in found if one.held)

    def holds(self, session: str, turn: int) -> bool:
        """Whether the session has that turn, and nothing superseded it."""
        return any(said.user == turn for said in self.sessions.get(session, ()))


def _found(name: str, turns: Sequence[Said], told: Sequence[Said], places: Mapping[int, Sequence[int]]) -> Found:
    """How much of a history a session holds. places: where each turn, word for word, stands in the history."""
    held: list[int] = []
    last = -1
    for n, turn in enumerate(turns):
        place = next((p for p in places.get(turn.whole, ()) if not held or p > held[-1]), None)
        if place is not None:
            held.append(place)
            last = n
    exact, at = len(held), held[-1] if held else -1
    while last + 1 < len(turns) and at + 1 < len(told) and turns[last + 1].asked == told[at + 1].asked:
        last, at = last + 1, at + 1
        held.append(at)
    return Found(name, tuple(held), exact, tuple(turn.user for turn in turns[last + 1 :]))


def _said(user: int, asked: int, reply: str) -> Said:
    return Said(user, asked, asked ^ _digest(f"reply: {reply}"))


def _digest(text: str) -> int:
    even = " ".join(text.split()).encode("utf-8", "replace")
    return int.from_bytes(blake2b(even, digest_size=8).digest(), "big", signed=True)


class ThreadsProjection(Projection[Threads]):
    name: ClassVar = "threads"
    version: ClassVar = 1
    kinds: ClassVar = frozenset({"user_message", "reply", "turn_failed", "turn_superseded"})
    State: ClassVar = Threads

    def apply(self, state: Threads, event: Event) -> Threads:
        replace = msgspec.structs.replace
        match event:
            case UserMessage():
                asked = Asked(event.id, event.session, _digest(event.content))
                return Threads(state.sessions, (*state.pending, asked)[-PENDING_MAX:])
            case TurnFailedEvent():
                return replace(state, pending=tuple(p for p in state.pending if p.user != event.to))
            case ReplyEvent():
                return self._replied(state, event)
            case TurnSuperseded():
                sessions = {name: _without(turns, event.turn) for name, turns in state.sessions.items()}
                return replace(state, sessions=sessions)
        return state

    def freeze(self, state: Threads) -> Threads:
        return msgspec.structs.replace(state, sessions=MappingProxyType(state.sessions))

    def _replied(self, state: Threads, event: ReplyEvent) -> Threads:
        asked = next((p for p in state.pending if p.user == event.to), None)
        if asked is None:
            return state
        said = _said(asked.user, asked.digest, event.content)
        sessions = dict(state.sessions)
        sessions[asked.session] = (*sessions.pop(asked.session, ()), said)[-TURNS_MAX:]  # the last one again
        if len(sessions) > SESSIONS_MAX:
            del sessions[next(iter(sessions))]
        return Threads(sessions, tuple(p for p in state.pending if p is not asked))


def _without(turns: tuple[Said, ...], user: int) -> tuple[Said, ...]:
    return tuple(turn for turn in turns if turn.user != user) if any(turn.user == user for turn in turns) else turns


PROJECTION = ThreadsProjection

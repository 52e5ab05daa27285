"""Why something is as it is: the events that made it, as a tree. Pure but for the bounded look-ups that it is handed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from pmm.events import KINDS, CommitmentOpened, ContextBuilt, DirectiveSet, Event, FactAsserted, Reflection, ReplyEvent, UserMessage

DEPTH_MAX, BREADTH_MAX, EVENTS_MAX = 5, 12, 80
"""of the whole tree"""
LOOK_MAX = 1000
"""how many events of the kinds in question are looked through for those that speak of a given one"""

_RELATIONS = {
    "to": "answers",
    "source": "because of",
    "evidence": "because of",
    "cid": "about",
    "did": "about",
    "follows": "comes after",
    "first": "begins with",
    "last": "ends with",
    "superseded_by": "superseded by",
    "fact": "about",
    "reply": "is about",
}


class Why(msgspec.Struct, frozen=True):
    """One event of the tree. relation: what it is to the one above it ("" at the top). score: of a recalled one.

    left_out: how many of the events right behind it are not shown. note: what else there is to know, such as a look-up cut short.
    """

    event: Event
    relation: str = ""
    score: float | None = None
    children: tuple[Why, ...] = ()
    left_out: int = 0
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """What is told of it everywhere."""
        told = {name: getattr(self, name) for name in ("relation", "score", "event", "left_out", "note")}
        return {**told, "event": self.event.as_dict(), "children": [child.as_dict() for child in self.children]}


class Lookup(Protocol):
    """What is asked of the log: bounded reads alone."""

    def get(self, id: int) -> Event | None:
        """The event."""

    def by_kind(self, *kinds: str, since: int = 0, until: int | None = None, limit: int | None = None, newest: bool = False) -> list[Event]:
        """Events of these kinds."""


class _Link(msgspec.Struct, frozen=True):
    event: int | Event
    relation: str
    score: float | None = None
    follow: bool = True

    @property
    def id(self) -> int:
        return self.event.id if isinstance(self.event, Event) else self.event


def why(log: Lookup, top: Event) -> Why:
    """What led to `top`; and for a message, a commitment or a rule also what came of it."""
    return _Tree(log).node(_Link(top, ""), top, 0, 0)


class _Tree:
    """One tree in the making. An event is followed once; where it stands again, it stands alone."""

    def __init__(self, log: Lookup) -> None:
        self._log = log
        self._seen: set[int] = set()
        self._left = EVENTS_MAX - 1

    def node(self, link: _Link, event: Event, above: int, depth: int) -> Why:
        """The event that `link` leads to from event `above`, and what is behind it."""
        links, note = self._behind(event, depth) if link.follow else ([], "")
        links = [one for one in links if one.id != above]
        if event.id in self._seen:
            return Why(event, link.relation, link.score, note="see above" if links else "")
        self._seen.add(event.id)
        shown: list[Why] = []
        for one in links[:BREADTH_MAX] if depth < DEPTH_MAX else ():
            if self._left <= 0:
                break
            found = one.event if isinstance(one.event, Event) else self._log.get(one.event)
            if found is None:
                note = f"event {one.id}, which it cites, is not there"
                continue
            self._left -= 1
            shown.append(self.node(one, found, event.id, depth + 1))
        return Why(event, link.relation, link.score, tuple(shown), len(links) - len(shown), note)

    def _behind(self, event: Event, depth: int) -> tuple[list[_Link], str]:
        """The links from an event, and what there is to say about them. What came of it is told only where it is the question."""
        links, note = list(_causes(event)), ""
        if isinstance(event, ContextBuilt) and depth:
            links = links[1:]  # the message it was made for, which the reply above it answers
        if depth == 0:
            match event:
                case ReplyEvent():
                    built = self._log.by_kind("context_built", since=event.to, until=event.id, limit=8, newest=True)
                    links += [_Link(e, "was shown") for e in built if isinstance(e, ContextBuilt) and e.to == event.to][-1:]
                case UserMessage():
                    ends = self._log.by_kind("reply", "turn_failed", since=event.id, limit=8)
                    links += [_Link(e, "was answered by", follow=False) for e in ends if getattr(e, "to", 0) == event.id]
                    more, note = self._citing(event.id, "led to", "source", "evidence")
                    links += more
                case Reflection():
                    more, note = self._citing(event.id, "led to", "source", "evidence")
                    links += more
                case CommitmentOpened():
                    more, note = self._citing(event.id, "", "cid", "follows")
                    links += more
                case FactAsserted():
                    more, note = self._citing(event.id, "", "fact", "evidence", "superseded_by")
                    links += more
                case DirectiveSet():
                    more, note = self._citing(event.id, "", "did")
                    links += more
        return links, note

    def _citing(self, id: int, relation: str, *fields: str) -> tuple[list[_Link], str]:
        """Later events that refer to this one through one of these fields. Without a relation, the kind says it: closed, reminded ..."""
        kinds = [kind for kind, cls in KINDS.items() if any(field in cls.refs for field in fields)]
        found = self._log.by_kind(*kinds, since=id, limit=LOOK_MAX)
        citing = [e for e in found if any(id in e.held(field) for field in fields)]
        links = [_Link(e, relation or e.kind.rpartition("_")[2], follow=not relation) for e in citing]
        return links, f"only the next {LOOK_MAX:,} events that could speak of it were looked through" if len(found) >= LOOK_MAX else ""


def _causes(event: Event) -> Iterator[_Link]:
    """The events that an event itself refers to, and those that a receipt says were recalled."""
    for name in event.refs:
        for id in event.held(name):
            yield _Link(id, "made for" if isinstance(event, ContextBuilt) else _RELATIONS.get(name, name))
    if isinstance(event, ContextBuilt):
        for source in event.sources:
            yield _Link(source.id, "recalled", source.score)

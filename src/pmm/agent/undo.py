"""Taking back what a turn asserted: decided from a View and the turn's events alone. The log keeps everything; what is taken back holds
no longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pmm.agent.extract import normalise
from pmm.events import (
    CommitmentClosed,
    CommitmentOpened,
    CommitmentReopened,
    DirectiveRevoked,
    DirectiveSet,
    Event,
    FactAsserted,
    FactRetracted,
    NameAdopted,
    ReplyEvent,
)

if TYPE_CHECKING:
    from pmm.views import View

UNDONE = "undone"


def take_back(view: View, turn: Sequence[Event]) -> list[Event]:
    """What undoes a turn, given its message, its reply and what came soon after, in order. [] if there is nothing to undo (any more).

    Only what still is as the turn left it is touched; what the background read in the turn later counts as the turn's. None of these
    events cites the turn, so that undoing once more finds nothing.
    """
    did = found_in(turn)
    made = {e.id for e in did}
    closed = {e.cid for e in did if isinstance(e, CommitmentClosed)}
    # What went with these without citing the message: what a new fact superseded, and the next occurrence of what was closed.
    did += [e for e in turn if isinstance(e, FactRetracted) and e.superseded_by in made and e.id not in made]
    did += [e for e in turn if isinstance(e, CommitmentOpened) and e.follows in closed and e.id not in made]
    back = [event for e in did if (event := _reverse(view, e, made)) is not None]
    return back + _names(view, [e for e in did if isinstance(e, NameAdopted)])


def found_in(turn: Sequence[Event]) -> list[Event]:
    """What cites the turn's message or reply, given its message and what came after it."""
    said = {e.id for e in turn if e is turn[0] or (isinstance(e, ReplyEvent) and e.to == turn[0].id)}
    return [e for e in turn if said & {getattr(e, "source", None), getattr(e, "evidence", None)}]


def _reverse(view: View, event: Event, made: set[int]) -> Event | None:
    """What takes one event back. made: the events of the turn, for what began and ended in it."""
    match event:
        case FactAsserted():
            return FactRetracted(fact=event.id, reason=UNDONE) if view.facts.get(event.id) else None
        case FactRetracted() if event.fact not in made:
            return _asserted_again(view, event.fact)
        case CommitmentOpened():
            known = view.commitments.get(event.id)
            return CommitmentClosed(content=known.text, cid=known.cid, outcome="cancelled", note=UNDONE) if known else None
        case CommitmentClosed() if event.cid not in made:
            ended = view.commitments.ended(event.cid)
            again = ended is not None and ended.event == event.id
            return CommitmentReopened(content=event.content, cid=event.cid, reason=UNDONE) if again else None
        case DirectiveSet():
            active = any(d.did == event.id for d in view.directives.active)
            return DirectiveRevoked(did=event.id, reason=UNDONE) if active else None
        case DirectiveRevoked() if event.did not in made:
            return _set_again(view, event)
    return None


def _asserted_again(view: View, id: int) -> FactAsserted | None:
    was = view.facts.ended_lately(id)
    if was is None or any((f.subject, f.relation, f.value) == (was.subject, was.relation, was.value) for f in view.facts.current):
        return None
    return FactAsserted(
        content=was.text,
        subject=was.subject,
        relation=was.relation,
        value=was.value,
        source=was.source,
        evidence=was.evidence,
        confidence=was.confidence,
        valid_from=was.valid_from,
        origin=was.origin,
    )


def _set_again(view: View, event: DirectiveRevoked) -> DirectiveSet | None:
    text = next((c.text for c in view.directives.changes if c.event == event.id), "")
    if not text or any(normalise(d.text) == normalise(text) for d in view.directives.active):
        return None
    return DirectiveSet(content=text)


def _names(view: View, adopted: Sequence[NameAdopted]) -> list[Event]:
    """The name of before, where the present one is the turn's."""
    back: list[Event] = []
    for whose in ("mind", "user"):
        mine = {e.id for e in adopted if e.whose == whose}
        history = [named for named in view.identity.history if named.whose == whose]
        if mine and history and history[-1].event in mine:
            before = [named.name for named in history if named.event < min(mine)]
            back.append(NameAdopted(whose=whose, name=before[-1] if before else ""))
    return back

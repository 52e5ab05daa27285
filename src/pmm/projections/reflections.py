"""What the mind has observed about itself, and what has happened since: new evidence is what makes a reflection due."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from pmm.events import (
    CommitmentClosed,
    CommitmentExpired,
    CommitmentOpened,
    CommitmentReopened,
    DirectiveRevoked,
    DirectiveSet,
    Event,
    FactAsserted,
    FactRetracted,
    ModelCalled,
    NameAdopted,
    Reflection,
    ReplyContradicted,
    ReplyEvent,
    StageChanged,
    TurnFailedEvent,
)
from pmm.projections.projection import Projection
from pmm.projections.traits import NOT_ITS_FAULT

LATEST_MAX = 32
EVIDENCE_MAX = 24
TEXT_CHARS = 160


class Reflected(msgspec.Struct, frozen=True):
    """One reflection. text: what was observed. stale: something it cites was taken back since."""

    id: int
    ts: datetime
    text: str
    trigger: str
    action: str
    evidence: tuple[int, ...]
    model: str | None = None
    stale: bool = False


class Piece(msgspec.Struct, frozen=True):
    """Something that happened and is worth a thought. what: in a word. about: the event it speaks of. text: at most 160 characters."""

    event: int
    what: str
    text: str = ""
    about: int | None = None


class Reflections(msgspec.Struct, frozen=True):
    """latest: the newest 32 of `total`, oldest first. attempted: the last attempt (a reflection, or a model's call for one, whatever came
    of it), 0 if there was none; turns and new: replies and pieces of evidence since then. evidence: the newest 24 pieces since the last
    reflection, so that a failed attempt loses nothing."""

    latest: tuple[Reflected, ...] = ()
    total: int = 0
    attempted: int = 0
    attempted_at: datetime | None = None
    turns: int = 0
    new: int = 0
    evidence: tuple[Piece, ...] = ()

    def get(self, id: int) -> Reflected | None:
        """The reflection with this id, if it is among the latest."""
        return next((r for r in self.latest if r.id == id), None)


class ReflectionsProjection(Projection[Reflections]):
    name: ClassVar = "reflections"
    version: ClassVar = 1
    kinds: ClassVar = frozenset(
        {
            *("reflection", "model_called", "reply", "turn_failed", "name_adopted", "stage_changed", "reply_contradicted"),
            *("commitment_opened", "commitment_closed", "commitment_expired", "commitment_reopened"),
            *("fact_asserted", "fact_retracted", "directive_set", "directive_revoked"),
        }
    )
    State: ClassVar = Reflections

    def apply(self, state: Reflections, event: Event) -> Reflections:
        replace = msgspec.structs.replace
        match event:
            case ReplyEvent():
                return replace(state, turns=state.turns + 1)
            case ModelCalled():
                return _attempted(state, event) if event.purpose == "reflect" else state
            case Reflection():
                new = Reflected(event.id, event.ts, event.content, event.trigger, event.action, event.evidence, event.model)
                latest = (*state.latest, new)[-LATEST_MAX:]
                return replace(_attempted(state, event), latest=latest, total=state.total + 1, evidence=())
            case FactRetracted():
                state = _without(state, event.fact)
        piece = _piece(event)
        if piece is None or (isinstance(event, CommitmentOpened) and state.get(event.source or 0)):  # what it did itself is no news to it
            return state
        return replace(state, new=state.new + 1, evidence=(*state.evidence, piece)[-EVIDENCE_MAX:])


def _attempted(state: Reflections, event: Event) -> Reflections:
    return msgspec.structs.replace(state, attempted=event.id, attempted_at=event.ts, turns=0, new=0)


def _without(state: Reflections, fact: int) -> Reflections:
    """Mark what rests on a fact that was taken back, and what rests on that."""
    gone = {fact}
    for r in state.latest:  # what is cited comes before what cites it
        if not gone.isdisjoint(r.evidence):
            gone.add(r.id)
    if len(gone) == 1:
        return state
    latest = tuple(msgspec.structs.replace(r, stale=r.stale or r.id in gone) for r in state.latest)
    return msgspec.structs.replace(state, latest=latest)


def _piece(event: Event) -> Piece | None:
    """What the event is evidence of, if it is any."""
    text = event.content[:TEXT_CHARS]
    match event:
        case CommitmentOpened(follows=None):
            return Piece(event.id, "opened", text)
        case CommitmentClosed():
            return Piece(event.id, event.outcome, text, event.cid)
        case CommitmentExpired():
            return Piece(event.id, "expired", text, event.cid)
        case CommitmentReopened():
            return Piece(event.id, "reopened", text, event.cid)
        case FactAsserted():
            return Piece(event.id, "fact", text or f"{event.subject} {event.relation} {event.value}"[:TEXT_CHARS])
        case FactRetracted():
            return Piece(event.id, "fact taken back", event.reason[:TEXT_CHARS], event.fact)
        case NameAdopted():
            return Piece(event.id, "name", f"{event.whose}: {event.name}"[:TEXT_CHARS])
        case DirectiveSet():
            return Piece(event.id, "rule", text)
        case DirectiveRevoked():
            return Piece(event.id, "rule revoked", "", event.did)
        case TurnFailedEvent(reason=why) if why not in NOT_ITS_FAULT:
            return Piece(event.id, "failed turn", why[:TEXT_CHARS], event.to)
        case StageChanged():
            return Piece(event.id, "stage", f"S{event.before} to S{event.after}")
        case ReplyContradicted():
            return Piece(event.id, "contradicted", "; ".join(claim.said for claim in event.claims)[:TEXT_CHARS], event.reply)
    return None


PROJECTION = ReflectionsProjection

"""What a conversation holds, turn by turn, as the chat shows it: read from the log, a bounded part of it, and never from memory."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from pmm.api.errors import absent
from pmm.events import (
    CommitmentClosed,
    CommitmentOpened,
    ContextBuilt,
    DirectiveRevoked,
    DirectiveSet,
    Event,
    FactAsserted,
    FactRetracted,
    FollowedUp,
    NameAdopted,
    ReplyContradicted,
    ReplyEvent,
    Source,
    TurnFailedEvent,
    TurnSuperseded,
    UserMessage,
)

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind

TURNS_MAX = 30
"""in a browser at once"""
LOOK_MAX = 512
"""messages of all conversations that are looked through for those of this one"""
AROUND_MAX = 2000
"""events after the first of these turns that are looked through for what ended and followed them"""

_FOUND = ("commitment_opened", "commitment_closed", "fact_asserted", "fact_retracted", "directive_set", "directive_revoked", "name_adopted")
_AROUND = ("reply", "turn_failed", "context_built", "turn_superseded", "reply_contradicted", "followed_up", *_FOUND)
KINDS = ("user_message", "commitment_edited", "commitment_reopened", "commitment_expired", *_AROUND)
"""after which a conversation may look otherwise"""


class Finding(msgspec.Struct, frozen=True):
    """Something that was read in a turn. holds: whether it still is so, and can be taken back. now: what it says since it was edited."""

    event: Event
    holds: bool
    now: str = ""


class Turn(msgspec.Struct, frozen=True):
    """A message and what came of it. user: None where the mind spoke first. end: None as long as it is answered. receipt: what the model
    was shown, `used` things of it recalled."""

    user: UserMessage | None
    end: ReplyEvent | TurnFailedEvent | FollowedUp | None
    receipt: int | None = None
    used: int = 0
    found: tuple[Finding, ...] = ()
    corrections: tuple[ReplyContradicted, ...] = ()

    @property
    def first(self) -> Event:
        """The event that begins it."""
        event = self.user or self.end
        assert event is not None
        return event


class Transcript(msgspec.Struct, frozen=True):
    """turns: oldest first. earlier, later: whether there are more before, and after."""

    turns: tuple[Turn, ...]
    earlier: bool
    later: bool


def load(mind: Mind, session: str, at: int | None = None, before: int | None = None) -> Transcript:
    """The last turns of a conversation as of event `at`, of those that began before event `before`. Blocks."""
    view = mind.view(at)
    until = view.head if before is None else min(view.head, before - 1)
    messages = mind.log.by_kind("user_message", until=until, limit=LOOK_MAX, newest=True)
    ours = [m for m in messages if isinstance(m, UserMessage) and m.session == session]
    shown = ours[-TURNS_MAX:]
    since = shown[0].id if shown else 0
    kinds = _AROUND if shown else ("followed_up",)
    around = mind.log.by_kind(*kinds, since=since, until=view.head, limit=AROUND_MAX)
    before_it = _superseded(around)
    gone = {id for ids in before_it.values() for id in ids}
    turns = [_turn(view, message, around, before_it.get(message.id, set())) for message in shown if message.id not in gone]
    turns += [Turn(None, e) for e in around if isinstance(e, FollowedUp) and e.session == session and e.id <= until]
    earlier = len(ours) > TURNS_MAX or (len(messages) == LOOK_MAX and bool(ours))
    return Transcript(tuple(sorted(turns, key=lambda turn: turn.first.id)), earlier, before is not None)


def _superseded(around: list[Event]) -> dict[int, set[int]]:
    """By a message: those whose turns it stands in the place of, and whose these had stood in."""
    found: dict[int, set[int]] = {}
    for event in around:
        if isinstance(event, TurnSuperseded):
            found.setdefault(event.by, set()).update({event.turn}, found.get(event.turn, ()))
    return found


def _turn(view: Any, message: UserMessage, around: list[Event], before_it: set[int]) -> Turn:
    """before_it: the messages whose turns it stands in the place of. What was found in these is shown with it."""
    end = next((e for e in around if isinstance(e, (ReplyEvent, TurnFailedEvent)) and e.to == message.id), None)
    receipt = next((e for e in around if isinstance(e, ContextBuilt) and e.to == message.id), None)
    asked = {message.id, *before_it}
    said = asked | {e.id for e in around if isinstance(e, (ReplyEvent, TurnFailedEvent)) and e.to in asked}
    found = tuple(
        Finding(e, _holds(view, e), _now(view, e))
        for e in around
        if e.kind in _FOUND and said & {getattr(e, "source", None), getattr(e, "evidence", None)} and not _implied(e)
    )
    corrected = tuple(e for e in around if isinstance(e, ReplyContradicted) and end is not None and e.reply == end.id)
    return Turn(message, end, receipt.id if receipt else None, len(receipt.sources) if receipt else 0, found, corrected)


def _implied(event: Event) -> bool:
    """Whether another finding says it already: what a newer value took the place of."""
    return isinstance(event, FactRetracted) and event.superseded_by is not None


def _holds(view: Any, event: Event) -> bool:
    match event:
        case CommitmentOpened():
            return view.commitments.get(event.id) is not None
        case CommitmentClosed():
            ended = view.commitments.ended(event.cid)
            return ended is not None and bool(ended.event == event.id)
        case FactAsserted():
            return view.facts.get(event.id) is not None
        case DirectiveSet():
            return any(rule.did == event.id for rule in view.directives.active)
        case NameAdopted():
            return bool((view.identity.name if event.whose == "mind" else view.identity.user_name) == event.name)
        case DirectiveRevoked() | FactRetracted():
            return True
    return False


def _now(view: Any, event: Event) -> str:
    match event:
        case CommitmentOpened():
            known = view.commitments.get(event.id)
            return known.text if known is not None and known.text != event.content else ""
        case FactAsserted():
            past = view.facts.ended_lately(event.id)
            newer = view.facts.get(past.superseded_by) if past is not None and past.superseded_by else None
            return str(newer.value) if newer is not None else ""
    return ""


# -- what a reply was made from ------------------------------------------------------------------------------------------------------


class Used(msgspec.Struct, frozen=True):
    """One recalled thing: what it says, and the event that says so."""

    source: Source
    event: Event | None


class Receipt(msgspec.Struct, frozen=True):
    """What the model was shown. sources: as the log has them. always: what every prompt of the conversation begins with, in words."""

    id: int
    sources: tuple[Used, ...]
    left_out: tuple[str, ...]
    always: tuple[str, ...]


def receipt(mind: Mind, id: int) -> Receipt:
    """The receipt of a turn. Blocks. Raises Refused (404)."""
    built = mind.log.get(id)
    if not isinstance(built, ContextBuilt):
        raise absent(f"receipt {id:,}")
    view = mind.view(id)
    counts = (
        (len(view.directives.active), "directive", "directives"),
        (len(view.commitments.open), "open commitment", "open commitments"),
        (len(view.facts.current), "current fact", "current facts"),
        (len(view.conversation.session(built.session).scenes), "summary of earlier talk", "summaries of earlier talk"),
    )
    name = f"the name {view.identity.name}" if view.identity.name else "that it has no name yet"
    always = (name, *(f"{n:,} {one if n == 1 else many}" for n, one, many in counts if n))
    return Receipt(built.id, tuple(Used(s, mind.log.get(s.id)) for s in built.sources), built.left_out, always)


class Prompt(msgspec.Struct, frozen=True):
    """Everything a model was shown, as (who, text). exact: whether that is, to the byte, what the receipt's digest was taken of."""

    messages: tuple[tuple[str, str], ...]
    exact: bool


def prompt(mind: Mind, id: int) -> Prompt:
    """The whole prompt of a turn, put together again from the log. Blocks: it folds up to 10,000 events. Raises Refused (404)."""
    built = mind.log.get(id)
    message = mind.log.get(built.to) if isinstance(built, ContextBuilt) else None
    if not isinstance(built, ContextBuilt) or message is None:
        raise absent(f"receipt {id:,}")
    session = mind.view(id).conversation.session(built.session)
    messages = [{"role": "system", "content": session.opening}]
    for turn in session.turns:
        messages.append({"role": "user", "content": f"{turn.header}{turn.text}"})
        messages.append({"role": "assistant", "content": turn.answer})
    messages.append({"role": "user", "content": f"{built.content}{message.content}"})
    exact = sha256(msgspec.json.encode(messages)).hexdigest() == built.digest
    return Prompt(tuple((m["role"], m["content"]) for m in messages), exact)

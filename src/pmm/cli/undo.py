"""`pmm undo`: take back what the last turn asserted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pmm.cli.options import AsJson, Db, Session, examples

if TYPE_CHECKING:
    from pmm.events import Event
    from pmm.runtime.mind import Mind

EXAMPLES = examples("pmm undo", "pmm undo --session work --json")


def undo(db: Db = None, session: Session = "main", as_json: AsJson = False) -> None:
    """Take back what the session's last turn asserted.

    Facts, commitments, rules and names. The messages stay in the log, as everything does, and can still be recalled; what they asserted
    holds no longer. Undoing twice does nothing more.
    """
    from pmm.cli.minds import existing_mind
    from pmm.cli.screen import say, to_json

    with existing_mind(db) as mind:
        done = mind.undo(session)
        if as_json:
            say(to_json([event.as_dict() for event in done]))
        else:
            show(mind, done)


def show(mind: Mind, done: list[Event]) -> None:
    """What was taken back, a line each."""
    from pmm.cli.screen import dim, one_line, say

    for event in done:
        say(f"  {dim(f'#{event.id}')} {one_line(_told(mind, event))}")
    if not done:
        say("  The last turn asserted nothing that still holds.")


def _told(mind: Mind, event: Event) -> str:
    """What an event of an undoing says, in words."""
    from pmm.events import CommitmentClosed, CommitmentReopened, DirectiveRevoked, DirectiveSet, FactAsserted, FactRetracted, NameAdopted

    match event:
        case FactRetracted():
            return f"no longer a fact: {_content(mind, event.fact)}"
        case FactAsserted():
            return f"a fact again: {event.content}"
        case CommitmentClosed():
            return f"no longer open: {event.content}"
        case CommitmentReopened():
            return f"open again: {event.content}"
        case DirectiveRevoked():
            return f"no longer a rule: {_content(mind, event.did)}"
        case DirectiveSet():
            return f"a rule again: {event.content}"
        case NameAdopted():
            whose = "the mind’s name" if event.whose == "mind" else "your name"
            return f"{whose} is {event.name} again" if event.name else f"{whose} is not known any more"
    return f"{event.kind} {event.content}"


def _content(mind: Mind, id: int) -> str:
    found = mind.log.get(id)
    return found.content if found is not None else f"#{id}"

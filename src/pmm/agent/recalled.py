"""Facts as recall gives them: those that bear on a question, the current ones first, each saying since when, until when, and whether it
is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pmm.agent.facts import fact_line, matching
from pmm.agent.undo import UNDONE
from pmm.memory.recall import Memory

if TYPE_CHECKING:
    from pmm.views import View


def facts_about(view: View, text: str) -> list[Memory]:
    """At most three current facts, then at most three that ended; what was undone never held. score: the share of the text's words."""
    ended = (fact for fact in reversed(view.facts.past) if fact.reason != UNDONE)
    return [
        Memory(
            id=fact.id,
            text=fact_line(fact),
            at=fact.since,
            who="user" if fact.origin == "user" else "mind",
            origin="fact",
            score=round(share, 4),
            why={"fact": round(share, 4)},
            excerpt=fact_line(fact),
            coverage=round(share, 4),
        )
        for fact, share in (*matching(view.facts.current, text), *matching(ended, text))
    ]

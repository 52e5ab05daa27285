"""A slice of the MemeGraph about a topic: from what recall finds, at most two links away, strongest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from pmm.memory.entities import WORDS_MAX, key_of
from pmm.memory.index import TextIndex
from pmm.memory.links import Link, Links
from pmm.memory.recall import recall

SEEDS = 8
HOPS = 2
FRONTIER = 16
"""nodes that are followed at each step"""
EACH = 4
"""links of one relation and direction that are followed from one node"""
FADING = 0.5
"""of a node's weight, at each step away"""
TOPIC_WORDS = 16


class Visitor(Protocol):
    """Whoever wants to know what was looked at (see `runtime.trace.Trace`)."""

    def visit(self, node: int | str, kind: str, why: str, score: float) -> None:
        """node: an event, or a name. kind: of what. why: how it was come by. score: its weight."""


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """One link that bears on the topic.

    source: an event. target: an event, or a name. confidence: 0 to 1. proof: the event that says so. score: what it has to do with the
    topic, 0 to 1. The texts: what the events say, cut short; of a name "".
    """

    source: int
    relation: str
    target: int | str
    confidence: float
    proof: int
    score: float
    source_text: str
    target_text: str


def graph_slice(
    index: TextIndex,
    links: Links,
    topic: str,
    *,
    limit: int,
    min_confidence: float,
    head: int,
    zone: str,
    now: datetime,
    trace: Visitor | None = None,
) -> list[Relation]:
    """At most `limit` relations about a topic as of event `head`, best first: nine calls and a bounded number of rows at any size."""
    recalled = recall(index, topic, k=SEEDS, head=head, zone=zone, now=now)
    most = max((memory.score for memory in recalled), default=0.0) or 1.0
    weights = {memory.id: (max(0.0, memory.score / most) + memory.coverage) / 2 for memory in recalled}
    weights |= {-id: 1.0 for id in links.entities(_keys(topic)).values()}
    found: dict[tuple[int, str, int], Link] = {}
    reached: dict[int, tuple[float, str]] = {node: (weight, "recalled" if node > 0 else "named") for node, weight in weights.items()}
    frontier: Iterable[int] = weights
    for _ in range(HOPS):
        nodes = sorted(frontier, key=lambda node: (-reached[node][0], -node))[:FRONTIER]
        new: set[int] = set()
        for link in links.links_of(nodes, head=head, limit=EACH):
            if link.confidence < min_confidence:
                continue
            found.setdefault((link.source, link.relation, link.target), link)
            weight = link.confidence * max(reached.get(end, _NOT)[0] for end in (link.source, link.target))
            for end in (link.source, link.target):
                if end not in reached:
                    reached[end] = (weight * FADING, link.relation)
                    new.add(end)
        frontier = new
    best = [(_weight(link, reached), link) for link in found.values()]
    best = sorted(best, key=lambda item: (-item[0], -item[1].proof, item[1].source, item[1].target))[:limit]
    return _told(links, best, reached, trace)


_NOT = (0.0, "")


def _weight(link: Link, reached: dict[int, tuple[float, str]]) -> float:
    """What a link has to do with the topic: more, if both of its ends have."""
    less, more = sorted(reached.get(end, _NOT)[0] for end in (link.source, link.target))
    return link.confidence * (0.7 * more + 0.3 * less)


def _told(links: Links, best: Sequence[tuple[float, Link]], reached: dict[int, tuple[float, str]], trace: Visitor | None) -> list[Relation]:
    """With texts and names. The trace is told of every node reached."""
    ends = set(reached) if trace else {end for _, link in best for end in (link.source, link.target)}
    texts = links.texts([id for id in ends if id > 0])
    labels = links.labels([-id for id in ends if id < 0])
    if trace:
        for node, (weight, why) in sorted(reached.items(), key=lambda item: (-item[1][0], item[0])):
            if node < 0:
                trace.visit(labels.get(-node, ""), "entity", why, weight)
            else:
                trace.visit(node, texts.get(node, ("event", ""))[0], why, weight)
    return [
        Relation(
            source=link.source,
            relation=link.relation,
            target=labels.get(-link.target, "") if link.target < 0 else link.target,
            confidence=link.confidence,
            proof=link.proof,
            score=round(weight, 4),
            source_text=texts.get(link.source, ("", ""))[1],
            target_text=texts.get(link.target, ("", ""))[1],
        )
        for weight, link in best
    ]


def _keys(topic: str) -> list[str]:
    """What names the topic may hold: its words, alone and together."""
    words = [word.strip(".,;:!?…\"'“”„«»()[]") for word in key_of(topic[:1000]).split()[:TOPIC_WORDS]]
    words = [word.removesuffix("'s").removesuffix("’s") for word in words]
    return [" ".join(words[n:end]) for n in range(len(words)) for end in range(n + 1, min(len(words), n + WORDS_MAX) + 1)]

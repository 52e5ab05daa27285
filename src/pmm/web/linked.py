"""What is linked with a topic, drawn: names on one side, what was said and done on the other. And the same as a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from nicegui.elements.html import Html

from pmm.web.parts import FAMILIES, Cell, event_link, icon, table, tag, text

if TYPE_CHECKING:
    from pmm.web.tab import Tab

NODES_MAX = 25
LINKS_MAX = 50
LABEL_MAX = 24
ROW = 40
"""pixels between two nodes"""
SAYS = {
    "replies_to": "replies to",
    "reflects_on": "reflects on",
    "mentions": "mentions",
    "cites": "cites",
    "opens": "opens",
    "closes": "closes",
    "causes": "led to",
    "adjusts": "adjusts",
    "supersedes": "takes the place of",
}
COLOURS = {"mentions": "var(--border)", "replies_to": "var(--dialogue)", "cites": "var(--dialogue)", "supersedes": "var(--bad)"}
OTHER_COLOUR = "var(--commitment)"

Key = int | str
"""of a node: an event's id, or a name"""


class Node(msgspec.Struct, frozen=True):
    """label: at most LABEL_MAX characters. left: whether it stands on the side of the names. row: its place there, from 0."""

    key: Key
    label: str
    kind: str
    left: bool
    row: int


class Graph(msgspec.Struct, frozen=True):
    """At most NODES_MAX nodes and the links between them, best first. whole: whether all links found are shown."""

    topic: str
    focus: Key | None
    nodes: tuple[Node, ...]
    links: tuple[Any, ...]
    whole: bool

    def node(self, key: Key) -> Node:
        """The node of that key."""
        return next(node for node in self.nodes if node.key == key)


def load(tab: Tab, topic: str, focus: Key | None) -> Graph:
    """What is linked with a topic; around one node of that, if there is a focus. Blocks."""
    mind = tab.mind
    found = mind.graph_slice(topic, LINKS_MAX, at=tab.at) if topic else []
    if focus is not None:
        event = mind.log.get(focus) if isinstance(focus, int) else None
        about = str(focus) if event is None else event.content[:300] or topic
        near = mind.graph_slice(about, LINKS_MAX, at=tab.at)
        near.sort(key=lambda link: focus not in (link.source, link.target))
        found = near + found
    kinds = {}
    links, whole = bounded(found)
    for key in {end for link in links for end in (link.source, link.target)}:
        event = mind.log.get(key) if isinstance(key, int) else None
        kinds[key] = "name" if event is None else event.kind
    return Graph(topic, focus, placed(links, kinds), links, whole)


def bounded(found: Iterable[Any]) -> tuple[tuple[Any, ...], bool]:
    """The first links that need no more than NODES_MAX nodes, each once, and whether that is all of them."""
    nodes: set[Key] = set()
    links: dict[tuple[Key, str, Key], Any] = {}
    whole = True
    for link in found:
        ends = {link.source, link.target}
        if len(nodes | ends) > NODES_MAX or len(links) >= LINKS_MAX:
            whole = False
            continue
        nodes |= ends
        links.setdefault((link.source, link.relation, link.target), link)
    return tuple(links.values()), whole


def placed(links: Sequence[Any], kinds: dict[Key, str]) -> tuple[Node, ...]:
    """Where each node stands: names left, events right near the names they speak of, so that few lines cross."""
    texts: dict[Key, str] = {}
    beside: dict[Key, list[Key]] = {}
    for link in links:
        texts.setdefault(link.source, link.source_text)
        texts.setdefault(link.target, link.target_text)
        beside.setdefault(link.source, []).append(link.target)
        beside.setdefault(link.target, []).append(link.source)
    left: list[Key] = sorted((key for key in texts if isinstance(key, str)), key=lambda key: (-len(beside[key]), key))
    if not left and texts:  # nothing is named: what most is linked with stands for it
        left = [max(texts, key=lambda key: (len(beside[key]), isinstance(key, int) and -int(key)))]
    order = {key: n for n, key in enumerate(left)}

    def height(key: Key) -> tuple[float, int]:
        """Among the names: the mean of those that it, or what it is linked with, speaks of."""
        named = [order[end] for end in beside[key] if end in order]
        named = named or [order[far] for end in beside[key] for far in beside[end] if far in order]
        return (sum(named) / len(named) if named else len(left)), int(key)

    right = sorted((key for key in texts if key not in order), key=height)
    rows = {key: n for n, key in enumerate(right)}
    rows |= _spread([(_middle([rows[end] for end in beside[key] if end in rows]), key) for key in left], len(right))
    return tuple(
        Node(key, label(key, texts[key]), kinds.get(key, "name"), key in order, rows[key])
        for key in (*sorted(left, key=rows.__getitem__), *right)
    )


def _middle(rows: Sequence[int]) -> float:
    return sum(rows) / len(rows) if rows else 0.0


def _spread(wanted: Sequence[tuple[float, Key]], height: int) -> dict[Key, int]:
    """A row for each, near the one it wants, no two alike."""
    rows: dict[Key, int] = {}
    free = -1
    for n, (row, key) in enumerate(sorted(wanted, key=lambda one: one[0])):
        last = max(height, len(wanted)) - (len(wanted) - n)  # those after it need room too
        free = max(free + 1, min(round(row), last))
        rows[key] = free
    return rows


def label(key: Key, said: str) -> str:
    """What stands on a node: a name, or how an event begins."""
    whole = key if isinstance(key, str) else " ".join(said.split()) or f"Event {key:,}"
    return whole if len(whole) <= LABEL_MAX else whole[: LABEL_MAX - 1].rstrip() + "…"


def lines(graph: Graph) -> str:
    """The lines between the two sides, as SVG. It says nothing by itself: the list beside it does."""
    height = (max((node.row for node in graph.nodes), default=0) + 1) * ROW
    at = {node.key: (0 if node.left else 100, node.row * ROW + ROW // 2) for node in graph.nodes}
    drawn = []
    for link in graph.links:
        (x1, y1), (x2, y2) = at[link.source], at[link.target]
        bow = 50 if x1 != x2 else (60 - min(40, abs(y1 - y2) // 6) if x1 else min(60, 25 + abs(y1 - y2) // 6))
        colour = COLOURS.get(link.relation, OTHER_COLOUR)
        faint = graph.focus is not None and graph.focus not in (link.source, link.target)
        shape = f"M{x1} {y1}C{bow} {y1} {bow} {y2} {x2} {y2}"
        drawn.append(f'<path d="{shape}" stroke="{colour}" class="{"faint" if faint else ""}"/>')
    return (
        f'<svg viewBox="0 0 100 {height}" preserveAspectRatio="none" style="height:{height}px" aria-hidden="true" fill="none">'
        f"{''.join(drawn)}</svg>"
    )


def show(graph: Graph, expand: Callable[[Key], object]) -> None:
    """The drawing. expand: called with a node that was chosen."""
    rows = max(node.row for node in graph.nodes) + 1
    with tag("div", "linked", role="group", aria_label=f"What is linked with {graph.topic}"):
        for side, title in ((True, "Names"), (False, "What was said and done")):
            with tag("ul", "plain nodes left" if side else "plain nodes", aria_label=title).style(
                f"grid-template-rows:repeat({rows},{ROW}px)"
            ):
                for node in graph.nodes:
                    if node.left is side:
                        _node(node, node.key == graph.focus, expand)
            if side:
                Html(lines(graph), sanitize=False).classes("lines")


def _node(node: Node, focused: bool, expand: Callable[[Key], object]) -> None:
    word, symbol, family = (
        ("Name", "label", "identity") if isinstance(node.key, str) else FAMILIES.get(node.kind, ("Event", "circle", "work"))
    )
    with tag("li").style(f"grid-row:{node.row + 1}"):
        made = tag("button", f"node {family}", type="button", aria_pressed="true" if focused else "false", title=f"{word}: {node.label}")
        with made:
            icon(symbol)
            text("span", word, "aloud")
            text("span", node.label)
        made.on("click", lambda: expand(node.key), args=[])


def twin(graph: Graph) -> None:
    """The same, as a list."""
    rows: list[list[Cell]] = []
    for link in graph.links:
        sure = "" if link.confidence == 1 else f", {link.confidence:.0%} sure"
        rows.append(
            [
                _end(link.source, link.source_text),
                SAYS.get(link.relation, link.relation.replace("_", " ")) + sure,
                _end(link.target, link.target_text),
                partial(event_link, link.proof),
            ]
        )
    table(f"What is linked with {graph.topic}", ["From", "Link", "To", "Proof"], rows)


def _end(key: Key, said: str) -> Cell:
    def cell() -> None:
        text("span", key if isinstance(key, str) else f"{key:,} · {label(key, said)}")

    return cell

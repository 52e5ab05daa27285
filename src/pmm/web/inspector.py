"""The Inspector: one event, whole. What it says, why it is there, what it led to, what was so before, and the proof of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from pmm.api import shapes
from pmm.api.errors import absent
from pmm.events import (
    ContextBuilt,
    Event,
    FactAsserted,
    FactRetracted,
    ModelSwitched,
    NameAdopted,
    NameProposed,
    PolicyChanged,
    ReplyContradicted,
    ReplyEvent,
    StageChanged,
    TraitAdjusted,
    TurnFailedEvent,
)
from pmm.web.parts import Part, button, event_link, kind_tag, link, moment, section, tag, text

if TYPE_CHECKING:
    from pmm.runtime.why import Why
    from pmm.web.tab import Tab

TEXT_MAX = 20_000
"""characters of an event that are sent to the browser"""
BRIEF_MAX = 160
TRAITS = {"O": "Openness", "C": "Conscientiousness", "E": "Extraversion", "A": "Agreeableness", "N": "Neuroticism"}


class Shown(msgspec.Struct, frozen=True):
    """An event and what is around it. why: what it refers to; led_to: what refers to it. before: what was so until then, and its words."""

    event: Event
    why: tuple[Why, ...]
    led_to: tuple[Why, ...]
    notes: tuple[str, ...]
    before: Event | None
    raw: str
    seal: str
    hash: str
    prev_hash: str


def load(tab: Tab, id: int) -> Shown:
    """Everything there is to say about an event. Blocks. Raises Refused (404)."""
    mind = tab.mind
    rows = list(mind.log.rows(id, id))
    event = mind.log.get(id)
    if event is None or not rows:
        raise absent(f"event {id:,}", f"The last one is {mind.log.head[0]:,}.")
    tree = mind.why(id)
    causes = tuple(one for one in tree.children if one.event.id < id)
    led_to = tuple(one for one in tree.children if one.event.id > id)
    more = (f"{tree.left_out:,} more are not shown.",) if tree.left_out else ()
    notes = (*more, *((tree.note[:1].upper() + tree.note[1:] + ".",) if tree.note else ()))
    raw = msgspec.json.format(shapes.encode(event.as_dict()), indent=2).decode()
    return Shown(event, causes, led_to, notes, _before(tab, event), raw, rows[0][7].hex(), rows[0][9].hex(), rows[0][8].hex())


def _before(tab: Tab, event: Event) -> Event | None:
    """What was so until this event: the value it took the place of, else the event before it."""
    log = tab.mind.log
    found: Event | None = None
    match event:
        case FactAsserted():
            then = tab.mind.view(event.id - 1).facts.current
            same = [fact for fact in then if (fact.subject, fact.relation) == (event.subject, event.relation)]
            found = log.get(same[-1].id) if same else None
        case NameAdopted():
            named = [n for n in tab.mind.view(event.id - 1).identity.history if n.whose == event.whose]
            found = log.get(named[-1].event) if named else None
    return found or (log.get(event.id - 1) if event.id > 1 else None)


def show(tab: Tab, id: int, close: Callable[[], object]) -> None:
    """The panel of one event."""
    with tag("div", "side-head"):
        text("h2", f"Event {id:,}", tabindex="-1", id="inspector-title")
        button("Close", close, symbol="close", kind="icon", data_close="")
    Part(tab, lambda: load(tab, id), lambda shown: _fill(tab, shown), kinds=(), lines=8)


def _fill(tab: Tab, shown: Shown) -> None:
    event = shown.event
    with tag("p", "meta"):
        kind_tag(event.kind)
        moment(tab, event.ts, clock=False)
        moment(tab, event.ts)
    text("p", _cut(event.content), "said") if event.content else text("p", brief(event), "said")
    if isinstance(event, (ContextBuilt, ReplyEvent, TurnFailedEvent)):
        link("How this reply was made" if event.kind != "turn_failed" else "How this turn went", tab.path("reasoning", turn=event.to))
    _links("Why", shown.why, "It refers to nothing before it.")
    _links("Led to", shown.led_to, "Nothing refers to it yet.")
    for note in shown.notes:
        text("p", note, "muted small")
    with section("Before this", level=3):
        if shown.before is None:
            text("p", "Nothing: this is the first event.", "muted")
        else:
            _row(shown.before, "")
    with tag("details", "fold"):
        text("summary", "Raw")
        text("pre", _cut(shown.raw), tabindex="0")
    with tag("details", "fold"):
        text("summary", "Proof")
        with tag("dl", "proof"):
            for name, value in (("Seal", shown.seal), ("Hash", shown.hash), ("Hash before", shown.prev_hash)):
                text("dt", name)
                text("dd", value)
        text("p", "The hash seals this event and every one before it. The Ledger checks them all.", "muted small")


def _links(title: str, found: tuple[Why, ...], nothing: str) -> None:
    with section(title, level=3):
        for one in found:
            _row(one.event, one.relation, one.score)
        if not found:
            text("p", nothing, "muted")


def _row(event: Event, relation: str, score: float | None = None) -> None:
    with tag("div", "ref", data_row="", tabindex="-1"):
        with tag("p", "meta"):
            kind_tag(event.kind)
            event_link(event.id)
            if relation:
                text("span", relation + ("" if score is None else f", {score:.2f}"), "muted")
        text("p", brief(event))


def brief(event: Event, most: int = BRIEF_MAX) -> str:
    """What a person would read of an event, on a line of at most so many characters."""
    line = _in_words(event) or " ".join(event.content.split())
    if line:
        return line if len(line) <= most else line[: most - 1] + "…"
    fields = [(name, value) for name, value in event.as_dict().items() if name not in ("id", "ts", "kind", "content", "key")]
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in fields if isinstance(value, (str, int, float)) and value != "")


def _in_words(event: Event) -> str:
    """Of the kinds whose content says nothing, or something else than what happened."""
    match event:
        case ContextBuilt():
            n = len(event.sources)
            return f"{n} memor{'y' if n == 1 else 'ies'}, {event.tokens:,} tokens"
        case NameAdopted():
            who, is_ = ("The mind", "is") if event.whose == "mind" else ("You", "are")
            return f"{who} {is_} called {event.name}" if event.name else f"{who} {is_} called nothing any more"
        case NameProposed():
            return f"It would like to be called {event.name}"
        case TraitAdjusted():
            return f"{TRAITS[event.trait]} {event.delta:+.2f}: {event.cause.replace('_', ' ')}"
        case StageChanged():
            return f"From stage {event.before} to stage {event.after}"
        case ModelSwitched():
            return f"From {event.before} to {event.after}" if event.before else event.after
        case PolicyChanged():
            return f"{event.policy.replace('_', ' ')}: {event.old} → {event.new}, by {event.cause}"
        case FactRetracted() if event.superseded_by:
            return f"Fact {event.fact:,} was superseded by {event.superseded_by:,}"
        case FactRetracted():
            return f"Fact {event.fact:,} holds no longer"
        case ReplyContradicted():
            return "; ".join(f"“{claim.said}”: {claim.truth}" for claim in event.claims)
    return ""


def _cut(said: str) -> str:
    return said if len(said) <= TEXT_MAX else f"{said[:TEXT_MAX]}… ({len(said) - TEXT_MAX:,} more characters)"

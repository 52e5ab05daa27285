"""In mind now: what the next prompt begins with, what is owed, and the rules in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pmm.events import KINDS as EVENTS
from pmm.events import ContextBuilt
from pmm.web.parts import Part, button, day, empty, event_link, link, share_bar, tag, text

if TYPE_CHECKING:
    from pmm.web.tab import Tab

SHOWN_MAX = 5
KINDS = ("context_built", "reply", *(kind for kind in EVENTS if kind.startswith(("commitment_", "directive_"))))
SECTIONS = (
    ("Identity, rules and summaries", ("opening",), "identity"),
    ("Memories and notes", ("header",), "knowledge"),
    ("This conversation", ("transcript", "message"), "dialogue"),
)
"""what a receipt counts, put together as it is shown"""


class InMind(msgspec.Struct, frozen=True):
    """What is shown: the newest receipt, the most pressing commitments and the newest rules.

    reused: the share of the last prompt that the model had read already.
    """

    receipt: ContextBuilt | None
    reused: float | None
    commitments: tuple[Any, ...]
    more: int
    directives: tuple[Any, ...]


def load(tab: Tab) -> InMind:
    """As of the tab's moment. Blocks."""
    view = tab.mind.view(tab.at)
    receipts = tab.mind.log.by_kind("context_built", until=view.head, limit=1, newest=True)
    replies = tab.mind.log.by_kind("reply", until=view.head, limit=1, newest=True)
    usage = getattr(replies[-1], "usage", None) if replies else None
    reused = usage.cached / usage.prompt if usage and usage.prompt and usage.cached is not None else None
    open = view.commitments.open
    receipt = receipts[-1] if receipts and isinstance(receipts[-1], ContextBuilt) else None
    more = view.commitments.count - SHOWN_MAX
    return InMind(receipt, reused, tuple(open[:SHOWN_MAX]), max(0, more), tuple(view.directives.active[-SHOWN_MAX:]))


def panel(tab: Tab) -> None:
    """The panel at the side of the chat."""
    with tag("div", "side-head"):
        text("h2", "In mind now")
        button("Close", symbol="close", kind="icon", classes="narrow", data_close="")
    Part(tab, lambda: load(tab), lambda found: _fill(tab, found), kinds=KINDS, lines=10)


def _fill(tab: Tab, found: InMind) -> None:
    _prompt(tab, found)
    _head(tab, "Open commitments", "commitments")
    with tag("ul", "plain rows"):
        for one in found.commitments:
            with tag("li"):
                text("p", one.text)
                with tag("p", "small"):
                    _due(tab, one)
                    text("span", " · ", "muted")
                    event_link(one.cid, f"event {one.cid:,}")
    if found.more:
        text("p", f"{found.more:,} more", "muted small")
    if not found.commitments:
        text("p", "Nothing is owed.", "muted")
    _head(tab, "Directives", "mind")
    with tag("ul", "plain rows"):
        for rule in found.directives:
            with tag("li"):
                text("p", rule.text)
                with tag("p", "muted small"):
                    text("span", f"Since {day(tab.local(rule.since))} · ")
                    event_link(rule.did, f"event {rule.did:,}")
    if not found.directives:
        text("p", "No rules are set. Say “Always …” or “Never …”.", "muted")


def _head(tab: Tab, title: str, page: str) -> None:
    with tag("div", "row-head"):
        text("h3", title)
        link("All", tab.path(page))


def _prompt(tab: Tab, found: InMind) -> None:
    receipt = found.receipt
    if receipt is None:
        empty("Here stands what the model is shown, once you have spoken.", symbol="psychology")
        return
    total = max(receipt.tokens, tab.mind.settings.max_context_tokens + tab.mind.settings.max_transcript_tokens)
    with tag("div", "row-head"):
        text("h3", "Prompt")
        text("span", f"{receipt.tokens:,} of {total:,} tokens", "muted small")
    parts = [(label, sum(receipt.sections.get(name, 0) for name in names), colour) for label, names, colour in SECTIONS]
    share_bar([(label, tokens, colour) for label, tokens, colour in parts], total)
    with tag("ul", "plain legend"):
        for label, tokens, colour in parts:
            with tag("li"):
                tag("span", f"swatch {colour}", aria_hidden="true")
                text("span", label)
                text("span", f"{tokens:,}", "figure")
    if found.reused is not None:
        text("p", f"{found.reused:.0%} reused from the turn before", "muted small rule")


def _due(tab: Tab, one: Any) -> None:
    if one.due is None:
        text("span", "No date", "muted")
        return
    ahead_s = (one.due.instant - tab.mind.now).total_seconds()
    near = 0 <= ahead_s < 7 * 86400
    date = f"{one.due.date:%A}" if near else f"{one.due.date.day} {one.due.date:%B}"
    clock = f" {one.due.time:%H:%M}" if one.due.time else ""
    colour = "bad-text" if ahead_s < 0 else "warn-text" if near else "muted"
    text("span", f"{'Was due' if ahead_s < 0 else 'Due'} {date}{clock}", colour, title=str(one.due))

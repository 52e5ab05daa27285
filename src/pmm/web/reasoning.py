"""Reasoning: how was this reply made? The turns; one turn, step by step; and one beside another."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from nicegui import ui

from pmm.events import ContextBuilt, ReplyEvent, TurnFailedEvent
from pmm.runtime.typed import id_of
from pmm.web.charts import span, stamp
from pmm.web.in_mind import SECTIONS
from pmm.web.inspector import brief
from pmm.web.parts import Paged, Part, button, day, empty, event_link, heading, kind_tag, link, moment, section, share_bar, table, tag, text
from pmm.web.signals import share_line
from pmm.web.turn_view import REASONS, ROUTES, whole_prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pmm.events import Event
    from pmm.runtime.mind import Mind
    from pmm.runtime.trace import Reasoning, Visit
    from pmm.web.tab import Tab

ROWS = 50
OTHERS = 20
"""turns that one can be compared with"""
REST = "rest"
STEPS = {
    "hear": ("Hear the message, and keep it", "dialogue"),
    "recall": ("Recall", "knowledge"),
    "prompt": ("Build the prompt", "governance"),
    "first": ("The model, until its first word", "identity"),
    "speak": ("Say it", "identity"),
    "keep": ("Keep the reply, and what was read in it", "commitment"),
    REST: ("Between the steps", "work"),
}
PLACES = {"header": "shown", "transcript": "in view already", "left out": "left out"}


def page(tab: Tab, turn: str = "", beside: str = "") -> None:
    """The page. turn: the message whose turn is shown, "" for all of them. beside: that of another one to compare it with."""
    heading("Reasoning", "How was this reply made?")
    one, other = id_of(turn), id_of(beside)
    if one is None:
        _Turns(tab)
    elif other is None:
        Part(tab, lambda: load(tab, one), lambda found: _Turn(tab, found), kinds=(), lines=16)
    else:
        Part(tab, lambda: (load(tab, one), load(tab, other)), lambda found: _compared(tab, *found), kinds=(), lines=16)


# -- all turns -----------------------------------------------------------------------------------------------------------------------


class Row(msgspec.Struct, frozen=True):
    """A turn in the list."""

    trace: Reasoning
    message: Event | None


class _Turns:
    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        Paged(tab, self._load, self._show, kinds=("reply", "turn_failed"), nothing=self._nothing, lines=10)

    def _load(self, before: int | None) -> tuple[tuple[Row, ...], int | None]:
        mind = self._tab.mind
        found = mind.traces(ROWS + 1, before=before, until=self._tab.at)
        rows = tuple(Row(one, mind.log.get(one.turn)) for one in found[:ROWS])
        return rows, rows[-1].trace.id if len(found) > ROWS else None

    def _nothing(self) -> None:
        days = self._tab.mind.settings.trace_days
        if days:
            empty(f"Here stands how each turn was made, once you have spoken. Traces are kept for {days} days.", symbol="account_tree")
        else:
            empty("Traces are not kept here: the setting trace_days is 0.", symbol="account_tree")

    def _show(self, rows: Sequence[Row]) -> None:
        tab = self._tab
        cells: list[list[Any]] = []
        mind_now = tab.local(tab.mind.now)
        for row in rows:
            summary, local = row.trace.summary, tab.local(row.trace.ts)
            cells.append(
                [
                    partial(link, _message(row.message), tab.path("reasoning", turn=row.trace.turn)),
                    stamp(local, mind_now),
                    answered(summary),
                    f"{summary['nodes_visited']:,}",
                    span(summary["duration_ms"]),
                    partial(event_link, row.trace.turn),
                ]
            )
        table("Turns, newest first", ("Message", "When", "Answered", "Looked at", "Took", "Event"), cells, wide="Message").classes("turns")


def _message(event: Event | None) -> str:
    """What was said, in brief."""
    return "This message is not there any more." if event is None else brief(event) or "A message"


def answered(summary: dict[str, Any]) -> str:
    """Who answered, or why nobody did."""
    if "failed" in summary:
        return "failed"
    if summary["route"] != "model":
        return "without a model" if summary["route"] == "offline" else "from the log"
    finish = {"stop": "", "length": ", cut for length", "interrupted": ", stopped"}[summary["finish"]]
    return f"{summary['model']}{finish}"


# -- one turn ------------------------------------------------------------------------------------------------------------------------


class Seen(msgspec.Struct, frozen=True):
    """Something that was looked at, and the event it is, if it is one."""

    visit: Visit
    event: Event | None


class Shown(msgspec.Struct, frozen=True):
    """One turn. end: its reply, or how it failed. receipt: what the model was shown; None: none was asked. others: to compare it with."""

    trace: Reasoning
    message: Event | None
    end: Event | None
    receipt: ContextBuilt | None
    seen: tuple[Seen, ...]
    came: tuple[Event, ...]
    others: tuple[Row, ...]


def load(tab: Tab, turn: int) -> Shown:
    """A turn, with what it refers to. Blocks. Raises InvalidInput: there is no such trace (any more)."""
    mind = tab.mind
    trace = mind.trace_of(turn)
    came = tuple(event for done in trace.summary["decisions"] if (event := mind.log.get(done["id"])) is not None)
    end = next((event for event in came if isinstance(event, (ReplyEvent, TurnFailedEvent))), None)
    seen = tuple(Seen(visit, mind.log.get(visit.node) if isinstance(visit.node, int) else None) for visit in trace.visits)
    others = tuple(Row(one, mind.log.get(one.turn)) for one in mind.traces(OTHERS + 1, until=tab.at) if one.turn != turn)
    return Shown(trace, mind.log.get(turn), end, _receipt(mind, turn, end), seen, came, others[:OTHERS])


def _receipt(mind: Mind, turn: int, end: Event | None) -> ContextBuilt | None:
    built = mind.log.by_kind("context_built", since=turn, until=end.id, limit=5) if end is not None else []
    return next((one for one in built if isinstance(one, ContextBuilt) and one.to == turn), None)


class Bar(msgspec.Struct, frozen=True):
    """One step of a waterfall. start, ms: milliseconds since the turn began, and from then on."""

    step: str
    start: float
    ms: float


def waterfall(summary: dict[str, Any]) -> list[Bar]:
    """The steps of a turn, one after the other, which sum to its duration. What the model took until its first word is a step of its own.

    What no step accounts for comes last.
    """
    bars: list[Bar] = []
    at, first = 0.0, summary.get("first_token_ms") if summary.get("route") == "model" else None
    for one in summary["steps"]:
        name, ms = one["step"], one["ms"]
        if name == "speak" and first is not None and at < first < at + ms:
            bars.append(Bar("first", at, round(first - at, 3)))
            at, ms = first, at + ms - first
        bars.append(Bar(name, round(at, 3), round(ms, 3)))
        at += ms
    rest = round(summary["duration_ms"] - sum(bar.ms for bar in bars), 3)
    if rest > 0:
        bars.append(Bar(REST, round(at, 3), rest))
    return bars


def waterfall_svg(bar: Bar, total: float) -> str:
    """Where a step lies in its turn."""
    left, width = bar.start / total * 100, max(bar.ms / total * 100, 0.4)
    left = min(left, 99.6)
    colour = STEPS.get(bar.step, STEPS[REST])[1]
    return (
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" xmlns="http://www.w3.org/2000/svg">'
        '<rect x="0" y="4.5" width="100" height="1" fill="var(--line)"/>'
        f'<rect x="{left:.2f}" y="0" width="{min(width, 100 - left):.2f}" height="10" fill="var(--{colour})"/></svg>'
    )


class _Turn:
    def __init__(self, tab: Tab, found: Shown) -> None:
        self._tab = tab
        self._found = found
        with tag("nav", "crumbs", aria_label="Back"):
            link("All turns", tab.path("reasoning"))
        self._said()
        self._steps()
        self._looked_at()
        self._prompt()
        self._came()

    def _said(self) -> None:
        found, tab, summary = self._found, self._tab, self._found.trace.summary
        with tag("div", "card turn-card"):
            text("h2", _message(found.message))
            with tag("p", "meta"):
                text("span", day(tab.local(found.trace.ts)))
                moment(tab, found.trace.ts)
                text("span", f"Conversation “{summary['session']}”")
                event_link(found.trace.turn)
            _outcome(found)
            if found.others:
                self._choose()

    def _choose(self) -> None:
        tab, found = self._tab, self._found
        with tag("label", "labelled inline"):
            text("span", "Compare with")
            with tag("select", "field") as chosen:
                text("option", "another turn", value="")
                for row in found.others:
                    text("option", f"{_message(row.message)[:60]} ({span(row.trace.summary['duration_ms'])})", value=str(row.trace.turn))
        go: Callable[[Any], None] = lambda event: _go(tab, found.trace.turn, id_of(str(event.args)))
        chosen.on("change", go, js_handler="(event) => emit(event.target.value)")

    def _steps(self) -> None:
        summary = self._found.trace.summary
        total = summary["duration_ms"]
        bars = waterfall(summary)
        with section(f"Where {span(total)} went"):
            rows = [
                (
                    STEPS.get(bar.step, (bar.step, ""))[0],
                    partial(_drawn, bar, total or 1.0),
                    f"{bar.ms:,.1f} ms",
                    f"{bar.ms / total:.1%}" if total else "",
                )
                for bar in bars
            ]
            rows.append(("The turn", lambda: None, f"{total:,.1f} ms", "100%"))  # type: ignore[arg-type]
            table("Steps of the turn, in order", ("Step", "In the turn", "Took", "Share"), rows).classes("waterfall")

    def _looked_at(self) -> None:
        summary, seen = self._found.trace.summary, self._found.seen
        with section("Memories considered"):
            if not seen:
                text("p", "None: nothing was recalled for this turn.", "muted")
                return
            more = summary["nodes_visited"] - len(seen)
            says = f"{len(seen):,} {'memory' if len(seen) == 1 else 'memories, the best first'}" + (
                f"; {more:,} weaker ones were not kept" if more > 0 else ""
            )
            text("p", f"{says}. The bar says what spoke for each.", "small muted")
            with tag("div", "considered"):
                for one in seen:
                    _memory(self._tab, one)

    def _prompt(self) -> None:
        found, receipt = self._found, self._found.receipt
        with section("What the model was shown"), tag("div", "shown"):
            if receipt is None:
                text("p", "Nothing: no model was asked, or the turn failed before its receipt was kept.", "muted")
                _left_out(found.trace.summary["left_out"])
                return
            parts = [(label, sum(receipt.sections.get(name, 0) for name in names), colour) for label, names, colour in SECTIONS]
            share_bar([(label, tokens, colour) for label, tokens, colour in parts], max(1, receipt.tokens))
            with tag("ul", "plain legend"):
                for label, tokens, colour in [*parts, ("In all", receipt.tokens, "")]:
                    with tag("li"):
                        tag("span", f"swatch {colour}" if colour else "swatch none", aria_hidden="true")
                        text("span", label)
                        text("span", f"{tokens:,} tokens", "figure")
            _reused(found.end)
            _left_out(receipt.left_out)
            with tag("p", "meta"):
                shut = button("Everything the model was shown", symbol="visibility", kind="plain")
                event_link(receipt.id, f"Receipt: event {receipt.id:,}")
            whole_prompt(self._tab, receipt.id, shut, "whole-prompt")

    def _came(self) -> None:
        with section("What came of it"), tag("ul", "plain rows"):
            for event in self._found.came:
                _row(event.kind, event, "")


def _outcome(found: Shown) -> None:
    """Who answered, and the beginning of it."""
    summary, end = found.trace.summary, found.end
    with tag("p", "meta"):
        if isinstance(end, TurnFailedEvent):
            kind_tag(end.kind)
            text("span", REASONS.get(end.reason, end.reason))
        else:
            kind_tag("reply")
            text("span", ROUTES.get(summary.get("route", ""), f"by {answered(summary)}"))
        if end is not None:
            event_link(end.id)
    if end is not None and end.content:
        text("p", brief(end), "muted")


def _drawn(bar: Bar, total: float) -> None:
    ui.html(waterfall_svg(bar, total), sanitize=False).classes("strip")


def _memory(tab: Tab, one: Seen) -> None:
    visit, event = one.visit, one.event
    with tag("div", "source", tabindex="-1", data_row=""):
        text("p", brief(event) if event is not None else str(visit.node))
        with tag("p", "meta"):
            kind_tag(visit.kind)
            if event is not None:
                moment(tab, event.ts, clock=False)
                event_link(event.id)
            text("span", PLACES.get(visit.place, visit.place), "place" if visit.place == "left out" else "place in")
            text("span", f"score {visit.score:.2f}")
        if visit.why:
            share_line(visit.why)


def _reused(end: Event | None) -> None:
    usage = end.usage if isinstance(end, ReplyEvent) else None
    if usage is not None and usage.prompt and usage.cached is not None:
        text("p", f"{usage.cached / usage.prompt:.0%} of it the model had read in the turn before.", "small muted")


def _left_out(left_out: Sequence[str]) -> None:
    """Each by its event, where it has one."""
    with tag("p", "small left-out"):
        text("span", "Left out, for want of room or worth: " if left_out else "Nothing was left out.", "muted")
        for what in left_out:
            name, _, id = what.partition("#")
            if id.isdigit():
                event_link(int(id), f"{name.strip()} {int(id):,}")
            else:
                text("span", what)


def _go(tab: Tab, turn: int, beside: int | None) -> None:
    if beside is not None:
        ui.navigate.to(tab.path("reasoning", turn=turn, beside=beside))


# -- two turns -----------------------------------------------------------------------------------------------------------------------


def _compared(tab: Tab, one: Shown, other: Shown) -> None:
    with tag("nav", "crumbs", aria_label="Back"):
        link("All turns", tab.path("reasoning"))
    with tag("div", "pair"):
        for letter, found in (("A", one), ("B", other)):
            with tag("div", "card turn-card"):
                text("h2", f"{letter}: {_message(found.message)}")
                with tag("p", "meta"):
                    text("span", day(tab.local(found.trace.ts)))
                    moment(tab, found.trace.ts)
                    event_link(found.trace.turn)
                _outcome(found)
                link("This turn alone", tab.path("reasoning", turn=found.trace.turn))
    with section("Time"):
        times = [{bar.step: bar.ms for bar in waterfall(found.trace.summary)} for found in (one, other)]
        steps = [(step, title) for step, (title, _) in STEPS.items() if any(step in known for known in times)]
        rows = [_beside(title, times[0].get(step), times[1].get(step), "ms") for step, title in steps]
        rows.append(_beside("The turn", one.trace.summary["duration_ms"], other.trace.summary["duration_ms"], "ms"))
        table("Time of each step, A and B", ("Step", "A", "B", "B is"), rows)
    with section("Prompt"):
        a, b = (found.receipt.sections if found.receipt else {} for found in (one, other))
        rows = [
            _beside(label, sum(a.get(name, 0) for name in names), sum(b.get(name, 0) for name in names), "tokens")
            for label, names, _ in SECTIONS
        ]
        rows.append(_beside("In all", sum(a.values()), sum(b.values()), "tokens"))
        table("Tokens of each section, A and B", ("Section", "A", "B", "B is"), rows)
    _memories(one, other)


def _beside(title: str, a: float | None, b: float | None, unit: str) -> tuple[str, str, str, str]:
    told: Callable[[float | None], str] = lambda value: "none" if value is None else span(value) if unit == "ms" else f"{value:,.0f} {unit}"
    if a is None or b is None or a == b:
        return title, told(a), told(b), "the same" if a == b else ""
    more = span(abs(b - a)) if unit == "ms" else f"{abs(b - a):,.0f} {unit}"
    return title, told(a), told(b), f"{more} {'more' if b > a else 'less'}"


def _memories(one: Shown, other: Shown) -> None:
    known = {seen.visit.node: seen for seen in (*other.seen, *one.seen)}
    a, b = ({seen.visit.node for seen in found.seen} for found in (one, other))
    with section("Memories considered"):
        for title, nodes in (("In both", a & b), ("In A alone", a - b), ("In B alone", b - a)):
            text("h3", f"{title}: {len(nodes):,}")
            with tag("ul", "plain rows"):
                for seen in known.values():
                    if seen.visit.node in nodes:
                        _row(seen.visit.kind, seen.event, str(seen.visit.node))


def _row(kind: str, event: Event | None, otherwise: str) -> None:
    """One event of a list; what is no event is shown as what it is called otherwise."""
    with tag("li", "came", tabindex="-1", data_row=""):
        kind_tag(kind)
        text("p", brief(event) if event is not None else otherwise, "what")
        if event is not None:
            event_link(event.id)

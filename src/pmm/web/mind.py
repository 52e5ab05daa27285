"""Mind: who are you now, and what moved you?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from nicegui.elements.html import Html

from pmm.events import Event, Reflection
from pmm.web import rules
from pmm.web.parts import Cell, Paged, Part, day, empty, event_link, fold, heading, icon, moment, section, table, tag, text
from pmm.web.steps import Line, chart

if TYPE_CHECKING:
    from pmm.web.tab import Tab

TRAITS = {
    "O": ("Openness", "conventional", "inventive"),
    "C": ("Conscientiousness", "easy-going", "meticulous"),
    "E": ("Extraversion", "quiet", "exuberant"),
    "A": ("Agreeableness", "blunt", "devoted"),
    "N": ("Neuroticism", "unshakeable", "anxious"),
}
"""letter -> its name, and the words at both of its ends"""
MIDDLE = 0.5
CAUSES = {
    "kept": "A promise was kept",
    "broken": "A promise was broken",
    "turn_failed": "A turn failed",
    "call_failed": "A model failed",
    "reflected": "It reflected",
    "said": "You spoke of its tone",
    "reflection": "It chose to, in a reflection",
}
SPAN = 0.5
"""of a trait's values that its small chart shows at least"""
MOVES_MAX = 500
ROWS_MAX = 50
NAMES_MAX = 8
THOUGHTS = 10


class Trait(msgspec.Struct, frozen=True):
    """A trait now: its letter, value and word, and what moved it, oldest first."""

    letter: str
    value: float
    word: str
    moves: tuple[Any, ...]


class Who(msgspec.Struct, frozen=True):
    """Who the mind is. names: each name it or its user was given, the latest first, and when."""

    name: str
    user_name: str
    created: datetime | None
    zone: str
    tone: tuple[str, ...]
    head: int
    traits: tuple[Trait, ...]
    names: tuple[tuple[Any, datetime], ...]


class Scored(msgspec.Struct, frozen=True):
    """The scores and the stage, how they came about, and what the next stage asks for (None at the highest)."""

    ias: float
    gas: float
    level: int
    turns: int
    here: Any
    next: Any
    history: tuple[Any, ...]
    steps: tuple[Any, ...]
    head: int


def load_who(tab: Tab) -> Who:
    """As of the tab's moment. Blocks."""
    mind, view = tab.mind, tab.mind.view(tab.at)
    identity, moves = view.identity, mind.moves(MOVES_MAX, at=tab.at)
    traits = tuple(
        Trait(letter, getattr(view.traits, letter), word, tuple(move for move in moves if move.trait == letter))
        for letter, word in zip(TRAITS, view.traits.words, strict=True)
    )
    events = [(named, mind.log.get(named.event)) for named in identity.history[: -NAMES_MAX - 1 : -1]]
    names = tuple((named, event.ts) for named, event in events if event is not None)
    return Who(
        identity.name or "", identity.user_name or "", identity.created, identity.zone, tuple(view.traits.tone), view.head, traits, names
    )


def load_scores(tab: Tab) -> Scored:
    """As of the tab's moment. Blocks."""
    view = tab.mind.view(tab.at)
    scores, stage = view.metrics, view.stage
    return Scored(
        scores.ias, scores.gas, stage.level, stage.turns, stage.floors, stage.next_floors, scores.history, stage.history, view.head
    )


def page(tab: Tab) -> None:
    """The page."""
    heading("Mind", "Who are you now, and what moved you?")
    named = ("name_adopted", "name_proposed", "trait_adjusted", "timezone_changed")
    Part(tab, lambda: load_who(tab), lambda who: _who(tab, who), kinds=named, lines=12)
    scored = ("reply", "stage_changed", "commitment_closed", "commitment_expired", "name_adopted", "trait_adjusted")
    with tag("div", "halves"):
        with section("Stage and scores"):
            Part(tab, lambda: load_scores(tab), lambda found: _scores(found), kinds=scored, lines=8)
        with section("What it may do unasked"):
            rules.permissions(tab)
    with tag("div", "halves"):
        with section("Directives"):
            rules.directives(tab)
        with section("Policy"):
            rules.policies(tab)
    with section("Reflections"):
        nothing = lambda: empty("What it observes about itself appears here, after some turns.", symbol="psychology")
        Paged(tab, lambda before: thoughts(tab, before), lambda found: _thoughts(tab, found), kinds=("reflection", "fact_retracted"),
              nothing=nothing)  # fmt: skip


# -- who -------------------------------------------------------------------------------------------------------------------------------


def _who(tab: Tab, who: Who) -> None:
    with tag("div", "card self"):
        text("span", (who.name or "?")[:1].upper(), "avatar", aria_hidden="true")
        with tag("div"):
            text("p", who.name or "No name yet", "self-name")
            since = f"Since {day(tab.local(who.created))}" if who.created is not None else ""
            with_whom = f"with {who.user_name}" if who.user_name else "with you"
            text("p", " · ".join(filter(None, (since, with_whom, who.zone))), "muted small")
        with tag("ul", "plain tone", aria_label="Tone"):
            for word in who.tone:
                text("li", word, "chip still")
    if not who.name:
        text("p", "Say “Your name is Echo”, or let it propose one.", "muted small")
    if who.names:
        fold("Names, and where they come from", lambda: _names(tab, who), "names")
    with section("Traits", level=2):
        text("p", "Each from 0 to 1, and how it came to be so. A dot is an event that moved it.", "muted small")
        with tag("div", "traits"):
            for trait in who.traits:
                _trait(tab, trait, who.head)


def _names(tab: Tab, who: Who) -> None:
    rows: list[list[Cell]] = []
    for named, at in who.names:
        cited: Cell = "your command" if named.evidence is None else partial(event_link, named.evidence)
        whose = "The mind’s" if named.whose == "mind" else "Yours"
        rows.append([named.name or "no name", whose, day(tab.local(at)), partial(event_link, named.event), cited])
    table("Names", ["Name", "Whose", "Since", "Event", "Because of"], rows, wide="Name")


def _trait(tab: Tab, trait: Trait, head: int) -> None:
    name, low, high = TRAITS[trait.letter]
    with tag("article", "trait" if trait.moves else "trait still", aria_label=name):
        with tag("div", "trait-head"):
            text("h3", name)
            text("p", trait.word, "trait-word")
        with tag("div", "scale"):
            with tag("div", "track", aria_hidden="true"):
                tag("span", "middle")
                tag("span", "at").style(f"left:{trait.value:.1%}")
            with tag("p", "ends"):
                text("span", low)
                text("span", high)
        text("p", f"{trait.value:.2f}", "trait-value")
        with tag("div", "spark"):
            Html(sparkline(trait, head), sanitize=False)
    if trait.moves:
        times = f"{len(trait.moves):,} time{'s' if len(trait.moves) > 1 else ''}"
        fold(f"{name} moved {times}", lambda: Part(tab, lambda: dated(tab, trait.moves), lambda rows: _moves(tab, name, rows), kinds=()),
             "moves")  # fmt: skip


def sparkline(trait: Trait, head: int) -> str:
    """A trait's values from its beginning, or its first move that is shown, to now."""
    moves = trait.moves
    before = round(moves[0].value - moves[0].delta, 6) if moves else trait.value
    points = ((0.0, before), *((float(move.event), move.value) for move in moves))
    name = TRAITS[trait.letter][0]
    says = f"{name} from {before:.2f} to {trait.value:.2f} in {len(moves)} moves." if moves else f"{name} has not moved yet."
    values = [value for _, value in points]
    centre = min(max((min(values) + max(values)) / 2, SPAN / 2), 1 - SPAN / 2)
    low, high = min(centre - SPAN / 2, *values), max(centre + SPAN / 2, *values)
    line = Line(name, "identity", points)
    return chart([line], says, height=44, start=0, end=head, low=low, high=high, levels=[(MIDDLE, "line")] if low < MIDDLE < high else [])


def dated(tab: Tab, moves: Sequence[Any]) -> list[tuple[Any, datetime]]:
    """The latest moves, newest first, and when they were. Blocks."""
    events = [(move, tab.mind.log.get(move.event)) for move in moves[: -ROWS_MAX - 1 : -1]]
    return [(move, event.ts) for move, event in events if event is not None]


def _moves(tab: Tab, name: str, rows: Sequence[tuple[Any, datetime]]) -> None:
    cells: list[list[Cell]] = []
    for move, at in rows:
        cells.append([
            day(tab.local(at)),
            f"{move.delta:+.2f} to {move.value:.2f}",
            CAUSES.get(move.cause, move.cause),
            partial(event_link, move.event),
            partial(event_link, move.evidence),
        ])  # fmt: skip
    table(f"What moved {name}", ["When", "Moved", "Why", "Event", "Because of"], cells, wide="Why")


# -- scores ----------------------------------------------------------------------------------------------------------------------------

SCORES = (
    ("ias", "Identity autonomy", "identity", "How much it is somebody: a name kept, own actions carried out."),
    ("gas", "Goal achievement", "commitment", "How well it keeps its promises, with evidence."),
)


def _scores(found: Scored) -> None:
    with tag("ol", "plain stages", aria_label=f"Stage {found.level} of 4"):
        for level in range(5):
            here = "true" if level == found.level else None
            with tag("li", "here" if here else "reached" if level < found.level else "", aria_current=here):
                text("span", f"S{level}")
    text("p", f"Stage {found.level}, for {found.turns:,} turn{'' if found.turns == 1 else 's'}.", "small")
    for name, title, colour, means in SCORES:
        _score(title, means, colour, getattr(found, name), found.next and getattr(found.next, name), getattr(found.here, name))
    if len(found.history) > 1:
        _over_time(found)
    if found.steps:
        fold("Changes of stage", lambda: _steps(found))


def _score(title: str, means: str, colour: str, value: float, wanted: float | None, kept: float) -> None:
    with tag("div", "score"):
        with tag("div", "score-head"):
            text("h3", title)
            text("p", f"{value:.2f}", "figure")
        with tag("div", "meter", aria_hidden="true"):
            tag("span", f"fill {colour}").style(f"width:{value:.1%}")
            if wanted is not None:
                tag("span", "floor").style(f"left:{wanted:.1%}")
        text("p", means, "small muted")
        if wanted is None:
            said = f"The highest stage asks for {kept:.2f}."
        elif value >= wanted:
            said = f"The next stage asks for {wanted:.2f}: reached."
        else:
            said = f"The next stage asks for {wanted:.2f}: {wanted - value:.2f} to go."
        text("p", said, "small")


def _over_time(found: Scored) -> None:
    start, points = found.history[0].event, found.history
    lines = [Line(title, colour, tuple((float(one.event), getattr(one, name)) for one in points)) for name, title, colour, _ in SCORES]
    says = f"Both scores from event {start:,} to now: " + ", ".join(
        f"{line.label} from {line.points[0][1]:.2f} to {line.points[-1][1]:.2f}" for line in lines
    )
    with tag("div", "plot"):
        with tag("div", "axis", aria_hidden="true"):
            for value in ("1.0", "0.5", "0"):
                text("span", value)
        with tag("div", "plot-area"):
            Html(chart(lines, says, height=120, start=start, end=found.head, levels=[(y, "line") for y in (0.0, 0.5, 1.0)], dots=False),
                 sanitize=False)  # fmt: skip
    with tag("div", "plot-foot small muted"):
        text("span", f"Event {start:,}")
        for _, title, colour, _ in SCORES:
            with tag("span", "mark"):
                tag("span", f"swatch {colour}", aria_hidden="true")
                text("span", title)
        text("span", f"Event {found.head:,}")
    fold("The same as a table", lambda: _history(found))


def _history(found: Scored) -> None:
    rows: list[list[Cell]] = [[partial(event_link, one.event), f"{one.ias:.2f}", f"{one.gas:.2f}"] for one in reversed(found.history)]
    table("The scores over time", ["After", "Identity autonomy", "Goal achievement"], rows)


def _steps(found: Scored) -> None:
    rows: list[list[Cell]] = [
        [f"S{one.before} to S{one.after}", f"{one.ias:.2f}", f"{one.gas:.2f}", partial(event_link, one.event)]
        for one in reversed(found.steps)
    ]
    table("Changes of stage", ["Stage", "Identity autonomy", "Goal achievement", "Event"], rows)


# -- reflections -----------------------------------------------------------------------------------------------------------------------

ACTIONS = {
    "open_commitment": "promised something",
    "adjust_trait": "moved a trait",
    "change_policy": "changed a policy",
    "propose_name": "proposed a name",
}


def thoughts(tab: Tab, before: int | None) -> tuple[Sequence[tuple[Event, bool]], int | None]:
    """A page of reflections, the newest first, and whether something that each cites was taken back since. Blocks."""
    view = tab.mind.view(tab.at)
    until = view.head if before is None else min(view.head, before - 1)
    found = tab.mind.log.by_kind("reflection", until=until, limit=THOUGHTS + 1, newest=True)[::-1]
    stale = {one.id for one in view.reflections.latest if one.stale}
    rows = [(event, event.id in stale) for event in found[:THOUGHTS]]
    return rows, found[THOUGHTS - 1].id if len(found) > THOUGHTS else None


def _thoughts(tab: Tab, found: Sequence[tuple[Event, bool]]) -> None:
    with tag("ul", "plain thoughts"):
        for event, stale in found:
            assert isinstance(event, Reflection)
            with tag("li", "thought", tabindex="-1", data_row=""):
                text("p", event.content)
                with tag("p", "marks"):
                    moment(tab, event.ts, clock=False)
                    text("span", f"prompted by: {event.trigger.replace('_', ' ')}")
                    if event.action != "none":
                        text("span", ACTIONS.get(event.action, event.action), "did")
                    if stale:
                        with tag("span", "mark warn-text"):
                            icon("running_with_errors")
                            text("span", "Stale: something it cites was taken back")
                    event_link(event.id)
                    for id in event.evidence[:3]:
                        event_link(id, f"cites {id:,}")
                    if len(event.evidence) > 3:
                        text("span", f"and {len(event.evidence) - 3:,} more")

"""Performance: is it fast, and where does the time go? The last turns beside those before them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from nicegui import ui

from pmm.runtime.performance import INSIDE
from pmm.web.charts import Line, ceiling, lines_svg, span, stamp
from pmm.web.inspector import brief
from pmm.web.parts import Part, empty, event_link, heading, icon, link, moment, section, table, tag, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pmm.events import Event
    from pmm.runtime.alerts import Alert
    from pmm.runtime.performance import Profile, Slice
    from pmm.runtime.profiler import Measured
    from pmm.web.tab import Tab

CHOICES = (20, 50, 100, 250, 500)
DEFAULT = 100
SLOWEST = 5
ALERTS = 10
CHANGED = 0.05
"""a change of less than this share is none"""
LABELS = {
    "waiting": "Waiting for another turn",
    "hearing": "Keeping the message",
    "recall": "Recall",
    "embeddings": "The question's vector",
    "prompt": "Building the prompt",
    "llm_inference": "The model",
    "extraction": "Reading for facts and promises",
    "append": "Appending events",
    "post_processing": "Keeping the reply",
    "database_ops": "Database",
}
RULES = {
    "turn_time": "A turn took long",
    "database_time": "The database took long",
    "embedding_hit_rate": "Vectors are rarely there already",
    "alert_command": "The alert command failed",
}


def page(tab: Tab) -> None:
    """The page."""
    heading("Performance", "Is it fast, and where does the time go?")
    _Performance(tab)


class Found(msgspec.Struct, frozen=True):
    """What is shown. slowest: (milliseconds, the message) of the slowest turns. kept: whether turns are measured and kept at all."""

    profile: Profile
    slowest: tuple[tuple[float, Event | None], ...]
    alerts: tuple[Alert, ...]
    kept: bool


def load(tab: Tab, last: int) -> Found:
    """Of the `last` turns up to the tab's moment. Blocks."""
    mind = tab.mind
    profile = mind.profile(last, until=tab.at)
    slow = sorted((one for one in profile.over_time if one.slowest is not None), key=lambda one: -one.max)[:SLOWEST]
    alerts = [one for one in mind.alerts(ALERTS) if tab.at is None or (one.turn or 0) <= tab.at]
    kept = mind.settings.profile and mind.settings.trace_days > 0
    return Found(profile, tuple((one.max, mind.log.get(one.slowest or 0)) for one in slow), tuple(alerts), kept)


class _Performance:
    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._last = DEFAULT
        with tag("label", "labelled inline"):
            text("span", "Turns")
            with tag("select", "field") as chosen:
                for count in CHOICES:
                    text("option", f"The last {count}", value=str(count), selected=True if count == DEFAULT else None)
        chosen.on("change", self._choose, js_handler="(event) => emit(event.target.value)")
        self._part = Part(tab, lambda: load(tab, self._last), self._show, kinds=("reply", "turn_failed"), lines=14)

    async def _choose(self, event: Any) -> None:
        said = str(event.args)
        self._last = int(said) if said in map(str, CHOICES) else DEFAULT
        await self._part.refresh()

    def _show(self, found: Found) -> None:
        profile = found.profile
        if profile.now is None:
            if found.kept:
                empty("Here stands how long turns take, once you have spoken. Private turns are not measured.", symbol="speed")
            else:
                empty("Turns are not measured here: the settings profile and trace_days say so.", symbol="speed")
        else:
            self._figures(profile, profile.now)
            self._over_time(profile)
            self._slow(found)
            self._parts(profile)
            self._caches(profile)
        self._alerts(found)

    # -- figures -----------------------------------------------------------------------------------------------------------------------

    def _figures(self, profile: Profile, now: Measured) -> None:
        before = profile.before
        with tag("div", "figures"):
            _figure("Half of the turns within", now.p50, before.p50 if before else None, "p50")
            _figure("95 of 100 within", now.p95, before.p95 if before else None, "p95")
            _figure("The longest", now.max, before.max if before else None, "")
        many = f"The last {profile.turns:,} turns" if profile.turns > 1 else "One turn"
        text("p", many + (f", beside the {before.n:,} before them." if before else ". There are none before to compare."), "small muted")

    def _over_time(self, profile: Profile) -> None:
        slices = profile.over_time
        top = ceiling(max(one.p95 for one in slices))
        lines = (
            Line("p50", tuple(one.p50 for one in slices), "accent"),
            Line("p95", tuple(one.p95 for one in slices), "identity", "6 4"),
        )
        with section("Over time"):
            with tag("div", "chart"):
                with tag("div", "chart-scale", aria_hidden="true"):
                    for n in range(4, -1, -1):
                        text("span", span(top * n / 4) if n else "0")
                with tag("div", "chart-area"):
                    ui.html(lines_svg(lines, top, _said(slices)), sanitize=False).classes("chart-lines")
                    with tag("div", "chart-points"):
                        for one in slices:
                            self._point(one)
                with tag("div", "chart-time small muted", aria_hidden="true"):
                    text("span", self._when(slices[0]))
                    if len(slices) > 1:
                        text("span", self._when(slices[-1]))
            with tag("ul", "plain chart-legend"):
                for line in lines:
                    with tag("li"):
                        tag("span", f"stroke {line.name}", aria_hidden="true")
                        text("span", "Half of the turns within (p50)" if line.name == "p50" else "95 of 100 within (p95)")
            text("p", "A point is some turns in a row; it opens the slowest of them.", "small muted wide-only")
            with tag("details", "fold"):
                text("summary", "As a table")
                rows = [
                    (self._when(one), f"{one.n:,}", span(one.p50), span(one.p95), partial(self._how, one.slowest, span(one.max)))
                    for one in reversed(slices)
                ]
                table("Times of turns, newest first", ("Since", "Turns", "p50", "p95", "Slowest"), rows)

    def _point(self, one: Slice) -> None:
        """A strip of the chart's whole height, so that it is easy to hit."""
        says = f"{self._when(one)}: p50 {span(one.p50)}, p95 {span(one.p95)}, of {one.n:,} turn{'' if one.n == 1 else 's'}"
        if one.slowest is None:
            tag("span", title=says)
            return
        with tag("a", href=self._tab.path("reasoning", turn=one.slowest), title=says):
            text("span", f"{says}. Open the slowest.", "aloud")

    def _how(self, turn: int | None, label: str) -> None:
        if turn is None:
            text("span", label)
        else:
            link(label, self._tab.path("reasoning", turn=turn))

    def _when(self, one: Slice) -> str:
        return stamp(self._tab.local(one.since), self._tab.local(self._tab.mind.now))

    # -- where the time goes -----------------------------------------------------------------------------------------------------------

    def _slow(self, found: Found) -> None:
        if len(found.slowest) < 2:
            return
        with section("The slowest of them"), tag("ul", "plain rows slowest"):
            for ms, event in found.slowest:
                if event is None:
                    continue
                with tag("li", tabindex="-1", data_row=""):
                    text("span", span(ms), "ms")
                    link(brief(event) or "A message", self._tab.path("reasoning", turn=event.id), "what")
                    event_link(event.id)

    def _parts(self, profile: Profile) -> None:
        most = max((part.p95 for part in profile.breakdown.values()), default=0.0) or 1.0
        with section("Where the time goes"):
            for inside, title in ((False, "Parts of a turn"), (True, "Of these, in all parts together")):
                parts = {label: part for label, part in profile.breakdown.items() if (label in INSIDE) is inside}
                if not parts:
                    continue
                text("h3", title)
                rows = [
                    (
                        LABELS.get(label, label.replace("_", " ").capitalize()),
                        partial(_bar, part, most),
                        span(part.p50),
                        span(part.p95),
                        "every turn" if part.n >= profile.turns else f"{part.n:,} of {profile.turns:,}",
                    )
                    for label, part in parts.items()
                ]
                table(title, ("Part", "Half and 95 of 100", "p50", "p95", "In"), rows).classes("parts-table")

    def _caches(self, profile: Profile) -> None:
        now, before = profile.caches, profile.caches_before
        with section("What was there already"), tag("ul", "plain rows caches"):
            for title, says, share, was in (
                ("Prompt reused", "of the tokens the model had read in the turn before", now.prefix, before.prefix),
                ("State at hand", "of the turns found the mind's state in memory", now.snapshots, before.snapshots),
                ("Vectors there", "of the vectors that recall needed", now.embeddings, before.embeddings),
            ):
                with tag("li"):
                    text("span", title, "name")
                    with tag("div", "meter", aria_hidden="true"):
                        tag("span").style(f"width:{(share or 0):.1%}")
                    text("span", "none needed" if share is None else f"{share:.0%}", "ms")
                    told = says if was is None else f"{says}; {was:.0%} before"
                    text("span", "" if share is None else told, "muted small")

    def _alerts(self, found: Found) -> None:
        with section("Alerts"):
            if not found.alerts:
                text("p", "None: no turn passed a limit.", "muted")
                return
            with tag("ul", "plain rows"):
                for one in found.alerts:
                    self._alert(one)

    def _alert(self, one: Alert) -> None:
        is_open = one.state == "open"
        with tag("li", "alert", tabindex="-1", data_row=""):
            icon("warning_amber" if is_open else "check_circle", "warn-text" if is_open else "ok")
            with tag("div"):
                what = RULES.get(one.rule, one.rule)
                text("p", f"{what if is_open else f'No longer: {what[:1].lower()}{what[1:]}'}{_limit(one)}")
                with tag("p", "meta"):
                    text("span", f"{one.priority}, {'open' if is_open else 'over'}")
                    moment(self._tab, one.ts, clock=False)
                    if one.turn is not None:
                        link("How that turn went", self._tab.path("reasoning", turn=one.turn))
                        event_link(one.turn)


def _limit(one: Alert) -> str:
    if one.rule == "embedding_hit_rate":
        return f" ({one.value:.0%}, at least {one.threshold:.0%} is expected)"
    if one.rule in ("turn_time", "database_time"):
        return f" ({span(one.value)}, the limit is {span(one.threshold)})"
    return f": {one.detail}" if one.detail else ""


def _figure(title: str, now: float, before: float | None, name: str) -> None:
    with tag("div", "card figure-card"):
        with tag("p", "small muted"):
            text("span", title)
            if name:
                text("span", f" ({name})")
        text("p", span(now), "big")
        word, symbol, colour = changed(now, before)
        with tag("p", "small change"):
            if symbol:
                icon(symbol, colour)
            text("span", word, colour if symbol else "muted")


def changed(now: float, before: float | None) -> tuple[str, str, str]:
    """How a time compares with the one before: in words, with an icon and a colour ("": neither better nor worse)."""
    if not before:
        return "nothing before", "", ""
    change = (now - before) / before
    if abs(change) < CHANGED:
        return f"as before ({span(before)})", "", ""
    much = f"{now / before:.1f} times" if now >= 2 * before else f"{abs(change):.0%}"
    if change > 0:
        return f"{much} {'as long' if now >= 2 * before else 'slower'} ({span(before)} before)", "arrow_upward", "warn-text"
    return f"{much} faster ({span(before)} before)", "arrow_downward", "ok"


def _bar(part: Measured, most: float) -> None:
    with tag("div", "meter two", aria_hidden="true"):
        tag("span", "far").style(f"width:{part.p95 / most:.2%}")
        tag("span").style(f"width:{part.p50 / most:.2%}")


def _said(slices: Sequence[Slice]) -> str:
    low, high = min(one.p50 for one in slices), max(one.p50 for one in slices)
    far = max(one.p95 for one in slices)
    turns = sum(one.n for one in slices)
    spans = f"the median was from {span(low)} to {span(high)}, the 95th percentile at most {span(far)}"
    return f"Over {turns:,} turns {spans}. The table has each."

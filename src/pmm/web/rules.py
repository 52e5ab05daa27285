"""What a person lets the mind do, on the page: permissions, directives and policies, each changed where it stands."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from pmm.web.forms import Said, field, form, picked
from pmm.web.parts import Cell, Part, button, empty, event_link, fold, icon, moment, table, tag, text

if TYPE_CHECKING:
    from pmm.web.tab import Tab

PERMIT = "permit."
STEPS_MAX = 50
MAY = {
    "observe": ("Observe", "notice what you and it said and did"),
    "reflect": ("Reflect", "think about itself between turns"),
    "propose_name": ("Propose a name", "which only your yes adopts"),
    "adjust_trait": ("Move a trait", "within small steps"),
    "open_commitment": ("Make promises", "that nobody asked for"),
    "change_policy": ("Change its own policies", "within their bounds"),
    "speak_first": ("Speak first", "about something that is due"),
}
NAMES = {
    "cadence": "Reflecting",
    "recall_k": "Memories a turn",
    "expiry_hours": "Hours until a promise lapses",
    "stage_cap": "Highest stage that counts",
}


class Policies(msgspec.Struct, frozen=True):
    """Every policy: its name, its value, and what it is. counts: the stage that counts. changes: the latest, newest first. say: a value
    in words."""

    table: tuple[tuple[str, Any, Any], ...]
    counts: int
    changes: tuple[Any, ...]
    say: Callable[[Any], str]


def load(tab: Tab) -> Policies:
    """As of the tab's moment. Blocks."""
    view = tab.mind.view(tab.at)
    policy = view.policy
    counts = min(view.stage.level, policy.stage_cap)
    return Policies(tuple(policy.table()), counts, tuple(reversed(policy.history)), policy.spoken)


# -- permissions -----------------------------------------------------------------------------------------------------------------------


def permissions(tab: Tab) -> None:
    """What it may do that nobody asked for: from which stage, and as far as its user lets it."""
    Part(tab, lambda: load(tab), lambda found: _permissions(tab, found), kinds=("policy_changed", "stage_changed"), lines=7)


def _permissions(tab: Tab, found: Policies) -> None:
    with tag("ul", "plain permits"):
        for name, value, knob in found.table:
            if not name.startswith(PERMIT):
                continue
            what = name.removeprefix(PERMIT)
            title, means = MAY.get(what, (what.replace("_", " ").capitalize(), ""))
            stage = int(knob.says[-1]) if knob.says[-1:].isdigit() else 0
            may = bool(value) and found.counts >= stage
            said = "Allowed" if may else f"From stage {stage}" if value else "You switched it off"
            with tag("li"):
                icon("check_circle" if may else "schedule" if value else "block", "ok" if may else "muted")
                with tag("div", "permit"):
                    text("p", title)
                    text("p", means, "small muted")
                text("span", said, "small muted")
                if tab.at is None:
                    _switch(tab, name, title, bool(value))


def _switch(tab: Tab, name: str, title: str, on: bool) -> None:
    async def turn() -> None:
        mind = tab.mind
        said = f"{title}: {'switched off' if on else 'let again'}"
        await tab.act(lambda: mind.set_policy(name, not on), said, lambda: mind.set_policy(name, on))

    made = tag("button", "switch", type="button", role="switch", aria_checked="true" if on else "false", aria_label=f"Let it: {title}")
    with made:
        tag("span", "knob", aria_hidden="true")
    made.on("click", turn, args=[])


# -- directives ------------------------------------------------------------------------------------------------------------------------


def directives(tab: Tab) -> None:
    """The rules in force."""
    if tab.at is None:
        _setting(tab)
    kinds = ("directive_set", "directive_revoked")
    Part(tab, lambda: tab.mind.view(tab.at).directives, lambda found: _directives(tab, found), kinds=kinds)


def _setting(tab: Tab) -> None:
    async def add(said: Said) -> None:
        mind, rule = tab.mind, said.get("text", "")
        made: list[int] = []
        await tab.act(lambda: made.append(mind.set_directive(rule)), f"Set: {rule[:80]}", lambda: mind.revoke_directive(made[0], "undone"))

    with form("Set a directive", add, "adding", emptied=True) as made:
        field("A rule it keeps to", "text", classes="grows", maxlength="2000", placeholder="Answer briefly.")
        text("button", "Set", "button", type="submit")

    tab.only_now(made)


def _directives(tab: Tab, found: Any) -> None:
    if not found.active:
        empty("Rules appear here: say “Always …” or “Never …”, or set one above.", symbol="gavel")
        return
    with tag("ul", "plain rows"):
        for rule in reversed(found.active):
            with tag("li", "rule-row", tabindex="-1", data_row=""):
                with tag("div", "grows"):
                    text("p", rule.text)
                    with tag("p", "marks"):
                        with tag("span"):
                            text("span", "Since ")
                            moment(tab, rule.since, clock=False)
                        event_link(rule.did)
                        if rule.source is not None:
                            event_link(rule.source, "Why")
                if tab.at is None:
                    button("Revoke", _revoking(tab, rule), kind="quiet", aria_label=f"Revoke: {rule.text[:60]}")
    if found.dropped:
        text("p", f"{found.dropped:,} older ones are no longer shown to the model.", "muted small")


def _revoking(tab: Tab, rule: Any) -> Callable[[], object]:
    mind = tab.mind
    says = f"Revoked: {rule.text[:80]}"
    return lambda: tab.act(lambda: mind.revoke_directive(rule.did, "revoked on the page"), says, lambda: mind.set_directive(rule.text))


# -- policies --------------------------------------------------------------------------------------------------------------------------


def policies(tab: Tab) -> None:
    """The few settings that the mind, or its user alone, may change."""
    Part(tab, lambda: load(tab), lambda found: _policies(tab, found), kinds=("policy_changed",), lines=5)


def _policies(tab: Tab, found: Policies) -> None:
    with tag("ul", "plain rows"):
        for name, value, knob in found.table:
            if knob.switch:
                continue  # stands among the permissions
            with tag("li", "rule-row"):
                with tag("div", "grows"):
                    with tag("p"):
                        text("span", f"{NAMES.get(name, name)}: ")
                        text("strong", _spoken(tab, name, value, found))
                    whose = "" if knob.own else " Yours alone to set."
                    text("p", f"{knob.says[:1].upper()}{knob.says[1:]}.{whose}", "small muted")
                if tab.at is None:
                    _values(tab, name, value, knob)
    if found.changes:
        fold("Latest changes", lambda: _changes(found))


CADENCE = {-1: "more often", 0: "as often as its stage says", 1: "less often"}


def _spoken(tab: Tab, name: str, value: Any, found: Policies) -> str:
    """A policy's value, as it works out."""
    settings = tab.mind.settings
    match name:
        case "cadence":
            return CADENCE[value]
        case "stage_cap":
            return f"stage {value}"
        case "recall_k" if value is None:
            return f"{settings.recall_k}, as the settings say"
        case "expiry_hours" if value is None:
            return f"{settings.commitment_expiry_hours:g}, as the settings say"
    return found.say(value)


def _values(tab: Tab, name: str, now: Any, knob: Any) -> None:
    numbers = (
        range(knob.low, knob.high + 1) if knob.high - knob.low <= STEPS_MAX else sorted({*range(knob.low, knob.high + 1, 24), now or 72})
    )
    options = [("", "default"), *((str(number), str(number)) for number in numbers)]
    chosen = "" if now == knob.default else str(now)

    async def pick(said: str) -> None:
        mind = tab.mind
        new = int(said) if said.lstrip("-").isdecimal() else None
        await tab.act(
            lambda: mind.set_policy(name, new), f"{NAMES.get(name, name)}: {said or 'default'}", lambda: mind.set_policy(name, now)
        )

    picked(NAMES.get(name, name), options, chosen, pick)


def _changes(found: Policies) -> None:
    rows: list[list[Cell]] = []
    for one in found.changes:
        who = {"user": "You"}.get(one.cause, f"A {one.cause}" if one.cause != "assessment" else "An assessment")
        named = NAMES.get(one.policy) or MAY.get(one.policy.removeprefix(PERMIT), (one.policy, ""))[0]
        rows.append([named, f"{found.say(one.old)} to {found.say(one.new)}", who, partial(event_link, one.event)])
    table("Changes of policy", ["Policy", "Changed", "By", "Event"], rows, wide="Policy")

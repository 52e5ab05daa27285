"""Notes: what has changed since the session's previous turn, told at the top of this turn's header.

They carry ids, states, dates, names and the texts of rules only; any other text they speak of is quoted in the memory block.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pmm.agent.commitments import WEEKDAYS, followups
from pmm.agent.facts import fact_line, superseding
from pmm.events import (
    CommitmentClosed,
    CommitmentOpened,
    DirectiveRevoked,
    DirectiveSet,
    Event,
    FactAsserted,
    FactRetracted,
    NameAdopted,
)
from pmm.projections.conversation import Session

if TYPE_CHECKING:
    from pmm.projections.commitments import Commitment
    from pmm.views import View


def notes(view: View, session: Session, found: Sequence[Event], *, fresh: bool, now: datetime) -> tuple[list[str], list[str]]:
    """The notes, one line each, and texts to quote in the memory block.

    found: what this very message changes. fresh: an epoch is opened now, so its opening holds all older changes.
    """
    today = now.astimezone(ZoneInfo(view.identity.zone)).date()
    lines = [_today(today)] if fresh or session.day != today else []
    lines += [line for event in found if (line := _found(event, view, now))]
    asked, quoted = _unasked(view)
    lines += asked + _proposal(view, found) + _corrections(view, session)
    if fresh:
        return lines, quoted
    told = session.told  # its own findings were told in its own notes
    done, changed = _commitments(view, session.last, told, now)
    known, facts = _facts(view, session.last, told)
    quoted += changed + facts
    return lines + _names(view, session.last) + _rules(view, session.last, told) + _policies(view, session.last) + known + done, quoted


def _today(today: date) -> str:
    return f"Today is {WEEKDAYS[today.weekday()]} {today.isoformat()}."


def _unasked(view: View) -> tuple[list[str], list[str]]:
    """What the mind said first, told until a reply has been given to a model that knows of it."""
    last = view.unasked.last
    if last is None or view.unasked.replied:
        return [], []
    about = f", about commitment #{last.about}" if last.about is not None else ""
    return [f"You spoke first, unasked (#{last.event}{about})."], [f"#{last.event} · you, unasked: {last.text}"]


def _proposal(view: View, found: Sequence[Event]) -> list[str]:
    """A name that the mind asked for, until its user has had a say in it."""
    asked = view.identity.proposed
    if asked is None or any(isinstance(event, NameAdopted) and event.whose == "mind" for event in found):
        return []
    return [f"You have proposed the name {asked.name} (#{asked.event}): unless this message answers that, ask whether your user agrees."]


def _corrections(view: View, session: Session) -> list[str]:
    """What the last reply of a model's said that the log contradicts. Turns without a header came after it, and told nobody."""
    lines: list[str] = []
    for turn in reversed(session.turns):
        if wrong := view.claims.of(turn.reply):
            lines += (f"Your last reply was wrong (#{wrong.event}): {claim.truth}" for claim in wrong.claims)
        if lines or turn.header:
            break
    return lines


def _policies(view: View, last: int) -> list[str]:
    latest = {change.policy: change for change in view.policy.history if change.event > last}
    return [f"Your policy {name} is now {view.policy.spoken(change.new)} (#{change.event})." for name, change in latest.items()]


def _names(view: View, last: int) -> list[str]:
    latest = {named.whose: named for named in view.identity.history if named.event > last}
    words = {"mind": "Your name is", "user": "Your user's name is"}
    return [f"{words[whose]} {f'now {named.name}' if named.name else 'taken back'} (#{named.event})." for whose, named in latest.items()]


def _rules(view: View, last: int, told: int) -> list[str]:
    changes = (c for c in view.directives.changes if c.event > last and not (c.source and c.source == told))
    return [f"A new rule (#{c.did}): {' '.join(c.text.split())}" if c.active else f"The rule #{c.did} no longer holds." for c in changes]


_FACTS = {"asserted": "is new", "retracted": "no longer holds", "superseded": "holds no longer: a newer one took its place"}


def _facts(view: View, last: int, told: int) -> tuple[list[str], list[str]]:
    """Newest state of each fact that changed; those that hold are quoted."""
    latest = {c.fact: c for c in view.facts.changes if c.event > last and not (c.source and c.source == told)}
    lines = [f"Fact #{id} {_FACTS[change.state]}." for id, change in latest.items()]
    return lines, [fact_line(fact) for id in latest if (fact := view.facts.get(id))]


_SAID = {"opened": "now open", "reopened": "open again"}


def _commitments(view: View, last: int, told: int, now: datetime) -> tuple[list[str], list[str]]:
    """Newest state of each commitment that changed; the text of those still open is quoted."""
    latest = {c.cid: c for c in view.commitments.changes if c.event > last and not (c.source and c.source == told)}
    lines, quoted = [], []
    for cid, change in latest.items():
        known = view.commitments.get(cid)
        state = _SAID.get(change.state, change.state)
        if known and change.state == "snoozed":
            state = f"snoozed until {_until(known, view)}" if known.snoozed(now) else "open again after a snooze"
        about = [f"due {known.due}" if known.due else "", "repeats" if known.repeat else ""] if known else []
        lines.append(f"Commitment #{cid} is {state}{f' ({said})' if (said := ', '.join(filter(None, about))) else ''}.")
        if known:
            quoted.append(commitment_line(known, view, now))
    return lines, quoted


def commitment_line(c: Commitment, view: View, now: datetime) -> str:
    """An open commitment as a memory block quotes it."""
    due = f" · due {c.due}" if c.due else ""
    snoozed = f" · snoozed until {_until(c, view)}" if c.snoozed(now) else ""
    return f"commitment #{c.cid} · {c.owner}{due}{' · repeats' if c.repeat else ''}{snoozed}: {c.text}"


def _until(c: Commitment, view: View) -> str:
    assert c.snoozed_until is not None
    try:
        return f"{c.snoozed_until.astimezone(ZoneInfo(view.identity.zone)):%Y-%m-%d %H:%M}"
    except OverflowError:
        return f"{c.snoozed_until.year}"


def _found(event: Event, view: View, now: datetime) -> str:
    match event:
        case NameAdopted(whose="mind"):
            return f"With this message your name becomes {event.name}."
        case NameAdopted():
            return f"With this message you learn your user's name: {event.name}."
        case CommitmentOpened():
            whose = "yours" if event.owner == "mind" else "your user's"
            due = f", due {event.due}" if event.due else ""
            return f"This message opens a commitment of {whose}{due}{', and it repeats' if event.repeat else ''}."
        case CommitmentClosed():
            following = "".join(f"; its next occurrence opens, due {e.due}" for e in followups(view, [event], now))
            return f"This message closes commitment #{event.cid}: {event.outcome}{following}."
        case FactAsserted():
            instead = "".join(f" in place of fact #{end.fact}" for end in superseding(view, event, 1))
            return f"This message states a fact, which is kept{instead}."
        case FactRetracted():
            return f"With this message fact #{event.fact} no longer holds."
        case DirectiveSet():
            return f"This message sets a rule: {' '.join(event.content.split())}"
        case DirectiveRevoked():
            return f"With this message the rule #{event.did} no longer holds."
    return ""

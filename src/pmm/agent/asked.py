"""What a person asks of a mind by command: decided from a View alone.

Each function returns the events to append, or the id of the event that says so already. All raise InvalidInput.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, timedelta
from types import EllipsisType
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from pmm.agent.commitments import first_due, followups, read_rule
from pmm.agent.extract import normalise
from pmm.errors import InvalidInput
from pmm.events import (
    CommitmentClosed,
    CommitmentEdited,
    CommitmentOpened,
    CommitmentReopened,
    CommitmentSnoozed,
    DirectiveRevoked,
    DirectiveSet,
    Due,
    Event,
    NameAdopted,
    TimezoneChanged,
    local_instant,
)

if TYPE_CHECKING:
    from pmm.projections.commitments import Commitment
    from pmm.views import View

Decision = int | Event | list[Event]
"""an event that is there already, or what to append"""

NAME_MAX = 40
TEXT_MAX = 2000
PRIORITY_MAX = 1000
PROJECT_MAX = 100
SNOOZE_MAX = timedelta(days=3653)


def commit(
    view: View,
    text: str,
    *,
    owner: Literal["mind", "user"],
    due: str | date | datetime | Due | None,
    priority: int,
    project: str | None,
    repeat: str | None,
    now: datetime,
) -> Decision:
    """Open a commitment, unless its owner has one with this text."""
    text = one_text(text, "a commitment")
    if owner not in ("mind", "user"):
        raise InvalidInput(f"{owner!r} can't own a commitment.", hint='Use "mind" or "user".')
    _check_fields(priority, project)
    rule = None if repeat is None else read_rule(repeat).text
    for c in view.commitments.open:
        if c.owner == owner and normalise(c.text) == normalise(text):
            return c.cid
    when = _due(due, view.identity.zone)
    if rule is not None and when is None:
        when = first_due(rule, now, view.identity.zone)
    return CommitmentOpened(content=text, owner=owner, due=when, priority=priority, project=project, repeat=rule)


def close(view: View, cid: int, outcome: Literal["kept", "broken", "cancelled", "superseded"], note: str, *, now: datetime) -> Decision:
    """Close a commitment; the next occurrence opens if it repeats."""
    if outcome not in ("kept", "broken", "cancelled", "superseded"):
        raise InvalidInput(f"{outcome!r} is not an outcome.", hint="Use kept, broken, cancelled or superseded.")
    closed = CommitmentClosed(content=_open(view, cid).text, cid=cid, outcome=outcome, note=note)
    return [closed, *followups(view, [closed], now)]


def edit(
    view: View,
    cid: int,
    *,
    text: str | None,
    due: str | date | datetime | Due | EllipsisType | None,
    priority: int | None,
    project: str | None,
) -> Decision:
    """Change what is given; due=None and project="" take it away, due=... leaves it."""
    if text is not None:
        text = one_text(text, "a commitment")
    _check_fields(priority, project)
    known = _open(view, cid)
    for c in view.commitments.open:
        if text is not None and c.cid != cid and c.owner == known.owner and normalise(c.text) == normalise(text):
            raise InvalidInput(f"commitment {c.cid} says that already.", hint="Edit or close that one.")
    when = known.due if isinstance(due, EllipsisType) else _due(due, view.identity.zone)
    edited = CommitmentEdited(
        content=text if text is not None and text != known.text else "",
        cid=cid,
        due=when if when != known.due else None,
        clear_due=when is None and known.due is not None,
        priority=priority if priority != known.priority else None,
        project=project if (project or None) != known.project else None,
    )
    return view.head if edited == CommitmentEdited(cid=cid) else edited


def snooze(view: View, cid: int, until: datetime, *, now: datetime) -> Decision:
    """Put a commitment off until a moment (aware, or local in the mind's zone) ahead."""
    if not isinstance(until, datetime):
        raise InvalidInput(f"{until!r} is not a moment.", hint="Give a datetime.")
    known, zone = _open(view, cid), view.identity.zone
    try:
        moment = until.astimezone(UTC) if until.tzinfo else local_instant(until, zone)
        ahead = moment - now
    except OverflowError:
        ahead = timedelta()
    if not timedelta() < ahead <= SNOOZE_MAX:
        raise InvalidInput("a snooze ends in the next ten years.", hint="Give such a moment, or close the commitment.")
    return view.head if known.snoozed_until == moment else CommitmentSnoozed(content=known.text, cid=cid, until=moment)


def reopen(view: View, cid: int, reason: str) -> Decision:
    """Open a commitment that ended lately once more."""
    past = view.commitments.ended(cid)
    if past is None:
        said = f"commitment {cid} is open." if view.commitments.get(cid) else f"no commitment {cid} ended lately."
        raise InvalidInput(said, hint="`pmm commitments list --closed` shows which can be reopened.")
    return CommitmentReopened(content=past.commitment.text, cid=cid, reason=reason)


def set_rule(view: View, text: str) -> Decision:
    """Set a standing rule, unless it holds already."""
    text = one_text(text, "a rule")
    for d in view.directives.active:
        if normalise(d.text) == normalise(text):
            return d.did
    return DirectiveSet(content=text)


def revoke_rule(view: View, did: int, reason: str) -> Decision:
    """Revoke a rule in force."""
    if all(d.did != did for d in view.directives.active):
        raise InvalidInput(f"there is no active rule {did}.")
    return DirectiveRevoked(did=did, reason=reason)


def name(view: View, name: str) -> Decision:
    """Give the mind a name."""
    name = " ".join(name.split()) if isinstance(name, str) else ""
    if not (0 < len(name) <= NAME_MAX and any(c.isalpha() for c in name) and all(_in_name(c) for c in name)):
        raise InvalidInput(f"{name!r} can't be a name.", hint=f"Use 1 to {NAME_MAX} letters, digits, spaces, hyphens, apostrophes.")
    return view.head if view.identity.name == name else NameAdopted(whose="mind", name=name)


def zone(view: View, name: str) -> Decision:
    """Have local days and times meant in this time zone from now on."""
    name = name.strip() if isinstance(name, str) else name
    if name == view.identity.zone:
        return view.head
    return TimezoneChanged(zone=_known_zone(name))


def one_text(text: str, what: str) -> str:
    """The text on one line, if it can be shown again and again. what: for the error, such as "a rule"."""
    flat = " ".join(text.split()) if isinstance(text, str) else ""
    if not flat:
        raise InvalidInput(f"{what} needs a text.")
    if len(flat) > TEXT_MAX:
        raise InvalidInput(f"{what} has at most {TEXT_MAX:,} characters.", hint="It is shown to the model again and again: keep it short.")
    return flat


def _open(view: View, cid: int) -> Commitment:
    known = view.commitments.get(cid)
    if known is None:
        raise InvalidInput(f"there is no open commitment {cid}.", hint="`pmm commitments` lists the open ones.")
    return known


def _check_fields(priority: int | None, project: str | None) -> None:
    """What another type would make of the log, no reader could undo."""
    if priority is not None and (not isinstance(priority, int) or isinstance(priority, bool) or abs(priority) > PRIORITY_MAX):
        raise InvalidInput(f"{priority!r} is not a priority.", hint=f"Use a whole number from -{PRIORITY_MAX} to {PRIORITY_MAX}.")
    if project is not None and (not isinstance(project, str) or len(project) > PROJECT_MAX):
        raise InvalidInput(f"a project is a text of at most {PROJECT_MAX} characters.")


def _due(due: str | date | datetime | Due | None, zone: str) -> Due | None:
    match due:
        case None:
            return None
        case Due():
            _known_zone(due.zone)
            return due
        case datetime():
            return Due.at(due, zone)
        case date():
            return Due(due, None, zone)
        case str():
            return Due.parse(due, zone)
    raise InvalidInput(f"{due!r} is not a due date.", hint="Write 2026-03-06 or 2026-03-05T12:00.")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError, TypeError, AttributeError):
        raise InvalidInput(f"{str(name)[:60]!r} is not a known time zone.", hint="Use an IANA name such as Europe/Paris.") from None
    return name


def _in_name(char: str) -> bool:
    return char in " -'’." or unicodedata.category(char)[0] in "LMN"

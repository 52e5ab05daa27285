"""`why`: from what a person names to the event that made it so, and from there to the tree."""

from __future__ import annotations

from collections.abc import Callable

from pmm.agent.why import Why, why
from pmm.errors import InvalidInput
from pmm.events import CommitmentOpened, DirectiveSet, Event, FactAsserted, NameAdopted, PolicyChanged, TraitAdjusted
from pmm.runtime.typed import id_of
from pmm.storage.eventlog import EventLog
from pmm.views import View

__all__ = ["Why", "explain"]

LATEST_MAX = 256
"""how many of the latest names, moves of traits, or changes of policies are looked through"""

_HINT = "Write an event's id, name, user, stage, trait:LETTER, policy:NAME, commitment:ID, directive:ID or fact:ID."


def explain(log: EventLog, view: View, what: int | str) -> Why:
    """The tree of events that made it. Raises InvalidInput.

    what: an id (12, "#12"), "name", "user", "stage", "trait:E", "policy:recall_k", "commitment:12", "directive:12" or
    "fact:12".
    """
    return why(log, _event(log, view, what))


def _event(log: EventLog, view: View, what: int | str) -> Event:
    word, _, rest = str(what).strip().partition(":")
    match word.lower():
        case "name" if not rest:
            return _name(log, view)
        case "user" if not rest:
            return _user(log)
        case "stage" if not rest:
            return _latest(log, "stage_changed", lambda event: True, "the stage has not changed yet.", "It rises with kept promises.")
        case "trait":
            return _trait(log, rest)
        case "policy":
            return _policy(log, rest)
        case "commitment":
            return _of(log, rest, CommitmentOpened, "commitment")
        case "directive":
            return _of(log, rest, DirectiveSet, "directive")
        case "fact":
            return _of(log, rest, FactAsserted, "fact")
    return _of(log, str(what), Event, "event")


def _of(log: EventLog, id: str, kind: type[Event], noun: str) -> Event:
    number = id_of(id)
    if number is None:
        raise InvalidInput(f"{id!r} is not the id of a {noun}." if noun != "event" else f"{id!r} can't be asked about.", hint=_HINT)
    event = log.get(number)
    if not isinstance(event, kind):
        raise InvalidInput(f"there is no {noun} {number}.", hint=f"The last event is {log.head[0]}; `pmm events` lists them.")
    return event


def _name(log: EventLog, view: View) -> Event:
    event = log.get(view.identity.adopted) if view.identity.adopted else None
    if event is None:
        raise InvalidInput("the mind has no name yet.", hint='Say "Your name is Echo".')
    return event


def _user(log: EventLog) -> Event:
    users = lambda event: isinstance(event, NameAdopted) and event.whose == "user"
    return _latest(log, "name_adopted", users, "the user's name is not known yet.", 'Say "I\'m Scott".')


def _trait(log: EventLog, letter: str) -> Event:
    letter = letter.strip().upper()
    moved = lambda event: isinstance(event, TraitAdjusted) and event.trait == letter
    return _latest(log, "trait_adjusted", moved, f"no trait {letter!r} has moved lately.", "Traits are O, C, E, A and N.")


def _policy(log: EventLog, name: str) -> Event:
    name = name.strip().lower()
    changed = lambda event: isinstance(event, PolicyChanged) and event.policy == name
    return _latest(log, "policy_changed", changed, f"no policy {name!r} has changed lately.", "`pmm policy` lists them.")


def _latest(log: EventLog, kind: str, wanted: Callable[[Event], bool], otherwise: str, hint: str) -> Event:
    """The last event of a kind that is wanted, among the latest few. Raises InvalidInput."""
    found = next(filter(wanted, reversed(log.by_kind(kind, limit=LATEST_MAX, newest=True))), None)
    if found is None:
        raise InvalidInput(otherwise, hint=hint)
    return found

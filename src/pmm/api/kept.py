"""What a person asks a mind to keep: commitments, facts and rules; listed, added, changed and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from pmm.api import shapes
from pmm.api.asking import TEXT_MAX, At, Before, Body, Here, Id, Limit
from pmm.api.errors import absent
from pmm.events import INTEGER_MAX
from pmm.runtime.typed import at_of, time_of

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind

router = APIRouter()

Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
Note = Annotated[str, Field(max_length=TEXT_MAX)]
DueText = Annotated[str, Field(max_length=40, description="2026-03-06 or 2026-03-05T12:00, in the mind's zone.", examples=["2026-03-06"])]
Priority = Annotated[int, Field(ge=-INTEGER_MAX, le=INTEGER_MAX, description="Higher is more pressing.")]
Owner = Literal["mind", "user"]
Which = Annotated[Literal["open", "ended", "all"], Query(description="Those that are open, those that ended, or both.")]
Reason = Annotated[str, Query(max_length=TEXT_MAX, description="Why.")]

# -- commitments -------------------------------------------------------------------------------------------------------------------


class NewCommitment(Body):
    """repeat: an RFC 5545 rule such as FREQ=WEEKLY;BYDAY=MO."""

    text: Text = Field(examples=["call Ana"])
    owner: Owner = "mind"
    due: DueText | None = None
    priority: Priority = 0
    project: Text | None = None
    repeat: Annotated[str, Field(max_length=500)] | None = None


class CommitmentChange(Body):
    """What is left out stays; a due date of null, and an empty project, are taken away."""

    text: Text | None = None
    due: DueText | None = None
    priority: Priority | None = None
    project: Note | None = None


class Closing(Body):
    """How it ended. The user's word is the evidence."""

    outcome: Literal["kept", "broken", "cancelled", "superseded"] = "kept"
    note: Note = ""


class Snooze(Body):
    """No reminder and no expiry before then."""

    until: Annotated[str, Field(max_length=40, description="A time in the mind's zone.", examples=["2027-03-06T09:00"])]


class Reopening(Body):
    """Why it is open again."""

    reason: Note = ""


_COMMITMENT = {
    "cid": 37,
    "text": "call Ana",
    "owner": "mind",
    "state": "open",
    "due": "2026-03-06",
    "zone": "Europe/Paris",
    "repeat": None,
    "priority": 0,
    "project": None,
    "opened": "2026-03-02T09:00:00Z",
    "episode": 1,
    "source": 36,
    "snoozed_until": None,
    "follows": None,
    "followed": None,
    "ended": None,
    "evidence": None,
    "note": "",
}
_ONE = shapes.says(shapes.Commitment, _COMMITMENT)
_NEW = shapes.says(shapes.Commitment, _COMMITMENT, status=201)


def _commitment(mind: Mind, cid: int, status: int = 200) -> Response:
    """As it is now. Raises Refused (404)."""
    found = mind.commitment(cid)
    if found is None:
        raise absent(f"commitment {cid}", "GET /api/commitments lists them.")
    return shapes.answer(shapes.Commitment.at(found, mind.now), status)


@router.get("/commitments", tags=["commitments"], responses=shapes.says(shapes.Page[shapes.Commitment], {"items": [_COMMITMENT]}))
def commitments(here: Here, which: Which = "open", limit: Limit = 50, before: Before = None, at: At = None) -> Response:
    """Commitments, the newest first; as of an event or a time with `at`."""
    open = {"open": True, "ended": False, "all": None}[which]
    found = here.mind.commitments(open=open, limit=limit + 1, before=before, at=at_of(at))
    items = [shapes.Commitment.at(item, here.mind.now) for item in found[:limit]]
    return shapes.page(items, found[limit - 1].cid if len(found) > limit else None)


@router.post("/commitments", tags=["commitments"], status_code=201, responses=_NEW)
def commit(here: Here, new: NewCommitment) -> Response:
    """Open a commitment; one with the same text and owner that is open already is answered instead."""
    return _commitment(here.mind, here.mind.commit(**new.model_dump()), 201)


@router.get("/commitments/{id}", tags=["commitments"], responses=_ONE)
def commitment(here: Here, id: Id) -> Response:
    """One commitment, open or ended."""
    return _commitment(here.mind, id)


@router.patch("/commitments/{id}", tags=["commitments"], responses=_ONE)
def edit_commitment(here: Here, id: Id, change: CommitmentChange) -> Response:
    """Change an open commitment."""
    _commitment(here.mind, id)
    given = change.model_dump(exclude_unset=True)
    kept = {name: value for name, value in given.items() if value is not None or name == "due"}
    here.mind.edit_commitment(id, **kept)
    return _commitment(here.mind, id)


@router.post("/commitments/{id}/close", tags=["commitments"], responses=_ONE)
def close_commitment(here: Here, id: Id, closing: Closing) -> Response:
    """Close an open commitment. If it repeats, kept and broken open its next occurrence."""
    _commitment(here.mind, id)
    here.mind.close_commitment(id, closing.outcome, closing.note)
    return _commitment(here.mind, id)


@router.post("/commitments/{id}/snooze", tags=["commitments"], responses=_ONE)
def snooze_commitment(here: Here, id: Id, snooze: Snooze) -> Response:
    """Put an open commitment off."""
    _commitment(here.mind, id)
    here.mind.snooze_commitment(id, time_of(snooze.until, whole_day=False))
    return _commitment(here.mind, id)


@router.post("/commitments/{id}/reopen", tags=["commitments"], responses=_ONE)
def reopen_commitment(here: Here, id: Id, reopening: Reopening) -> Response:
    """Open a closed or expired commitment again."""
    _commitment(here.mind, id)
    here.mind.reopen_commitment(id, reopening.reason)
    return _commitment(here.mind, id)


# -- facts -------------------------------------------------------------------------------------------------------------------------


class NewFact(Body):
    """subject: who or what it is about; "user" is the user. valid_from: the day since when it holds."""

    subject: Text = Field(examples=["user"])
    relation: Text = Field(examples=["lives in"])
    value: Text = Field(examples=["Oslo"])
    valid_from: Annotated[str, Field(max_length=10)] | None = None
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0


_FACT = {
    "id": 45,
    "subject": "user",
    "relation": "lives in",
    "value": "Oslo",
    "text": "The user lives in Oslo.",
    "current": True,
    "since": "2026-03-02T09:00:00Z",
    "valid_from": None,
    "until": None,
    "source": 44,
    "evidence": [],
    "confidence": 1.0,
    "origin": "user",
    "stale": False,
    "used": 2,
    "ended": None,
    "reason": "",
    "superseded_by": None,
}


def _fact(mind: Mind, id: int, status: int = 200) -> Response:
    found = mind.fact(id)
    if found is None:
        raise absent(f"fact {id}", "GET /api/facts lists them.")
    return shapes.answer(shapes.Fact.of(found), status)


@router.get("/facts", tags=["facts"], responses=shapes.says(shapes.Page[shapes.Fact], {"items": [_FACT], "next": None}))
def facts(
    here: Here,
    which: Annotated[Literal["current", "past", "all"], Query(description="Those that hold, those that held, or both.")] = "current",
    subject: Annotated[str | None, Query(max_length=200, description='Only those about it; "user" is the user.')] = None,
    limit: Limit = 50,
    before: Before = None,
    at: At = None,
) -> Response:
    """What the mind knows, the newest first; as of an event or a time with `at`."""
    current = {"current": True, "past": False, "all": None}[which]
    found = here.mind.facts(subject, at=at_of(at), current=current, limit=limit + 1, before=before)
    return shapes.page(map(shapes.Fact.of, found[:limit]), found[limit - 1].id if len(found) > limit else None)


@router.post("/facts", tags=["facts"], status_code=201, responses=shapes.says(shapes.Fact, _FACT, status=201))
def assert_fact(here: Here, new: NewFact) -> Response:
    """Assert a fact. A newer value of a relation that has one value at a time supersedes the older one, which stays listed as past."""
    return _fact(here.mind, here.mind.assert_fact(**new.model_dump()), 201)


@router.get("/facts/{id}", tags=["facts"], responses=shapes.says(shapes.Fact, _FACT))
def fact(here: Here, id: Id) -> Response:
    """One fact, current or past."""
    return _fact(here.mind, id)


class Correction(Body):
    """The value that holds in its place, and the day since when."""

    value: Text = Field(examples=["Bergen"])
    valid_from: Annotated[str, Field(max_length=10)] | None = None


@router.patch("/facts/{id}", tags=["facts"], responses=shapes.says(shapes.Fact, _FACT))
def correct_fact(here: Here, id: Id, correction: Correction) -> Response:
    """Put another value in its place; the old one stays listed as past. Answers the fact that holds now."""
    _fact(here.mind, id)
    return _fact(here.mind, here.mind.correct_fact(id, correction.value, valid_from=correction.valid_from))


@router.delete("/facts/{id}", tags=["facts"], responses=shapes.says(shapes.Fact, {**_FACT, "current": False, "ended": 60}))
def retract_fact(here: Here, id: Id, reason: Reason = "") -> Response:
    """Take a fact back: it stays in the log, and holds no longer."""
    _fact(here.mind, id)
    here.mind.retract_fact(id, reason)
    return _fact(here.mind, id)


# -- rules -------------------------------------------------------------------------------------------------------------------------


class NewDirective(Body):
    """A standing rule."""

    text: Text = Field(examples=["Answer briefly."])


_DIRECTIVE = {"did": 51, "text": "Answer briefly.", "since": "2026-03-02T09:00:00Z", "source": None}


@router.get("/directives", tags=["directives"], responses=shapes.says(shapes.Page[shapes.Directive], {"items": [_DIRECTIVE], "next": None}))
def directives(here: Here, at: At = None) -> Response:
    """The rules in force, oldest first; as of an event or a time with `at`."""
    return shapes.page(map(shapes.Directive.of, here.mind.view(at_of(at)).directives.active))


@router.post("/directives", tags=["directives"], status_code=201, responses=shapes.says(shapes.Directive, _DIRECTIVE, status=201))
def set_directive(here: Here, new: NewDirective) -> Response:
    """Set a rule; the same one, if in force already, is answered instead."""
    return shapes.answer(shapes.Directive.of(_rule(here.mind, here.mind.set_directive(new.text))), 201)


@router.delete("/directives/{id}", tags=["directives"], responses=shapes.says(shapes.Directive, _DIRECTIVE, "The rule as it was."))
def revoke_directive(here: Here, id: Id, reason: Reason = "") -> Response:
    """Revoke a rule."""
    rule = shapes.Directive.of(_rule(here.mind, id))
    here.mind.revoke_directive(id, reason)
    return shapes.answer(rule)


def _rule(mind: Mind, did: int) -> Any:
    found = next((rule for rule in mind.view().directives.active if rule.did == did), None)
    if found is None:
        raise absent(f"rule {did} in force", "GET /api/directives lists them.")
    return found

"""The archive, read and written in the words of the projections: one commitment or one fact is what its projection makes of its events.

`widened` puts what lies beyond the caps of the folded state back into a View, so that whoever decides needn't know of caps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pmm.agent.extract import normalise
from pmm.agent.facts import is_single
from pmm.events import CommitmentOpened, Event, FactAsserted, FactRetracted, microseconds, moment
from pmm.memory.archive import Archive, Entry, Past, histories
from pmm.projections.commitments import Commitment, Commitments, CommitmentsProjection, Ended
from pmm.projections.facts import Fact, Facts, FactsProjection
from pmm.storage.sqlite import SqliteLog
from pmm.views import View

COMMITMENT, FACT = "commitment", "fact"
MADE_BY = {COMMITMENT: "commitment_opened", FACT: "fact_asserted"}
KINDS = tuple(sorted((CommitmentsProjection.kinds | FactsProjection.kinds) - {"context_built"}))
DUE_MAX = 64
"""how many beyond the cap a tick takes at once"""
ALIKE_MAX = 32
ABOUT_CHARS = 300

_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def open_archive(log: SqliteLog, on_progress: Callable[[int, int], Any] | None = None) -> Archive:
    """The archive of a log, made anew where it is missing or behind."""
    return Archive(log, _Reading(), on_progress)


class _Reading:
    """See `memory.archive.Reading`."""

    kinds = KINDS

    def owners(self, event: Event) -> tuple[int, ...]:
        match event:
            case CommitmentOpened():
                return (event.id,) if event.follows is None else (event.id, event.follows)
            case FactAsserted():
                return (event.id,)
            case FactRetracted():
                return (event.fact,) if event.superseded_by is None else (event.fact, event.superseded_by)
        return (event.cid,)  # type: ignore[attr-defined]

    def entry(self, id: int, events: Sequence[Event]) -> Entry | None:
        match events[0]:
            case CommitmentOpened(id=first) if first == id:
                return _commitment_entry(commitment_of(events))
            case FactAsserted(id=first) as event if first == id:
                fact = fact_of(events)
                sources = tuple(of for of in (*event.evidence, event.source) if of is not None)
                replacing = tuple(e.id for e in events if isinstance(e, FactRetracted) and e.superseded_by == id)
                key = facts_about(fact.subject, fact.relation, fact.value)
                return Entry(what=FACT, about=key, ended=fact.ended, sources=sources, replacing=replacing)
        return None


def _commitment_entry(item: Commitment | Ended) -> Entry:
    if isinstance(item, Ended):
        return Entry(what=COMMITMENT, about=_commitment_about(item.commitment.owner, item.commitment.text), ended=item.event)
    due, put_off = item.due.instant if item.due else None, item.snoozed_until
    remind = None if due is None or item.reminded == item.due else max(due, put_off or due)
    lapse = max(m for m in (item.touched, due, put_off) if m is not None)
    return Entry(
        what=COMMITMENT,
        about=_commitment_about(item.owner, item.text),
        remind=None if remind is None else microseconds(remind),
        lapse=microseconds(lapse),
    )


def _commitment_about(owner: str, text: str) -> str:
    return f"{owner}\x1f{normalise(text)[:ABOUT_CHARS]}\x1f"


def facts_about(*said: str) -> str:
    """How the `about` begins of all facts with this subject, or subject and relation, or subject, relation and value."""
    return "".join(f"{normalise(str(part))[:ABOUT_CHARS]}\x1f" for part in said)


def commitment_of(events: Sequence[Event]) -> Commitment | Ended:
    """The commitment that these events, its own, come to."""
    projection, state = CommitmentsProjection(), Commitments()
    *_, last = (e.id for e in events if isinstance(e, CommitmentOpened))  # itself, or the newest of those that follow it
    for event in events:
        if not isinstance(event, CommitmentOpened) or event.id in (events[0].id, last):
            state = projection.apply(state, event)
    found = state.get(events[0].id) or state.ended(events[0].id)
    assert found is not None
    return found


def fact_of(events: Sequence[Event], stale: bool = False) -> Fact:
    """The fact that these events, its own, come to. How often it was used isn't among them."""
    projection, state = FactsProjection(), Facts()
    for event in events:
        state = projection.apply(state, event)
    (fact,) = (*state.current, *state.past)
    return msgspec.structs.replace(fact, stale=stale and fact.ended is None)


def unlike(log: SqliteLog, view: View) -> list[str]:
    """Where the archive of a log says something else than the folded state, of what the latter holds."""
    ids = [c.cid for c in view.commitments.open] + [f.id for f in view.facts.current]
    pasts = {past.id: past.events for past in histories(log, ids, view.head)}
    told = [f"commitment {c.cid}" for c in view.commitments.open if c.cid not in pasts or commitment_of(pasts[c.cid]) != c]
    return told + [f"fact {f.id}" for f in view.facts.current if f.id not in pasts or fact_of(pasts[f.id]).ended is not None]


# -- beyond the caps ---------------------------------------------------------------------------------------------------------------


def with_commitment(view: View, archive: Archive, cid: int) -> View:
    """The view with this commitment among the open ones, if it is open at all."""
    return view if not view.commitments.overflow or view.commitments.get(cid) else _with_commitments(view, archive.get([cid], view.head))


def with_changed(view: View, archive: Archive) -> View:
    """The view with the open commitments that changed lately, so that notes can quote them."""
    state = view.commitments
    unknown = {c.cid for c in state.changes if state.get(c.cid) is None and state.ended(c.cid) is None} if state.overflow else set()
    return _with_commitments(view, archive.get(sorted(unknown), view.head)) if unknown else view


def with_same_commitment(view: View, archive: Archive, owner: str, text: str) -> View:
    """The view with the open commitments that say the same."""
    if not view.commitments.overflow or not isinstance(text, str):
        return view
    return _with_commitments(view, archive.alike(COMMITMENT, [_commitment_about(owner, text)], view.head, ALIKE_MAX))


def with_due(view: View, archive: Archive, now: datetime, expiry: timedelta) -> View:
    """The view with the commitments beyond the cap that are to be reminded of or expire by now: some of them, the earliest."""
    if not view.commitments.overflow:
        return view
    lapsed = _less(now, expiry)
    return _with_commitments(view, archive.due(view.head, microseconds(now), microseconds(lapsed), DUE_MAX))


def next_beyond(view: View, archive: Archive, expiry: timedelta) -> datetime | None:
    """When something beyond the cap will be due next."""
    if not view.commitments.overflow:
        return None
    remind, lapse = archive.next_due()
    moments = [] if remind is None else [moment(remind)]
    if lapse is not None and moment(lapse) < _less(_LATEST, expiry):
        moments.append(moment(lapse) + expiry)
    return min(moments, default=None)


def with_facts(view: View, archive: Archive, found: Iterable[Event | tuple[str, str, str]] = (), fid: int | None = None) -> View:
    """The view with the current facts that these assertions (subject, relation, value) say again or supersede, and the one with this id."""
    state = view.facts
    if not state.overflow:
        return view
    told = [(e.subject, e.relation, e.value) if isinstance(e, FactAsserted) else e for e in found if isinstance(e, (FactAsserted, tuple))]
    abouts = [facts_about(*said[: 2 if is_single(str(said[1])) else 3]) for said in told]
    pasts = archive.alike(FACT, abouts, view.head, ALIKE_MAX) if abouts else []
    if fid is not None and state.get(fid) is None:
        pasts += archive.get([fid], view.head)
    known = {f.id: f for past in pasts if past.events[0].kind == MADE_BY[FACT] and (f := fact_of(past.events, past.stale)).ended is None}
    whole = sorted(({**known, **{f.id: f for f in state.current}}).values(), key=lambda f: f.id)
    overflow = max(0, state.count - len(whole))
    return view.having(facts=msgspec.structs.replace(state, current=tuple(whole), overflow=overflow))


def _with_commitments(view: View, pasts: Iterable[Past]) -> View:
    state = view.commitments
    items = (commitment_of(past.events) for past in pasts if past.events[0].kind == MADE_BY[COMMITMENT])
    known = {item.cid: item for item in items if isinstance(item, Commitment)}
    whole = sorted(({**known, **{c.cid: c for c in state.open}}).values(), key=lambda c: c.cid)
    overflow = max(0, state.count - len(whole))
    return view.having(commitments=msgspec.structs.replace(state, open=tuple(whole), overflow=overflow))


def _less(now: datetime, expiry: timedelta) -> datetime:
    return now - expiry if now - _EARLIEST > expiry else _EARLIEST


# -- listing -----------------------------------------------------------------------------------------------------------------------


def list_commitments(view: View, archive: Archive, *, open: bool | None, before: int | None, limit: int) -> list[Commitment | Ended]:
    """The newest before the id `before`. open: only those that are open, or only those that ended; None: both."""
    pasts = archive.page(COMMITMENT, view.head, live=open, before=before, limit=limit)
    return [commitment_of(past.events) for past in pasts]


def list_facts(view: View, archive: Archive, *, subject: str | None, current: bool | None, before: int | None, limit: int) -> list[Fact]:
    """The newest before the id `before`, as of the view. current: only those that hold then, or only those that had ended; None: both."""
    key = "" if subject is None else facts_about(subject)
    pasts = archive.page(FACT, view.head, about=key, live=current, before=before, limit=limit)
    return [view.facts.get(past.id) or fact_of(past.events, past.stale) for past in pasts]

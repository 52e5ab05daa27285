"""The invariants of a mind, checked: one finding each. Nothing is repaired.

The log is streamed once, from where the last check that found it whole came to (see `verified`); a full check begins at event 1. What is
kept beside the log (archive, index, links, vectors, positions) is checked as a whole each time: the engine counts it, row by row, in a few
statements.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import msgspec

from pmm.errors import BrokenLog, StorageError
from pmm.events import ContextBuilt, Event, ReplyEvent, TurnFailedEvent, UserMessage
from pmm.memory import archive, embedding_cache, links
from pmm.memory.index import faults
from pmm.projections import all_projections
from pmm.runtime.archive import KINDS, MADE_BY, unlike
from pmm.runtime.verified import Verified, forget, keep, last_verified
from pmm.storage.chain import GENESIS
from pmm.storage.positions import Positions
from pmm.storage.snapshots import Snapshots
from pmm.storage.sqlite import SqliteLog, open_log, verify_file
from pmm.views import View, Views

REPORT_EVERY = 1000
TOLD_MAX = 3
"""faults of one kind that are told one by one"""

STAGE_MAX = 4

Progress = Callable[[int, int], Any]
"""(done, of), in events: of those to be checked, the chain is checked first, then what they say"""

Seen = Callable[[Event], Iterator[str]]
"""told every event in order; gives what is wrong with each"""


class Finding(msgspec.Struct, frozen=True):
    """One invariant. check: its name in a word or two. detail: what was looked at, or what is wrong."""

    check: str
    ok: bool
    detail: str


def examine(path: str | os.PathLike[str], on_progress: Progress | None = None, *, full: bool = False) -> list[Finding]:
    """Check the mind in a file, damaged ones too. full: from event 1. Raises StorageError if it is none, or can't be read at all."""
    try:
        log = open_log(path)
    except BrokenLog as error:
        verdict = verify_file(path)
        chain = Finding("chain", False, f"event {verdict.bad}: {verdict.why}") if not verdict.ok else Finding("chain", True, "whole")
        return [chain, Finding("opening", False, error.message)]
    with closing(log):
        try:
            views: Views | None = Views(log, Snapshots(log))
        except BrokenLog:
            views = None  # told by the check of the projections
        return doctor(log, views, on_progress, full=full)


def doctor(log: SqliteLog, views: Views | None, on_progress: Progress | None = None, *, full: bool = False) -> list[Finding]:
    """All findings, in the order in which they should be read. views: None if there can be none. full: from event 1."""
    report = on_progress or (lambda done, of: None)
    end = _head(log)
    view, broken = _now(views)
    head = view.head if view is not None else end[0]
    since = Verified() if full or view is None else last_verified(log, head)
    new = head - since.position
    chain = _chain(log, since, lambda done: report(min(done, new), 2 * new))
    checks = _Checks(log, since)
    unread = _stream(log, head or None, checks, lambda done: report(new + done, 2 * new))
    logged = [chain, *checks.findings(unread), _projections(view, checks.replay, unread or broken)]
    findings = [*logged, _bounds(view, broken), _archive(log, view), _index(log), _graph(log), _consumers(log)]
    if all(finding.ok for finding in logged):
        if new and end[0] == head:  # else somebody appended meanwhile, and the next check goes on from where this one did
            keep(log, checks.verified(end[1]))
    elif not since.position:
        forget(log)
    if new:
        report(2 * new, 2 * new)
    return findings


def _now(views: Views | None) -> tuple[View | None, str]:
    if views is None:
        return None, "the log can't be read to its end"
    try:
        return views.at_head(), ""
    except BrokenLog as error:
        return None, error.message


def _head(log: SqliteLog) -> tuple[int, bytes]:
    try:
        return log.head
    except BrokenLog:
        return 0, GENESIS  # told by the check of the chain


def _chain(log: SqliteLog, since: Verified, on_progress: Callable[[int], Any]) -> Finding:
    try:
        verdict = log.verify(on_progress, since=(since.position, since.hash))
    except StorageError as error:
        return Finding("chain", False, f"can't be told: {error.message}")
    if not verdict.ok:
        return Finding("chain", False, f"event {verdict.bad}: {verdict.why}")
    if not since.position:
        return Finding("chain", True, f"all {verdict.events:,} events")
    new = verdict.events - since.position
    return Finding("chain", True, f"{new:,} new events; an earlier check found the {since.position:,} before them whole")


def _stream(log: SqliteLog, head: int | None, checks: _Checks, on_progress: Callable[[int], Any]) -> str:
    """Show the checks every event that they didn't see. Why it ended before the head (None: it isn't known); "" if it didn't."""
    last = since = checks.last
    try:
        for event in log.scan(since + 1, head):
            checks.see(event)
            last = event.id
            if last % REPORT_EVERY == 0:
                on_progress(last - since)
    except BrokenLog as error:
        return f"after event {last} the log can't be read: {error.message}"
    return "" if head in (last, None) else f"event {last + 1} is missing"


# -- what the events say -------------------------------------------------------------------------------------------------------------


class _Checks:
    """The checks that one pass over the events makes, going on from an earlier one. last: the last event seen."""

    def __init__(self, log: SqliteLog, since: Verified) -> None:
        self.replay = _Replay(since)
        self.last = since.position
        self._log = log
        self._since = since
        self._waiting = since.waiting
        self._turns = since.turns
        self._opened: dict[str, set[int]] = {"cid": set(), "did": set(), "fact": set()}
        self._checks: dict[str, Seen] = {
            "ids": self._ids,
            "turns": self._turn,
            "references": self._references,
            "commitments": lambda event: self._owner(event, "cid", "commitment_opened"),
            "rules": lambda event: self._owner(event, "did", "directive_set"),
            "facts": lambda event: self._owner(event, "fact", "fact_asserted"),
        }
        self._faults: dict[str, list[str]] = {name: [] for name in self._checks}
        self._more: dict[str, int] = dict.fromkeys(self._checks, 0)

    def see(self, event: Event) -> None:
        """Check one event, the next."""
        for name, check in self._checks.items():
            for fault in check(event):
                if len(self._faults[name]) < TOLD_MAX:
                    self._faults[name].append(f"event {event.id}: {fault}")
                else:
                    self._more[name] += 1
        self.replay.see(event)
        self.last = event.id

    def verified(self, hash: bytes) -> Verified:
        """What the next pass needs to go on after this one. hash: of the last event seen."""
        opened = {field: self._count(field) for field in self._opened}
        return Verified(self.last, hash, self._turns, self._waiting, opened, self.replay.states)

    def findings(self, unread: str) -> list[Finding]:
        """One for each check. unread: why the log could not be read to its end."""
        waiting = "" if self._waiting is None else f"; message {self._waiting} has no answer yet: a turn is on, or was cut off"
        good = {
            "ids": f"{min(self._since.position + 1, self.last):,} to {self.last:,} without a gap",
            "turns": f"{self._turns:,} turns{waiting}",
            "references": "all lead to earlier events",
            "commitments": f"{self._count('cid'):,} opened",
            "rules": f"{self._count('did'):,} set",
            "facts": f"{self._count('fact'):,} asserted",
        }
        found = []
        for name, wrong in self._faults.items():
            more = [f"and {self._more[name]:,} more"] if self._more[name] else []
            told = [*wrong, *more, *([unread] if unread else [])]
            found.append(Finding(name, not told, "; ".join(told) or good[name]))
        return found

    def _ids(self, event: Event) -> Iterator[str]:
        if event.id != self.last + 1:
            yield f"it comes right after event {self.last}"

    def _turn(self, event: Event) -> Iterator[str]:
        """Every message ends once: a turn that a dead process left is ended before the next message."""
        match event:
            case UserMessage():
                if self._waiting is not None:
                    yield f"message {self._waiting} was never ended"
                self._waiting = event.id
                self._turns += 1
            case ReplyEvent() | TurnFailedEvent():
                if event.to == self._waiting:
                    self._waiting = None
                else:
                    yield f"it ends message {event.to}, which was not waiting for an end"

    def _references(self, event: Event) -> Iterator[str]:
        ids = [id for name in event.refs for id in _ids_in(getattr(event, name))]
        if isinstance(event, ContextBuilt):
            ids += [source.id for source in event.sources]
        for id in ids:
            if not 1 <= id < event.id:
                yield f"it refers to event {id}, which does not come before it"

    def _owner(self, event: Event, field: str, kind: str) -> Iterator[str]:
        if event.kind == kind:
            self._opened[field].add(event.id)
        elif field in event.refs:
            id = getattr(event, field)
            if id not in self._opened[field] and not self._was(id, kind):
                yield f"it speaks of {id}, which is no {kind}"

    def _was(self, id: int, kind: str) -> bool:
        """Whether it is an event of that kind among those seen by an earlier pass."""
        event = self._log.get(id) if id <= self._since.position else None
        return event is not None and event.kind == kind

    def _count(self, field: str) -> int:
        return self._since.opened.get(field, 0) + len(self._opened[field])


def _ids_in(value: Any) -> list[int]:
    return [id for id in (value if isinstance(value, (tuple, list)) else (value,)) if id is not None]


class _Replay:
    """Every projection, computed from event 1 (as far as an earlier check came, by that)."""

    def __init__(self, since: Verified) -> None:
        self._projections = {p.name: p for p in all_projections()}
        self.states = {name: p.initial() for name, p in self._projections.items()} | since.states
        self._wanting: dict[str, list[str]] = {}
        for name, projection in self._projections.items():
            for kind in projection.kinds:
                self._wanting.setdefault(kind, []).append(name)

    def see(self, event: Event) -> None:
        """Apply one event."""
        for name in self._wanting.get(event.kind, ()):
            self.states[name] = self._projections[name].apply(self.states[name], event)

    def differing(self, view: View) -> list[str]:
        """The names of the projections whose state in `view` is another."""
        replayed = View(view.head, self._projections, self.states)
        return [name for name in self._projections if replayed.digest(name) != view.digest(name)]


# -- what is computed from them --------------------------------------------------------------------------------------------------------


def _projections(view: View | None, replay: _Replay, unread: str) -> Finding:
    if view is None or unread:
        return Finding("projections", False, f"can't be told: {unread}")
    differing = replay.differing(view)
    told = f"{', '.join(differing)}: not what a replay from event 1 gives" if differing else "equal to a replay from event 1"
    return Finding("projections", not differing, told)


def _bounds(view: View | None, broken: str) -> Finding:
    if view is None:
        return Finding("bounds", False, f"can't be told: {broken}")
    shares = {f"trait {trait}": getattr(view.traits, trait) for trait in "OCEAN"}
    shares |= {"IAS": view.metrics.ias, "GAS": view.metrics.gas}
    told = [f"{name} is {value}, not within 0 and 1" for name, value in shares.items() if not 0 <= value <= 1]
    told += [f"fact {f.id} has a confidence of {f.confidence}" for f in view.facts.current if not 0 <= f.confidence <= 1][:TOLD_MAX]
    if not 0 <= view.stage.level <= STAGE_MAX:
        told.append(f"the stage is {view.stage.level}")
    for name, value, knob in view.policy.table():
        if value != knob.default and not (knob.fits(value) and knob.within(value) == value):
            told.append(f"policy {name} is {value}")
    return Finding("bounds", not told, "; ".join(told) or "traits and scores within 0 and 1, policies within theirs")


def _archive(log: SqliteLog, view: View | None) -> Finding:
    try:
        told = archive.faults(log, KINDS, MADE_BY)
        if view is not None and not told:
            told = [f"{one}: not what the state says" for one in unlike(log, view)[:TOLD_MAX]]
    except BrokenLog as error:
        told = [error.message]
    return Finding("archive", not told, "; ".join(told) or "at the head, and whole")


def _index(log: SqliteLog) -> Finding:
    try:
        told = [*faults(log), *embedding_cache.faults(log)]
    except BrokenLog as error:
        told = [error.message]
    return Finding("index", not told, "; ".join(told) or "at the head, and its counts agree")


def _graph(log: SqliteLog) -> Finding:
    try:
        told = links.faults(log)
    except BrokenLog as error:
        told = [error.message]
    return Finding("graph", not told, "; ".join(told) or "every answer is linked, and every link leads somewhere")


def _consumers(log: SqliteLog) -> Finding:
    told, trying = [], []
    try:
        positions, head = Positions(log).all(), log.head[0]  # in this order: both only grow
    except BrokenLog as error:
        return Finding("consumers", False, error.message)
    for p in positions:
        if p.parked:
            told.append(f"{p.name} gave up on {len(p.parked):,} events, last {p.parked[-1]}")
        if p.position > head:
            told.append(f"{p.name} is at event {p.position}, which the log doesn't have")
        if p.failures:
            trying.append(f"{p.name} failed {p.failures} times and is tried again: {p.error}")
    return Finding("consumers", not told, "; ".join([*told, *trying]) or "none gave up")

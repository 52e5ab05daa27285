"""The read door: `Views.at_head()` gives the mind as it is now, `Views.at(id)` as it was.

Views catches its projections up from the last applied event, O(new events). There is no way to hand it a list of events, and nothing
to invalidate: a View carries the position it reflects. What this process appends it hears from the log itself, as it was stored, so
that only what others appended is ever read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from pmm.events import Event
from pmm.projections import all_projections
from pmm.projections.projection import Projection
from pmm.storage.eventlog import EventLog
from pmm.storage.snapshots import Snapshot, Snapshots

if TYPE_CHECKING:
    from pmm.projections.answers import Answers
    from pmm.projections.claims import Claims
    from pmm.projections.commitments import Commitments
    from pmm.projections.conversation import Conversation
    from pmm.projections.directives import Directives
    from pmm.projections.facts import Facts
    from pmm.projections.identity import Identity
    from pmm.projections.metrics import Metrics
    from pmm.projections.policy import Policy
    from pmm.projections.reflections import Reflections
    from pmm.projections.stage import Stage
    from pmm.projections.threads import Threads
    from pmm.projections.traits import Traits
    from pmm.projections.unasked import Unasked
    from pmm.projections.usage import UsageState

SNAPSHOT_EVERY = 1000
_BATCH = 2000
_LAST = 2**63 - 1


class View:
    """The mind as of one event: `head` is its id, and each projection is an attribute. Frozen; cheap to keep and to pass along."""

    if TYPE_CHECKING:
        identity: Identity
        answers: Answers
        claims: Claims
        commitments: Commitments
        conversation: Conversation
        directives: Directives
        facts: Facts
        metrics: Metrics
        policy: Policy
        reflections: Reflections
        stage: Stage
        threads: Threads
        traits: Traits
        unasked: Unasked
        usage: UsageState

    __slots__ = ("_projections", "_shown", "_states", "head")

    head: int

    def __init__(self, head: int, projections: dict[str, Projection[Any]], states: dict[str, Any]) -> None:
        put = object.__setattr__
        put(self, "head", head)
        put(self, "_projections", projections)
        put(self, "_states", states)
        put(self, "_shown", {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)  # a slot not set yet (copy, pickle)
        shown = self._shown
        if name not in shown:
            if name not in self._projections:
                raise AttributeError(f"a View has no {name!r}")
            shown[name] = self._projections[name].freeze(self._states[name])
        return shown[name]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a View is frozen")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a View is frozen")

    def __repr__(self) -> str:
        return f"<View of event {self.head}>"

    def having(self, **shown: Any) -> View:
        """The same moment, with more of some projections in sight than their folded states keep (what lies beyond their caps)."""
        wider = View(self.head, self._projections, self._states)
        wider._shown.update(shown)
        return wider

    def digest(self, *names: str) -> str:
        """The state hash: SHA-256 (hex) of every projection's state (or of those named), the same on every machine for the same log."""
        whole = sha256(b"%d" % self.head)
        for name in sorted(names or self._states):
            whole.update(b"\0%s\0%d\0" % (name.encode(), self._projections[name].version))
            whole.update(msgspec.json.encode(self._states[name], order="deterministic"))
        return whole.hexdigest()


class Views:
    """The projections of one log, caught up when read. Thread-safe."""

    def __init__(self, log: EventLog, snapshots: Snapshots, projections: Sequence[Projection[Any]] | None = None) -> None:
        self._log = log
        self._snapshots = snapshots
        self._projections = {p.name: p for p in (all_projections() if projections is None else projections)}
        self._lock = threading.Lock()
        self._wanting: dict[str, list[tuple[str, Callable[[Any, Event], Any]]]] = {}
        for name, projection in self._projections.items():
            for kind in projection.kinds:
                self._wanting.setdefault(kind, []).append((name, projection.apply))
        self._heard: list[Event] = []
        self._view, self._saved = self._start(_LAST)
        self._past: View | None = None
        self._looking = threading.Lock()
        log.on_appended(self._hear)

    def at_head(self) -> View:
        """The mind now, everything committed included. Catches up with what this and other processes appended."""
        with self._lock:
            view = self._fold_heard()
            while self._log.goes_on(view.head) and (events := self._log.since(view.head, _BATCH)):
                view = self._view = self._fold(view, events)
            return view

    def at_least(self, id: int) -> View:
        """The mind right after event `id` of this log, or later. Nothing is read if that is at hand: for whoever appended `id` just now, or
        appends with `expect=view.head`, and so is told whether the mind is another meanwhile."""
        with self._lock:
            view = self._fold_heard()
        return view if view.head >= id else self.at_head()

    def _hear(self, events: Sequence[Event]) -> None:
        """The log has stored these. Folded when somebody looks, if none are missing before them; else they are read then."""
        with self._lock:
            last = self._heard[-1].id if self._heard else self._view.head
            if events[0].id == last + 1 and len(self._heard) < _BATCH:
                self._heard += events

    def _fold_heard(self) -> View:
        if self._heard:
            if self._heard[0].id == self._view.head + 1:
                self._view = self._fold(self._view, self._heard)
            self._heard = []
        return self._view

    def at(self, id: int) -> View:
        """The mind as it was right after event `id` (or at the head, if that comes first), from the nearest snapshot kept.

        The one asked for last is at hand: whoever looks at a moment asks several things about it.
        """
        with self._looking:
            if self._past is not None and self._past.head == id:
                return self._past
            view, _ = self._start(min(max(0, id), _LAST))
            while view.head < id:
                events = self._log.since(view.head, min(_BATCH, id - view.head))
                if not events:
                    break
                view = self._fold(view, events)
            self._past = view
            return view

    def _fold(self, view: View, events: Sequence[Event]) -> View:
        states = dict(view._states)
        wanting = self._wanting
        for event in events:
            for name, apply in wanting.get(event.kind, ()):
                states[name] = apply(states[name], event)
        return View(events[-1].id, self._projections, states)

    def _start(self, at: int) -> tuple[View, int]:
        """From snapshots at or before `at`, with the position of the oldest one used. Projections whose snapshot is older than the others'
        (new ones, or damaged) are caught up to the same position."""
        found: dict[str, tuple[int, Any]] = {}
        for name, projection in self._projections.items():
            found[name] = self._loaded(projection, at) or (0, projection.initial())
        head = max((position for position, _ in found.values()), default=0)
        states: dict[str, Any] = {}
        for name, (position, state) in found.items():
            states[name] = self._caught_up(self._projections[name], position, state, head)
        return View(head, self._projections, states), min((position for position, _ in found.values()), default=0)

    def _loaded(self, projection: Projection[Any], at: int) -> tuple[int, Any] | None:
        snapshot = self._snapshots.load(projection.name, projection.version, at)
        if snapshot is None:
            return None
        try:
            return snapshot.position, msgspec.msgpack.decode(snapshot.state, type=projection.State)
        except (msgspec.MsgspecError, ValueError):
            return None  # unreadable: computed anew from event 1

    def _caught_up(self, projection: Projection[Any], position: int, state: Any, head: int) -> Any:
        while position < head:
            events = self._log.since(position, min(_BATCH, head - position))
            for event in events:
                if event.kind in projection.kinds:
                    state = projection.apply(state, event)
            position = events[-1].id
        return state

    def save(self, *, every: int = SNAPSHOT_EVERY) -> bool:
        """Snapshot the present state if at least `every` events came since the last one. True if it did."""
        view = self.at_head()
        if view.head - self._saved < every:
            return False
        encode = msgspec.msgpack.encode
        self._snapshots.save(Snapshot(name, p.version, view.head, encode(view._states[name])) for name, p in self._projections.items())
        self._saved = view.head
        return True

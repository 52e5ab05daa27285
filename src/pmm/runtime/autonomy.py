"""AutonomyLoop: what a mind does by itself, when it is due.

It sleeps until the earliest due time, until it is woken, or for a heartbeat at most: the bound within which it notices a clock that
was set, a machine that slept, and what other processes appended. Whoever does the mind's background work acts at once; the loop of
another process acts a heartbeat later, in case that one has none. Ids, heads and keys see to it that nothing is done twice.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from pmm.agent.tick import decide, due_next
from pmm.errors import LocksUnsupported, LogStopped, MindBusy, MindClosed, StorageError
from pmm.events import Event
from pmm.runtime.archive import next_beyond, with_due
from pmm.runtime.parts import Parts
from pmm.runtime.watch import Watch
from pmm.storage.locks import ProcessLock
from pmm.views import View

TOLD = ("commitment_reminded", "commitment_expired", "followed_up", "stage_changed")
"""what a person may want to hear of at once"""
STOP_WAIT_S = 2.0
RECHECK = timedelta(seconds=1)
"""how soon whoever leaves it to another to act looks whether that is still so"""


class AutonomyLoop:
    """See the module. `tick` works without the thread; `start` starts it. Thread-safe.

    works: whether this process does the mind's background work. alone: whether no model reflects for it.
    """

    def __init__(self, parts: Parts, turns: ProcessLock, *, works: Callable[[], bool], alone: Callable[[], bool]) -> None:
        self._parts = parts
        self._turns = turns
        self._works = works
        self._alone = alone
        self._quiet: tuple[int, datetime | None] = (0, None)  # as of this event nothing is due before that moment: an idle tick is cheap
        self._waits_since: datetime | None = None
        self._changed = threading.Condition()
        self._news = self._calm = False
        self._watch = Watch(parts.log)
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    # -- what is due -------------------------------------------------------------------------------------------------------------------

    def tick(self) -> list[Event]:
        """Do what is due now, in one commit. Returns what it did; [] when nothing is due."""
        return self._parts.append(self._due)

    def _due(self, view: View) -> list[Event]:
        now = self._parts.clock.now()
        head, until = self._quiet
        if head == view.head and (until is None or now < until):
            return []
        expiry = timedelta(hours=view.policy.expiry_hours or self._parts.settings.commitment_expiry_hours)
        alone = self._alone()
        due = decide(with_due(view, self._parts.archive, now, expiry), now, expiry, alone=alone)
        if not due:
            soonest = (due_next(view, now, expiry, alone=alone), next_beyond(view, self._parts.archive, expiry))
            self._quiet = view.head, min((moment for moment in soonest if moment is not None and moment > now), default=None)
        return due

    # -- the thread ----------------------------------------------------------------------------------------------------------------------

    def start(self, on_event: Callable[[Event], object] | None = None) -> None:
        """Begin to act. on_event: told, in the loop's thread, of each event of a kind in `TOLD` from now on, whoever appended it."""
        self.stop()
        self._ending = threading.Event()
        told = (self._parts.log.head[0], on_event, self._ending)
        self._thread = threading.Thread(target=self._run, args=told, name="pmm-loop", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Act no more. What is being done now is finished first."""
        with self._changed:
            self._ending.set()
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(STOP_WAIT_S)
            self._thread = None

    def wake(self) -> None:
        """Something has happened: look at once. Not for what is appended in mid-turn, which would only slow the turn down."""
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def _run(self, seen: int, on_event: Callable[[Event], object] | None, ending: threading.Event) -> None:
        until: datetime | None = None
        while not ending.is_set():
            try:
                until = self._act()
                seen = self._tell(seen, on_event)
            except (MindClosed, LogStopped, LocksUnsupported):
                return  # nothing can be done here any more; whoever speaks next is told why
            except (StorageError, MindBusy):
                until = None  # no space, or somebody else is writing: the next heartbeat tries again
            with self._changed:
                while not (self._news or ending.is_set()):
                    self._parts.clock.wait(self._changed, until, self._parts.settings.heartbeat_s)
                    if not self._calm or (until is not None and until <= self._parts.clock.now()) or not self._watch.quiet():
                        break
                self._news = False

    def _act(self) -> datetime | None:
        """Do all that is due, a commit for each tick, between turns: what came while one is spoken its notes could not tell.
        Returns when to look again; None: when woken, or at the next heartbeat. Once nothing is due it is calm: heartbeats at which nothing
        was written are slept through."""
        self._calm = False
        while True:
            view = self._parts.views.at_head()
            if not self._due(view):
                break
            now, beat = self._parts.clock.now(), timedelta(seconds=self._parts.settings.heartbeat_s)
            self._waits_since = self._waits_since or now
            if not self._works() and now < self._waits_since + beat:
                return min(self._waits_since + beat, now + RECHECK)
            try:
                self._turns.acquire()
            except MindBusy:
                return None  # a turn is being spoken, and its end wakes us
            try:
                done = self.tick()
            finally:
                self._turns.release()
            if all(event.id <= view.head for event in done):
                return None  # said before, and still due: looked at again at the next beat, rather than at once for ever
        self._waits_since, self._calm = None, True
        return self._quiet[1]

    def _tell(self, seen: int, on_event: Callable[[Event], object] | None) -> int:
        """Tell what happened after event `seen`; the id of the last one there is."""
        head = self._parts.log.head[0]
        if head > seen and on_event is not None:
            for event in self._parts.log.by_kind(*TOLD, since=seen, until=head):
                try:
                    on_event(event)
                except MindClosed:
                    raise
                except Exception:  # noqa: BLE001 - a listener that fails is told like a thread that does; the mind goes on
                    threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
        return head

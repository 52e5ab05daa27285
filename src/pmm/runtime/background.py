"""BackgroundProcessor: what a mind does behind the user's back. The log is the queue; a consumer is a name, the kinds it wants, a handler
and a durable position. At least once, in order; a handler must be idempotent.

One process at a time does this for a mind (the worker lock). A consumer that fails is tried again later and, after too many tries,
its event is parked as a visible dead letter; it never blocks the others, and never a reply.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec

from pmm.clock import Clock
from pmm.errors import DiskFull, LocksUnsupported, LogStopped, MindBusy, MindClosed, PMMError, StorageError
from pmm.events import Event
from pmm.storage.eventlog import EventLog
from pmm.storage.locks import ProcessLock
from pmm.storage.positions import Position, Positions

TRIES = 5
BACKOFF_S = 2.0
BATCH = 256
LOCK_RETRY_S = 2.0
POLL_S = 1.0
"""how often whoever works looks for what other processes appended"""
QUIET_S, PATIENCE_S = 0.05, 1.0
"""work begins when nothing was said for so long, or after so long at the latest"""
BUSY_S, TROUBLE_S = 0.05, 1.0
"""how soon to try again what had to wait for a turn; what the log could not do (disk full)"""
BACKOFF_DOUBLINGS = 10


class Consumer(msgspec.Struct, frozen=True):
    """kinds: the events it wants, handed one by one. A handler that raises is tried again later; MindBusy means "not now".

    local: it needs no model, so closing lets it finish what is there, within the wait.
    """

    name: str
    kinds: tuple[str, ...]
    handle: Callable[[Event], None]
    local: bool = True


class Chore(msgspec.Struct, frozen=True):
    """Upkeep of derived data: `act` runs when at least `every` events came since it last did. One that raises is tried again later."""

    name: str
    every: int
    act: Callable[[], object]


class Lag(msgspec.Struct, frozen=True):
    """One consumer's state as `pmm status` shows it (or a failing chore's). pending: whether events it wants wait."""

    name: str
    position: int
    pending: bool
    failures: int
    error: str
    parked: tuple[int, ...]


class BackgroundProcessor:
    """See the module. Starts idle; `start()` starts its one thread."""

    def __init__(
        self, log: EventLog, positions: Positions, lock: ProcessLock, clock: Clock, consumers: Sequence[Consumer], chores: Sequence[Chore]
    ) -> None:
        self._log = log
        self._positions = positions
        self._lock = lock
        self._clock = clock
        self._consumers = tuple(consumers)
        self._chores = tuple(chores)
        self._changed = threading.Condition()
        self._news = True
        self._resting = False
        self._woken = False
        self._awaited = 0
        self._closing = False
        self._last_moment = 0.0
        self._mine = False
        self._later = 0.0
        self._seen = 0
        self._at: dict[str, Position] = {}
        self._thread: threading.Thread | None = None
        log.on_appended(self._heard)

    def start(self) -> None:
        """Begin to work in the background."""
        self._thread = threading.Thread(target=self._loop, name="pmm-background", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        with self._changed:
            self._news = self._woken = True
            self._changed.notify_all()

    def _heard(self) -> None:
        """Something was appended here. Noted, so that `wait_idle` can't miss it, but nobody is woken in mid-turn for it."""
        self._news = True

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Wait (real seconds) until nothing is left to do now, here or in the process that works. False: timed out, or nobody works."""
        with self._changed:
            self._awaited += 1
            self._changed.notify_all()
        try:
            return self._waited(None if timeout is None else time.monotonic() + timeout)
        finally:
            with self._changed:
                self._awaited -= 1

    def _waited(self, limit: float | None) -> bool:
        while True:
            if not self._pending():  # a position is stored after its event was handled, so this can't be too early
                return True
            with self._changed:
                left = None if limit is None else limit - time.monotonic()
                if self._closing or (self._thread is not None and not self._thread.is_alive()) or (left is not None and left <= 0):
                    return False
                if self._resting:
                    self._news, self._resting = True, False
                    self._changed.notify_all()
                self._changed.wait(0.05 if left is None else min(0.05, left))

    def _pending(self) -> bool:
        try:
            return any(lag.pending for lag in self.lags()) or any(map(self._due, self._chores))
        except PMMError:
            return True

    def _due(self, chore: Chore) -> bool:
        at = self._positions.load(chore.name)
        return self._log.head[0] - at.position >= chore.every and not self._held_back(at)

    def lags(self) -> list[Lag]:
        """How far every consumer is, and which chores fail."""
        found = []
        for consumer in self._consumers:
            p = self._positions.load(consumer.name)
            waiting = bool(self._log.by_kind(*consumer.kinds, since=p.position, limit=1))
            found.append(Lag(p.name, p.position, waiting and not self._held_back(p), p.failures, p.error, p.parked))
        chores = (self._positions.load(chore.name) for chore in self._chores)
        return found + [Lag(p.name, p.position, False, p.failures, p.error, p.parked) for p in chores if p.failures]

    def close(self, wait_s: float = 2.0) -> None:
        """Stop after what is being handled now, waiting at most `wait_s`; what is left waits in the log."""
        with self._changed:
            self._closing, self._last_moment = True, time.monotonic() + wait_s
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(wait_s)

    # -- the thread ------------------------------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        try:
            while True:
                if self._mine or self._take():
                    self._settle()
                    self._work()
                if self._closing:
                    return
                if self._mine:
                    self._rest()
        except MindClosed:
            pass  # closed under a handler that took too long: its position was not stored, so it is handled again
        except (LogStopped, LocksUnsupported):
            pass  # nothing can be done here any more; whoever speaks next is told why
        finally:
            with self._changed:
                mine, self._mine = self._mine, False
                self._changed.notify_all()
            if mine:
                self._lock.release()

    def _take(self) -> bool:
        """Try to become the one who works; else wait a while."""
        try:
            self._lock.acquire()
        except MindBusy:
            with self._changed:
                if not self._closing:
                    self._changed.wait(LOCK_RETRY_S)
            return False
        self._at.clear()
        with self._changed:
            self._mine, self._news = True, True
        return True

    def _settle(self) -> None:
        """Let a conversation that goes on at once go first: begin after a short quiet, or when somebody waits for it."""
        limit = time.monotonic() + PATIENCE_S
        with self._changed:
            while not (self._closing or self._awaited) and time.monotonic() < limit:
                self._woken = False
                self._changed.wait(QUIET_S)
                if not self._woken:
                    return

    def _work(self) -> None:
        with self._changed:
            self._news, self._later = False, 0.0
        try:
            self._try("", self._look)
            for consumer in self._consumers:
                self._try(consumer.name, partial(self._run, consumer))
            for chore in self._chores:  # also when closing: they are short, and a process may live for one turn only
                self._try(chore.name, partial(self._do, chore))
        finally:
            with self._changed:
                self._changed.notify_all()

    def _try(self, name: str, act: Callable[[], None]) -> None:
        """What the log can't do now (no space, somebody else writing) is tried again soon, from the stored position; others go on."""
        try:
            act()
        except (LogStopped, LocksUnsupported):
            raise
        except (StorageError, MindBusy):
            self._at.pop(name, None)
            self._later = TROUBLE_S

    def _look(self) -> None:
        self._seen = self._log.head[0]

    def _moved(self) -> bool:
        """Whether another process appended something."""
        try:
            return self._log.head[0] != self._seen
        except (StorageError, MindBusy):
            return False

    def _rest(self) -> None:
        """Sleep until woken, until the earliest retry is due, or until another process appended something."""
        until = min((p.retry_at for p in self._at.values() if p.retry_at is not None), default=None)
        stop = False
        while not stop:
            with self._changed:
                if not self._news and not self._closing:
                    self._resting = True
                    self._clock.wait(self._changed, until, self._later or POLL_S)
                    self._resting = False
                stop = self._news or self._closing or bool(self._later) or (until is not None and until <= self._clock.now())
            stop = stop or self._moved()
        self._news = True

    def _held_back(self, p: Position) -> bool:
        return p.retry_at is not None and p.retry_at > self._clock.now()

    def _position(self, name: str) -> Position:
        if name not in self._at:
            self._at[name] = self._positions.load(name)
        return self._at[name]

    def _run(self, consumer: Consumer) -> None:
        while not self._must_stop(consumer) and self._advance(consumer):
            pass

    def _advance(self, consumer: Consumer) -> bool:
        """Handle the next batch. True if there may be more."""
        at = self._position(consumer.name)
        if self._held_back(at):
            return False
        stored, busy = at, False
        events = self._log.by_kind(*consumer.kinds, since=at.position, limit=BATCH)
        for event in events:
            if self._must_stop(consumer):
                break
            outcome = self._handled(consumer, event, at)
            if outcome is None:
                busy, self._later = True, self._later or BUSY_S
                break
            at = self._at[consumer.name] = outcome
            if at.failures or at.parked != stored.parked or not consumer.local:
                break  # worth storing at once: what asked a model is dear to do again
        if at != stored:
            self._positions.save(at)
        more = bool(events) and (len(events) == BATCH or at.position < events[-1].id)
        return more and not (busy or at.failures)

    def _must_stop(self, consumer: Consumer) -> bool:
        return self._closing and (not consumer.local or time.monotonic() > self._last_moment)

    def _handled(self, consumer: Consumer, event: Event, at: Position) -> Position | None:
        """The position after trying one event; None if it must wait for a turn to end."""
        try:
            consumer.handle(event)
        except MindBusy:
            return None
        except (MindClosed, LogStopped, DiskFull):
            raise  # not the event's fault
        except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a visible retry or dead letter
            failures = at.failures + 1
            if failures >= TRIES:
                return Position(at.name, event.id, 0, None, _told(error), (*at.parked, event.id)[-1000:])
            return Position(at.name, at.position, failures, self._retry_at(failures), _told(error), at.parked)
        return Position(at.name, event.id, 0, None, "", at.parked)

    def _do(self, chore: Chore) -> None:
        at, head = self._position(chore.name), self._log.head[0]
        if head - at.position < chore.every or self._held_back(at):
            return
        try:
            chore.act()
        except (MindBusy, MindClosed, LogStopped, DiskFull):
            raise
        except Exception as error:  # noqa: BLE001 - upkeep that fails shows in `lags`, and stops nothing else
            at = Position(at.name, at.position, at.failures + 1, self._retry_at(at.failures + 1), _told(error))
        else:
            at = Position(at.name, head)
        self._at[chore.name] = at
        self._positions.save(at)

    def _retry_at(self, failures: int) -> datetime:
        return self._clock.now() + timedelta(seconds=BACKOFF_S * 2 ** min(failures - 1, BACKOFF_DOUBLINGS))


def _told(error: Exception) -> str:
    """In words that can be stored, and not too many."""
    return f"{type(error).__name__}: {error}"[:500].encode(errors="replace").decode()

"""BackgroundProcessor: what a mind does behind the user's back. The log is the queue; a consumer is a name, the kinds it wants, a handler
and a durable position. At least once, in order; a handler must be idempotent.

One process at a time does this for a mind (the worker lock). A consumer that fails is tried again later and, after too many tries,
its event is parked as a visible dead letter; it never blocks the others, and never a reply.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec

from pmm.clock import Clock
from pmm.errors import MindBusy, MindClosed
from pmm.events import Event
from pmm.storage.eventlog import EventLog
from pmm.storage.locks import ProcessLock
from pmm.storage.positions import Position, Positions

TRIES = 5
BACKOFF_S = 2.0
BATCH = 256
LOCK_RETRY_S = 2.0


class Consumer(msgspec.Struct, frozen=True):
    """kinds: the events it wants, handed one by one. A handler that raises is tried again later; MindBusy means "not now"."""

    name: str
    kinds: tuple[str, ...]
    handle: Callable[[Event], None]


class Chore(msgspec.Struct, frozen=True):
    """Upkeep of derived data: `act` runs when at least `every` events came since it last did."""

    name: str
    every: int
    act: Callable[[], object]


class Lag(msgspec.Struct, frozen=True):
    """One consumer's state as `pmm status` shows it. pending: whether events it wants wait."""

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
        self._working = False
        self._closing = False
        self._mine = False
        self._later = False
        self._at: dict[str, Position] = {}
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work in the background."""
        self._thread = threading.Thread(target=self._loop, name="pmm-background", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Wait (real seconds) until nothing is left to do now. False: timed out."""
        limit = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._changed:
                if self._mine and not self._working and not self._news:
                    return True
                left = None if limit is None else limit - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._changed.wait(min(0.05, left) if left is not None else 0.05)
                elsewhere = not self._mine
            if elsewhere and not any(lag.pending for lag in self.lags()):
                return True

    def lags(self) -> list[Lag]:
        """How far every consumer is."""
        found = []
        for consumer in self._consumers:
            p = self._positions.load(consumer.name)
            waiting = self._log.by_kind(*consumer.kinds, since=p.position, limit=1)
            held_back = p.retry_at is not None and p.retry_at > self._clock.now()
            found.append(Lag(p.name, p.position, bool(waiting) and not held_back, p.failures, p.error, p.parked))
        return found

    def close(self, wait_s: float = 2.0) -> None:
        """Stop after what is being handled now, waiting at most `wait_s`; what is left waits in the log."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(wait_s)

    # -- the thread ------------------------------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        try:
            while not self._closing:
                if not self._mine and not self._take():
                    continue
                self._work()
                self._rest()
        except MindClosed:
            pass  # closed under a handler that took too long: its position was not stored, so it is handled again
        finally:
            if self._mine:
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
        names = [c.name for c in self._consumers] + [c.name for c in self._chores]
        self._at = {name: self._positions.load(name) for name in names}
        with self._changed:
            self._mine, self._news = True, True
        return True

    def _work(self) -> None:
        with self._changed:
            self._news, self._working, self._later = False, True, False
        try:
            for consumer in self._consumers:
                while not self._closing and self._advance(consumer):
                    pass
            for chore in self._chores:
                if not self._closing:
                    self._do(chore)
        finally:
            with self._changed:
                self._working = False
                self._changed.notify_all()

    def _rest(self) -> None:
        """Sleep until woken, or until the earliest retry is due."""
        times = [p.retry_at for p in self._at.values() if p.retry_at is not None]
        with self._changed:
            if not self._news and not self._closing:
                if self._later:
                    self._changed.wait(0.05)
                else:
                    self._clock.wait(self._changed, min(times, default=None))
            self._news = True

    def _advance(self, consumer: Consumer) -> bool:
        """Handle the next batch. True if there may be more."""
        at = self._at[consumer.name]
        if at.retry_at is not None and at.retry_at > self._clock.now():
            return False
        events = self._log.by_kind(*consumer.kinds, since=at.position, limit=BATCH)
        for event in events:
            if self._closing:
                return False
            outcome = self._handled(consumer, event, at)
            if outcome is None:
                self._later = True
                return False
            at = self._at[consumer.name] = outcome
            self._positions.save(at)
            if at.position < event.id:
                return False
        return len(events) == BATCH

    def _handled(self, consumer: Consumer, event: Event, at: Position) -> Position | None:
        """The position after trying one event; None if it must wait for a turn to end."""
        try:
            consumer.handle(event)
        except MindBusy:
            return None
        except MindClosed:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a visible retry or dead letter
            failures, told = at.failures + 1, f"{type(error).__name__}: {error}"
            if failures >= TRIES:
                return Position(at.name, event.id, 0, None, told, (*at.parked, event.id)[-1000:])
            retry_at = self._clock.now() + timedelta(seconds=BACKOFF_S * 2 ** (failures - 1))
            return Position(at.name, at.position, failures, retry_at, told, at.parked)
        return Position(at.name, event.id, 0, None, "", at.parked)

    def _do(self, chore: Chore) -> None:
        at, head = self._at[chore.name], self._log.head[0]
        if head - at.position >= chore.every:
            chore.act()
            self._at[chore.name] = msgspec.structs.replace(at, position=head)
            self._positions.save(self._at[chore.name])

"""BackgroundProcessor: what a mind does behind the user's back. The log is the queue; a consumer is a name, the kinds it wants, a handler
and a durable position. At least once, in order; a handler must be idempotent, and says what came of an event as data.

One process at a time does this for a mind (the worker lock). A consumer that fails is tried again later and, after too many tries,
its event is parked as a visible dead letter; it never blocks the others, and never a reply.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import msgspec

from pmm.clock import Clock
from pmm.errors import DiskFull, LocksUnsupported, LogStopped, MindBusy, MindClosed, PMMError, StorageError
from pmm.events import Event
from pmm.runtime.watch import Watch
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


class Later(msgspec.Struct, frozen=True):
    """Not now, which is no failure. The event is handed out again at `until` (aware), or when something the consumer wants is appended."""

    until: datetime


class Upto(msgspec.Struct, frozen=True):
    """The events up to this id are dealt with too."""

    id: int


Outcome = Later | Upto | None
"""what came of an event; None: it is dealt with"""


class Consumer(msgspec.Struct, frozen=True):
    """kinds: the events it wants, handed one by one. A handler that raises is tried again later; MindBusy means "not now".

    local: it needs no model, so closing lets it finish what is there, within the wait. One that isn't begins at the head when a mind
    first has it: no model reads years of a log because of an upgrade.
    """

    name: str
    kinds: tuple[str, ...]
    handle: Callable[[Event], Outcome]
    local: bool = True


class Chore(msgspec.Struct, frozen=True):
    """Upkeep of derived data: `act` runs when at least `every` events came since it last did. One that raises is tried again later.

    due: asked instead of counting events, where what waits is in this process's memory; every process does that for itself.
    """

    name: str
    every: int
    act: Callable[[], object]
    due: Callable[[], bool] | None = None


class Lag(msgspec.Struct, frozen=True):
    """One consumer's state as `pmm status` shows it (or a failing chore's). pending: whether events it wants wait, and need not.
    until: the moment it waits for, be it a retry or a quiet."""

    name: str
    position: int
    pending: bool
    failures: int
    error: str
    parked: tuple[int, ...]
    until: datetime | None = None


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
        self._settling = False
        self._awaited = 0
        self._closing = False
        self._hurry = False
        self._hurried = 0
        self._last_moment = 0.0
        self._mine = False
        self._later = 0.0
        self._seen = 0
        self._watch = Watch(log)
        self._at: dict[str, Position] = {}
        self._asked: dict[str, int] = {}
        """the head as it was when a consumer last said `Later`"""
        self._thread: threading.Thread | None = None
        log.on_appended(self._heard)

    def start(self) -> None:
        """Begin to work in the background."""
        with suppress(StorageError, MindBusy):  # a log that can't be written now: done when it is first worked on
            for consumer in self._consumers:
                self._load(consumer)
        self._thread = threading.Thread(target=self._loop, name="pmm-background", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        with self._changed:
            self._news = self._woken = True
            if not self._settling:  # there it looks by itself, and to wake it would take the processor from the turn that wakes
                self._changed.notify_all()

    def _heard(self, events: Sequence[Event]) -> None:
        """Something was appended here. Noted, so that `wait_idle` can't miss it, but nobody is woken in mid-turn for it."""
        self._news = True

    @property
    def works(self) -> bool:
        """Whether it is this process that does the mind's background work."""
        return self._mine

    @property
    def hurried(self) -> bool:
        """Whether somebody waits for everything to be done now: no handler should wait for a quiet then."""
        return self._hurried > 0

    def work(self, timeout: float | None = None) -> bool:
        """Do all that can be done now, also what waits for a moment (a retry, a quiet). False: not done after `timeout` real seconds.

        Raises MindBusy if another process has the work.
        """
        limit = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            if not self._changed.wait_for(lambda: self._mine, LOCK_RETRY_S / 2):
                raise MindBusy("another process does this mind's background work.", hint="Close the other chat, or let it do the work.")
            self._hurried += 1
            self._awaited += 1
            self._hurry = self._news = True
            self._changed.notify_all()
        try:
            return self._waited(limit)
        finally:
            with self._changed:
                self._hurried -= 1
                self._awaited -= 1

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
            return self._hurry or any(lag.pending for lag in self.lags()) or any(map(self._due, self._chores))
        except PMMError:
            return True

    def _due(self, chore: Chore) -> bool:
        at = self._positions.load(chore.name)
        due = chore.due() if chore.due is not None else self._log.head[0] - at.position >= chore.every
        return due and not self._held_back(at)

    def lags(self) -> list[Lag]:
        """How far every consumer is, and which chores fail."""
        found = []
        for consumer in self._consumers:
            p = self._load(consumer)
            waiting = bool(self._log.by_kind(*consumer.kinds, since=p.position, limit=1))
            waiting = waiting and not self._held_back(p, consumer.kinds)
            found.append(Lag(p.name, p.position, waiting, p.failures, p.error, p.parked, p.retry_at))
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
            self._do_own()
            with self._changed:
                if not self._closing:
                    self._changed.wait(LOCK_RETRY_S)
            return False
        self._at.clear()
        self._asked.clear()
        with self._changed:
            self._mine, self._news = True, True
            self._changed.notify_all()
        return True

    def _do_own(self) -> None:
        """What each process does for itself, whoever does the mind's work."""
        own = [chore for chore in self._chores if chore.due is not None and chore.due()]
        if own:
            self._settle()
        for chore in own:
            self._try(chore.name, partial(self._do, chore))

    def _settle(self) -> None:
        """Let a conversation that goes on at once go first: begin after a short quiet, or when somebody waits for it."""
        limit = time.monotonic() + PATIENCE_S
        with self._changed:
            self._settling = True
            while not (self._closing or self._awaited) and time.monotonic() < limit:
                self._woken = False
                self._changed.wait(QUIET_S)
                if not self._woken:
                    break
            self._settling = False

    def _work(self) -> None:
        with self._changed:
            self._news, self._later = False, 0.0
        try:
            self._try("", self._look)
            if self._hurry:
                self._try("", self._ask_again)
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

    def _ask_again(self) -> None:
        """Let nothing wait for its moment any longer."""
        for p in [self._load(consumer) for consumer in self._consumers] + [self._position(chore.name) for chore in self._chores]:
            if p.retry_at is not None:
                self._at[p.name] = msgspec.structs.replace(p, retry_at=None)
                self._positions.save(self._at[p.name])
        self._hurry = False

    def _look(self) -> None:
        self._seen = self._log.head[0]

    def _moved(self) -> bool:
        """Whether another process appended something."""
        if self._watch.quiet():
            return False
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

    def _held_back(self, p: Position, kinds: tuple[str, ...] = ()) -> bool:
        """Whether it waits for its moment. What waits without having failed is asked again as soon as there is news for it."""
        if p.retry_at is None or p.retry_at <= self._clock.now():
            return False
        if p.failures or not kinds or not self._mine:
            return True
        return not self._log.by_kind(*kinds, since=self._asked.get(p.name, 0), limit=1)

    def _load(self, consumer: Consumer) -> Position:
        """As stored. One that asks a model is new at the head, from where it is remembered."""
        p = self._positions.find(consumer.name)
        if p is None:
            p = Position(consumer.name, 0 if consumer.local else self._log.head[0])
            if not consumer.local:
                self._positions.save(p)
        return p

    def _position(self, name: str) -> Position:
        if name not in self._at:
            self._at[name] = self._positions.load(name)
        return self._at[name]

    def _run(self, consumer: Consumer) -> None:
        while not self._must_stop(consumer) and self._advance(consumer):
            pass

    def _advance(self, consumer: Consumer) -> bool:
        """Handle the next batch. True if there may be more."""
        at = self._at[consumer.name] = self._at.get(consumer.name) or self._load(consumer)
        if self._held_back(at, consumer.kinds):
            return False
        stored, busy = at, False
        events = self._log.by_kind(*consumer.kinds, since=at.position, limit=BATCH)
        for event in events:
            if self._must_stop(consumer):
                break
            if event.id <= at.position:
                continue  # dealt with beside an earlier one
            outcome = self._handled(consumer, event, at)
            if outcome is None:
                busy, self._later = True, self._later or BUSY_S
                break
            at = self._at[consumer.name] = outcome
            if at.retry_at or at.parked != stored.parked or not consumer.local:
                break  # worth storing at once: what asked a model is dear to do again
        if at != stored:
            self._positions.save(at)
        more = bool(events) and (len(events) == BATCH or at.position < events[-1].id)
        return more and not (busy or at.retry_at)

    def _must_stop(self, consumer: Consumer) -> bool:
        return self._closing and (not consumer.local or time.monotonic() > self._last_moment)

    def _handled(self, consumer: Consumer, event: Event, at: Position) -> Position | None:
        """The position after trying one event; None if it must wait for a turn to end."""
        head = self._log.head[0]
        try:
            outcome = consumer.handle(event)
        except MindBusy:
            return None
        except (MindClosed, LogStopped, DiskFull):
            raise  # not the event's fault
        except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a visible retry or dead letter
            failures = at.failures + 1
            if failures >= TRIES:
                return Position(at.name, event.id, 0, None, _told(error), (*at.parked, event.id)[-1000:])
            return Position(at.name, at.position, failures, self._retry_at(failures), _told(error), at.parked)
        match outcome:
            case Later():
                self._asked[at.name] = head
                return Position(at.name, at.position, 0, outcome.until, "", at.parked)
            case Upto():
                return Position(at.name, max(event.id, outcome.id), 0, None, "", at.parked)
        return Position(at.name, event.id, 0, None, "", at.parked)

    def _do(self, chore: Chore) -> None:
        at, head = self._position(chore.name), self._log.head[0]
        due = chore.due() if chore.due is not None else head - at.position >= chore.every
        if not due or self._held_back(at):
            return
        try:
            chore.act()
        except (MindBusy, MindClosed, LogStopped, DiskFull):
            raise
        except Exception as error:  # noqa: BLE001 - upkeep that fails shows in `lags`, and stops nothing else
            at = Position(at.name, at.position, at.failures + 1, self._retry_at(at.failures + 1), _told(error))
        else:
            if chore.due is not None and not at.failures:
                return  # it has no position
            at = Position(at.name, head)
        self._at[chore.name] = at
        self._positions.save(at)

    def _retry_at(self, failures: int) -> datetime:
        return self._clock.now() + timedelta(seconds=BACKOFF_S * 2 ** min(failures - 1, BACKOFF_DOUBLINGS))


def _told(error: Exception) -> str:
    """In words that can be stored, and not too many."""
    return f"{type(error).__name__}: {error}"[:500].encode(errors="replace").decode()

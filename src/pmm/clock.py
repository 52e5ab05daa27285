"""Clock and Ids: the only sources of wall time and randomness. Everything else is told.

(`time.perf_counter` and `time.monotonic` are stopwatches, not sources: a measured duration never decides anything that is recorded,
except deadlines, which are real seconds by nature.)
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Real time. Subclass it to simulate (see `pmm.testing.SimulatedClock`)."""

    def now(self) -> datetime:
        """The time now, aware, UTC, microseconds."""
        return datetime.now(UTC)

    def wait(self, condition: threading.Condition, until: datetime | None, at_most_s: float | None = None) -> None:
        """Wait on `condition` (held by the caller) until it is notified or this clock reaches `until` (None: no limit).

        at_most_s: real seconds after which to return in any case.
        """
        left = threading.TIMEOUT_MAX if at_most_s is None else at_most_s
        if until is not None:
            left = min(left, max(0.0, (until - self.now()).total_seconds()))
        condition.wait(left)


class SimulatedClock(Clock):
    """A clock that moves only when told. start: aware datetime (or ISO text)."""

    def __init__(self, start: datetime | str) -> None:
        moment = datetime.fromisoformat(start) if isinstance(start, str) else start
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        self._now = moment.astimezone(UTC)
        self._waiting: list[threading.Condition] = []
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on (or back: clocks do) and wake whoever waits for a time."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            waiting = list(self._waiting)
        for condition in waiting:
            with condition:
                condition.notify_all()

    def wait(self, condition: threading.Condition, until: datetime | None, at_most_s: float | None = None) -> None:
        with self._lock:
            if until is not None and until <= self._now:
                return
            self._waiting.append(condition)
        try:
            condition.wait(at_most_s)
        finally:
            with self._lock:
                self._waiting.remove(condition)


class Ids:
    """Randomness: salts and fence markers, which are recorded, and tokens, which are not."""

    def salt(self) -> bytes:
        """16 random bytes."""
        return os.urandom(16)

    def marker(self) -> str:
        """8 random hex digits for an epoch's fence."""
        return os.urandom(4).hex()

    def token(self) -> str:
        """64 random hex digits that nobody can guess."""
        return os.urandom(32).hex()


def stopwatch() -> float:
    """Seconds on a monotonic stopwatch; only differences mean anything."""
    return time.perf_counter()

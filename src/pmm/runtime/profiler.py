"""PerformanceProfiler: what took how long, measured where the work is done. Near-free, nested, thread-safe; kept in memory, bounded."""

from __future__ import annotations

import statistics
import threading
from collections import deque
from collections.abc import Sequence

import msgspec

from pmm.clock import stopwatch

KEPT = 1024
"""measurements kept of each label: the newest"""
LABELS_MAX = 256

Part = tuple[str, float, float]
"""(label, start, end): one piece of work on the stopwatch"""


class Measured(msgspec.Struct, frozen=True):
    """The newest measurements of one label: how many there were in all, and mean, median, 95th percentile and longest in milliseconds."""

    n: int
    mean: float
    p50: float
    p95: float
    max: float


class _Span:
    """One measurement under way. A class, not a generator: entering and leaving it costs a third."""

    __slots__ = ("_into", "_label", "_outer", "_profiler", "_started")

    def __init__(self, profiler: PerformanceProfiler, label: str, into: list[Part] | None) -> None:
        self._profiler = profiler
        self._label = label
        self._into = into

    def __enter__(self) -> None:
        if self._into is not None:
            self._outer = self._profiler._collect(self._into)
        self._started = stopwatch()

    def __exit__(self, *exc: object) -> None:
        ended = stopwatch()
        self._profiler._ended(self._label, self._started, ended)
        if self._into is not None:
            self._profiler._collect(self._outer)


class PerformanceProfiler:
    """`with profiler.measure("recall"): ...` anywhere; `measure("recall", parts)` also collects what this thread measures inside.

    A measurement inside another counts in both: labels are parts of the work, not slices of the time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}
        self._counts: dict[str, int] = {}
        self._open = threading.local()

    def measure(self, label: str, into: list[Part] | None = None) -> _Span:
        """A context whose time is added to `label`. into: where its part, and those this thread measures inside it, are put as well."""
        return _Span(self, label, into)

    def add(self, label: str, ms: float) -> None:
        """Milliseconds measured elsewhere. Labels are the program's own words: beyond 256 of them, new ones are left out."""
        with self._lock:
            times = self._times.get(label)
            if times is None:
                if len(self._times) >= LABELS_MAX:
                    return
                times = self._times[label] = deque(maxlen=KEPT)
            times.append(ms)
            self._counts[label] = self._counts.get(label, 0) + 1

    def _collect(self, into: list[Part] | None) -> list[Part] | None:
        """From now on, collect what this thread measures there. Returns where it was collected before."""
        outer: list[Part] | None = getattr(self._open, "parts", None)
        self._open.parts = into
        return outer

    def _ended(self, label: str, started: float, ended: float) -> None:
        parts: list[Part] | None = getattr(self._open, "parts", None)
        if parts is not None:
            parts.append((label, started, ended))
        self.add(label, (ended - started) * 1e3)

    def report(self) -> dict[str, Measured]:
        """Every label with its figures, the most time first."""
        with self._lock:
            kept = {label: (self._counts[label], sorted(times)) for label, times in self._times.items()}
        found = {label: measured(times, count) for label, (count, times) in kept.items()}
        return dict(sorted(found.items(), key=lambda item: -item[1].mean * item[1].n))


def measured(times: Sequence[float], count: int | None = None) -> Measured:
    """The figures of rising times, at least one. count: how many there were in all, if not all are here."""
    p95 = times[int(len(times) * 0.95)]
    return Measured(len(times) if count is None else count, statistics.fmean(times), statistics.median(times), p95, times[-1])

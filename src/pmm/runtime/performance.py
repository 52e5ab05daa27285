"""The performance trace: what each turn took, and how that went over many turns. (What it looked at: `runtime.trace`.)

`Performance` holds what measures a mind: collected in memory by the turn, added up and written behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from pmm.clock import Clock
from pmm.config import Settings
from pmm.errors import InvalidInput
from pmm.events import ReplyEvent
from pmm.runtime.alerts import Alarms, Alert
from pmm.runtime.observe import Meter, exposition, open_spans
from pmm.runtime.profiler import Measured, PerformanceProfiler, measured
from pmm.runtime.trace import Ended, Tracer
from pmm.storage.sqlite import SqliteLog
from pmm.storage.traces import Trace, Traces

if TYPE_CHECKING:
    from pmm.runtime.background import Lag
    from pmm.runtime.encoding import Encoded
    from pmm.views import View

PERFORMANCE = "performance_trace"
LAST_MAX = 500
SLICES = 30
"""points that the turns of a profile are drawn with, at most"""

INSIDE = ("waiting", "extraction", "embeddings", "append", "database_ops")
"""what is a part of other parts: the database's time is spent in recall, in appending, and so on"""


# -- one turn ----------------------------------------------------------------------------------------------------------------------------


def body_of(ended: Ended, before: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """What a turn took, as it is written. before: lookups when the turn before it ended.

    query_duration_ms: from the call to the last word being kept, without what the listener took between two pieces.
    breakdown: milliseconds; those of `INSIDE` are in the others too. cache_stats: embedding_hit_rate, of the vectors that recall needed
    since the turn before those that were there already (0 to 1, None: it needed none); snapshot_hit: whether the mind's state was at
    hand; tokens of the prompt, and those the model could reuse.
    """
    trace, end = ended.trace, ended.end
    steps, before_s, took = trace.steps, trace.started, {}
    for name, at in steps:
        took[name] = max(0.0, at - before_s)
        before_s = at
    listening = max(0.0, took.get("speak", 0.0) - trace.inference_s) if trace.inference_s else 0.0
    parts: dict[str, float] = {"hearing": took.get("hear", 0.0)}
    for label, start, stop in trace.parts:
        parts[label] = parts.get(label, 0.0) + stop - start
    if "prompt" in took:
        parts |= {"prompt": took["prompt"], "llm_inference": trace.inference_s}
    parts |= {"post_processing": took.get("keep", 0.0), "database_ops": trace.database_ns / 1e9}
    hits, lookups = ended.lookups[0] - before[0], sum(ended.lookups) - sum(before)
    usage = end.usage if isinstance(end, ReplyEvent) else None
    counted = usage.prompt if usage is not None else None
    said = {"route": end.route, "model": end.model} if isinstance(end, ReplyEvent) else {"failed": end.reason}
    return {
        "query_duration_ms": _ms(ended.ended - trace.started - listening),
        "breakdown": {label: _ms(seconds) for label, seconds in parts.items()},
        "cache_stats": {
            "embedding_hit_rate": round(hits / lookups, 4) if lookups > 0 else None,
            "embedding_hits": max(0, hits),
            "embedding_lookups": max(0, lookups),
            "snapshot_hit": trace.ready,
            "prefix_hit_tokens": (usage.cached if usage is not None else None) or 0,
            "prompt_tokens": counted if counted is not None else trace.prompt.tokens if trace.prompt else 0,
        },
        **said,
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)


# -- many turns --------------------------------------------------------------------------------------------------------------------------


class Caches(msgspec.Struct, frozen=True):
    """Shares from 0 to 1; None where there was nothing to count. embeddings: vectors that were there already. snapshots: turns
    that found the mind's state at hand. prefix: prompt tokens that the model could reuse. answers: turns given an answer again."""

    embeddings: float | None
    snapshots: float | None
    prefix: float | None
    answers: float | None = None


class Slice(msgspec.Struct, frozen=True):
    """Some turns in a row: when the first of them began, how many, and their median, 95th percentile and longest in milliseconds.
    slowest: the message whose turn took that long."""

    since: datetime
    n: int
    p50: float
    p95: float
    max: float
    slowest: int | None


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The last turns beside as many before them. now, before: their time in milliseconds (None: there are none). breakdown: of the last
    turns, the most time first. over_time: all of them, oldest first."""

    turns: int
    now: Measured | None
    before: Measured | None
    breakdown: dict[str, Measured]
    caches: Caches
    caches_before: Caches
    over_time: tuple[Slice, ...]


def profile(traces: Sequence[Trace], last: int) -> Profile:
    """Of performance traces, newest first: the `last` ones beside those before them."""
    now, before = [t.body for t in traces[:last]], [t.body for t in traces[last:]]
    return Profile(
        turns=len(now),
        now=_durations(now),
        before=_durations(before),
        breakdown=_breakdown(now),
        caches=_caches(now),
        caches_before=_caches(before),
        over_time=_slices(traces[::-1]),
    )


def _durations(bodies: Sequence[dict[str, Any]]) -> Measured | None:
    return measured(sorted(body["query_duration_ms"] for body in bodies)) if bodies else None


def _breakdown(bodies: Sequence[dict[str, Any]]) -> dict[str, Measured]:
    times: dict[str, list[float]] = {}
    for body in bodies:
        for label, ms in body["breakdown"].items():
            times.setdefault(label, []).append(ms)
    found = {label: measured(sorted(taken)) for label, taken in times.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1].mean * item[1].n))


def _caches(bodies: Sequence[dict[str, Any]]) -> Caches:
    stats = [body["cache_stats"] for body in bodies]
    total: dict[str, int] = {name: sum(one[name] for one in stats) for name in _COUNTED}
    return Caches(
        embeddings=_share(total["embedding_hits"], total["embedding_lookups"]),
        snapshots=_share(total["snapshot_hit"], len(stats)),
        prefix=_share(total["prefix_hit_tokens"], total["prompt_tokens"]),
        answers=_share(sum(body.get("route") == "cache" for body in bodies), len(bodies)),
    )


_COUNTED = ("embedding_hits", "embedding_lookups", "snapshot_hit", "prefix_hit_tokens", "prompt_tokens")


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _slices(traces: Sequence[Trace]) -> tuple[Slice, ...]:
    size = max(1, -(-len(traces) // SLICES))
    found = []
    for first in range(0, len(traces), size):
        some = traces[first : first + size]
        figures = measured(sorted(trace.body["query_duration_ms"] for trace in some))
        slowest = max(some, key=lambda trace: float(trace.body["query_duration_ms"]))
        found.append(Slice(some[0].ts, len(some), figures.p50, figures.p95, figures.max, slowest.turn))
    return tuple(found)


# -- what measures a mind ----------------------------------------------------------------------------------------------------------------


class Performance:
    """Everything that measures one mind. lookups: vectors that questions needed, there and not. Thread-safe. Raises ConfigError."""

    def __init__(self, log: SqliteLog, settings: Settings, clock: Clock, lookups: Callable[[], tuple[int, int]]) -> None:
        self.profiler = PerformanceProfiler()
        self._measures = settings.profile
        self._traces = Traces(log)
        self.meter = Meter()
        self.alarms = Alarms(self._traces, clock, settings)
        self._spans = spans = open_spans(settings)
        self._lookups = (0, 0)
        self.tracer = Tracer(
            self._traces,
            clock,
            settings.trace_days,
            profiler=self.profiler if settings.profile or spans else None,
            door=log.counts.nanoseconds,
            whole=spans is not None and spans.whole,
            context=spans.context if spans is not None else lambda: None,
            lookups=lookups,
            watch=self._watch,
        )

    def _watch(self, ended: Sequence[Ended]) -> list[Trace]:
        """What is written of turns that ended, besides what they looked at: what they took, and the alerts that came of it."""
        if self._spans is not None:
            self._spans.show(ended)
        if not self._measures:
            return []
        rows = []
        for one in ended:
            rows.append(Trace(ts=one.ts, kind=PERFORMANCE, turn=one.turn, body=body_of(one, self._lookups)))
            self._lookups = one.lookups
            self.meter.add(rows[-1].body)
        return rows + self.alarms.watch(rows)

    def alerts(self, limit: int, *, open: bool) -> list[Alert]:
        """The newest first; open: only those that aren't over."""
        self.tracer.flush()
        return self.alarms.open()[::-1][: max(0, limit)] if open else self.alarms.latest(limit)

    def prometheus(self, view: View, lags: Sequence[Lag], encoded: Encoded | None, size_bytes: int) -> str:
        """See `exposition`."""
        self.tracer.flush()
        return exposition(view, self.meter, lags=lags, alerts=self.alarms.open(), encoded=encoded, size_bytes=size_bytes)

    def profile(self, last: int, until: int | None = None) -> Profile:
        """See `profile`. Raises InvalidInput."""
        if not 1 <= last <= LAST_MAX:
            raise InvalidInput(f"a profile takes from 1 to {LAST_MAX} turns.")
        self.tracer.flush()
        return profile(self._traces.latest(PERFORMANCE, limit=2 * last, until=until), last)
